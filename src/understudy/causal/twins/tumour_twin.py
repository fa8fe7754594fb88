"""Tumour twins: growth, drug effect and radiosensitivity of a patient, from his course and those of earlier patients.

A day's relative growth is linear in a patient's three rates, with normal noise. With normal random effects the
posterior of a twin is therefore normal and known in closed form, day after day: the distribution that `individualise`
finds by Laplace's approximation (Sheiner and Beal 1982, doi:10.1002/jps.2600711209), which is exact here. What the
population is like is learnt from earlier patients by maximum likelihood of the linear mixed model, by EM (Laird and
Ware, Biometrics 1982;38:963-974, doi:10.2307/2529876).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.causal.twins.tumour_counterfactuals import CHOICES
from understudy.causal.twins.tumour_simulator import (
    ALPHA_BETA,
    CAPACITY,
    DOSE,
    FRACTION,
    HALF_LIFE,
    LARGEST,
    TumourCourses,
    kept,
)
from understudy.core.errors import SimulationError

_KINDS, _MOST_STEPS, _ARRIVED = 3, 500, 1e-6


@dataclass(frozen=True)
class Mechanism:
    """What a twin holds for the truth about tumours.

    Parameters
    ----------
    growth : {"gompertz", "exponential"}
        Towards the capacity, a sphere of 30 cm, or without end.
    half_life : float
        Of the drug, days.

    Examples
    --------
    >>> Mechanism().growth, Mechanism("exponential", 4.0).half_life
    ('gompertz', 4.0)
    """

    growth: Literal["gompertz", "exponential"] = "gompertz"
    half_life: float = HALF_LIFE

    def features(self, volume, concentration, radiotherapy) -> NDArray[np.float64]:
        """What each of the three rates is multiplied by in a day's relative growth, in a last axis of length 3."""
        volume, concentration, radiotherapy = np.broadcast_arrays(volume, concentration, radiotherapy)
        fraction = FRACTION * radiotherapy
        grows = np.log(CAPACITY / np.where(volume > 0, volume, CAPACITY)) if self.gompertz else volume > 0
        return np.stack([grows, -concentration, -(fraction + fraction**2 / ALPHA_BETA)], axis=-1)

    @property
    def gompertz(self) -> bool:
        """Whether growth slows down."""
        return self.growth == "gompertz"

    def carried(self, courses: TumourCourses) -> NDArray[np.float64]:
        """Concentration left on each day from the days before, as this mechanism has it, shape (n, days - 1)."""
        left = np.zeros(courses.chemotherapy.shape)
        for day in range(1, left.shape[1]):
            left[:, day] = (left[:, day - 1] + DOSE * courses.chemotherapy[:, day - 1]) * kept(self.half_life)
        return left


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of each day's features and growth, in which the likelihood is a function of a patient's rates."""

    square: NDArray[np.float64]  # (n, days - 1, 3, 3)
    product: NDArray[np.float64]  # (n, days - 1, 3)
    growth: NDArray[np.float64]  # (n, days - 1)
    used: NDArray[np.bool_]

    @classmethod
    def of(cls, courses: TumourCourses, mechanism: Mechanism) -> _Sums:
        today, later = courses.volume[:, :-1], courses.volume[:, 1:]
        # A volume at either limit says no more than that it was beyond.
        used = courses.watched & (later > 0) & (later < LARGEST)
        concentration = mechanism.carried(courses) + DOSE * courses.chemotherapy
        x = mechanism.features(np.where(used, today, 1.0), concentration, courses.radiotherapy)
        x = np.where(used[..., None], x, 0.0)
        growth = np.where(used, later / np.where(used, today, 1.0) - 1, 0.0)
        return cls(x[..., :, None] * x[..., None, :], x * growth[..., None], growth, used)


@dataclass(frozen=True, eq=False)
class TumourPopulation:
    """What earlier patients were like: normal rates around the mean of a patient's type.

    Parameters
    ----------
    mechanism : Mechanism
    mean : float array, shape (3, 3)
        By type and rate: growth, drug effect, radiosensitivity.
    covariance : float array, shape (3, 3)
        Between patients.
    noise : float
        Standard deviation of a day's relative growth.
    patients : int
        It was learnt from.
    """

    mechanism: Mechanism
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    noise: float
    patients: int


def learn_population(courses: TumourCourses, mechanism: Mechanism | None = None) -> TumourPopulation:
    """The population that explains these patients' courses best.

    Parameters
    ----------
    courses : TumourCourses
        Of patients who are not to be predicted.
    mechanism : Mechanism, optional
        That of the simulator, if left out.

    Raises
    ------
    SimulationError
        Where a type of patient is missing, or the search does not arrive.

    Examples
    --------
    >>> from understudy.causal.twins.tumour_simulator import draw_patients, simulate_courses
    >>> found = learn_population(simulate_courses(draw_patients(range(600), seed=1), gamma=0.0))
    >>> found.mean[:, 1].round(3).tolist(), round(found.noise, 3)
    ([0.028, 0.028, 0.031], 0.01)
    """
    mechanism = Mechanism() if mechanism is None else mechanism
    kinds = np.eye(_KINDS)[courses.patients.kind - 1]
    if not kinds.sum(axis=0).min():
        raise SimulationError("a type of patient is missing", place="courses", repair="give more patients")
    sums = _Sums.of(courses, mechanism)
    a, b = sums.square.sum(axis=1), sums.product.sum(axis=1)
    squares, days = np.square(sums.growth).sum(axis=1), sums.used.sum()
    mean, covariance, variance = _start(a, b, squares, days)
    for _ in range(_MOST_STEPS):
        rates, spread = _posterior(a, b, kinds @ mean, covariance, variance)
        new_mean = np.linalg.solve(kinds.T @ kinds, kinds.T @ rates)
        off = rates - kinds @ new_mean
        new_covariance = (off.T @ off + spread.sum(axis=0)) / len(rates)
        misfit = squares - 2 * (rates * b).sum(axis=1) + np.einsum("np,npq,nq->n", rates, a, rates)
        new_variance = (misfit + np.einsum("npq,npq->n", a, spread)).sum() / days
        scale = np.sqrt(np.diag(new_covariance))
        moved = max(
            np.abs((new_mean - mean) / scale).max(),
            np.abs((new_covariance - covariance) / np.outer(scale, scale)).max(),
            abs(new_variance / variance - 1),
        )
        mean, covariance, variance = new_mean, new_covariance, new_variance
        if moved < _ARRIVED:
            return TumourPopulation(mechanism, mean, covariance, float(np.sqrt(variance)), len(rates))
    raise SimulationError("EM does not arrive", place="learn_population", repair="give more patients")


def _start(a: np.ndarray, b: np.ndarray, squares: np.ndarray, days: int):
    """Least squares of all patients as if they were one."""
    pooled = np.linalg.solve(a.sum(axis=0), b.sum(axis=0))
    return np.tile(pooled, (_KINDS, 1)), np.diag(np.square(0.3 * pooled) + 1e-12), squares.sum() / days


def _posterior(a, b, prior, covariance, variance) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of rates, given sums over days, the prior's mean and covariance, the noise's variance."""
    precision = np.linalg.inv(covariance)
    spread = np.linalg.inv(a / variance + precision)
    return np.einsum("...pq,...q->...p", spread, b / variance + prior @ precision), spread


