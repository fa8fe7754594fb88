"""Event: a change that a condition on the solution sets off, with the semantics of SBML Level 3 Version 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from understudy.core.errors import ModelError
from understudy.core.expression import Expression, check_name
from understudy.model.parts import Assignment

Ties = Literal["definition", "random"]


@dataclass(frozen=True)
class Event:
    """A change of states or parameters, set off when a condition becomes true.

    The event fires at the very time at which `trigger` goes from false to true, and is executed `delay` later. The
    semantics are those of SBML (Hucka et al. 2019, J Integr Bioinform 16:20190021, section 4.11,
    doi:10.1515/jib-2019-0021).

    Parameters
    ----------
    name : str
    trigger : Expression
        A condition on states, parameters, assignments and ``t``; a number counts as true where it is not zero.
    assignments : tuple of Assignment, or mapping of state or parameter to its new value
        All new values are computed before any is assigned. A parameter that an event changes stays as it is between
        executions.
    delay : Expression
        Time from firing to execution, evaluated when the event fires; not negative.
    priority : Expression or None
        Of executions due at one time the highest goes first; evaluated when the choice is made. Those without a
        priority follow those with one.
    persistent : bool
        Whether an execution that is due stays due where the trigger becomes false before it.
    initial_value : bool
        The trigger's value just before the start: False lets the event fire at the start if the trigger is true there.
    from_trigger_time : bool
        Whether new values are computed when the event fires (SBML's useValuesFromTriggerTime), or when it is executed.
    description : str
    ties : {"definition", "random"}
        The order of executions of equal priority: as the events are defined, or drawn anew each time, by a sequence
        that is the same in every run and for every patient.

    Raises
    ------
    ModelError
        For two new values of one name.

    Examples
    --------
    >>> Event("refill", "A < 10[mg]", {"A": "A + 100[mg]"})
    Event(refill: when A < 10[mg], A = A + 100[mg])
    """

    name: str
    trigger: Expression
    assignments: tuple[Assignment, ...] = ()
    delay: Expression = Expression(0)
    priority: Expression | None = None
    persistent: bool = True
    initial_value: bool = True
    from_trigger_time: bool = True
    description: str = ""
    ties: Ties = "definition"

    def __post_init__(self) -> None:
        check_name(self.name, "event name")
        put = lambda field, value: object.__setattr__(self, field, value)  # noqa: E731
        put("trigger", Expression(self.trigger))
        put("assignments", _assignments(self.assignments))
        put("delay", Expression(self.delay))
        put("priority", None if self.priority is None else Expression(self.priority))
        if self.ties not in get_args(Ties):
            raise ModelError(
                f"ties of event {self.name} are {self.ties!r}",
                repair=f"choose of {', '.join(get_args(Ties))}",
            )
        doubled = sorted({name for name in self.targets if self.targets.count(name) > 1})
        if doubled:
            raise ModelError(
                f"event {self.name} assigns twice to {doubled[0]}", repair="keep one of the new values"
            )

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the states and parameters that the event changes."""
        return tuple(item.name for item in self.assignments)

    @property
    def expressions(self) -> dict[str, Expression]:
        """Every equation of the event by what it is."""
        given = {"trigger": self.trigger, "delay": self.delay}
        if self.priority is not None:
            given["priority"] = self.priority
        return given | {f"new value of {item.name}": item.expression for item in self.assignments}

    def __str__(self) -> str:
        changes = ", ".join(f"{item.name} = {item.expression}" for item in self.assignments)
        later = "" if self.delay.text == "0" else f", {self.delay} later"
        return f"when {self.trigger}{later}, {changes or 'nothing'}"

    def __repr__(self) -> str:
        return f"Event({self.name}: {self})"


def _assignments(given: Any) -> tuple[Assignment, ...]:
    if isinstance(given, Mapping):
        return tuple(Assignment(name, expression) for name, expression in given.items())
    return tuple(given)
