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
from understudy.trials.designs.patients import Patients
from understudy.trials.designs.runs import Runs

_NODES = 96


@dataclass(frozen=True)
class ResponseAdaptive:
    """Batches of patients with a yes-or-no response, which is good; beta posteriors.

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
        Time from enrolment to the response. A batch begins when the one before is known.

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

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        if patients.endpoint != "binary":
            raise SimulationError(
                f"endpoint {patients.endpoint}", place="ResponseAdaptive", repair="give binary patients"
            )
        arms, count = len(patients.arms), len(trials)
        value = patients.outcomes(trials, self.patients, seed).value
        entry = conduct.recruitment.times(trials, self.patients, seed)
        drawn = uniforms(seed, "trial allocation", trials, self.patients)
        good, treated = np.zeros((count, arms)), np.zeros((count, arms))
        active, futile = np.ones(count, bool), np.zeros(count, bool)
        looks, duration = np.zeros(count, dtype=np.int64), np.zeros(count)
        better = np.full((count, arms - 1), 0.5)
        chance = np.full((count, arms), 1 / arms)
        for start in range(0, self.patients, self.batch):
            rows = np.flatnonzero(active)
            batch = slice(start, min(start + self.batch, self.patients))
            arm = (drawn[rows, batch, None] > np.cumsum(chance[rows], axis=1)[:, None, :-1]).sum(axis=2)
            hit = np.take_along_axis(value[rows, batch], arm[..., None], axis=2)[..., 0]
            for index in range(arms):
                treated[rows, index] += (arm == index).sum(axis=1)
                good[rows, index] += (hit * (arm == index)).sum(axis=1)
            # The delay shifts the whole schedule by one follow-up for each batch.
            looks[rows] += 1
            duration[rows] = entry[rows, batch.stop - 1] + looks[rows] * self.follow_up
            a, b = self.prior[0] + good[rows], self.prior[1] + treated[rows] - good[rows]
            better[rows] = np.stack([_better(a, b, (0, index))[:, 1] for index in range(1, arms)], axis=1)
            chance[rows] = self._allocation(_better(a, b, tuple(range(arms))))
            last = batch.stop == self.patients
            hopeless = (better[rows] < self.futility).all(axis=1) & (not last)
            won = (better[rows] > self.superiority).any(axis=1) & self.stop_early
            futile[rows] = hopeless
            active[rows] = ~(hopeless | won)
            if not active.any():
                break
        rejected = (better > self.superiority) & ~futile[:, None]
        share = good / np.maximum(treated, 1)
        measures = {"responses": good.sum(axis=1)}
        names = tuple(f"{arm} better" for arm in patients.arms[1:])
        enrolled = treated.astype(np.int64)
        return Runs(names, rejected, enrolled, duration, looks, futile, share[:, 1:] - share[:, :1], measures)

    def _allocation(self, best: NDArray[np.float64]) -> NDArray[np.float64]:
        dropped = best < self.drop
        dropped[:, 0] = False
        weight = np.where(dropped, 0.0, np.maximum(best, 1e-12) ** self.power)
        return weight / weight.sum(axis=1, keepdims=True)


def _better(a, b, arms: tuple[int, ...]) -> NDArray[np.float64]:
    """Probability that each of some arms has the highest rate, shape (trials, those arms), by quadrature."""
    from scipy.special import betainc, betaln, roots_legendre

    x, weight = roots_legendre(_NODES)
    # Nodes where the posteriors are: the densities are narrow when there are many patients.
    centre = a / (a + b)
    spread = np.sqrt(centre * (1 - centre) / (a + b + 1))
    low = np.clip((centre - 8 * spread)[:, arms].min(axis=1), 0.0, 1.0)
    high = np.clip((centre + 8 * spread)[:, arms].max(axis=1), 0.0, 1.0)
    half = 0.5 * (high - low)[:, None]
    rate = np.clip(low[:, None] + half * (x + 1), 1e-12, 1 - 1e-12)
    below = [betainc(a[:, [arm]], b[:, [arm]], rate) for arm in arms]
    chances = []
    for place, arm in enumerate(arms):
        log = (a[:, [arm]] - 1) * np.log(rate) + (b[:, [arm]] - 1) * np.log1p(-rate) - betaln(a, b)[:, [arm]]
        others = np.prod([each for index, each in enumerate(below) if index != place], axis=0)
        chances.append((np.exp(log) * others * half * weight).sum(axis=1))
    found = np.stack(chances, axis=1)
    return found / found.sum(axis=1, keepdims=True)