@dataclass(frozen=True, eq=False)
class TumourTwins:
    """What is known of each patient on each day, from the days before.

    Parameters
    ----------
    population : TumourPopulation
    mean : float array, shape (n, days - 1, 3)
        Of growth, drug effect, radiosensitivity.
    covariance : float array, shape (n, days - 1, 3, 3)
    """

    population: TumourPopulation
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def next_day(self, courses: TumourCourses) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of the next day's volume under each of `CHOICES`, shape (n, days - 1, 4)."""
        today = courses.volume[:, :-1, None]
        concentration = self.population.mechanism.carried(courses)[..., None] + DOSE * CHOICES[:, 0]
        x = self.population.mechanism.features(today, concentration, CHOICES[:, 1])
        mean = today * (1 + np.einsum("nkcp,nkp->nkc", x, self.mean))
        variance = np.einsum("nkcp,nkpq,nkcq->nkc", x, self.covariance, x) + self.population.noise**2
        return mean, today * np.sqrt(variance)


def make_twins(population: TumourPopulation, courses: TumourCourses) -> TumourTwins:
    """A twin of each patient on each day; it has seen the volumes to that day and the treatments before.

    Examples
    --------
    >>> from understudy.causal.twins.tumour_simulator import draw_patients, simulate_courses
    >>> earlier = simulate_courses(draw_patients(range(600), seed=1), gamma=0.0)
    >>> courses = simulate_courses(draw_patients(range(600, 610), seed=1), gamma=0.0)
    >>> make_twins(learn_population(earlier), courses).mean.shape
    (10, 59, 3)
    """
    sums = _Sums.of(courses, population.mechanism)
    prior = population.mean[courses.patients.kind - 1][:, None]
    return TumourTwins(
        population,
        *_posterior(
            _before(sums.square), _before(sums.product), prior, population.covariance, population.noise**2
        ),
    )


def prior_twins(population: TumourPopulation, courses: TumourCourses) -> TumourTwins:
    """Twins that have seen nothing: the typical patient of each one's type, and how patients differ."""
    shape = courses.chemotherapy.shape
    mean = np.broadcast_to(population.mean[courses.patients.kind - 1][:, None], (*shape, 3))
    return TumourTwins(population, mean, np.broadcast_to(population.covariance, (*shape, 3, 3)))


def _before(each: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the days before each day."""
    found = np.zeros_like(each)
    found[:, 1:] = np.cumsum(each, axis=1)[:, :-1]
    return found
