"""Continual reassessment: a one-parameter model of toxicity, updated after each cohort.

O'Quigley, Pepe and Fisher, Biometrics 46, 33 (1990), doi:10.2307/2531628; Cheung, *Dose Finding by the Continual
Reassessment Method* (2011).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.dose_escalation import STOP

_NODES = 101
_REACH = 6.0  # standard deviations of the prior
_INTERCEPT = 3.0  # of the logistic model


@dataclass(frozen=True)
class ContinualReassessment:
    """The next dose is the one whose estimated toxicity is nearest to the target.

    Parameters
    ----------
    skeleton : sequence of float
        Prior guesses of the toxicity rates, rising.
    target : float
    sd : float
        Of the normal prior of the parameter β; 1.34 is that of Cheung 2011.
    model : "power" or "logistic"
        p = skeleton ^ exp(β), or logit p = 3 + exp(β) · x with x from the skeleton.
    skip : bool
        Whether doses that nobody had may be skipped when going up.
    safety : float
        The trial stops when the posterior probability that the lowest dose is above the target exceeds this.

    Notes
    -----
    The parameter is estimated by its posterior mean.

    Examples
    --------
    >>> rule = ContinualReassessment(skeleton(0.05, 0.25, guess=3, doses=5), 0.25)
    >>> rule.next_dose(np.array([[0, 0, 0, 0, 0]]), np.array([[3, 0, 0, 0, 0]]), np.array([0])).tolist()
    [1]
    """

    skeleton: Sequence[float]
    target: float
    sd: float = 1.34
    model: Literal["power", "logistic"] = "power"
    skip: bool = False
    safety: float = 0.95

    def __post_init__(self):
        guesses = np.asarray(self.skeleton, dtype=float)
        if (
            not guesses.size
            or not np.isfinite(guesses).all()
            or (guesses <= 0).any()
            or (guesses >= 1).any()
            or (np.diff(guesses) <= 0).any()
        ):
            raise SimulationError(
                f"skeleton {self.skeleton}",
                place="ContinualReassessment",
                repair="give rising rates between 0 and 1",
            )
        if (
            not 0 < self.target < 1
            or not self.sd > 0
            or not 0 < self.safety <= 1
            or self.model not in ("power", "logistic")
        ):
            raise SimulationError(
                f"{self!r}",
                place="ContinualReassessment",
                repair="give a target, an sd, a safety up to 1, and power or logistic",
            )

    def estimate(self, toxic: NDArray, treated: NDArray) -> NDArray[np.float64]:
        """Posterior mean of β, shape (trials,)."""
        beta, chance = self._posterior(toxic, treated)
        return chance @ beta

    def rates(self, beta) -> NDArray[np.float64]:
        """Toxicity rates of all doses, shape (values of β, doses)."""
        from scipy.special import expit, logit

        slope, guesses = np.exp(np.asarray(beta, dtype=float))[..., None], np.asarray(self.skeleton)
        if self.model == "power":
            return guesses**slope
        return expit(_INTERCEPT + slope * (logit(guesses) - _INTERCEPT))

    def next_dose(self, toxic: NDArray, treated: NDArray, dose: NDArray) -> NDArray[np.int64]:
        """See `EscalationRule.next_dose`."""
        best = self._nearest(toxic, treated)
        if not self.skip:
            best = np.minimum(best, dose + 1)
        return np.where(self._too_toxic(toxic, treated), STOP, best)

    def select(self, toxic: NDArray, treated: NDArray) -> NDArray[np.int64]:
        """See `EscalationRule.select`; no higher than the highest dose that somebody had."""
        highest = treated.shape[1] - 1 - (treated[:, ::-1] > 0).argmax(axis=1)
        best = np.minimum(self._nearest(toxic, treated), highest)
        return np.where(self._too_toxic(toxic, treated), STOP, best)

    def _nearest(self, toxic, treated) -> NDArray[np.int64]:
        return np.abs(self.rates(self.estimate(toxic, treated)) - self.target).argmin(axis=1)

    def _too_toxic(self, toxic, treated) -> NDArray[np.bool_]:
        beta, chance = self._posterior(toxic, treated)
        return chance @ (self.rates(beta)[:, 0] > self.target) > self.safety

    def _posterior(self, toxic, treated):
        """Values of β and the posterior's mass at each, shape (trials, values)."""
        if treated.shape[1] != len(self.skeleton):
            raise SimulationError(
                f"{treated.shape[1]} doses with a skeleton of {len(self.skeleton)}",
                place="ContinualReassessment",
                repair="give one rate for each dose",
            )
        beta = np.linspace(-_REACH, _REACH, _NODES) * self.sd
        rates = np.clip(self.rates(beta), 1e-300, 1 - 1e-16)
        log = toxic @ np.log(rates).T + (treated - toxic) @ np.log1p(-rates).T - 0.5 * (beta / self.sd) ** 2
        mass = np.exp(log - log.max(axis=1, keepdims=True))
        return beta, mass / mass.sum(axis=1, keepdims=True)


def skeleton(half_width: float, target: float, *, guess: int, doses: int) -> tuple[float, ...]:
    """Prior rates of the power model whose indifference intervals are target ± half width.

    Lee and Cheung, Clin Trials 6, 227 (2009), doi:10.1177/1740774509105076.

    Parameters
    ----------
    half_width : float
        A dose whose rate is that near to the target is as good as the best.
    target : float
    guess : int
        Number of the dose, from 1, that is thought to be the best.
    doses : int

    Examples
    --------
    >>> [round(rate, 3) for rate in skeleton(0.05, 0.25, guess=3, doses=5)]
    [0.084, 0.157, 0.25, 0.355, 0.46]
    """
    if not 0 < target - half_width < target + half_width < 1 or not 1 <= guess <= doses:
        raise SimulationError(
            f"half width {half_width}, target {target}, guess {guess} of {doses}",
            place="skeleton",
            repair="give a half width below the target, and a guess among the doses",
        )
    # At the β where dose k has rate target + half width, dose k - 1 has target - half width.
    ratio = math.log(target - half_width) / math.log(target + half_width)
    return tuple(target ** (ratio ** (guess - number)) for number in range(1, doses + 1))
