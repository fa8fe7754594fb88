"""Tumour effects: what treatment did to each tumour, by its volume against what its twin says without treatment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.causal.twins.contrasts import Contrasts
from understudy.causal.twins.tumour_correction import real_plans
from understudy.causal.twins.tumour_counterfactuals import later_days
from understudy.causal.twins.tumour_forecast import forecast_tumours
from understudy.causal.twins.tumour_simulator import LARGEST, TumourCourses
from understudy.causal.twins.tumour_twin import TumourTwins
from understudy.core.random import uniforms


def untreated_windows(
    twins: TumourTwins, courses: TumourCourses, ahead: int = 3, draws: int = 199, seed: int = 0
) -> Contrasts:
    """Null contrasts: patients without treatment for some days, against their twins without treatment.

    One window of each patient who has one, by lot. The logarithm of the real volume on its last day less the mean of
    the twin's; the standard error is the spread of the twin's draws, which holds the noise of the days.
    """
    return _effects(twins, courses, ahead, draws, seed, treated=False)[0]


def treated_windows(
    twins: TumourTwins, courses: TumourCourses, ahead: int = 3, draws: int = 199, seed: int = 0
) -> tuple[Contrasts, NDArray[np.float64]]:
    """Effects of treatment, and what they really are: one window with treatment of each patient who has one, by lot.

    Returns
    -------
    tuple of Contrasts and float array, shape (n,)
        What is true is the logarithm of the real volume less that of the same patient, on the same days, untreated.
    """
    return _effects(twins, courses, ahead, draws, seed, treated=True)


def _effects(
    twins: TumourTwins, courses: TumourCourses, ahead: int, draws: int, seed: int, treated: bool
) -> tuple[Contrasts, NDArray[np.float64]]:
    n, days = courses.watched.shape
    without = np.zeros((1, 1, 1, ahead, 2), bool)
    forecast = forecast_tumours(
        twins, courses, without[:, :, :, 1:], draws=draws, seed=seed, keep_treatment=False
    )
    real = np.full((n, days), np.nan)
    real[:, : days + 1 - ahead] = courses.volume[:, ahead:]
    untreated = later_days(courses, without, from_today=True)[:, :, 0, -1]
    given = real_plans(courses, ahead).any(axis=(2, 3, 4))
    usable = (given == treated) & (real > 0) & (real < LARGEST) & (untreated > 0)
    patient, day = _one_each(usable, courses.patients.places, seed)
    estimate = np.log(real[patient, day]) - forecast.log_mean[patient, day, 0, -1]
    names = tuple(f"{'treated' if treated else 'untreated'} {k + 1}" for k in range(len(patient)))
    return Contrasts(
        names, estimate, forecast.log_spread[patient, day, 0, -1], np.full(len(names), not treated)
    ), np.log(real[patient, day] / untreated[patient, day])


def _one_each(usable: NDArray[np.bool_], places: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A day of each patient who has one."""
    lot = np.where(usable, uniforms(seed, "tumour window", places, usable.shape[1]), 2.0)
    patient = np.flatnonzero(usable.any(axis=1))
    return patient, lot[patient].argmin(axis=1)
