"""Candidates: the times at which samples may be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from understudy.core.errors import SimulationError

# Of a window's grid: enough that a criterion is smooth between two of them.
_POINTS = 48
# By how much the steps about a time shrink from one refinement to the next.
SHRINK = 4.0


@dataclass(frozen=True, eq=False)
class Candidates:
    """Times that samples of each output may have.

    Parameters
    ----------
    times : mapping of str to float array, sorted
        By output.
    windows : mapping of str to tuple of (float, float)
        Where times may move; empty where only `times` are allowed.
    spacing : float
        Least time between two samples of one output.
    """

    times: Mapping[str, np.ndarray]
    windows: Mapping[str, tuple[tuple[float, float], ...]]
    spacing: float = 0.0

    @classmethod
    def of(
        cls, outputs: Sequence[str], windows: Any, candidates: Any, spacing: float, points: int = _POINTS
    ) -> Candidates:
        """From what a user gives: windows or candidates, for all outputs or by output.

        Raises
        ------
        SimulationError
            For both or neither, or for what is no window and no time.
        """
        if (windows is None) == (candidates is None):
            raise SimulationError(
                "samples need either windows or candidate times", place="optimise_design",
                repair="give windows=(0, 24), or candidates=[0.5, 1, 2, 4]",
            )  # fmt: skip
        if not spacing >= 0 or not np.isfinite(spacing):
            raise SimulationError(f"a spacing of {spacing} is none", place="spacing", repair="give 0 or more")
        if candidates is not None:
            given = _by_output(outputs, candidates, "candidates")
            return cls({name: _times(own, name) for name, own in given.items()}, {}, spacing)
        given = _by_output(outputs, windows, "windows")
        found = {name: _windows(own, name) for name, own in given.items()}
        return cls({name: _grid(own, points) for name, own in found.items()}, found, spacing)

    def with_times(self, more: Mapping[str, Sequence[float]]) -> Candidates:
        """The same with more times, as far as they are in a window."""
        kept = {name: [t for t in more.get(name, ()) if self._inside(name, t)] for name in self.times}
        joined = {name: np.unique(np.concatenate([own, kept[name]])) for name, own in self.times.items()}
        return Candidates(joined, self.windows, self.spacing)

    def _inside(self, name: str, time: float) -> bool:
        return any(low <= time <= high for low, high in self.windows.get(name, ()))

    def near(self, chosen: Mapping[str, Sequence[float]], step: float) -> Candidates:
        """Times about those that were chosen, inside the windows.

        Parameters
        ----------
        step : float
            Share of the distance between the grid's times to go at most.
        """
        found = {}
        for name, own in self.windows.items():
            gaps = np.interp(chosen[name], *_spacings(_grid(own, _POINTS)))
            moved = np.add.outer(np.linspace(-step, step, 9), np.zeros(len(gaps))) * gaps
            times = np.unique(_rounded((np.asarray(chosen[name]) + moved).ravel()))
            inside = np.any([(times >= low) & (times <= high) for low, high in own], axis=0)
            found[name] = np.unique(np.concatenate([times[inside], chosen[name]]))
        return Candidates(found, self.windows, self.spacing)


def _spacings(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return grid, np.gradient(grid) if grid.size > 1 else np.zeros(grid.size)


def _by_output(outputs: Sequence[str], given: Any, place: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        return dict.fromkeys(outputs, given)
    missing = sorted({*outputs} ^ {*given})
    if missing:
        raise SimulationError(
            f"{place} are not those of the outputs that are sampled: {missing[0]}", place=place,
            repair=f"give them for {', '.join(outputs)}",
        )  # fmt: skip
    return dict(given)


def _times(given: Any, name: str) -> np.ndarray:
    found = _array(given, f"candidates of {name}")
    if found.ndim != 1 or not found.size or not np.isfinite(found).all() or found.min() < 0:
        raise SimulationError(
            "the candidates are no list of times",
            place=f"candidates of {name}",
            repair="give times of 0 or later",
        )
    return np.unique(found)


def _windows(given: Any, name: str) -> tuple[tuple[float, float], ...]:
    found = np.atleast_2d(_array(given, f"windows of {name}"))
    good = found.ndim == 2 and found.shape[1] == 2 and np.isfinite(found).all()
    if not good or (found[:, 0] < 0).any() or (found[:, 0] > found[:, 1]).any():
        raise SimulationError(
            "the windows are no pairs of a first and a last time", place=f"windows of {name}",
            repair="give one as (0, 24), several as [(0, 4), (22, 24)]",
        )  # fmt: skip
    return tuple((float(low), float(high)) for low, high in found)


def _array(given: Any, place: str) -> np.ndarray:
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise SimulationError("no numbers", place=place, repair="give times, such as 0.5") from None


def _grid(windows: Sequence[tuple[float, float]], points: int) -> np.ndarray:
    """Times in windows, closer to each other where they are early: half equally spaced, half in equal ratios."""
    parts = []
    for low, high in windows:
        share = max(points // len(windows), 2)
        first = max(low, high / 1000.0)
        even, ratio = (
            np.linspace(low, high, share - share // 2),
            np.geomspace(first, high, share // 2) if high else [],
        )
        parts += [np.clip(_rounded(np.concatenate([even, ratio])), low, high)]
    return np.unique(np.concatenate(parts))


def _rounded(times: np.ndarray) -> np.ndarray:
    """Times as one would write them, to four digits."""
    return np.array([float(f"{time:.4g}") for time in times])
