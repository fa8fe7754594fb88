"""Dose escalation: cohorts of patients at doses that a rule chooses from the toxicities seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.patients import Patients
from understudy.trials.designs.runs import Runs

STOP = -1
_FEWEST = 3  # patients before a dose can be given up


class EscalationRule(Protocol):
    """Chooses doses, for many trials at once."""

    def next_dose(self, toxic: NDArray, treated: NDArray, dose: NDArray) -> NDArray[np.int64]:
        """Index of the next cohort's dose, or -1 to stop.

        ``toxic`` and ``treated`` are counts of shape (trials, doses), ``dose`` the last cohort's, shape (trials,).
        """
        ...

    def select(self, toxic: NDArray, treated: NDArray) -> NDArray[np.int64]:
        """Index of the maximum tolerated dose, or -1 where every dose is too toxic."""
        ...


@dataclass(frozen=True)
class DoseEscalation:
    """A dose-finding trial; patients are binary, an arm a dose, and a response is a toxicity.

    Parameters
    ----------
    rule : EscalationRule
        Such as `ThreePlusThree`, `Boin`, `Keyboard`, `ContinualReassessment`.
    cohort : int
        Patients of a cohort.
    cohorts : int
        At most.
    start : int
        Index of the first dose.
    window : float
        Time for a toxicity to be seen before the next cohort begins.

    Examples
    --------
    >>> from understudy.trials.designs.boin import Boin
    >>> from understudy.trials.designs.response_patients import BinaryPatients
    >>> from understudy.trials.designs.simulate_trials import simulate_trials
    >>> patients = BinaryPatients({"10 mg": 0.05, "20 mg": 0.3, "40 mg": 0.6})
    >>> found = simulate_trials(DoseEscalation(Boin(0.3)), {"steep": patients}, trials=500, seed=1)
    >>> found.rejection("steep", "select 20 mg")[0] > 0.6
    True
    """

    rule: EscalationRule
    cohort: int = 3
    cohorts: int = 10
    start: int = 0
    window: float = 1.0
    has_null: ClassVar[bool] = False

    def __post_init__(self):
        if self.cohort < 1 or self.cohorts < 1 or self.start < 0 or self.window < 0:
            raise SimulationError(
                f"{self!r}", place="DoseEscalation", repair="give cohorts of 1 patient or more"
            )

    @property
    def patients(self) -> int:
        """Most patients of a trial."""
        return self.cohort * self.cohorts

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`; "rejected" is that a dose was selected."""
        doses, count = len(patients.arms), len(trials)
        if patients.endpoint != "binary" or self.start >= doses:
            raise SimulationError(
                f"{patients.endpoint} patients with {doses} doses",
                place="DoseEscalation",
                repair="give binary patients, and a start among their doses",
            )
        if getattr(self.rule, "cohort", self.cohort) != self.cohort:
            raise SimulationError(
                f"cohorts of {self.cohort} with {type(self.rule).__name__}",
                place="DoseEscalation.cohort",
                repair=f"give {self.rule.cohort}",
            )
        value = patients.outcomes(trials, self.patients, seed).value.astype(np.int64)
        entry = conduct.recruitment.times(trials, self.patients, seed)
        toxic, treated = (np.zeros((count, doses), dtype=np.int64) for _ in range(2))
        dose, active = np.full(count, self.start), np.ones(count, bool)
        duration, looks = np.zeros(count), np.zeros(count, dtype=np.int64)
        rows = np.arange(count)
        for cohort in range(self.cohorts):
            patients_of = slice(cohort * self.cohort, (cohort + 1) * self.cohort)
            at = np.maximum(dose, 0)
            treated[rows, at] += self.cohort * active
            toxic[rows, at] += value[rows, patients_of, at].sum(axis=1) * active
            # A cohort begins when its patients are there and the last one's window is over.
            ready = np.maximum(entry[:, patients_of.stop - 1], duration) + self.window
            duration = np.where(active, ready, duration)
            looks += active
            dose = np.where(active, self.rule.next_dose(toxic, treated, at), dose)
            active &= dose != STOP
        chosen = self.rule.select(toxic, treated)
        names = tuple(f"select {arm}" for arm in patients.arms)
        rejected = chosen[:, None] == np.arange(doses)
        measures = {"toxicities": toxic.sum(axis=1).astype(float)}
        estimate = np.full(rejected.shape, np.nan)
        return Runs(names, rejected, treated, duration, looks, chosen == STOP, estimate, measures)


def tolerated(toxic: NDArray, treated: NDArray, target: float, elimination: float) -> NDArray[np.bool_]:
    """Doses that are not given up, shape (trials, doses).

    A dose and all above it are given up where, after three patients or more, the posterior probability (uniform prior)
    that its rate is above the target exceeds ``elimination``; Liu and Yuan 2015, doi:10.1111/rssc.12089.
    """
    from scipy.special import betaincc

    chance = betaincc(1 + toxic, 1 + treated - toxic, target)
    gone = (treated >= _FEWEST) & (chance > elimination)
    return ~np.logical_or.accumulate(gone, axis=1)


def step(dose: NDArray, move: NDArray, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The next dose after a move of -1, 0 or 1, no higher than what is allowed; -1 where nothing is."""
    highest = allowed.sum(axis=1) - 1
    return np.where(highest < 0, STOP, np.clip(dose + move, 0, np.maximum(highest, 0)))


def tolerated_nearest(toxic: NDArray, treated: NDArray, target: float, allowed: NDArray) -> NDArray[np.int64]:
    """The dose whose isotonic rate is nearest to the target; among equals the higher if they are below it."""
    used = (treated > 0) & allowed
    rate = isotonic((toxic + 0.05) / (treated + 0.1), np.where(used, treated, 0).astype(float))
    # A hair for each dose breaks ties between equal rates, as in section 2.4 of Liu and Yuan.
    rate = rate + 1e-9 * np.arange(rate.shape[1])
    distance = np.where(used, np.abs(rate - target), np.inf)
    return np.where(used.any(axis=1), distance.argmin(axis=1), STOP)


def isotonic(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rising values nearest to the given ones, along the last axis; weight 0 leaves a place out.

    By the largest of the smallest means (Robertson, Wright and Dykstra, *Order Restricted Statistical Inference*,
    1988).

    Examples
    --------
    >>> isotonic(np.array([[0.3, 0.1, 0.5]]), np.array([[1.0, 1, 1]])).round(2).tolist()
    [[0.2, 0.2, 0.5]]
    """
    count = values.shape[-1]
    mass = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(weights, axis=-1)], axis=-1)
    total = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values * weights, axis=-1)], axis=-1)
    fitted = np.empty_like(values)
    for place in range(count):
        best = np.full(values.shape[:-1], -np.inf)
        for first in range(place + 1):
            lowest = np.full(values.shape[:-1], np.inf)
            for last in range(place, count):
                size = mass[..., last + 1] - mass[..., first]
                mean = (total[..., last + 1] - total[..., first]) / np.where(size > 0, size, 1.0)
                lowest = np.minimum(lowest, np.where(size > 0, mean, np.inf))
            best = np.maximum(best, np.where(np.isfinite(lowest), lowest, -np.inf))
        fitted[..., place] = best
    return np.where(weights > 0, fitted, np.nan)
