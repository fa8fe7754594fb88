"""Start: what experiments begin with, by the parameter table, the first period's changes and the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.core.expression import TIME
from understudy.formats.petab.compiled_part import CompiledPart
from understudy.formats.petab.new_value import NewValue, asked_names, new_values
from understudy.formats.petab.slope import Known
from understudy.formats.petab.snapshot import Snapshot

Outside = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Start:
    """Begins experiments.

    Parameters
    ----------
    part : CompiledPart
    theta : Known
        The parameter table by name of equations: values, shape (1,), slopes, shape (1, directions).
    directions : int
    """

    part: CompiledPart
    theta: Known
    directions: int

    def begin(self, experiments: list[str], period: int) -> Snapshot:
        """Experiments at the beginning of a period, as if it were their first."""
        own, count = self._model_values(experiments, period), len(experiments)
        outside: Outside = {
            name: (np.full(count, np.nan), np.zeros((count, self.directions))) for name in self.part.outside
        }
        known = self._usable(own, asked_names(self.part, experiments, period), count)
        for new in [*new_values(self.part, experiments, period, known, self.directions)]:
            self._give(own, outside, new)
        own.work_out(self.part.model.kept, {item.name for item in self.part.model.kept})
        return self._snapshot(own, outside, count)

    def _model_values(self, experiments: list[str], period: int) -> Known:
        """Parameters of the model: its own values, or the parameter table's."""
        count, part = len(experiments), self.part
        begins = [part.part.experiments[name].periods[period].begin for name in experiments]
        own = Known({TIME: np.array([begin if np.isfinite(begin) else 0.0 for begin in begins])})
        for parameter in part.model.own.parameters:
            own.put(parameter.name, np.full(count, parameter.value))
        rows = np.arange(count)
        for identifier, name in part.names.items():
            if name in self.theta.values and part.model.has(identifier):
                value, slope = self._everywhere(name, count)
                self._give(own, {}, NewValue(identifier, rows, value, slope))
        return own

    def _everywhere(self, name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        """A parameter of the table in every experiment."""
        slope = self.theta.slopes.get(name, np.zeros((1, self.directions)))
        return (
            np.broadcast_to(self.theta.values[name], count),
            np.broadcast_to(slope, (count, self.directions)),
        )

    def _usable(self, own: Known, needed: set[str], count: int) -> Known:
        """What new values may be made of: the parameter table, and what the model says of its own parameters."""
        known = Known(dict(own.values), dict(own.slopes))
        known.work_out(self.part.model.kept, needed)
        for name in needed & self.theta.values.keys() - known.values.keys():
            known.put(name, *self._everywhere(name, count))
        return known

    def _give(self, own: Known, outside: Outside, new: NewValue) -> None:
        """Set a target, which the model or else a formula has."""
        model, name = self.part.model, self.part.names[new.target]
        if not model.has(new.target):
            outside[name][0][new.rows], outside[name][1][new.rows] = new.value, new.slope
            return
        identifier = model.identifier(new.target)
        if identifier in model.opened.plain:
            self._put(own, name, new)
            return
        value, given = model.opened.switched[identifier]
        self._put(own, value, new)
        self._put(own, given, new._replace(value=np.ones(new.rows.size), slope=np.zeros_like(new.slope)))

    def _put(self, own: Known, name: str, new: NewValue) -> None:
        values = np.array(own.values[name])
        slopes = np.array(own.slopes.get(name, np.zeros((values.size, self.directions))))
        values[new.rows], slopes[new.rows] = new.value, new.slope
        own.put(name, values, slopes)

    def _snapshot(self, own: Known, outside: Outside, count: int) -> Snapshot:
        model = self.part.model
        # Initial values may depend on equations that hold at all times, but not on states.
        needed = set().union(*(state.initial.names for state in model.own.states))
        own.work_out(model.lasting, needed & {item.name for item in model.lasting})
        starts = [own.of(state.initial) for state in model.own.states]
        columns = [
            (own.values[n], own.slopes.get(n)) if n in own.values else (0.0, None) for n in model.columns
        ]
        return Snapshot(
            own.values[TIME], *self._stacked(columns, count), *self._stacked(starts, count), outside
        )

    def _stacked(self, columns: list, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Values, shape (rows, columns), and slopes, shape (rows, columns, directions)."""
        values = np.zeros((count, len(columns)))
        slopes = np.zeros((count, len(columns), self.directions))
        for k, (value, slope) in enumerate(columns):
            values[:, k] = value
            if slope is not None:
                slopes[:, k] = slope
        return values, slopes
