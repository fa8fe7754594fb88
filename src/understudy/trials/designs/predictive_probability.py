"""Predictive probability: the chance that a trial will succeed in the end, averaged over the posterior.

Lee and Liu, Clin Trials 5, 93 (2008), doi:10.1177/1740774508089279.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.patients import Patients
from understudy.trials.designs.runs import Runs


@dataclass(frozen=True)
class PredictiveProbability:
    """A single arm with a yes-or-no response, watched by the predictive probability of success at its end.

    Success is a posterior probability above ``success`` that the response rate is above ``reference``.

    Parameters
    ----------
    patients : int
        At most.
    reference : float
        Response rate that is no advance.
    success : float
    futility, efficacy : float
        The trial stops when the predictive probability is below, or above.
    looks : tuple of int
        Numbers of patients at the looks before the last.
    prior : tuple of float
        Of the beta distribution.

    Examples
    --------
    >>> design = PredictiveProbability(40, 0.6, success=0.9, prior=(0.6, 0.4))
    >>> round(float(design.of(16, 23)), 4)  # Lee and Liu 2008, their example: 0.5656
    0.5656
    """

    patients: int
    reference: float
    success: float = 0.95
    futility: float = 0.05
    efficacy: float = 1.0
    looks: tuple[int, ...] = ()
    prior: tuple[float, float] = (0.5, 0.5)

    def __post_init__(self):
        if not 0 < self.reference < 1 or not 0 < self.success < 1 or min(self.prior) <= 0:
            raise SimulationError(
                f"{self!r}", place="PredictiveProbability", repair="give shares between 0 and 1"
            )
        if any(not 0 < look < self.patients for look in self.looks) or list(self.looks) != sorted(
            set(self.looks)
        ):
            raise SimulationError(
                f"looks {self.looks}", place="looks", repair="give rising numbers below patients"
            )

    def of(self, responses, seen: int) -> NDArray[np.float64]:
        """Predictive probability after ``responses`` (a number or an array) of ``seen`` patients."""
        from scipy.stats import betabinom

        responses, rest = np.asarray(responses), self.patients - seen
        a, b = self.prior
        future = np.arange(rest + 1)
        chance = betabinom.pmf(future, rest, (a + responses)[..., None], (b + seen - responses)[..., None])
        return (chance * (self.posterior(responses[..., None] + future) > self.success)).sum(axis=-1)

    def posterior(self, responses) -> NDArray[np.float64]:
        """Probability, after all patients, that the response rate is above the reference."""
        from scipy.special import betaincc

        a, b = self.prior
        return betaincc(a + responses, b + self.patients - responses, self.reference)

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`; the last arm of the patients is the one that is treated."""
        if patients.endpoint != "binary":
            raise SimulationError(
                f"endpoint {patients.endpoint}", place="PredictiveProbability", repair="give binary patients"
            )
        value = patients.outcomes(trials, self.patients, seed).value[..., -1]
        entry = conduct.recruitment.times(trials, self.patients, seed)
        total = np.cumsum(value, axis=1).astype(np.int64)
        stopped = np.full(len(trials), self.patients)
        looks = np.full(len(trials), len(self.looks) + 1)
        futile, rejected = np.zeros(len(trials), bool), self.posterior(total[:, -1]) > self.success
        for index, look in reversed(list(enumerate(self.looks, start=1))):
            chance = self.of(np.arange(look + 1), look)[total[:, look - 1]]
            low, high = chance < self.futility, chance > self.efficacy
            stopped, looks = (
                np.where(low | high, new, old) for new, old in ((look, stopped), (index, looks))
            )
            futile, rejected = np.where(low | high, low, futile), np.where(low | high, high, rejected)
        rows = np.arange(len(trials))
        share = total[rows, stopped - 1] / stopped
        enrolled = np.zeros((len(trials), len(patients.arms)), dtype=np.int64)
        enrolled[:, -1] = stopped
        duration = entry[rows, stopped - 1]
        return Runs(("response rate",), rejected[:, None], enrolled, duration, looks, futile, share[:, None])
