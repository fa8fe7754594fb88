"""Run: all experiments of a part, period after period, looked at where they were measured."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from understudy.formats.petab.compiled_part import CompiledPart
from understudy.formats.petab.passage import Passage
from understudy.formats.petab.period_change import PeriodChange
from understudy.formats.petab.problem import BEFORE
from understudy.formats.petab.snapshot import Snapshot, joined
from understudy.formats.petab.start import Start
from understudy.formats.petab.steady_state import at_rest


@dataclass(frozen=True, eq=False)
class Run:
    """Experiments on their way.

    Parameters
    ----------
    part : CompiledPart
    start : Start
    passage : Passage
    """

    part: CompiledPart
    start: Start
    passage: Passage
    seen: list[Snapshot] = field(default_factory=list)
    places: dict[tuple[str, float], int] = field(default_factory=dict)

    def measured(self) -> Snapshot:
        """Snapshots at all measurements of the part, in their order."""
        going: dict[str, tuple[Snapshot, np.ndarray | None]] = {}
        self._bring_to_rest(going)
        last = max((len(self._finite(name)) for name in self.names), default=0)
        for k in range(last):
            begun = [name for name in self.names if len(self._finite(name)) > k]
            for group in ([n for n in begun if n not in going], [n for n in begun if n in going]):
                if group:
                    self._go_through(group, k, going)
        self._look_at_rest(going)
        asked = [self.places[each.experiment, each.time] for each in self.part.part.measurements]
        return joined(self.seen).take(np.array(asked))

    @cached_property
    def names(self) -> dict[str, int]:
        """The experiments, and their places."""
        return {name: k for k, name in enumerate(self.part.part.experiments)}

    @cached_property
    def times(self) -> dict[str, np.ndarray]:
        """When each experiment is measured, each time once, in order."""
        found: dict[str, set[float]] = {name: set() for name in self.names}
        for each in self.part.part.measurements:
            found[each.experiment].add(each.time)
        return {name: np.array(sorted(times)) for name, times in found.items()}

    def own(self, names: list[str]) -> np.ndarray:
        """Places of experiments."""
        return np.array([self.names[name] for name in names])

    def _finite(self, name: str) -> list[int]:
        """Periods of an experiment that begin at a time."""
        periods = self.part.part.experiments[name].periods
        return [k for k, period in enumerate(periods) if period.begin != BEFORE]

    def _looks(self, name: str, begin: float, end: float) -> np.ndarray:
        times = self.times[name]
        return times[(begin <= times) & (times < end)]

    def _bring_to_rest(self, going: dict) -> None:
        """Steady states before the start; of experiments that begin alike once for all of them."""
        groups: dict[tuple, list[str]] = defaultdict(list)
        for name in self.names:
            if self.part.part.experiments[name].periods[0].begin == BEFORE:
                changes = self.part.changes[name, 0]
                groups[tuple((target, value.text) for target, value, _ in changes)].append(name)
        if not groups:
            return
        first = [names[0] for names in groups.values()]
        rest = at_rest(self.passage, self.start.begin(first, 0), None, self.own(first))
        truth = self.passage.truth(rest)
        for k, names in enumerate(groups.values()):
            for name in names:
                going[name] = rest.take(np.array([k])), None if truth is None else truth[[k]]
                if (sentence := self.passage.failures.get(self.names[names[0]])) is not None:
                    self.passage.failures[self.names[name]] = sentence

    def _go_through(self, names: list[str], k: int, going: dict) -> None:
        periods = [self._finite(name)[k] for name in names]
        start, truth = self._begun(names, periods, going)
        ends = [self._end(name, period) for name, period in zip(names, periods, strict=True)]
        looks, counts = [], []
        for name, begin, end in zip(names, start.time, ends, strict=True):
            times = self._looks(name, float(begin), end)
            stop = self.passage.until(np.array([end])) if math.isfinite(end) else np.array([])
            # Where nothing is looked at and nothing follows, the start itself may still be wanted.
            stop = stop if times.size or stop.size else np.array([begin])
            looks.append(np.concatenate([times, np.maximum(stop, times[-1] if times.size else begin)]))
            counts.append(times.size)
        found = self.passage.through(start, looks, truth, self.own(names))
        row = 0
        truth = self.passage.truth(found)
        for name, times, count in zip(names, looks, counts, strict=True):
            self._keep(name, found, range(row, row + count))
            row += times.size
            going[name] = found.take(np.array([row - 1])), None if truth is None else truth[[row - 1]]

    def _begun(self, names: list[str], periods: list[int], going: dict):
        """Snapshots at the start of periods, and what triggers were before."""
        by_period = defaultdict(list)
        for name, period in zip(names, periods, strict=True):
            by_period[period].append(name)
        order, parts, truths = [], [], []
        for period, group in by_period.items():
            order += group
            if group[0] not in going:
                parts.append(self.start.begin(group, period))
                continue
            before = joined([going[name][0] for name in group])
            parts.append(PeriodChange(self.start).apply(before, group, period))
            truths += [going[name][1] for name in group]
        places = {name: k for k, name in enumerate(order)}
        back = [places[name] for name in names]
        truth = None if not truths or truths[0] is None else np.concatenate(truths)[back]
        return joined(parts).take(np.array(back)), truth

    def _end(self, name: str, period: int) -> float:
        periods = self.part.part.experiments[name].periods
        return periods[period + 1].begin if period + 1 < len(periods) else math.inf

    def _keep(self, name: str, found: Snapshot, rows: range) -> None:
        base = len(self.places)
        for k, row in enumerate(rows):
            self.places[name, float(found.time[row])] = base + k
        self.seen.append(found.take(np.array(rows, dtype=np.int64)))

    def _look_at_rest(self, going: dict) -> None:
        """Steady states after the last period, where they were measured."""
        names = [name for name, times in self.times.items() if math.inf in times]
        if not names:
            return
        truths = [going[name][1] for name in names]
        truth = None if truths[0] is None else np.concatenate(truths)
        rest = at_rest(self.passage, joined([going[name][0] for name in names]), truth, self.own(names))
        rest = rest.with_states(np.full(len(names), math.inf), rest.states, rest.states_slope)
        for k, name in enumerate(names):
            self._keep(name, rest, range(k, k + 1))
