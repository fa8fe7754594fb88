"""Passage: experiments carried through a stretch of time by the engine, all of them in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import OK, SENTENCES, Tolerances
from understudy.engine.schedule import Schedule
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.solve import solve
from understudy.formats.petab.prepared_model import PreparedModel
from understudy.formats.petab.slope import Known
from understudy.formats.petab.snapshot import Snapshot, joined
from understudy.model.model import Model

# What happens at the end of a period belongs to the next one, which looks at events anew.
_JUST_BEFORE = 1e-12


@dataclass(frozen=True, eq=False)
class Passage:
    """How experiments are carried through time.

    Parameters
    ----------
    model : PreparedModel
    theta : Known
        The parameter table.
    engine : str
    tolerances : Tolerances or None
    jobs : int
    failures : dict of int to str
        Filled with a sentence for each experiment, by its place, that could not be followed.
    """

    model: PreparedModel
    theta: Known
    engine: str = "auto"
    tolerances: Tolerances | None = None
    jobs: int = 1
    failures: dict[int, str] = field(default_factory=dict)

    def through(
        self, start: Snapshot, looks: Sequence[np.ndarray], truth: np.ndarray | None, own: np.ndarray
    ) -> Snapshot:
        """Snapshots at all times asked for, experiment by experiment.

        Parameters
        ----------
        start : Snapshot
            Each experiment at its own time.
        looks : sequence of float arrays
            For each experiment the times in order, none before its start.
        truth : bool array, shape (rows, events), or None
            What triggers were just before; None where the model says it.
        own : int array, shape (rows,)
            The experiments' places, for failures.
        """
        if not self.model.states:
            return _still(start, looks)
        found: list[Snapshot | None] = [None] * len(looks)
        for model, rows in self._alike(truth, len(looks)):
            here = self._solved(model, start.take(rows), [looks[row] for row in rows], own[rows])
            for row, each in zip(rows, here, strict=True):
                found[row] = each
        return joined([each for each in found if each is not None])

    def truth(self, snapshot: Snapshot) -> np.ndarray | None:
        """Whether each event's trigger holds, shape (rows, events); None without events."""
        events = self.model.running.events
        if not events:
            return None
        known = snapshot.known(self.model, self.theta, set().union(*(e.trigger.names for e in events)))
        columns = [np.broadcast_to(e.trigger.evaluate(known.values), snapshot.time.size) for e in events]
        return np.stack(columns, axis=1) != 0

    def until(self, end: np.ndarray) -> np.ndarray:
        """The last moment before the end of periods: that very time where nothing happens of itself."""
        if not self.model.running.events:
            return end
        return end - _JUST_BEFORE * np.maximum(np.abs(end), 1.0)

    def _alike(self, truth: np.ndarray | None, rows: int) -> Iterator[tuple[Model, np.ndarray]]:
        """Experiments whose triggers were alike, with the model that says so."""
        running = self.model.running
        if truth is None:
            yield running, np.arange(rows)
            return
        kinds, which = np.unique(truth, axis=0, return_inverse=True)
        for k, kind in enumerate(kinds):
            yield _with_truth(running, tuple(bool(each) for each in kind)), np.flatnonzero(which.ravel() == k)

    def _undefined(self, start: Snapshot, row: int) -> str:
        """What has no value where an experiment starts; empty where all has."""
        values = dict(zip(self.model.columns, start.table[row], strict=True))
        values |= dict(zip(self.model.states, start.states[row], strict=True))
        lost = [name for name, value in values.items() if not np.isfinite(value)]
        return f"{', '.join(lost[:5])} has no finite value at the start" if lost else ""

    def _solved(
        self, model: Model, start: Snapshot, looks: list[np.ndarray], own: np.ndarray
    ) -> list[Snapshot]:
        table, slope = start.table.copy(), start.table_slope.copy()
        first = len(self.model.columns) - len(self.model.starts)
        table[:, first:], slope[:, first:] = start.states, start.states_slope
        schedule = _schedule(start.time, looks)
        rows = ParameterRows(model, table, schedule.patient, schedule.patient)
        names = model.state_names
        directions = _directions(model, slope)
        answer = solve(schedule, rows, names, self.engine, self.tolerances, self.jobs, directions)
        states = np.stack([answer.outputs[name] for name in names], axis=1)
        slopes = np.zeros((*states.shape, slope.shape[-1]))
        if directions is not None:
            moving = [int(name) for name in directions.names]
            for k, name in enumerate(names):
                slopes[:, k, moving] = answer.sensitivities[name]
        for place in np.flatnonzero(answer.solution.status != OK):
            undefined = self._undefined(start, int(place))
            self.failures[int(own[place])] = undefined or SENTENCES[int(answer.solution.status[place])]
        ends = np.cumsum([each.size for each in looks])[:-1]
        parts = zip(looks, np.split(states, ends), np.split(slopes, ends), strict=True)
        return [
            start.take(np.full(times.size, row)).with_states(times, here, way)
            for row, (times, here, way) in enumerate(parts)
        ]


def _still(start: Snapshot, looks: Sequence[np.ndarray]) -> Snapshot:
    """A model without states: only time goes on."""
    rows = np.repeat(np.arange(len(looks)), [each.size for each in looks])
    found = start.take(rows)
    return found.with_states(np.concatenate(looks), found.states, found.states_slope)


@lru_cache(maxsize=256)
def _with_truth(model: Model, truth: tuple[bool, ...]) -> Model:
    events = tuple(replace(e, initial_value=held) for e, held in zip(model.events, truth, strict=True))
    return replace(model, events=events)


def _directions(model: Model, slope: np.ndarray) -> Directions | None:
    """A direction for each parameter to be estimated that moves anything here; its name is its place."""
    moved = np.abs(slope).max(axis=0) > 0
    moving = np.flatnonzero(moved.any(axis=0))
    if not moving.size:
        return None
    places = [np.flatnonzero(moved[:, k]) for k in moving]
    return Directions(
        tuple(str(k) for k in moving),
        tuple(tuple(model.parameter_names[p] for p in here) for here in places),
        tuple(slope[:, here, k] for here, k in zip(places, moving, strict=True)),
    )


def _schedule(begin: np.ndarray, looks: list[np.ndarray]) -> Schedule:
    """Nothing is given; each experiment is looked at at its own times."""
    counts = np.array([each.size for each in looks])
    total = int(counts.sum())
    nothing, none = np.zeros(total), np.zeros(total, dtype=np.int64)
    return Schedule(
        patients=tuple(str(k) for k in range(len(looks))),
        start=np.concatenate([[0], np.cumsum(counts)]),
        begin=begin.astype(float),
        time=np.concatenate(looks).astype(float),
        event=none,
        amount=nothing,
        rate=nothing,
        interval=nothing,
        additional=none,
        steady=none,
        entry=np.full(total, -1),
        record=np.arange(total),
        observed=np.ones(total, dtype=bool),
    )
