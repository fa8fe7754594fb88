"""Tumour forecast: volumes some days ahead under plans of treatment, by draws from each twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from understudy.causal.twins.tumour_simulator import (
    ALPHA_BETA,
    CAPACITY,
    DOSE,
    FRACTION,
    LARGEST,
    TumourCourses,
    kept,
)
from understudy.causal.twins.tumour_twin import TumourTwins
from understudy.core.random import normals


@dataclass(frozen=True, eq=False)
class TumourForecast:
    """Volumes under plans that begin a day later; NaN where nobody is watched.

    Parameters
    ----------
    mean : float array, shape (n, days - 1, plans, h)
        cm³, 2 to h + 1 days later.
    log_mean, log_spread : float array, same shape
        Of the logarithm of the volume.
    below : float array, same shape
        Draws below the real volume, where real volumes were given.
    draws : int
    """

    mean: NDArray[np.float64]
    log_mean: NDArray[np.float64]
    log_spread: NDArray[np.float64]
    below: NDArray[np.float64]
    draws: int

    def covered(self, level: float = 0.95) -> NDArray[np.bool_]:
        """Whether the central interval of the draws holds the real volume.

        Of the ranks that a real volume can have among the draws, all equally likely if the twin is right, those of the
        middle are inside.
        """
        outside = round((1 - level) / 2 * (self.draws + 1))
        return (self.below >= outside) & (self.below <= self.draws - outside)


def forecast_tumours(
    twins: TumourTwins,
    courses: TumourCourses,
    plans: NDArray[np.bool_],
    truth: NDArray[np.float64] | None = None,
    draws: int = 119,
    seed: int = 0,
    keep_treatment: bool = True,
) -> TumourForecast:
    """Forecast each patient from each day.

    Parameters
    ----------
    twins : TumourTwins
    courses : TumourCourses
        The same patients'.
    plans : bool array, shape (n or 1, days - 1 or 1, plans, h, 2)
        Chemotherapy and radiotherapy on the h days from tomorrow on.
    truth : float array, shape (n, days - 1, plans, h), optional
        Real volumes, for `TumourForecast.below`.
    draws : int
        From each twin, with the noise of the days ahead.
    seed : int
    keep_treatment : bool
        Today's treatment is the real one; else there is none today.

    Examples
    --------
    >>> from understudy.causal.twins.tumour_counterfactuals import sliding_plans
    >>> from understudy.causal.twins.tumour_simulator import draw_patients, simulate_courses
    >>> from understudy.causal.twins.tumour_twin import learn_population, make_twins
    >>> earlier = simulate_courses(draw_patients(range(600), seed=1), gamma=0.0)
    >>> courses = simulate_courses(draw_patients(range(600, 610), seed=1), gamma=0.0)
    >>> twins = make_twins(learn_population(earlier), courses)
    >>> forecast_tumours(twins, courses, sliding_plans(courses)).mean.shape
    (10, 59, 10, 5)
    """
    n, days = courses.chemotherapy.shape
    count, horizon = plans.shape[2:4]
    mechanism = twins.population.mechanism
    patient, day = np.nonzero(courses.watched)
    z = normals(seed, "tumour twin", courses.patients.places, draws * (horizon + 4))
    z = z.reshape(n, draws, horizon + 4)
    root = np.linalg.cholesky(twins.covariance[patient, day])
    given = courses.chemotherapy[patient, day] * keep_treatment
    radiated = courses.radiotherapy[patient, day] * keep_treatment
    real = np.full((len(patient), count, horizon), np.nan) if truth is None else truth[patient, day]
    whole = np.broadcast_to(plans, (n, days, count, horizon, 2))
    told = _walk(
        patient,
        courses.volume[patient, day],
        mechanism.carried(courses)[patient, day] + DOSE * given,
        _dose(radiated),
        twins.mean[patient, day],
        root,
        z,
        np.ascontiguousarray(whole[patient, day]),
        np.ascontiguousarray(real),
        (twins.population.noise, kept(mechanism.half_life), CAPACITY, LARGEST, DOSE, float(_dose(True))),
        mechanism.gompertz,
    )
    found = np.full((4, n, days, count, horizon), np.nan)
    for k, each in enumerate(told):
        found[k, patient, day] = each
    return TumourForecast(*found, draws)


def _dose(radiated) -> NDArray[np.float64]:
    """What radiosensitivity is multiplied by, Gy."""
    return np.asarray(radiated) * (FRACTION + FRACTION**2 / ALPHA_BETA)


@njit(cache=True, nogil=True)
def _walk(patient, volume, concentration, radiation, mean, root, z, plans, truth, known, gompertz):
    """Walk every draw of every patient and day through every plan; the four fields of `TumourForecast`."""
    noise, left, capacity, largest, dose, gray = known
    rows, count, horizon = plans.shape[:3]
    draws = z.shape[1]
    average = np.zeros((rows, count, horizon))
    first, second, below = np.zeros_like(average), np.zeros_like(average), np.zeros_like(average)
    rate = np.empty(3)
    for row in range(rows):
        for draw in range(draws):
            drawn = z[patient[row], draw]
            for p in range(3):
                rate[p] = mean[row, p]
                for q in range(p + 1):
                    rate[p] += root[row, p, q] * drawn[q]
            grows = np.log(capacity / volume[row]) if gompertz and volume[row] > 0 else 1.0
            change = rate[0] * grows - rate[1] * concentration[row] - rate[2] * radiation[row]
            begun = min(max(volume[row] * (1 + change + noise * drawn[3]), 0.0), largest)
            for plan in range(count):
                size, drug = begun, concentration[row]
                for k in range(horizon):
                    drug = drug * left + dose * plans[row, plan, k, 0]
                    if size > 0:
                        grows = np.log(capacity / size) if gompertz else 1.0
                        change = rate[0] * grows - rate[1] * drug - rate[2] * gray * plans[row, plan, k, 1]
                        size = max(size * (1 + change + noise * drawn[4 + k]), 0.0)
                    logarithm = np.log(max(size, 1e-9))
                    average[row, plan, k] += size / draws
                    first[row, plan, k] += logarithm / draws
                    second[row, plan, k] += logarithm * logarithm / draws
                    below[row, plan, k] += size < truth[row, plan, k]
    for row in range(rows):
        for plan in range(count):
            for k in range(horizon):
                spread = max(second[row, plan, k] - first[row, plan, k] ** 2, 0.0)
                second[row, plan, k] = np.sqrt(spread * draws / (draws - 1))
    return average, first, second, below
