"""Tumour correction: a twin's errors in earlier patients, learnt from what was known of them, taken off its forecasts.

The twin is a mechanism, the correction boosted trees (scikit-learn): where the mechanism is wrong in ways that
histories tell of, the two together know more than either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.causal.twins.tumour_forecast import forecast_tumours
from understudy.causal.twins.tumour_simulator import HORIZON, TumourCourses
from understudy.causal.twins.tumour_twin import TumourTwins
from understudy.core.errors import MissingExtraError

# Errors count by the volume to this power, of which the best in other patients is taken.
_WEIGHTS = (0.0, 1.0, 2.0)


@dataclass(frozen=True, eq=False)
class TumourCorrection:
    """Learnt corrections of a twin's forecasts, as shares of today's volume.

    Parameters
    ----------
    learners : mapping of int to learner
        By days ahead.
    weight : float
        To which power of the volume errors counted.
    """

    learners: Mapping[int, Any]
    weight: float

    def corrected(
        self,
        twins: TumourTwins,
        courses: TumourCourses,
        forecast: NDArray[np.float64],
        plans: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """The forecast with the correction.

        Parameters
        ----------
        twins, courses
        forecast : float array, shape (n, days - 1, plans)
            h days ahead, h the number of days that the plans have.
        plans : bool array, shape (n or 1, days - 1 or 1, plans, h, 2)
            Today's treatment first.
        """
        patient, day = np.nonzero(courses.watched)
        count, ahead = plans.shape[2:4]
        found = np.full(forecast.shape, np.nan)
        whole = np.broadcast_to(plans, (*forecast.shape[:2], *plans.shape[2:]))
        known = _known(twins, courses)[patient, day]
        today = courses.volume[patient, day]
        for k in range(count):
            expected = forecast[patient, day, k]
            x = _rows(known, whole[patient, day, k], expected, today)
            found[patient, day, k] = expected + today * _predicted(self.learners[ahead], x)
        return np.maximum(found, 0.0)


def learn_correction(
    train: tuple[TumourTwins, TumourCourses],
    validation: tuple[TumourTwins, TumourCourses],
    ahead: Sequence[int] = tuple(range(1, HORIZON + 2)),
    seed: int = 0,
) -> TumourCorrection:
    """Learn from the real courses of earlier patients.

    Parameters
    ----------
    train : tuple of TumourTwins and TumourCourses
        Patients to learn from.
    validation : tuple of TumourTwins and TumourCourses
        Others, on whom the weight is chosen, by forecasts of one day.
    ahead : sequence of int
        Days, beside one.
    seed : int

    Raises
    ------
    MissingExtraError
        Without scikit-learn.
    """
    tried = []
    for weight in _WEIGHTS:
        learner = _fitted(*_lessons(*train, 1, seed), weight, seed)
        x, error, today = _lessons(*validation, 1, seed)
        off = (error - _predicted(learner, x)) * today
        tried.append((float(np.mean(off**2)), weight, learner))
    _, weight, first = min(tried, key=lambda each: each[:2])
    later = {days: _fitted(*_lessons(*train, days, seed), weight, seed) for days in ahead if days > 1}
    return TumourCorrection({1: first, **later}, weight)


def _fitted(x: np.ndarray, error: np.ndarray, today: np.ndarray, weight: float, seed: int) -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtraError(
            "scikit-learn is not installed",
            place="a learnt correction",
            repair="pip install 'understudy[trials]'",
        ) from None
    trees = HistGradientBoostingRegressor(
        max_iter=60,
        learning_rate=0.15,
        max_leaf_nodes=15,
        max_bins=63,
        early_stopping=False,
        random_state=seed,
    )
    # One thread: the sums do not depend on how many there are, and threads that wait for each other cost more.
    with threadpool_limits(1):
        return trees.fit(x, error, sample_weight=today**weight / np.mean(today**weight))


def _predicted(learner: Any, x: np.ndarray) -> NDArray[np.float64]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return learner.predict(x)


def _lessons(
    twins: TumourTwins, courses: TumourCourses, ahead: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What was known on each day, the twin's error some days later as a share of that day's volume, and the volume."""
    days = courses.watched.shape[1]
    plans = real_plans(courses, ahead)
    later = np.full(courses.watched.shape, np.nan)
    later[:, : days + 1 - ahead] = courses.volume[:, ahead:]
    if ahead == 1:
        given = 2 * courses.chemotherapy + courses.radiotherapy
        expected = np.take_along_axis(twins.next_day(courses)[0], given[..., None], axis=2)[..., 0]
    else:
        forecast = forecast_tumours(twins, courses, plans[:, :, :, 1:], draws=40, seed=seed)
        expected = forecast.mean[:, :, 0, -1]
    at = courses.watched & np.isfinite(later)
    today = courses.volume[:, :-1][at]
    x = _rows(_known(twins, courses)[at], plans[:, :, 0][at], expected[at], today)
    return x, (later[at] - expected[at]) / today, today


def real_plans(courses: TumourCourses, ahead: int) -> NDArray[np.bool_]:
    """The treatments that were given on each day and the days after, shape (n, days - 1, 1, ahead, 2)."""
    given = np.stack([courses.chemotherapy, courses.radiotherapy], axis=-1)
    padded = np.pad(given, ((0, 0), (0, ahead), (0, 0)))
    days = given.shape[1]
    return np.stack([padded[:, k : k + days] for k in range(ahead)], axis=2)[:, :, None]


def _known(twins: TumourTwins, courses: TumourCourses) -> NDArray[np.float64]:
    """What the history of each day tells, shape (n, days - 1, features)."""
    days = courses.watched.shape[1]
    size = np.log(np.maximum(np.nan_to_num(courses.volume[:, :days]), 1e-9))
    growth = [size - np.concatenate([np.repeat(size[:, :1], k, 1), size[:, :-k]], 1) for k in (1, 3, 7)]
    given = [_before(each) for each in (courses.chemotherapy, courses.radiotherapy)]
    kind = np.broadcast_to(courses.patients.kind[:, None], size.shape)
    day = np.broadcast_to(np.arange(days), size.shape)
    spread = np.sqrt(np.einsum("nkpp->nkp", twins.covariance))
    carried = twins.population.mechanism.carried(courses)
    return np.concatenate(
        [np.stack([size, *growth, *given, kind, day, carried], axis=-1), twins.mean, spread], axis=-1
    )


def _before(given: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.cumsum(given, axis=1) - given.astype(float)


def _rows(known: np.ndarray, plan: np.ndarray, expected: np.ndarray, today: np.ndarray) -> np.ndarray:
    share = expected / np.maximum(today, 1e-9)
    return np.column_stack([known, plan.reshape(len(known), -1), share])
