"""Content: what an SBML model says, gathered into a draft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from understudy.formats.sbml import term
from understudy.formats.sbml.draft import Draft, DraftEvent, Zero
from understudy.formats.sbml.mathematics import Mathematics
from understudy.formats.sbml.names import Names
from understudy.formats.sbml.place import Place, label
from understudy.formats.sbml.reactions import read_reactions
from understudy.formats.sbml.species import Species, read_species
from understudy.formats.sbml.term import Tree


class Content:
    """A model's elements, read in the order in which they need one another.

    Parameters
    ----------
    model : libsbml.Model
    file : str
        What messages call the file.
    lawless : bool
        Whether reactions may do without kinetic laws.
    """

    def __init__(self, model: Any, file: str, lawless: bool = False):
        self.model, self.lawless = model, lawless
        self.draft = Draft(Names(_identifiers(model)), file)
        functions = {item.getId(): item for item in _all(model, "FunctionDefinition")}
        self.mathematics = Mathematics(self.draft.names, functions, self.draft.rate_name, self.delayed)
        self.algebraic: list[Zero] = []
        self.read_compartments()
        self.species: dict[str, Species] = read_species(
            model, self.draft, set(self.resized()), set(self.reacting())
        )
        self.by_symbol = {each.symbol: each for each in self.species.values()}
        self.read_parameters()
        self.reactions = read_reactions(self)
        self.read_rules()
        self.read_initial_assignments()
        self.read_events()

    def place(self, element: Any) -> Place:
        """Where an element stands."""
        return Place.of(self.draft.file, element)

    def read(self, element: Any, local: dict[str, Tree] | None = None) -> Tree | None:
        """The mathematics of an element; None where it has none."""
        if element is None or not element.isSetMath() or element.getMath() is None:
            return None
        return self.mathematics.read(element.getMath(), self.place(element), local)

    def name(self, identifier: str, element: Any) -> str:
        """The name of what an element is about."""
        if identifier not in self.draft.names:
            raise self.place(element).refuse(
                f"{identifier!r} is not defined" if identifier else "it does not say what it is about",
                "define it, or correct the name",
            )
        return self.draft.names[identifier]

    def delayed(self, value: Tree, delay: Tree, place: Place) -> Tree:
        """A name that stands for a term some time ago."""
        name = self.draft.names.fresh("delayed")
        self.draft.delays.append((name, value, delay, place))
        return term.name(name)

    def resized(self) -> Iterator[str]:
        """Identifiers of compartments whose size may change."""
        compartments = {item.getId(): item for item in _all(self.model, "Compartment")}
        events = [
            e.getVariable() for event in _all(self.model, "Event") for e in _all(event, "EventAssignment")
        ]
        ruled = [rule.getVariable() for rule in _all(self.model, "Rule") if not rule.isAlgebraic()]
        yield from compartments.keys() & {*events, *ruled}
        if any(rule.isAlgebraic() for rule in _all(self.model, "Rule")):
            yield from (name for name, item in compartments.items() if not is_constant(item))

    def reacting(self) -> Iterator[str]:
        """Identifiers of species that take part in reactions."""
        for reaction in _all(self.model, "Reaction"):
            for kind in ("Reactant", "Product"):
                yield from (each.getSpecies() for each in _all(reaction, kind))

    def read_compartments(self) -> None:
        for item in _all(self.model, "Compartment"):
            name = self.draft.names[item.getId()]
            self.remember(name, item)
            if item.isSetSize():
                self.draft.starts[name] = term.number(item.getSize())
            elif item.getLevel() == 1:
                self.draft.starts[name] = term.number(1)

    def read_parameters(self) -> None:
        for item in _all(self.model, "Parameter"):
            name = self.draft.names[item.getId()]
            self.remember(name, item)
            if item.isSetValue():
                self.draft.starts[name] = term.number(item.getValue())

    def remember(self, name: str, element: Any) -> None:
        """Where a name comes from, what it is and whether it is constant."""
        self.draft.places[name] = self.place(element)
        self.draft.descriptions[name] = label(element)
        if is_constant(element):
            self.draft.constant.add(name)

    def read_rules(self) -> None:
        for rule in _all(self.model, "Rule"):
            tree = self.read(rule)
            if tree is None:
                continue
            if rule.isAlgebraic():
                self.algebraic.append(Zero(tree, self.place(rule)))
                continue
            name = self.name(rule.getVariable(), rule)
            if name in self.draft.constant:
                raise self.place(rule).refuse(
                    f"the rule changes {rule.getVariable()}, which is constant", "declare it not constant"
                )
            if name in self.draft.assigned or name in self.draft.rates:
                raise self.place(rule).refuse(f"{rule.getVariable()} is determined twice", "keep one rule")
            if rule.isAssignment():
                self.draft.assigned[name] = tree
            else:
                self.read_rate(name, tree)
            self.draft.places[name] = self.place(rule)

    def read_rate(self, name: str, tree: Tree) -> None:
        species = self.by_symbol.get(name)
        if species is None or species.carrier == name:
            self.draft.rates[name] = tree
            return
        # The rule says how the concentration changes; d(C V)/dt = V dC/dt + C dV/dt.
        volume, growth = term.name(species.compartment), self.draft.rate_name(species.compartment)
        grown = term.times(term.name(name), term.name(growth))
        self.draft.rates[species.carrier] = term.plus(term.times(tree, volume), grown)

    def read_initial_assignments(self) -> None:
        for item in _all(self.model, "InitialAssignment"):
            tree = self.read(item)
            if tree is None:
                continue
            name = self.name(item.getSymbol(), item)
            species = self.by_symbol.get(name)
            carrier = species.carrier if species else name
            self.draft.starts[carrier] = species.to_carrier(tree) if species else tree
            self.draft.places.setdefault(carrier, self.place(item))

    def read_events(self) -> None:
        for k, event in enumerate(_all(self.model, "Event")):
            trigger = self.read(event.getTrigger())
            if trigger is not None:
                self.draft.events.append(self.event(event, trigger, k))

    def event(self, event: Any, trigger: Tree, k: int) -> DraftEvent:
        modern = event.getLevel() > 2
        targets = self.new_values(event)
        delay, place = self.read(event.getDelay()), self.place(event)
        from_trigger = event.getUseValuesFromTriggerTime()
        if delay is not None and from_trigger:
            self.refuse_moving_volume(targets, place)
        return DraftEvent(
            name=self.draft.names.fresh(event.getIdAttribute() or f"event_{k + 1}"),
            trigger=trigger,
            assignments=targets,
            delay=term.number(0) if delay is None else delay,
            priority=self.read(event.getPriority()) if modern else None,
            persistent=event.getTrigger().getPersistent() if modern else True,
            initial_value=event.getTrigger().getInitialValue() if modern else True,
            from_trigger_time=from_trigger,
            description=label(event),
            place=place,
        )

    def new_values(self, event: Any) -> dict[str, Tree]:
        values = {}
        for item in _all(event, "EventAssignment"):
            tree = self.read(item)
            if tree is None:
                continue
            name = self.name(item.getVariable(), item)
            species = self.by_symbol.get(name)
            if name in self.draft.constant:
                raise self.place(item).refuse(
                    f"the event changes {item.getVariable()}, which is constant", "declare it not constant"
                )
            values[species.carrier if species else name] = species.to_carrier(tree) if species else tree
        return values

    def refuse_moving_volume(self, targets: dict[str, Tree], place: Place) -> None:
        """A concentration taken at one time and given at another, in a volume that may have changed between."""
        for name in targets:
            species = next((each for each in self.species.values() if each.carrier == name), None)
            if (
                species
                and species.carrier != species.symbol
                and self.draft.is_varying(term.name(species.compartment))
            ):
                raise place.refuse(
                    f"a delayed new concentration of {species.identifier}, in a compartment whose size changes, "
                    "is not supported",
                    "set useValuesFromTriggerTime to false, or assign an amount (hasOnlySubstanceUnits)",
                )


def is_constant(element: Any) -> bool:
    """Whether a compartment or parameter is constant.

    Level 1 has no such declaration: there it is what has a value that no rule sets.
    """
    if element.getLevel() > 1:
        return element.getConstant()
    has_value = element.isSetSize() if element.getElementName() == "compartment" else element.isSetValue()
    return has_value and element.getModel().getRuleByVariable(element.getId()) is None


def _identifiers(model: Any) -> Iterator[str]:
    """Identifiers of all quantities that equations may use."""
    for kind in ("Compartment", "Species", "Parameter", "Reaction"):
        yield from (item.getId() for item in _all(model, kind))
    for reaction in _all(model, "Reaction"):
        for kind in ("Reactant", "Product"):
            yield from (item.getId() for item in _all(reaction, kind) if item.isSetId())


def _all(element: Any, kind: str) -> Iterator[Any]:
    """All children of a kind."""
    count = "getNumSpecies" if kind == "Species" else f"getNum{kind}s"
    for k in range(getattr(element, count)()):
        yield getattr(element, f"get{kind}")(k)
