"""Enrichment: a trial that may go on in those with a biomarker only, if they alone benefit.

Two stages, combined by the inverse normal method, in a closed test of "no effect in all" and "no effect in those
with the biomarker": Brannath and others, Stat Med 28, 1445 (2009), doi:10.1002/sim.3559; Jenkins, Stone and
Jennison, Pharm Stat 10, 347 (2011), doi:10.1002/pst.472. The intersection is tested by Simes' p value (Biometrika
73, 751 (1986), doi:10.1093/biomet/73.3.751).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct, permuted_blocks
from understudy.trials.designs.event_times import EventTimes
from understudy.trials.designs.patients import Patients, observed
from understudy.trials.designs.runs import Runs
from understudy.trials.designs.two_samples import two_sample_z

ALL, POSITIVE, NONE = 0, 1, 2


@dataclass(frozen=True)
class Enrichment:
    """Two arms, and patients with a covariate ``biomarker`` of 0 and 1.

    Parameters
    ----------
    first, second : int
        Patients of each stage. An enriched second stage takes those with the biomarker only, and waits for them.
    alpha : float
        Family-wise, one-sided.
    all_limit : float
        The trial goes on with all patients when Z of all patients of the first stage is above this;
    positive_limit : float
        else with those with the biomarker when their Z is above this; else it stops for futility.
    margin : float
        All go on only if Z of those without the biomarker is above this, so that they are not carried by the others.
    follow_up : float
        Time from enrolment to the measurement. Survival: from the last enrolment of a stage to its log-rank test, and
        each stage's patients are tested apart. Enrolment rests until the first stage's test.

    Notes
    -----
    Measurements of patients who left before are missing, and left out.

    Examples
    --------
    >>> from understudy.trials.designs.response_patients import BiomarkerPatients, ContinuousPatients
    >>> from understudy.trials.designs.simulate_trials import simulate_trials
    >>> none, some = (ContinuousPatients({"control": 0.0, "drug": effect}) for effect in (0.0, 0.8))
    >>> found = simulate_trials(Enrichment(100, 100), BiomarkerPatients(none, some, 0.4), trials=300, seed=1)
    >>> found.rejection("alternative", "positive benefit")[0] > 0.8
    True
    """

    first: int
    second: int
    alpha: float = 0.025
    all_limit: float = 0.5
    positive_limit: float = 0.5
    margin: float = 0.0
    follow_up: float = 0.0

    def __post_init__(self):
        if min(self.first, self.second) < 8 or not 0 < self.alpha < 0.5:
            raise SimulationError(f"{self!r}", place="Enrichment", repair="give 8 patients a stage or more")

    @property
    def patients(self) -> int:
        """Patients of both stages."""
        return self.first + self.second

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        # Enough to be screened that an enriched second stage finds its patients.
        screened = self.first + math.ceil(self.second * self._screening(patients))
        outcomes = patients.outcomes(trials, screened, seed)
        survival = patients.endpoint == "survival"
        if (
            len(patients.arms) != 2
            or "biomarker" not in outcomes.covariates
            or (survival and not self.follow_up > 0)
        ):
            raise SimulationError(
                f"{patients.endpoint} patients of {len(patients.arms)} arms",
                place="Enrichment",
                repair="give two arms and a covariate biomarker of 0 and 1; follow_up for times to an event",
            )
        positive = outcomes.covariates["biomarker"] > 0.5
        arm = permuted_blocks(trials, screened, (1, 1), seed)
        value, lost = observed(outcomes, arm, conduct, trials, seed)
        entry = conduct.recruitment.times(trials, screened, seed)
        # Enrolment rests until the first stage's test.
        entry = entry + np.where(np.arange(screened) < self.first, 0.0, self.follow_up)
        if survival:
            tests = _SurvivalTests(EventTimes(arm == 1, entry, conduct.seen(value), lost), self.follow_up)
        else:
            tests = _MeasuredTests(value, arm == 1, lost > self.follow_up)
        return self._stages(tests, arm, entry, positive)

    def _stages(self, tests, arm, entry, positive) -> Runs:
        early = np.broadcast_to(np.arange(arm.shape[1]) < self.first, arm.shape)
        z1 = self._both(tests, early, positive)[0]
        without, _ = tests.of(early & ~positive, early)
        choice = np.where(
            (z1[:, 0] > self.all_limit) & (without > self.margin),
            ALL,
            np.where(z1[:, 1] > self.positive_limit, POSITIVE, NONE),
        )
        eligible = ~early & (positive | (choice == ALL)[:, None]) & (choice != NONE)[:, None]
        late = eligible & (np.cumsum(eligible, axis=1) <= self.second)
        z2 = self._both(tests, late, positive)[0]
        rejected = self._closed_test(z1, z2, choice)
        used = early | late
        estimate = self._both(tests, used, positive)[1]
        enrolled = np.stack([(used & (arm == index)).sum(axis=1) for index in (0, 1)], axis=1)
        duration = np.where(used, entry, 0.0).max(axis=1) + self.follow_up
        measures = {"enriched": (choice == POSITIVE).astype(float), "screened": _last(used)}
        names = ("all benefit", "positive benefit")
        looks = np.where(choice == NONE, 1, 2)
        return Runs(names, rejected, enrolled, duration, looks, choice == NONE, estimate, measures)

    def _screening(self, patients: Patients) -> float:
        share = getattr(patients, "prevalence", None)
        if share is None:
            share = float(
                np.mean(np.asarray(getattr(patients, "covariates", {}).get("biomarker", [0.2])) > 0.5)
            )
        # Four standard deviations more than are expected to be needed.
        return (1 + 4 / math.sqrt(self.second)) / max(share, 0.01)

    def _both(self, tests, stage, positive):
        """Z and effects in all and in those with the biomarker, shape (trials, 2)."""
        found = [tests.of(each, stage) for each in (stage, stage & positive)]
        return tuple(np.stack([pair[index] for pair in found], axis=1) for index in (0, 1))

    def _closed_test(self, z1, z2, choice) -> NDArray[np.bool_]:
        """An elementary hypothesis falls when it and the intersection are rejected at alpha."""
        from scipy.special import ndtri

        limit = -float(ndtri(self.alpha))
        total = self.first + self.second
        weights = math.sqrt(self.first / total), math.sqrt(self.second / total)
        # After enrichment the second stage tells of those with the biomarker only.
        late = np.where((choice == POSITIVE)[:, None], z2[:, [1]], _simes(z2)[:, None])[:, 0]
        both = weights[0] * _simes(z1) + weights[1] * late >= limit
        single = weights[0] * z1 + weights[1] * z2 >= limit
        single[:, 0] &= choice == ALL
        return single & (both & (choice != NONE))[:, None]


@dataclass(frozen=True, eq=False)
class _MeasuredTests:
    """Tests of measurements."""

    value: NDArray[np.float64]
    treated: NDArray[np.bool_]
    known: NDArray[np.bool_]

    def of(self, used: NDArray[np.bool_], stage: NDArray[np.bool_]):
        """Z and difference of those who are used."""
        return two_sample_z(self.value, self.treated, used & self.known)


@dataclass(frozen=True, eq=False)
class _SurvivalTests:
    """Log-rank tests when the last patient of a stage has been followed up."""

    trial: EventTimes
    follow_up: float

    def of(self, used: NDArray[np.bool_], stage: NDArray[np.bool_]):
        """Z and log hazard ratio of those who are used."""
        when = np.where(stage, self.trial.entry, 0.0).max(axis=1) + self.follow_up
        z, effect, _ = self.trial.test_at(used, when)
        return z, effect


def _simes(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Z of Simes' p value of two hypotheses: the smaller of twice the least and the largest."""
    from scipy.special import ndtr, ndtri

    p = np.sort(ndtr(-z), axis=1)
    return -ndtri(np.clip(np.minimum(2 * p[:, 0], p[:, 1]), 1e-300, 1 - 1e-16))


def _last(used: NDArray[np.bool_]) -> NDArray[np.float64]:
    return (used.shape[1] - used[:, ::-1].argmax(axis=1)).astype(float)
