"""Methods: from patients with a known course to a forecast, with how unsure it is in relation to others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from understudy.biostatistics.random_slopes import RandomSlopes, fit_random_slopes
from understudy.core.errors import MissingExtraError
from understudy.trials.forecasting.courses import Courses
from understudy.trials.forecasting.question import Question


class Model(Protocol):
    """What was learnt."""

    def predict(self, asked: Question) -> tuple[np.ndarray, np.ndarray]:
        """Centre and spread at each target, shapes (targets,), on the modelled scale, from histories alone."""


@dataclass(frozen=True)
class Spread:
    """Absolute errors as ``a + b sqrt(horizon)``: only their relation matters, conformal intervals set their size."""

    constant: float
    growth: float

    def at(self, horizon: np.ndarray) -> np.ndarray:
        """Shape (targets,)."""
        return self.constant + self.growth * np.sqrt(np.maximum(horizon, 0.0))

    @classmethod
    def of(cls, asked: Question, centre: np.ndarray) -> Spread:
        """By non-negative least squares, all patients weighing the same."""
        from scipy.optimize import nnls

        errors, root = np.abs(asked.target.value - centre), np.sqrt(asked.weight)
        columns = np.column_stack([np.ones_like(errors), np.sqrt(np.maximum(asked.horizon, 0.0))])
        (constant, growth), _ = nnls(columns * root[:, None], errors * root)
        floor = 1e-3 * max(float(np.average(errors, weights=asked.weight)), 1e-9)
        return cls(max(float(constant), floor), float(growth))


@dataclass(frozen=True)
class CarryForward:
    """The last value stays."""

    spread: Spread

    def predict(self, asked: Question) -> tuple[np.ndarray, np.ndarray]:
        """The last known value."""
        return _last(asked), self.spread.at(asked.horizon)


def carry_forward(known: Question, seed: int) -> CarryForward:
    """Learn how errors grow."""
    return CarryForward(Spread.of(known, _last(known)))


def _last(asked: Question) -> np.ndarray:
    return asked.last[1][asked.target.patient]


@dataclass(frozen=True)
class OwnLine:
    """A straight line through a patient's own history; a single measurement stays."""

    spread: Spread

    def predict(self, asked: Question) -> tuple[np.ndarray, np.ndarray]:
        """The line, however far."""
        return _line(asked), self.spread.at(asked.horizon)


def own_line(known: Question, seed: int) -> OwnLine:
    """Learn how errors grow."""
    return OwnLine(Spread.of(known, _line(known)))


def _line(asked: Question) -> np.ndarray:
    mean_time, mean, slope = line_of(asked.history)
    at = asked.target.patient
    return mean[at] + slope[at] * (asked.target.time - mean_time[at])


