"""SBML changes: a document made ready for values that its own equations for the start would determine.

What a problem gives a value replaces what the model says of the start; all that follows from it by the model's initial
assignments then follows from the value given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.core.errors import FormatError
from understudy.formats.sbml.place import Place


@dataclass(frozen=True)
class Opened:
    """What may be given a value.

    Parameters
    ----------
    plain : frozenset of str
        Identifiers that are parameters of their own.
    switched : mapping of str to (str, str)
        For all others, the parameters that hold the value, and whether it is given (1) or not (0).
    """

    plain: frozenset[str]
    switched: Mapping[str, tuple[str, str]]


def open_for_values(document: Any, wanted: Iterable[str], file: str) -> Opened:
    """Let values be given to parameters, species and compartments of a document, in place.

    Parameters
    ----------
    document : libsbml.SBMLDocument
    wanted : iterable of str
        Identifiers; those that the model does not have are left out.
    file : str
        What messages call the file.

    Raises
    ------
    FormatError
        For something that a rule determines.
    """
    if (document.getLevel(), document.getVersion()) < (2, 2) and not document.setLevelAndVersion(3, 2, False):
        raise FormatError(
            "the model cannot be raised to SBML Level 3", place=file, repair="raise it, then try again"
        )
    model = document.getModel()
    plain, switched = set(), {}
    for identifier in wanted:
        element = _quantity(model, identifier)
        if element is None:
            continue
        if _is_plain(model, element):
            plain.add(identifier)
        else:
            switched[identifier] = _switch(model, element, file)
    return Opened(frozenset(plain), switched)


def promote_local_parameters(document: Any, aliases: Mapping[str, str], file: str) -> dict[str, str]:
    """Aliases whose identifiers are all the model's own; local parameters that are named become global ones.

    Parameters
    ----------
    document : libsbml.SBMLDocument
    aliases : mapping of str to str
        A local parameter ``k`` of the reaction ``R`` is ``R.k``.
    file : str

    Raises
    ------
    FormatError
        For an alias of nothing.
    """
    model = document.getModel()
    found = {}
    for alias, identifier in aliases.items():
        reaction, dot, local = identifier.partition(".")
        if dot:
            identifier = _promote(model, reaction, local, file)
        elif model.getElementBySId(identifier) is None:
            # It may be an entity of another of the problem's models.
            continue
        if identifier:
            found[alias] = identifier
    return found


def _promote(model: Any, reaction: str, local: str, file: str) -> str:
    element = model.getReaction(reaction)
    law = element.getKineticLaw() if element is not None else None
    parameter = None
    if law is not None:
        parameter = law.getLocalParameter(local) if law.getLevel() > 2 else law.getParameter(local)
    if parameter is None:
        return ""
    name = _free(model, f"{reaction}_{local}")
    _add_parameter(model, name, parameter.getValue())
    law.getMath().renameSIdRefs(local, name)
    (law.removeLocalParameter if law.getLevel() > 2 else law.removeParameter)(local)
    return name


def _quantity(model: Any, identifier: str) -> Any:
    """A parameter, species or compartment; None where there is none of this name."""
    for kind in ("getParameter", "getSpecies", "getCompartment", "getSpeciesReference"):
        found = getattr(model, kind)(identifier)
        if found is not None:
            return found
    return None


def _is_plain(model: Any, element: Any) -> bool:
    """Whether an element is a number, and stays one."""
    identifier = element.getId()
    determined = model.getInitialAssignmentBySymbol(identifier) or model.getRuleByVariable(identifier)
    algebraic = any(model.getRule(k).isAlgebraic() for k in range(model.getNumRules()))
    changed = identifier in _changed_by_events(model) or (algebraic and not element.getConstant())
    return not determined and not changed and math.isfinite(_own_number(element))


def _own_number(element: Any) -> float:
    """The number that a parameter or compartment says it is; not-a-number where it is something else, or says none."""
    kind = element.getElementName()
    if kind == "parameter":
        return element.getValue() if element.isSetValue() else math.nan
    if kind == "compartment":
        return element.getSize() if element.isSetSize() or element.getLevel() == 1 else math.nan
    return math.nan


def _changed_by_events(model: Any) -> set[str]:
    events = [model.getEvent(k) for k in range(model.getNumEvents())]
    return {
        event.getEventAssignment(k).getVariable()
        for event in events
        for k in range(event.getNumEventAssignments())
    }


def _switch(model: Any, element: Any, file: str) -> tuple[str, str]:
    """Make the element's start what is given, where something is given."""
    import libsbml

    identifier = element.getId()
    rule = model.getRuleByVariable(identifier)
    if rule is not None and rule.isAssignment():
        raise Place.of(file, rule).refuse(
            f"the problem gives {identifier} a value, which a rule determines",
            "change what the rule depends on",
        )
    value, given = _free(model, f"{identifier}_value"), _free(model, f"{identifier}_given")
    for name in (value, given):
        _add_parameter(model, name, 0.0)
    own = _own_start(model, element)
    assignment = model.getInitialAssignmentBySymbol(identifier)
    if assignment is None:
        assignment = model.createInitialAssignment()
        assignment.setSymbol(identifier)
    start = libsbml.parseL3Formula(f"piecewise({value}, {given} > 0, 0)")
    start.replaceChild(2, own, True)
    assignment.setMath(start)
    return value, given


def _own_start(model: Any, element: Any) -> Any:
    """What the model itself says of an element's start, as MathML."""
    import libsbml

    assignment = model.getInitialAssignmentBySymbol(element.getId())
    if assignment is not None and assignment.getMath() is not None:
        return assignment.getMath().deepCopy()
    return libsbml.parseL3Formula(_start_text(model, element))


def _start_text(model: Any, element: Any) -> str:
    kind = element.getElementName()
    if kind in ("parameter", "compartment"):
        return _number(_own_number(element))
    if kind == "speciesReference":
        return _number(element.getStoichiometry())
    volume = element.getCompartment()
    flat = model.getCompartment(volume).getSpatialDimensions() == 0
    amount = element.getHasOnlySubstanceUnits() or flat
    if element.isSetInitialAmount():
        start = _number(element.getInitialAmount())
        return start if amount else f"{start} / {volume}"
    if element.isSetInitialConcentration():
        start = _number(element.getInitialConcentration())
        return f"{start} * {volume}" if amount else start
    return "notanumber"


def _number(value: float) -> str:
    return f"({value!r})" if math.isfinite(value) else "notanumber"


def _add_parameter(model: Any, name: str, value: float) -> None:
    parameter = model.createParameter()
    parameter.setId(name)
    parameter.setConstant(True)
    parameter.setValue(value)


def _free(model: Any, wanted: str) -> str:
    while model.getElementBySId(wanted) is not None:
        wanted += "_"
    return wanted
