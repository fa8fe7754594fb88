"""Period change: what becomes of experiments where a new period begins.

In PEtab 2.0 changes last until others are made; what they are worked out from is what holds just before. In PEtab 1.0
every period has the parameters of its own condition, and states go on unless the condition sets them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from understudy.formats.petab.new_value import NewValue, asked_names, new_values
from understudy.formats.petab.snapshot import Snapshot
from understudy.formats.petab.start import Start
from understudy.formats.sbml.species import Species


@dataclass(frozen=True, eq=False)
class PeriodChange:
    """Changes experiments that have come to the end of a period.

    Parameters
    ----------
    start : Start
    """

    start: Start

    def apply(self, before: Snapshot, experiments: list[str], period: int) -> Snapshot:
        """Experiments at the beginning of a period that is not their first.

        Parameters
        ----------
        before : Snapshot
            At the end of the one before, one experiment a row.
        experiments : list of str
        period : int
        """
        part = self.start.part
        begins = [part.part.experiments[name].periods[period].begin for name in experiments]
        now = replace(before, time=np.array(begins))
        if any(part.part.experiments[name].afresh for name in experiments):
            fresh = self.start.begin(experiments, period)
            now = replace(now, table=fresh.table, table_slope=fresh.table_slope, outside=fresh.outside)
        known = now.known(part.model, self.start.theta, asked_names(part, experiments, period))
        new = [*new_values(part, experiments, period, known, self.start.directions)]
        return self._changed(before, now, new)

    def _changed(self, before: Snapshot, now: Snapshot, new: list[NewValue]) -> Snapshot:
        now = now.copied()
        model, names = self.start.part.model, self.start.part.names
        levels = []
        for each in new:
            name = names[each.target]
            if name in now.outside:
                now.outside[name][0][each.rows], now.outside[name][1][each.rows] = each.value, each.slope
            elif name in model.states:
                now.states[each.rows, model.states[name]] = each.value
                now.states_slope[each.rows, model.states[name]] = each.slope
            elif name in model.columns:
                now.table[each.rows, model.columns[name]] = each.value
                now.table_slope[each.rows, model.columns[name]] = each.slope
            else:
                levels.append((model.species[name], each))
        self._keep_concentrations(before, now)
        for species, each in levels:
            self._set_concentration(now, species, each)
        return now

    def _keep_concentrations(self, before: Snapshot, now: Snapshot) -> None:
        """In compartments of another size, amounts of species whose identifier is a concentration, in place."""
        places = self.start.part.model.states
        for species in self.start.part.model.species.values():
            if species.is_amount or species.carrier == species.symbol or species.carrier not in places:
                continue
            (old, old_slope), (new, new_slope) = (self._size(each, species) for each in (before, now))
            rows, k = np.flatnonzero(old != new), places[species.carrier]
            level = now.states[rows, k] / old[rows]
            slope = (now.states_slope[rows, k] - level[:, None] * old_slope[rows]) / old[rows, None]
            now.states[rows, k] = level * new[rows]
            now.states_slope[rows, k] = slope * new[rows, None] + level[:, None] * new_slope[rows]

    def _set_concentration(self, now: Snapshot, species: Species, new: NewValue) -> None:
        """Set the amount that a concentration stands for, in place."""
        volume, volume_slope = (each[new.rows] for each in self._size(now, species))
        k = self.start.part.model.states[species.carrier]
        now.states[new.rows, k] = new.value * volume
        now.states_slope[new.rows, k] = new.slope * volume[:, None] + new.value[:, None] * volume_slope

    def _size(self, snapshot: Snapshot, species: Species) -> tuple[np.ndarray, np.ndarray]:
        """The size of a species' compartment."""
        name, rows = species.compartment, snapshot.time.size
        known = snapshot.known(self.start.part.model, self.start.theta, {name})
        slope = known.slopes.get(name, np.zeros((1, self.start.directions)))
        return np.broadcast_to(known.values[name], rows), np.broadcast_to(
            slope, (rows, self.start.directions)
        )
