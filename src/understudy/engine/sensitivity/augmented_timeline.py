"""Augmented timeline: what doses do to the sensitivities, as further events beside their own.

Where a dose changes by dv along a direction, so does the sensitivity's share of it. Where its time moves by du,

- an infusion's rate that rises by r then is given later, or earlier: the sensitivity changes by -r du;
- a bolus lets the states change by their rates f before it for longer and after it for shorter: the sensitivity changes
  by (f before - f after) du, by two events of the kind FLOW;
- a dose with the absorption density q takes its first rate with it: the sensitivity changes by -(amount) q(0) du.

Rozenvasser EN. General sensitivity equations of discontinuous systems. Automat Remote Control 1967;28:400-404.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from understudy.engine.sensitivity.profile_slopes import SlopeSlots
from understudy.engine.timeline import BOLUS, FLOW, PROFILE, RATE, ROW, SET, Timeline

BEFORE, ITSELF, AFTER = -1, 0, 1


@dataclass(frozen=True, eq=False)
class EventSlopes:
    """How events change along each direction.

    Parameters
    ----------
    value, time : float arrays, shape (events, directions)
        Derivatives of an event's value and time.
    density : float array, shape (events,)
        Absorption density just after a dose, for events of the kind PROFILE.
    state : int array, shape (events,)
        The state that an event gives to.
    """

    value: np.ndarray
    time: np.ndarray
    density: np.ndarray
    state: np.ndarray


@dataclass(frozen=True, eq=False)
class Settings:
    """Values that states are given just after events of a timeline, shape (settings,) each.

    Parameters
    ----------
    event, state : int arrays
    value : float array
    """

    event: np.ndarray
    state: np.ndarray
    value: np.ndarray

    @classmethod
    def joined(cls, parts: Iterable[Settings]) -> Settings:
        """All of several settings."""
        columns = zip(*((part.event, part.state, part.value) for part in parts), strict=True)
        return cls(*map(np.concatenate, columns))


class Parts:
    """Collects events beside those of a timeline, each before or after one of them."""

    def __init__(self, timeline: Timeline):
        count = timeline.event_time.size
        self.columns = [
            [np.arange(count)], [np.full(count, ITSELF)], [timeline.event_kind], [timeline.event_target],
            [timeline.event_value],
        ]  # fmt: skip

    def add(self, event, side, kind, target, value) -> None:
        if not event.size:
            return
        for column, part in zip(
            self.columns, np.broadcast_arrays(event, side, kind, target, value), strict=True
        ):
            column.append(part)

    @property
    def nothing(self) -> bool:
        """Whether there are no events but the timeline's own."""
        return len(self.columns[0]) == 1

    def sorted(self) -> list[np.ndarray]:
        joined = [np.concatenate(column) for column in self.columns]
        order = np.lexsort((joined[1], joined[0]))
        return [column[order] for column in joined]


def augment_timeline(
    timeline: Timeline, slopes: EventSlopes, own: int, held: SlopeSlots, settings: Settings | None = None
) -> Timeline:
    """The timeline with the events of the sensitivities.

    Parameters
    ----------
    timeline : Timeline
    slopes : EventSlopes
    own : int
        How many states are the mechanism's.
    held : SlopeSlots
    settings : Settings, optional
    """
    parts = Parts(timeline)
    kind, moved = timeline.event_kind, slopes.time != 0.0
    add_changed_values(parts, kind, slopes, own)
    _add_moved_rates(parts, timeline, slopes, own)
    flow = _add_moved_boluses(parts, kind, slopes, moved)
    _add_profiles(parts, timeline, slopes, held)
    if settings is not None:
        parts.add(settings.event, AFTER, SET, settings.state, settings.value)
    return with_parts(timeline, parts, flow)


def with_parts(timeline: Timeline, parts: Parts, flow: np.ndarray) -> Timeline:
    """The timeline with all events that were collected."""
    if parts.nothing:
        return replace(timeline, flow=flow)
    event, _, kinds, targets, values = parts.sorted()
    # How many events there are up to each of the old ones.
    reached = np.append(0, np.cumsum(np.bincount(event, minlength=timeline.event_kind.size)))
    owner = np.repeat(np.arange(timeline.patients), np.diff(timeline.observation_start))
    first = timeline.event_start[owner]
    return replace(
        timeline,
        event_start=reached[timeline.event_start],
        event_time=timeline.event_time[event],
        event_kind=kinds.astype(np.int64),
        event_target=targets.astype(np.int64),
        event_value=values.astype(float),
        event_source=timeline.event_source[event],
        event_moves=timeline.event_moves[event],
        event_ends=timeline.event_ends[event],
        observation_after=reached[first + timeline.observation_after] - reached[first],
        flow=flow,
    )


def add_changed_values(parts: Parts, kind: np.ndarray, slopes: EventSlopes, own: int) -> None:
    """Collect what changed amounts and rates give to the sensitivities."""
    event, m = np.nonzero((slopes.value != 0.0) & np.isin(kind, (BOLUS, RATE))[:, None])
    parts.add(event, AFTER, kind[event], own * (1 + m) + slopes.state[event], slopes.value[event, m])


def _add_moved_rates(parts: Parts, timeline: Timeline, slopes: EventSlopes, own: int) -> None:
    """Rates that begin at once: an infusion's, and the first one of an absorption profile."""
    rise = np.select(
        [timeline.event_kind == RATE, timeline.event_kind == PROFILE],
        [timeline.event_value, timeline.event_value * slopes.density],
        0.0,
    )
    change = -rise[:, None] * slopes.time
    event, m = np.nonzero(change)
    parts.add(event, AFTER, BOLUS, own * (1 + m) + slopes.state[event], change[event, m])


def _add_moved_boluses(parts: Parts, kind: np.ndarray, slopes: EventSlopes, moved: np.ndarray) -> np.ndarray:
    event = np.flatnonzero((kind == BOLUS) & moved.any(axis=1))
    parts.add(event, BEFORE, FLOW, np.arange(event.size), 0.0)
    parts.add(event, AFTER, FLOW, event.size + np.arange(event.size), 0.0)
    return np.vstack([slopes.time[event], -slopes.time[event]])


def _add_profiles(parts: Parts, timeline: Timeline, slopes: EventSlopes, held: SlopeSlots) -> None:
    event = np.flatnonzero(timeline.event_kind == PROFILE)
    for slots, values in ((held.amount, slopes.value), (held.time, slopes.time)):
        for m in range(slots.shape[1]):
            # Every dose takes a slot, also one that does not change: slots are filled in order.
            row = slots[timeline.event_target[event], m]
            kept = row >= 0
            parts.add(event[kept], AFTER, PROFILE, row[kept], values[event[kept], m])


def rows_in_force(timeline: Timeline) -> np.ndarray:
    """Parameter row that holds at each event."""
    owner = np.repeat(np.arange(timeline.patients), np.diff(timeline.event_start))
    last = np.maximum.accumulate(np.where(timeline.event_kind == ROW, np.arange(owner.size), -1))
    changed = last >= timeline.event_start[owner]
    return np.where(changed, timeline.event_target[last], timeline.first_row[owner])
