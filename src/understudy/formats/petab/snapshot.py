"""Snapshot: where experiments stand at a moment, with slopes by the parameters to be estimated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from understudy.core.expression import TIME
from understudy.formats.petab.prepared_model import PreparedModel
from understudy.formats.petab.slope import Known


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Parameters and states of several experiments, one a row.

    Parameters
    ----------
    time : float array, shape (rows,)
    table : float array, shape (rows, parameters)
        Columns as in `PreparedModel.columns`; the starts of states are left at zero.
    table_slope : float array, shape (rows, parameters, directions)
    states : float array, shape (rows, states)
    states_slope : float array, shape (rows, states, directions)
    outside : mapping of str to (float array, shape (rows,); float array, shape (rows, directions))
        What conditions change though the model does not have it.
    """

    time: np.ndarray
    table: np.ndarray
    table_slope: np.ndarray
    states: np.ndarray
    states_slope: np.ndarray
    outside: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def take(self, rows: np.ndarray) -> Snapshot:
        """Some of the experiments."""
        return Snapshot(
            self.time[rows],
            self.table[rows],
            self.table_slope[rows],
            self.states[rows],
            self.states_slope[rows],
            {name: (value[rows], slope[rows]) for name, (value, slope) in self.outside.items()},
        )

    def copied(self) -> Snapshot:
        """The same, in arrays of its own."""
        return Snapshot(
            self.time.copy(),
            self.table.copy(),
            self.table_slope.copy(),
            self.states.copy(),
            self.states_slope.copy(),
            {name: (value.copy(), slope.copy()) for name, (value, slope) in self.outside.items()},
        )

    def with_states(self, time: np.ndarray, states: np.ndarray, slope: np.ndarray) -> Snapshot:
        """The same experiments at another time."""
        return replace(self, time=time, states=states, states_slope=slope)

    def known(self, model: PreparedModel, globals_: Known, needed: Iterable[str]) -> Known:
        """Values of all that is needed, by name of equations.

        Parameters
        ----------
        model : PreparedModel
        globals_ : Known
            What is the same in all experiments: the parameter table.
        needed : iterable of str
        """
        rows, wanted = self.time.size, set(needed)
        for item in reversed(model.lasting):
            if item.name in wanted:
                wanted |= item.expression.names
        found = Known({TIME: self.time})
        for name in wanted & globals_.values.keys() - model.columns.keys():
            slope = globals_.slopes.get(name)
            wide = None if slope is None else np.broadcast_to(slope, (rows, slope.shape[-1]))
            found.put(name, np.broadcast_to(globals_.values[name], rows), wide)
        for name in wanted & self.outside.keys():
            found.put(name, *self.outside[name])
        for name in wanted & model.columns.keys():
            k = model.columns[name]
            found.put(name, self.table[:, k], self.table_slope[:, k])
        for name in wanted & model.states.keys():
            k = model.states[name]
            found.put(name, self.states[:, k], self.states_slope[:, k])
        found.work_out(model.lasting, wanted)
        return found


def joined(parts: list[Snapshot]) -> Snapshot:
    """Snapshots of several experiments as one."""
    both = lambda name: np.concatenate([getattr(part, name) for part in parts])  # noqa: E731
    outside = {
        name: tuple(np.concatenate([part.outside[name][k] for part in parts]) for k in (0, 1))
        for name in parts[0].outside
    }
    return Snapshot(
        both("time"), both("table"), both("table_slope"), both("states"), both("states_slope"), outside
    )
