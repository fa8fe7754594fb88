"""Species: what a species' identifier means in equations, and what carries it through time.

Outside of a reaction a species' identifier is its concentration, or its amount where it says ``hasOnlySubstanceUnits``
(Hucka et al. 2019, J Integr Bioinform 16:20190021, section 4.6, doi:10.1515/jib-2019-0021). What events and reactions
move is always the amount, so that a compartment that grows dilutes and does not create.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from understudy.formats.sbml import term
from understudy.formats.sbml.draft import Draft
from understudy.formats.sbml.place import Place, label
from understudy.formats.sbml.term import Tree


@dataclass(frozen=True)
class Species:
    """A species of a file.

    Parameters
    ----------
    identifier : str
        Of the file.
    symbol : str
        Name of what the identifier means in equations.
    amount : str
        Name of its amount; the symbol itself where that is the amount.
    concentration : str
        Name of its concentration; empty where its compartment has no size.
    carrier : str
        Name, of these, of what is carried through time.
    compartment : str
        Name of the compartment.
    is_amount : bool
        Whether the symbol is an amount.
    is_fixed : bool
        Whether reactions leave it as it is: constant or at the boundary.
    constant, is_boundary : bool
    factor : term
        What reactions' extents are multiplied by.
    """

    identifier: str
    symbol: str
    amount: str
    concentration: str
    carrier: str
    compartment: str
    is_amount: bool
    is_fixed: bool
    constant: bool
    is_boundary: bool
    factor: Tree

    def to_carrier(self, value: Tree) -> Tree:
        """A value of the symbol as one of what is carried."""
        if self.carrier == self.symbol:
            return value
        return term.times(value, term.name(self.compartment))

    def link(self, draft: Draft) -> None:
        """The equation between what is carried, or determined by a rule, and the other two."""
        given = self.carrier if self.symbol not in draft.assigned else self.symbol
        volume = term.name(self.compartment)
        if given != self.amount:
            draft.assigned[self.amount] = term.times(term.name(given), volume)
        elif self.concentration:
            draft.assigned[self.concentration] = term.over(term.name(given), volume)


def read_species(
    model: Any, draft: Draft, resized: Iterable[str], reacting: Iterable[str]
) -> dict[str, Species]:
    """The species of a model; their values at the start go into the draft.

    Parameters
    ----------
    model : libsbml.Model
    draft : Draft
    resized : collection of str
        Compartments whose size may change, by identifier.
    reacting : collection of str
        Species that reactions change.
    """
    found = {}
    for k in range(model.getNumSpecies()):
        element = model.getSpecies(k)
        species = _species(element, model, draft, set(resized), set(reacting))
        found[species.identifier] = species
        draft.places[species.symbol] = draft.places[species.amount] = Place.of(draft.file, element)
        draft.descriptions[species.symbol] = label(element)
        start = _start(element, species)
        if start is not None:
            draft.starts[species.carrier] = start
        if element.getConstant():
            draft.constant.add(species.symbol)
    return found


def _species(element: Any, model: Any, draft: Draft, resized: set[str], reacting: set[str]) -> Species:
    identifier, place = element.getId(), Place.of(draft.file, element)
    compartment = model.getCompartment(element.getCompartment())
    if compartment is None:
        raise place.refuse(
            f"the compartment {element.getCompartment()!r} is not defined", "define it, or correct the name"
        )
    symbol = draft.names[identifier]
    # What lies in a point has no concentration, unless Level 3 gives the point a size.
    flat = compartment.getSpatialDimensions() == 0 and not _is_sized(compartment, model)
    is_amount = element.getHasOnlySubstanceUnits() or flat
    fixed = element.getConstant() or element.getBoundaryCondition()
    amount = symbol if is_amount else draft.names.fresh(f"{symbol}_amount")
    concentration = symbol
    if is_amount:
        concentration = "" if flat else draft.names.fresh(f"{symbol}_concentration")
    moved = compartment.getId() in resized or (identifier in reacting and not fixed)
    return Species(
        identifier, symbol, amount, concentration, amount if moved else symbol, draft.names[compartment.getId()],
        is_amount, fixed, element.getConstant(), element.getBoundaryCondition(), _factor(element, model, draft),
    )  # fmt: skip


def _is_sized(compartment: Any, model: Any) -> bool:
    identifier = compartment.getId()
    ruled = model.getRuleByVariable(identifier) or model.getInitialAssignmentBySymbol(identifier)
    return compartment.getLevel() > 2 and (compartment.isSetSize() or ruled is not None)


def _factor(element: Any, model: Any, draft: Draft) -> Tree:
    own = element.getConversionFactor() if element.getLevel() > 2 else ""
    shared = model.getConversionFactor() if model.getLevel() > 2 else ""
    identifier = own or shared
    if not identifier:
        return term.number(1)
    if identifier not in draft.names:
        raise Place.of(draft.file, element).refuse(f"the conversion factor {identifier!r} is not defined")
    return term.name(draft.names[identifier])


def _start(element: Any, species: Species) -> Tree | None:
    """The value at the start of what is carried."""
    volume = term.name(species.compartment)
    if element.isSetInitialAmount():
        amount = term.number(element.getInitialAmount())
        return amount if species.carrier == species.amount else term.over(amount, volume)
    if element.isSetInitialConcentration():
        level = term.number(element.getInitialConcentration())
        return term.times(level, volume) if species.carrier == species.amount else level
    return None
