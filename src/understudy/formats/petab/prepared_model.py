"""Prepared model: a mechanism whose states may start anywhere, and what a problem may change of it.

Periods follow one another in time, each from where the one before it ended. So every state starts at a parameter of its
own, and what holds at the start alone, SBML's initial assignments, is worked out once and then kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from understudy.core.errors import FormatError
from understudy.core.expression import Expression
from understudy.engine.events.discrete_state import separated
from understudy.engine.sensitivity.directions import free_name
from understudy.formats.petab.sbml_changes import Opened, open_for_values, promote_local_parameters
from understudy.formats.sbml.content import Content
from understudy.formats.sbml.document import open_document
from understudy.formats.sbml.fluxes import is_flux_balance
from understudy.formats.sbml.species import Species
from understudy.formats.sbml.translation import completed
from understudy.model.model import Model
from understudy.model.parts import Assignment, Output, Parameter


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """A model ready for a problem's conditions.

    Parameters
    ----------
    file : str
    own : Model
        As the file says it, with every value open that the problem gives.
    running : Model
        With a parameter for the start of each state, and for each value that is worked out at the start alone.
    starts : tuple of str
        The parameters of `running` that states start at, in order of the states.
    kept : tuple of Assignment
        What is worked out at the start alone, in order.
    names : mapping of str to str
        Identifiers of the tables to names of equations.
    opened : Opened
        By identifiers of the file.
    species : mapping of str to Species
        By the name of what their identifier means.
    aliases : mapping of str to str
    """

    file: str
    own: Model
    running: Model
    starts: tuple[str, ...]
    kept: tuple[Assignment, ...]
    names: Mapping[str, str]
    opened: Opened
    species: Mapping[str, Species]
    aliases: Mapping[str, str]

    @cached_property
    def lasting(self) -> tuple[Assignment, ...]:
        """The equations that hold at all times, in order."""
        return self.running.ordered_assignments

    @cached_property
    def columns(self) -> dict[str, int]:
        """Places of the parameters of `running`."""
        return {name: k for k, name in enumerate(self.running.parameter_names)}

    @cached_property
    def states(self) -> dict[str, int]:
        """Places of the states."""
        return {name: k for k, name in enumerate(self.running.state_names)}

    def identifier(self, name: str) -> str:
        """What the file calls what the tables call so."""
        return self.aliases.get(name, name)

    def can_change(self, name: str) -> bool:
        """Whether what equations call so can be set while time goes on."""
        species = self.species.get(name)
        carrier = species.carrier if species is not None else name
        return name in self.columns or name in self.states or carrier in self.states

    def has(self, name: str) -> bool:
        """Whether a problem may give this a value."""
        identifier = self.identifier(name)
        return identifier in self.opened.plain or identifier in self.opened.switched


def prepare(path: Path, wanted: Iterable[str], aliases: Mapping[str, str], periods: int) -> PreparedModel:
    """The model of an SBML file, made ready.

    Parameters
    ----------
    path : path
    wanted : iterable of str
        Identifiers, of the tables, of all that is given a value.
    aliases : mapping of str to str
    periods : int
        How many solutions follow one another at most.

    Raises
    ------
    FormatError
        For what cannot be translated, or changed.
    """
    document = open_document(path)
    if is_flux_balance(document.getModel()):
        raise FormatError("the model is a flux balance: nothing changes with time", place=path.name)
    known = promote_local_parameters(document, aliases, path.name)
    opened = open_for_values(document, dict.fromkeys(known.get(name, name) for name in wanted), path.name)
    content = Content(document.getModel(), path.name)
    # They are written out, and no longer known as such, on the way.
    delayed = bool(content.draft.delays)
    own = separated(completed(content))
    if periods > 1:
        _refuse_what_waits(own, delayed, path.name)
    fixed = {item.name for item in own.constant_assignments} - content.draft.assigned.keys()
    kept = tuple(item for item in own.ordered_assignments if item.name in fixed)
    starts = []
    for name in own.state_names:
        starts.append(free_name(f"{name}_at_start", own, starts))
    names = content.draft.names
    known_names = {*own.parameter_names, *own.state_names, *(item.name for item in own.assignments)}
    usable = {each: names[each] for each in names if names[each] in known_names}
    return PreparedModel(
        path.name,
        own,
        _running(own, fixed, starts),
        tuple(starts),
        kept,
        {**usable, **{alias: usable[each] for alias, each in known.items() if each in usable}},
        opened,
        {each.symbol: each for each in content.species.values()},
        known,
    )


def _running(own: Model, fixed: set[str], starts: list[str]) -> Model:
    added = [Parameter(item.name, 0.0) for item in own.ordered_assignments if item.name in fixed]
    return replace(
        own,
        parameters=(*own.parameters, *added, *(Parameter(name, 0.0) for name in starts)),
        states=tuple(
            replace(state, initial=Expression(start)) for state, start in zip(own.states, starts, strict=True)
        ),
        assignments=tuple(item for item in own.assignments if item.name not in fixed),
        outputs=tuple(Output(name, Expression(name)) for name in own.state_names),
        inputs=(),
    )


def _refuse_what_waits(model: Model, delayed: bool, file: str) -> None:
    """What is still to come when a period ends would be lost."""
    waiting = [f"the event {event.name} has a delay" for event in model.events if event.delay.text != "0"]
    waiting += ["an equation looks at the past"] if delayed else []
    if waiting:
        raise FormatError(
            f"{waiting[0]}, and the problem has several periods or a steady state",
            place=file,
            repair="write what is delayed as a state of the model",
        )
