"""Course: one output over time as a few principal components, each a Gaussian process over the box.

Higdon D, Gattiker J, Williams B, Rightley M. Computer model calibration using high-dimensional output. J Am Stat Assoc
2008;103:570-583. doi:10.1198/016214507000000888. Intervals are scaled by split conformal prediction: Lei J, G'Sell M,
Rinaldo A, Tibshirani RJ, Wasserman L. Distribution-free predictive inference for regression. J Am Stat Assoc
2018;113:1094-1111. doi:10.1080/01621459.2017.1307116
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from understudy.surrogate.process import Kernel, Process, fitted_kernel

# An output above zero is emulated as its logarithm, unless it spans more than this: what is so small beside the largest
# value is within the solver's absolute tolerance, and its logarithm is noise.
_WIDEST_SPAN = 1e6
_TINY = 1e-300
# Of the spread of an output: no standard deviation is below it, so that none is zero.
_LEAST_SD = 1e-12
# Points that are predicted at a time, so that the covariances stay within some 50 MB.
_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Course:
    """One output over time, emulated. Made by `fitted_course`.

    Parameters
    ----------
    name, unit : str
    log : bool
        Whether the logarithm is emulated.
    points : float array, shape (n, parameters)
        Training points of the unit cube.
    level : float array, shape (times,)
        Mean of the training runs, on the emulated scale.
    changes : bool array, shape (times,)
        False where all training runs have the same value.
    basis : float array, shape (components, times)
    scores : float array, shape (n, components)
    kernels : tuple of Kernel, one a component
    remainder : float array, shape (times,)
        Variance that the components leave.
    factor : float array, shape (times,)
        Half the width of an interval, in standard deviations of the process; not-a-number before `calibrated`.
    """

    name: str
    unit: str
    log: bool
    points: np.ndarray
    level: np.ndarray
    changes: np.ndarray
    basis: np.ndarray
    scores: np.ndarray
    kernels: tuple[Kernel, ...]
    remainder: np.ndarray
    factor: np.ndarray

    @cached_property
    def processes(self) -> tuple[Process, ...]:
        """A Gaussian process for each component."""
        columns = zip(self.kernels, self.scores.T, strict=True)
        return tuple(Process(kernel, self.points, scores) for kernel, scores in columns)

    def centre(self, points: np.ndarray) -> np.ndarray:
        """Predicted values in the output's unit, shape (n, times)."""
        return np.vstack([self._back(self._level(part)) for part in _parts(points)])

    def band(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predicted values and the ends of their intervals in the output's unit, each of shape (n, times)."""
        bands = [self._band(part) for part in _parts(points)]
        centre, lower, upper = (np.vstack(arrays) for arrays in zip(*bands, strict=True))
        return centre, lower, upper

    def calibrated(self, points: np.ndarray, values: np.ndarray, coverage: float) -> Course:
        """With intervals that hold the share `coverage` of new runs at each time.

        Of n calibration runs the ``ceil((n + 1) coverage)``-th smallest standardised error is taken: a new run, drawn
        like them, is within it with at least that probability, whatever the process believes (Lei et al. 2018).

        Parameters
        ----------
        points : float array, shape (n, parameters)
        values : float array, shape (n, times)
        coverage : float
        """
        centre, sd = self._standard(points)
        errors = np.sort(np.abs(self._forth(values) - centre) / sd, axis=0)
        return replace(self, factor=errors[rank(len(points), coverage) - 1])

    def _level(self, points: np.ndarray) -> np.ndarray:
        scores = [process.mean(points) for process in self.processes]
        return self.level + np.stack(scores, axis=1) @ self.basis if scores else _repeated(self.level, points)

    def _standard(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations on the emulated scale."""
        if not self.kernels:
            return _repeated(self.level, points), _repeated(self._least(), points)
        means, variances = zip(*(process.predict(points) for process in self.processes), strict=True)
        centre = self.level + np.stack(means, axis=1) @ self.basis
        spread = np.stack(variances, axis=1) @ self.basis**2 + self.remainder
        return centre, np.maximum(np.sqrt(spread), self._least())

    def _least(self) -> np.ndarray:
        size = np.abs(self.level) + np.sqrt(self.remainder)
        return _LEAST_SD * np.where(size > 0, size, 1.0)

    def _band(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        centre, sd = self._standard(points)
        half = self.factor * sd
        return self._back(centre), self._back(centre - half), self._back(centre + half)

    def _forth(self, values: np.ndarray) -> np.ndarray:
        return on_scale(values, self.log, self.changes)

    def _back(self, values: np.ndarray) -> np.ndarray:
        # Beyond 700 the exponential is no number; only an interval that says nothing reaches there.
        return np.where(self.changes, np.exp(np.minimum(values, 700.0)), values) if self.log else values


def fitted_course(name: str, unit: str, points: np.ndarray, values: np.ndarray, variance: float) -> Course:
    """An output's course from training runs, not calibrated yet.

    Parameters
    ----------
    name, unit : str
    points : float array, shape (n, parameters)
        Of the unit cube.
    values : float array, shape (n, times)
    variance : float
        Share of the variance that the principal components keep.
    """
    changes = np.ptp(values, axis=0) > _LEAST_SD * np.abs(values).max(axis=0)
    moving = values[:, changes]
    log = bool(moving.size and moving.min() > 0 and moving.max() / moving.min() < _WIDEST_SPAN)
    scaled = on_scale(values, log, changes)
    level = scaled.mean(axis=0)
    rest = np.where(changes, scaled - level, 0.0)
    basis = components(rest, variance)
    scores = rest @ basis.T
    kernels = tuple(fitted_kernel(points, column) for column in scores.T)
    remainder = ((rest - scores @ basis) ** 2).mean(axis=0)
    unknown = np.full(values.shape[1], np.nan)
    return Course(
        name, unit, log, points, level, changes, basis, scores, kernels, remainder, unknown
    )  # fmt: skip


def components(rest: np.ndarray, variance: float) -> np.ndarray:
    """Principal components, as few as keep a share of the variance; shape (components, times).

    Parameters
    ----------
    rest : float array, shape (n, times)
        Around its mean.
    variance : float

    Examples
    --------
    >>> components(np.outer([-1.0, 1.0], [3.0, 4.0]), 0.99).round(1).tolist() in ([[0.6, 0.8]], [[-0.6, -0.8]])
    True
    """
    _, singular, basis = np.linalg.svd(rest, full_matrices=False)
    kept = singular**2
    if not kept.sum() > 0:
        return basis[:0]
    return basis[: int(np.searchsorted(np.cumsum(kept) / kept.sum(), variance)) + 1]


def rank(count: int, coverage: float) -> int:
    """Which of the sorted errors of so many calibration runs is the bound; above `count` where there are too few."""
    # Without the small number 0.9 * 10 would be rounded up to 10.
    return math.ceil((count + 1) * coverage - 1e-9)


def on_scale(values: np.ndarray, log: bool, changes: np.ndarray) -> np.ndarray:
    """Values as they are emulated."""
    return np.where(changes, np.log(np.maximum(values, _TINY)), values) if log else values


def _parts(points: np.ndarray) -> list[np.ndarray]:
    return [points[k : k + _AT_ONCE] for k in range(0, len(points), _AT_ONCE)]


def _repeated(row: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.tile(row, (len(points), 1))
