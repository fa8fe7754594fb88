"""Start: what experiments begin with, and what changes where a new period begins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from understudy.core.expression import TIME
from understudy.formats.petab.compiled_part import CompiledPart
from understudy.formats.petab.slope import Known
from understudy.formats.petab.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class Start:
    """Begins experiments and their periods.

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
        """Experiments at the beginning of a period, as the model and the period's changes say."""
        model, count = self.part.model, len(experiments)
        own = Known({TIME: np.zeros(count)})
        for parameter in model.own.parameters:
            own.put(parameter.name, np.full(count, parameter.value))
        table = [self.part.part.experiments[name].periods[period] for name in experiments]
        own.values[TIME] = np.array([each.begin if np.isfinite(each.begin) else 0.0 for each in table])
        self._put_theta(own, count)
        outside = {
            name: [np.full(count, np.nan), np.zeros((count, self.directions))] for name in self.part.outside
        }
        asked = [self.part.changes[name, period] for name in experiments]
        changes = [(row, change) for row, here in enumerate(asked) for change in here]
        if any(change[1].names for _, change in changes):
            # They may use what the model says of itself.
            before = Known(dict(own.values), dict(own.slopes))
            before.work_out(model.kept, {item.name for item in model.kept})
        else:
            before = own
        found = [
            (row, target, self._value(before, row, value, cell)) for row, (target, value, cell) in changes
        ]
        for row, target, (value, slope) in found:
            self._give(own, outside, row, target, value, slope)
        own.work_out(model.kept, {item.name for item in model.kept})
        return self._snapshot(own, outside, count)

    def _put_theta(self, own: Known, count: int) -> None:
        for identifier, name in self.part.names.items():
            if name not in self.theta.values or not self.part.model.has(identifier):
                continue
            value, slope = self.theta.values[name], self.theta.slopes.get(name)
            wide = None if slope is None else np.broadcast_to(slope, (count, self.directions))
            for column, filled in self._columns(identifier):
                own.put(column, np.full(count, float(value[0]) if filled else 1.0), wide if filled else None)

    def _columns(self, target: str) -> list[tuple[str, bool]]:
        """Parameters that give a target its start, and whether each is the value; else it is that one is given."""
        model = self.part.model
        identifier = model.identifier(target)
        if identifier in model.opened.plain:
            return [(self.part.names[target], True)]
        value, given = model.opened.switched[identifier]
        return [(value, True), (given, False)]

    def _value(self, known: Known, row: int, expression, cell) -> tuple[float, np.ndarray]:
        """The new value of a target in one experiment, with its slope."""
        values, slopes = {}, {}
        for name in expression.names:
            source = self.theta if name in self.theta.values and name not in known.values else known
            if name not in source.values:
                raise cell.row.refuse(
                    cell.column, f"{name} has no value at the start", "use parameters and numbers"
                )
            pick = 0 if source is self.theta else row
            values[name] = np.asarray(source.values[name])[pick : pick + 1]
            if name in source.slopes:
                slopes[name] = source.slopes[name][pick : pick + 1]
        value, slope = Known(values, slopes).of(expression)
        return float(np.ravel(value)[0]), np.zeros(self.directions) if slope is None else np.ravel(slope)

    def _give(
        self, own: Known, outside: dict, row: int, target: str, value: float, slope: np.ndarray
    ) -> None:
        model, name = self.part.model, self.part.names[target]
        if not model.has(target):
            outside[name][0][row], outside[name][1][row] = value, slope
            return
        for column, filled in self._columns(target):
            values = np.array(own.values[column])
            values[row] = value if filled else 1.0
            slopes = np.array(own.slopes.get(column, np.zeros((values.size, self.directions))))
            slopes[row] = slope if filled else 0.0
            own.put(column, values, slopes)

    def _snapshot(self, own: Known, outside: dict, count: int) -> Snapshot:
        model = self.part.model
        table = np.zeros((count, len(model.columns)))
        table_slope = np.zeros((count, len(model.columns), self.directions))
        for name, k in model.columns.items():
            if name in own.values:
                table[:, k] = own.values[name]
                table_slope[:, k] = own.slopes.get(name, 0.0)
        states = np.zeros((count, len(model.states)))
        states_slope = np.zeros((count, len(model.states), self.directions))
        # Initial values may depend on equations that hold at all times, but not on states.
        needed = set().union(*(state.initial.names for state in model.own.states))
        own.work_out(model.lasting, needed & {item.name for item in model.lasting})
        for k, state in enumerate(model.own.states):
            states[:, k], slope = own.of(state.initial)
            states_slope[:, k] = 0.0 if slope is None else slope
        frozen = {name: (value, slope) for name, (value, slope) in outside.items()}
        return Snapshot(own.values[TIME], table, table_slope, states, states_slope, frozen)

    def change(self, snapshot: Snapshot, experiments: list[str], period: int) -> Snapshot:
        """Experiments in which a new period begins, at the end of the one before."""
        begins = [self.part.part.experiments[name].periods[period].begin for name in experiments]
        afresh = [self.part.part.experiments[name].afresh for name in experiments]
        now = replace(snapshot, time=np.array(begins))
        if any(afresh):
            return self._begun_afresh(snapshot, now, experiments, period)
        given: dict[str, dict[int, tuple[float, np.ndarray]]] = {}
        for row, name in enumerate(experiments):
            here = self.part.changes[name, period]
            one = now.take(np.array([row]))
            needed = set().union(*(expression.names for _, expression, _ in here)) if here else set()
            known = one.known(self.part.model, self.theta, needed)
            for target, expression, cell in here:
                given.setdefault(target, {})[row] = self._value(known, 0, expression, cell)
        return self._moved(snapshot, now, given)

    def _begun_afresh(
        self, snapshot: Snapshot, now: Snapshot, experiments: list[str], period: int
    ) -> Snapshot:
        """PEtab 1.0: parameters as at a start under the period's condition; states go on unless it sets them."""
        fresh = self.begin(experiments, period)
        given: dict[str, dict[int, tuple[float, np.ndarray]]] = {}
        for row, name in enumerate(experiments):
            for target, expression, cell in self.part.changes[name, period]:
                one = fresh.take(np.array([row]))
                known = one.known(self.part.model, self.theta, expression.names)
                given.setdefault(target, {})[row] = self._value(known, 0, expression, cell)
        going_on = replace(now, table=fresh.table, table_slope=fresh.table_slope, outside=fresh.outside)
        return self._moved(snapshot, going_on, given)

    def _moved(self, before: Snapshot, now: Snapshot, given: dict) -> Snapshot:
        """New values in place; concentrations stay as they are where a compartment is given another size."""
        model = self.part.model
        table, slope = now.table.copy(), now.table_slope.copy()
        states, states_slope = now.states.copy(), now.states_slope.copy()
        outside = {name: (value.copy(), way.copy()) for name, (value, way) in now.outside.items()}
        carried = []
        for target, rows in given.items():
            name = self.part.names[target]
            for row, (value, way) in rows.items():
                if name in outside:
                    outside[name][0][row], outside[name][1][row] = value, way
                elif name in model.states:
                    states[row, model.states[name]], states_slope[row, model.states[name]] = value, way
                elif name in model.columns:
                    table[row, model.columns[name]], slope[row, model.columns[name]] = value, way
                else:
                    carried.append((row, name, value, way))
        found = replace(
            now, table=table, table_slope=slope, states=states, states_slope=states_slope, outside=outside
        )
        found = self._keep_concentrations(before, found)
        for row, name, value, way in carried:
            self._set_concentration(found, row, name, value, way)
        return found

    def _keep_concentrations(self, before: Snapshot, now: Snapshot) -> Snapshot:
        """Amounts of species whose identifier is a concentration, in compartments whose size has been changed."""
        model = self.part.model
        resized: dict[str, tuple] = {}
        states, slopes = now.states.copy(), now.states_slope.copy()
        for species in model.species.values():
            if species.is_amount or species.carrier == species.symbol or species.carrier not in model.states:
                continue
            volume = species.compartment
            if volume not in resized:
                resized[volume] = tuple(self._of(each, volume) for each in (before, now))
            (old, old_slope), (new, new_slope) = resized[volume]
            rows, k = np.flatnonzero(old != new), model.states[species.carrier]
            level = states[rows, k] / old[rows]
            level_slope = (slopes[rows, k] - level[:, None] * old_slope[rows]) / old[rows, None]
            states[rows, k] = level * new[rows]
            slopes[rows, k] = level_slope * new[rows, None] + level[:, None] * new_slope[rows]
        return replace(now, states=states, states_slope=slopes)

    def _set_concentration(self, now: Snapshot, row: int, name: str, value: float, way: np.ndarray) -> None:
        species, k = self.part.model.species[name], self.part.model.states
        volume, volume_slope = (each[row] for each in self._of(now, species.compartment))
        place = k[species.carrier]
        now.states[row, place] = value * volume
        now.states_slope[row, place] = way * volume + value * volume_slope

    def _of(self, snapshot: Snapshot, name: str) -> tuple[np.ndarray, np.ndarray]:
        known = snapshot.known(self.part.model, self.theta, {name})
        rows = snapshot.time.size
        value = np.broadcast_to(known.values[name], rows)
        return value, np.broadcast_to(known.slopes.get(name, 0.0), (rows, self.directions))
