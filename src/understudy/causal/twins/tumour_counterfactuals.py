"""Tumour counterfactuals: what would have become of simulated tumours under treatments that were not given.

The two questions of Bica et al. (ICLR 2020, arXiv:2002.04083) and Melnychuk et al. (ICML 2022, arXiv:2204.07258). One
day ahead: from each day on which a patient is watched, the next volume under all four choices of treatment. Several
days ahead: that day's treatment is the real one, then five days are treated otherwise, by one dose or fraction on one
of the days ("sliding") or at random. Volumes of the counterfactual days are not cut off at death; a tumour that falls
below zero before the last day leaves the question without an answer (NaN), as there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.causal.twins.tumour_simulator import (
    DOSE,
    FRACTION,
    HALF_LIFE,
    HORIZON,
    LARGEST,
    TumourCourses,
    TumourPatients,
    kept,
    simulate_courses,
)
from understudy.core.random import uniforms

# Chemotherapy, radiotherapy.
CHOICES = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], bool)


def next_day(courses: TumourCourses) -> NDArray[np.float64]:
    """Volume a day later under each of `CHOICES`, cm³, shape (n, days - 1, 4); NaN where nobody is watched.

    Under the treatment that was given it is the real volume, from zero to that of death.

    Examples
    --------
    >>> from understudy.causal.twins.tumour_simulator import draw_patients
    >>> courses = simulate_courses(draw_patients(range(5), seed=1), gamma=0.0)
    >>> next_day(courses).shape
    (5, 59, 4)
    """
    today = courses.volume[:, :-1, None]
    found = courses.patients.next_volume(
        today,
        courses.carried[..., None] + DOSE * CHOICES[:, 0],
        np.broadcast_to(FRACTION * CHOICES[:, 1], (*today.shape[:2], 4)),
        courses.noise[:, 1 : today.shape[1] + 1, None],
    )
    given = 2 * courses.chemotherapy + courses.radiotherapy
    real = given[..., None] == np.arange(4)
    return np.where(courses.watched[..., None], np.where(real, np.clip(found, 0.0, LARGEST), found), np.nan)


def sliding_plans(courses: TumourCourses) -> NDArray[np.bool_]:
    """One dose of the drug on one of five days, or one fraction on one of them, shape (1, 1, 10, 5, 2)."""
    one, none = np.eye(HORIZON, dtype=bool), np.zeros((HORIZON, HORIZON), bool)
    return np.concatenate([np.stack([one, none], -1), np.stack([none, one], -1)])[None, None]


def random_plans(courses: TumourCourses, seed: int = 0) -> NDArray[np.bool_]:
    """Ten plans of five days for each patient and day, each treatment by the toss of a coin.

    Returns
    -------
    bool array, shape (n, days - 1, 10, 5, 2)
    """
    n, days = courses.concentration.shape
    shape = (days, 2 * HORIZON, HORIZON, 2)
    u = uniforms(seed, "tumour plans", courses.patients.places, int(np.prod(shape)))
    return u.reshape(n, *shape) < 0.5


def later_days(
    courses: TumourCourses, plans: NDArray[np.bool_], from_today: bool = False
) -> NDArray[np.float64]:
    """Volumes 2 to h + 1 days later under plans that begin a day later, cm³.

    Parameters
    ----------
    courses : TumourCourses
    plans : bool array, shape (n or 1, days - 1 or 1, plans, h, 2)
    from_today : bool
        The plans begin today; volumes are those 1 to h days later.

    Returns
    -------
    float array, shape (n, days - 1, plans, h)
        NaN where nobody is watched, and where a tumour falls below zero before the last day.

    Examples
    --------
    >>> from understudy.causal.twins.tumour_simulator import draw_patients
    >>> courses = simulate_courses(draw_patients(range(5), seed=1), gamma=0.0)
    >>> later_days(courses, sliding_plans(courses)).shape
    (5, 59, 10, 5)
    """
    n, days = courses.concentration.shape
    shape = (n, days, plans.shape[2])
    first = 1 if from_today else 2
    volume = courses.volume[:, :-1] if from_today else courses.volume[:, 1:]
    volume = np.broadcast_to(np.where(courses.watched, volume, np.nan)[..., None], shape)
    left = np.broadcast_to((courses.carried if from_today else courses.concentration)[..., None], shape)
    found = np.empty((*shape, plans.shape[3]))
    for k in range(plans.shape[3]):
        # What is carried into today has lost its day already.
        left = (left if from_today and k == 0 else left * kept(HALF_LIFE)) + DOSE * plans[..., k, 0]
        noise = courses.noise[:, k + first : k + first + days, None]
        fraction = np.broadcast_to(FRACTION * plans[..., k, 1], shape)
        volume = np.where(volume >= 0, courses.patients.next_volume(volume, left, fraction, noise), np.nan)
        found[..., k] = volume
    return np.where(np.isfinite(volume)[..., None], found, np.nan)


def crossed_courses(
    patients: TumourPatients, gamma: float, rows: str, days: int = 60, seed: int = 0
) -> TumourCourses:
    """Test patients as the public simulator makes them: another patient's size decides on treatment.

    There the size that decides is looked up in the table of trajectories that has been written so far, in which each
    patient has a row for each day and choice, at the row with the patient's number: it is one of the first patients'
    (read in github.com/Valentyn1997/CausalTransformer, src/data/cancer_sim/cancer_simulation.py). With gamma 0 nothing
    depends on it.

    Parameters
    ----------
    patients : TumourPatients
    gamma : float
    rows : {"next_day", "later_days"}
        Of which of the two tables.
    days, seed : int

    Examples
    --------
    >>> from understudy.causal.twins.tumour_simulator import draw_patients
    >>> people = draw_patients(range(9), seed=1)
    >>> tossed = simulate_courses(people, gamma=0.0)
    >>> bool(np.array_equal(crossed_courses(people, 0.0, "next_day").volume, tossed.volume, equal_nan=True))
    True
    """
    n = len(patients)
    table = np.zeros((n, days))
    filled = first = 0
    while filled < n:
        # The first patient's own first rows are written while he is being simulated: once to write them, once to use.
        for _ in range(2 if first == 0 else 1):
            deciding = table[first : first + 1].copy()
            if first == 0:
                deciding[:, 0] = 0.0
            course = simulate_courses(patients.take([first]), gamma, days, seed, deciding)
            written = _trajectories(course, rows)[: n - filled]
            table[filled : filled + len(written)] = written
        filled, first = filled + len(written), first + 1
    # On the first day the row of the first patient is not yet there; here its first volume is left out for good.
    table[0, 0] = 0.0
    return simulate_courses(patients, gamma, days, seed, table)


def _trajectories(course: TumourCourses, rows: str) -> NDArray[np.float64]:
    """Rows of the public table of one patient: his volumes to a day, then those of one choice or plan."""
    days = course.volume.shape[1]
    if rows == "next_day":
        later, seen = next_day(course)[0, ..., None], 1
        given = (2 * course.chemotherapy + course.radiotherapy)[0]
        order = np.argsort(given[:, None] != np.arange(4), axis=1, kind="stable")
        later = np.take_along_axis(later, order[..., None], axis=1)
    else:
        later, seen = later_days(course, sliding_plans(course))[0], 2
    found = []
    for day, options in enumerate(later[: int(course.watched.sum())]):
        for option in options[np.isfinite(options).all(axis=1)]:
            row = np.zeros(days + HORIZON + 2)
            row[: day + seen] = course.volume[0, : day + seen]
            row[day + seen : day + seen + len(option)] = option
            found.append(np.maximum(row[:days], 0.0))
    return np.array(found).reshape(-1, days)
