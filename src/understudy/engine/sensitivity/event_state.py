"""Event states: what the sensitivities at events need to know, as further states that stand still between events.

The time of an event moves along a direction, and so does all that the event keeps until it is executed. What a model
keeps in a state has its sensitivity beside it; so that is where it is put:

- ``instant`` is the last time at which anything happened: an event set off by something that happened at its own time,
  not by a crossing, moves with that;
- ``awaited_E`` is not zero while an execution of E waits; its sensitivities are those of the time of execution;
- ``X_of_E`` is the new value of X, where it is computed when E fires;
- ``inflow_X`` is the rate at which X is infused, which the speed of X needs;
- ``fault`` is not zero once a time had no derivative; its first sensitivity is the time of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from understudy.core.expression import Expression
from understudy.engine.problem import NO_SLOPE, OVERTAKEN, Solution
from understudy.engine.sensitivity.augmented_timeline import EventSlopes, Settings
from understudy.engine.sensitivity.directions import free_name
from understudy.engine.timeline import BOLUS, RATE, Timeline
from understudy.model.event import Event
from understudy.model.model import Model
from understudy.model.parts import State

# Values of ``awaited_E``: an execution waits, its time has no derivative, it has overtaken one that waited; one less is
# the value of ``fault``, and its meaning.
WAITS, NO_TIME, OVERLAPS = 1, 2, 3
_FAULTS = {NO_TIME - 1: NO_SLOPE, OVERLAPS - 1: OVERTAKEN}


@dataclass(frozen=True, eq=False)
class EventStates:
    """A model with the states that its events need.

    Parameters
    ----------
    model : Model
        Its events are what they were.
    instant, fault : str
    awaited : mapping of event to state
        Of the events that are watched from firing to execution.
    held : mapping of (event, target) to state
    inflow : mapping of state to state
        Which state is its infusion rate.
    """

    model: Model
    instant: str
    fault: str
    awaited: Mapping[str, str]
    held: Mapping[tuple[str, str], str]
    inflow: Mapping[str, str]


@lru_cache(maxsize=128)
def with_event_states(model: Model, infused: tuple[str, ...]) -> EventStates:
    """A model whose events change states only, with the states that the sensitivities need.

    Parameters
    ----------
    model : Model
    infused : tuple of str
        States that are infused.

    Examples
    --------
    >>> fill = Event("fill", "A < 1", {"A": 5}, delay=2)
    >>> tank = Model("tank", "h", {"k": 0.1}, {"A": ("mg", 5)}, {"A": "-k * A"}, events=[fill])
    >>> with_event_states(tank, ()).model.state_names
    ('A', 'instant', 'fault', 'awaited_fill', 'A_of_fill')
    """
    names: dict[object, str] = {}

    def put(wish: str) -> str:
        names[wish] = free_name(wish, model, names.values())
        return names[wish]

    instant, fault = put("instant"), put("fault")
    staged = [event for event in model.events if is_staged(event, model)]
    awaited = {event.name: put(f"awaited_{event.name}") for event in staged}
    held = {
        (event.name, target): put(f"{target}_of_{event.name}")
        for event in staged
        if event.from_trigger_time
        for target in event.targets
    }
    inflow = {state: put(f"inflow_{state}") for state in infused}
    rates = [
        rate + inflow[state] if state in inflow else rate
        for state, rate in zip(model.state_names, model.rates, strict=True)
    ]
    wide = replace(
        model,
        states=(*model.states, *(State(name, "1", Expression(0)) for name in names.values())),
        rates=(*rates, *[Expression(0)] * len(names)),
        inputs=model.doses,
    )
    return EventStates(wide, instant, fault, awaited, held, inflow)


def is_staged(event: Event, model: Model) -> bool:
    """Whether anything can come between an event's firing and its execution."""
    return len(model.events) > 1 or event.delay.text != "0"


def infused_states(timeline: Timeline, model: Model) -> tuple[str, ...]:
    """The states that any patient is infused into."""
    places = np.unique(timeline.event_target[timeline.event_kind == RATE])
    return tuple(model.state_names[place] for place in places)


def infuse_by_states(
    timeline: Timeline, slopes: EventSlopes, states: EventStates
) -> tuple[Timeline, EventSlopes]:
    """Changes of infusion rates as doses into the states that are these rates."""
    kind, target, state = timeline.event_kind.copy(), timeline.event_target.copy(), slopes.state.copy()
    place = {name: k for k, name in enumerate(states.model.state_names)}
    for name, rate in states.inflow.items():
        here = (timeline.event_kind == RATE) & (timeline.event_target == place[name])
        kind[here], target[here], state[here] = BOLUS, place[rate], place[rate]
    return replace(timeline, event_kind=kind, event_target=target), replace(slopes, state=state)


def instant_settings(timeline: Timeline, slopes: EventSlopes, place: int, own: int) -> Settings:
    """The time of whatever happens by the clock, and how it moves, written into the state ``instant``."""
    count, directions = slopes.time.shape
    event, states = np.arange(count), place + own * np.arange(1 + directions)
    values = np.column_stack([timeline.event_time, slopes.time])
    return Settings(np.repeat(event, states.size), np.tile(states, count), values.ravel())


def report_faults(solution: Solution, timeline: Timeline, place: int, own: int) -> Solution:
    """A solution in which patients have failed from where the time of an event had no derivative."""
    found = np.flatnonzero(solution.states[:, place] > 0)
    if not found.size:
        return solution
    owner = np.repeat(np.arange(timeline.patients), np.diff(timeline.observation_start))
    patients, first = np.unique(owner[found], return_index=True)
    states, status, failed_at = (
        solution.states.copy(), solution.status.copy(), solution.failed_at.copy(),
    )  # fmt: skip
    for patient, seen in zip(patients, found[first], strict=True):
        status[patient] = _FAULTS[int(states[seen, place])]
        failed_at[patient] = states[seen, own + place]
        states[seen : timeline.observation_start[patient + 1]] = np.nan
    return replace(solution, states=states, status=status, failed_at=failed_at)
