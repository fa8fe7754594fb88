"""Response-adaptive randomisation: more patients to the arms that do better so far.

Thompson, Biometrika 25, 285 (1933), doi:10.1093/biomet/25.3-4.285; Thall and Wathen, Eur J Cancer 43, 859 (2007),
doi:10.1016/j.ejca.2007.01.006, for the power that tames it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.patients import Patients, observed
from understudy.trials.designs.probability_best import highest_mean, highest_share, lowest_hazard
from understudy.trials.designs.runs import Runs


@dataclass(frozen=True)
class ResponseAdaptive:
    """Batches of patients with a yes-or-no response, which is good, and beta posteriors; with a measurement, high when
    good, and normal posteriors; or with times to an event, which is bad, and gamma posteriors of constant hazards.

    Parameters
    ----------
    patients : int
        At most, all arms together.
    batch : int
        Patients between two changes of the allocation; the first batch is allocated evenly.
    power : float
        The chance of an arm is P(it is best) to this power, over the sum; 0 is even, 1 is Thompson's.
    superiority : float
        The treatment wins when P(it is better than the control) is above this, at the last analysis or, with
        ``stop_early``, at any. Choose it by the type I error rate that the simulation shows.
    drop : float
        An arm (never the control) gets no more patients while P(it is best) is below this.
    futility : float
        The trial stops when no treatment's P(better than the control) reaches this.
    stop_early : bool
    prior : tuple of float
    follow_up : float
        Time from enrolment to the response. A batch begins when the one before is known. Survival: time from the last
        enrolment to the last analysis; a batch is allocated by what is known when its first patient comes.
    hazard_prior : tuple of float, optional
        Survival: events and time at risk that the prior of every arm's hazard is worth, as half an event in half of
        the control arm's mean time.

    Notes
    -----
    Responses of patients who left before are missing, and left out. Posteriors of measurements have a flat prior, and
    the variance that all arms share as estimated.

    Examples
    --------
    >>> from understudy.trials.designs.response_patients import BinaryPatients
    >>> from understudy.trials.designs.simulate_trials import simulate_trials
    >>> patients = BinaryPatients({"control": 0.2, "drug": 0.6})
    >>> found = simulate_trials(ResponseAdaptive(100), patients, trials=200, seed=1)
    >>> arms = found.arms_table().set_index(["scenario", "arm"])["estimate"]
    >>> bool(arms["alternative", "drug"] > arms["alternative", "control"])
    True
    """

    patients: int
    batch: int = 20
    power: float = 0.5
    superiority: float = 0.975
    drop: float = 0.0
    futility: float = 0.0
    stop_early: bool = False
    prior: tuple[float, float] = (1.0, 1.0)
    follow_up: float = 0.0
    hazard_prior: tuple[float, float] | None = None

    def __post_init__(self):
        shares = (self.superiority, self.drop, self.futility)
        if not 1 <= self.batch <= self.patients or self.power < 0 or min(self.prior) <= 0:
            raise SimulationError(
                f"{self!r}", place="ResponseAdaptive", repair="give batches of 1 up to patients, power from 0"
            )
        if any(not 0 <= share <= 1 for share in shares):
            raise SimulationError(
                f"{self!r}", place="ResponseAdaptive", repair="give probabilities from 0 to 1"
            )
        if self.hazard_prior is not None and not min(self.hazard_prior) > 0:
            raise SimulationError(
                f"prior {self.hazard_prior}",
                place="ResponseAdaptive.hazard_prior",
                repair="give numbers above 0",
            )

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        survival = patients.endpoint == "survival"
        if len(patients.arms) < 2 or survival != (self.hazard_prior is not None):
            raise SimulationError(
                f"{patients.endpoint} patients of {len(patients.arms)} arms",
                place="ResponseAdaptive",
                repair="give patients of two arms or more; `hazard_prior` for times to an event, and only for them",
            )
        trial = _Trial(self, patients, conduct, trials, seed)
        for start in range(0, self.patients, self.batch):
            trial.batch(start, min(start + self.batch, self.patients))
            if not trial.active.any():
                break
        return trial.runs(patients.arms)

    def _allocation(self, best: NDArray[np.float64]) -> NDArray[np.float64]:
        dropped = best < self.drop
        dropped[:, 0] = False
        weight = np.where(dropped, 0.0, np.maximum(best, 1e-12) ** self.power)
        return weight / weight.sum(axis=1, keepdims=True)


_BEST = {"binary": highest_share, "continuous": highest_mean, "survival": lowest_hazard}


class _Trial:
    """State of many trials, batch after batch."""

    def __init__(self, design: ResponseAdaptive, patients: Patients, conduct: Conduct, trials, seed: int):
        self.design, self.conduct, self.count, self.arms = design, conduct, len(trials), len(patients.arms)
        self.given = (trials, seed)
        self.survival = patients.endpoint == "survival"
        self.best = _BEST[patients.endpoint]
        self.measured = patients.endpoint == "continuous"
        self.outcomes = patients.outcomes(trials, design.patients, seed)
        self.entry = conduct.recruitment.times(trials, design.patients, seed)
        self.drawn = uniforms(seed, "trial allocation", trials, design.patients)
        shape = (self.count, design.patients)
        self.arm = np.full(shape, -1)
        self.value, self.lost = np.zeros(shape), np.zeros(shape)
        self.active, self.futile = np.ones(self.count, bool), np.zeros(self.count, bool)
        self.looks, self.duration = np.zeros(self.count, dtype=np.int64), np.zeros(self.count)
        self.better = np.full((self.count, self.arms - 1), 0.5)
        self.chance = np.full((self.count, self.arms), 1 / self.arms)
        self.good, self.known = (np.zeros((self.count, self.arms)) for _ in range(2))

    def batch(self, start: int, stop: int) -> None:
        """Allocate a batch, and look at what is known when the next one comes."""
        rows = np.flatnonzero(self.active)
        batch = slice(start, stop)
        limits = np.cumsum(self.chance[rows], axis=1)[:, None, :-1]
        self.arm[rows, batch] = (self.drawn[rows, batch, None] > limits).sum(axis=2)
        value, lost = observed(self.outcomes, np.maximum(self.arm, 0), self.conduct, *self.given)
        self.looks[rows] += 1
        last = stop == self.design.patients
        if self.survival:
            when = self.entry[:, -1] + self.design.follow_up if last else self.entry[:, stop]
            good, bad = self._hazards(self.conduct.seen(value), lost, when)
        else:
            # The delay shifts the whole schedule by one follow-up for each batch.
            when = self.entry[:, stop - 1] + self.looks * self.design.follow_up
            good, bad = (self._means if self.measured else self._responses)(value, lost)
        self.duration[rows] = when[rows]
        self._judge(rows, good[rows], bad[rows], last)

    def _responses(self, value, lost):
        """Parameters of the arms' beta posteriors."""
        known = (lost > self.design.follow_up) & (self.arm >= 0)
        member = known[..., None] & (self.arm[..., None] == np.arange(self.arms))
        self.known = member.sum(axis=1).astype(float)
        self.good = (member * value[..., None]).sum(axis=1)
        return self.design.prior[0] + self.good, self.design.prior[1] + self.known - self.good

    def _means(self, value, lost):
        """Means and standard errors of the arms' normal posteriors."""
        known = (lost > self.design.follow_up) & (self.arm >= 0)
        member = known[..., None] & (self.arm[..., None] == np.arange(self.arms))
        self.known = member.sum(axis=1).astype(float)
        self.good = (member * value[..., None]).sum(axis=1)
        mean = self.good / np.maximum(self.known, 1)
        rest = np.where(member, value[..., None] - mean[:, None], 0.0)
        freedom = np.maximum(self.known.sum(axis=1) - self.arms, 1)
        sd = np.sqrt(np.maximum((rest**2).sum(axis=(1, 2)) / freedom, 1e-12))
        # Of an arm without a patient so much is known as of half a one: nearly nothing.
        return mean, sd[:, None] / np.sqrt(np.maximum(self.known, 0.5))

    def _hazards(self, time, lost, when):
        """Shape and rate of the arms' gamma posteriors, at a calendar time."""
        since = np.where(self.arm >= 0, np.maximum(when[:, None] - self.entry, 0.0), 0.0)
        seen = np.minimum(np.minimum(time, lost), since)
        event = (time <= lost) & (time <= since) & (since > 0)
        member = self.arm[..., None] == np.arange(self.arms)
        self.good = (member * event[..., None]).sum(axis=1).astype(float)
        self.known = (member * seen[..., None]).sum(axis=1)
        return self.design.hazard_prior[0] + self.good, self.design.hazard_prior[1] + self.known

    def _judge(self, rows, good, bad, last: bool) -> None:
        best = self.best
        self.better[rows] = np.stack([best(good, bad, (0, arm))[:, 1] for arm in range(1, self.arms)], axis=1)
        self.chance[rows] = self.design._allocation(best(good, bad, tuple(range(self.arms))))
        hopeless = (self.better[rows] < self.design.futility).all(axis=1) & (not last)
        won = (self.better[rows] > self.design.superiority).any(axis=1) & self.design.stop_early
        self.futile[rows] = hopeless
        self.active[rows] = ~(hopeless | won)

    def runs(self, arms: tuple[str, ...]) -> Runs:
        """What came of it."""
        rejected = (self.better > self.design.superiority) & ~self.futile[:, None]
        if self.survival:
            # The estimate is a log hazard ratio; half an event keeps arms without one finite.
            rate = np.log((self.good + 0.5) / np.maximum(self.known, 1e-12))
            measures = {"events": self.good.sum(axis=1)}
        else:
            rate = self.good / np.maximum(self.known, 1)
            told = ("measured", self.known) if self.measured else ("responses", self.good)
            measures = {told[0]: told[1].sum(axis=1)}
        enrolled = (self.arm[..., None] == np.arange(self.arms)).sum(axis=1)
        names = tuple(f"{arm} better" for arm in arms[1:])
        estimate = rate[:, 1:] - rate[:, :1]
        return Runs(names, rejected, enrolled, self.duration, self.looks, self.futile, estimate, measures)
