"""Memory shelf: outcomes of chunks that are kept in memory until all are there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.record import Record
from understudy.core.result import Outcome
from understudy.engine.dispatch.plan import Chunk, Plan

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class MemoryShelf:
    """A place for the outcomes of a plan's chunks; as `Store`, but nothing outlasts the process.

    Parameters
    ----------
    plan : Plan
    values : dict of name to array
        Of all patients, filled chunk by chunk.
    first : list of xarray.Dataset
        The outcome that came first, which tells dimensions, units and what all patients share.
    made : dict of Chunk to Record
    """

    plan: Plan
    values: dict[str, np.ndarray] = field(default_factory=dict)
    first: list[xr.Dataset] = field(default_factory=list)
    made: dict[Chunk, Record] = field(default_factory=dict)

    def done(self) -> set[Chunk]:
        """Chunks of earlier runs: none."""
        return set()

    def write(self, chunk: Chunk, outcome: Outcome) -> None:
        """Keep the outcome of a chunk."""
        if not self.first:
            self._make_room(outcome.dataset)
        for name, whole in self.values.items():
            whole[chunk.first : chunk.last] = outcome.dataset[name].values
        self.made[chunk] = outcome.record

    def records(self) -> list[Record]:
        """How the outcome of each chunk was made."""
        return [self.made[chunk] for chunk in self.plan]

    def record(self, record: Record) -> None:
        """Keep how the outcome was made."""
        self.first[0].attrs["record"] = json.dumps(record.to_json(), ensure_ascii=False)

    def outcome(self) -> Outcome:
        """All patients in the order of the plan, whatever the order in which they came."""
        import xarray as xr

        made = {}
        for name, array in self.first[0].variables.items():
            values = self.values.get(str(name), array.values)
            # Texts get the length of the longest.
            values = np.array(values.tolist(), dtype=str) if values.dtype.kind == "O" else values
            made[name] = (array.dims, values, array.attrs)
        others = {name: array for name, array in made.items() if name not in self.first[0].coords}
        coordinates = {name: made[name] for name in self.first[0].coords}
        return Outcome(xr.Dataset(others, coordinates, self.first[0].attrs))

    def _make_room(self, dataset: xr.Dataset) -> None:
        self.first.append(dataset)
        for name, array in dataset.variables.items():
            if array.dims[:1] == ("patient",):
                kind = object if array.dtype.kind == "U" else array.dtype
                self.values[str(name)] = np.empty((self.plan.count, *array.shape[1:]), kind)