def line_of(history: Courses) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean time, mean value and slope of each patient by least squares, shapes (patients,); no slope of one time."""
    at, count = history.patient, np.maximum(history.visits, 1)
    mean_time, mean = (np.bincount(at, v, len(count)) / count for v in (history.time, history.value))
    apart = history.time - mean_time[at]
    square = np.bincount(at, apart**2, len(count))
    product = np.bincount(at, apart * history.value, len(count))
    return mean_time, mean, np.divide(product, square, out=np.zeros_like(square), where=square > 0)


@dataclass(frozen=True, eq=False)
class Mixed:
    """A random intercept and slope about the mean course, which bends with the root of time."""

    fit: RandomSlopes
    unit: float
    middle: np.ndarray
    width: np.ndarray

    def predict(self, asked: Question) -> tuple[np.ndarray, np.ndarray]:
        """The best linear unbiased prediction, and its standard deviation."""
        history, target, count = asked.history, asked.target, len(asked.patients)
        basis = self._random(history)
        sums, moments = np.zeros((count, 2)), np.zeros((count, 2, 2))
        left = history.value - self.fixed(history) @ self.fit.coefficients
        np.add.at(sums, history.patient, basis * left[:, None])
        np.add.at(moments, history.patient, basis[:, :, None] * basis[:, None, :])
        mean, covariance = self.fit.posterior(sums, moments)
        basis, own = self._random(target), target.patient
        centre = self.fixed(target) @ self.fit.coefficients + (basis * mean[own]).sum(axis=1)
        variance = self.fit.residual + np.einsum("ij,ijk,ik->i", basis, covariance[own], basis)
        return centre, np.sqrt(variance)

    def _random(self, courses: Courses) -> np.ndarray:
        return np.column_stack([np.ones_like(courses.time), courses.time / self.unit])

    def fixed(self, courses: Courses) -> np.ndarray:
        """Constant, time, its root, covariates and their products with time; what is not known is the mean."""
        time = courses.time / self.unit
        own = np.nan_to_num((courses.covariates - self.middle) / self.width)[courses.patient]
        shape = [np.ones_like(time), time, np.sqrt(np.maximum(time, 0.0))]
        return np.column_stack([*shape, own, own * time[:, None]])


def mixed(known: Question, seed: int) -> Mixed:
    """Learn from all measurements of the known patients: before and after."""
    with np.errstate(invalid="ignore"):
        middle = np.array([_known_mean(c) for c in known.history.covariates.T])
        width = np.array([_known_width(c) for c in known.history.covariates.T])
    rows = [known.history, known.target]
    unit = float(max(np.abs(known.target.time).max(), 1e-12))
    empty = Mixed(None, unit, middle, width)
    joined = [np.concatenate([getattr(r, n) for r in rows]) for n in ("patient", "time", "value")]
    fixed = np.vstack([empty.fixed(r) for r in rows])
    return Mixed(fit_random_slopes(joined[0], joined[1] / unit, joined[2], fixed), unit, middle, width)


def _known_mean(column: np.ndarray) -> float:
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else 0.0


def _known_width(column: np.ndarray) -> float:
    known = column[~np.isnan(column)]
    return float(known.std()) or 1.0 if len(known) else 1.0


@dataclass(frozen=True, eq=False)
class Boosted:
    """Trees of what the history shows, for the change from its last value."""

    trees: Any
    spread: Spread

    def predict(self, asked: Question) -> tuple[np.ndarray, np.ndarray]:
        """The last value and the change that trees expect."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            change = self.trees.predict(features(asked))
        return _last(asked) + change, self.spread.at(asked.horizon)


def boosted(known: Question, seed: int) -> Boosted:
    """Gradient boosting by absolute error (Friedman 2001, doi:10.1214/aos/1013203451), with few, slow, shallow trees.

    Raises
    ------
    MissingExtraError
        Without scikit-learn.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtraError(
            "scikit-learn is not installed", place="boosted", repair="pip install 'understudy[trials]'"
        ) from None
    settings = {"max_iter": 80, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 25}
    trees = HistGradientBoostingRegressor(
        loss="absolute_error", early_stopping=False, random_state=seed, l2_regularization=1.0, **settings
    )
    change = known.target.value - _last(known)
    weight = known.weight * len(known.weight) / known.weight.sum()
    # A few hundred rows: threads would wait for each other longer than they work.
    with threadpool_limits(1):
        trees.fit(features(known), change, sample_weight=weight)
    return Boosted(trees, Spread.of(known, _last(known)))


def features(asked: Question) -> np.ndarray:
    """What trees see of each target: last, first, mean and lowest value, slope, times, horizon, covariates."""
    history, at = asked.history, asked.target.patient
    count, (last_time, last) = history.visits, asked.last
    starts = np.cumsum(count) - count
    before = np.where(count > 1, history.value[np.maximum(starts + count - 2, 0)], np.nan)
    _, mean, slope = line_of(history)
    own = np.column_stack(
        [
            last,
            history.value[starts] - last,
            mean - last,
            before - last,
            np.minimum.reduceat(history.value, starts) - last,
            np.where(count > 1, slope, np.nan),
            count,
            last_time,
            last_time - history.time[starts],
            asked.history.covariates,
        ]
    )
    return np.column_stack([own[at], asked.horizon, asked.target.time])


METHODS: dict[str, Callable[[Question, int], Model]] = {
    "carry forward": carry_forward,
    "own line": own_line,
    "mixed": mixed,
    "boosted": boosted,
}
