"""BOIN: the Bayesian optimal interval design. Liu and Yuan, J R Stat Soc C 64, 507 (2015), doi:10.1111/rssc.12089."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.dose_escalation import step, tolerated, tolerated_nearest


@dataclass(frozen=True)
class Boin:
    """One dose up where the share of toxicities at the current dose is at or below ``escalate``, one down where it is
    at or above ``de_escalate``.

    Parameters
    ----------
    target : float
        Toxicity rate that is sought.
    too_low, too_high : float, optional
        Rates that are clearly below and above it; 0.6 and 1.4 times the target where not given.
    elimination : float
        A dose and all above are given up when the posterior probability (uniform prior, three patients or more)
        that its rate is above the target exceeds this; the trial stops when the lowest is.

    Examples
    --------
    >>> rule = Boin(0.3)
    >>> round(rule.escalate, 3), round(rule.de_escalate, 3)
    (0.236, 0.359)
    """

    target: float
    too_low: float | None = None
    too_high: float | None = None
    elimination: float = 0.95

    def __post_init__(self):
        low, high = self._ends()
        if not 0 < low < self.target < high < 1 or not 0 < self.elimination < 1:
            raise SimulationError(
                f"{self!r}", place="Boin", repair="give a target between rates that are too low and too high"
            )

    @property
    def escalate(self) -> float:
        """Share of toxicities up to which the dose goes up, λ_e."""
        low, _ = self._ends()
        return _boundary(low, self.target)

    @property
    def de_escalate(self) -> float:
        """Share of toxicities from which the dose goes down, λ_d."""
        _, high = self._ends()
        return _boundary(high, self.target)

    def next_dose(self, toxic: NDArray, treated: NDArray, dose: NDArray) -> NDArray[np.int64]:
        """See `EscalationRule.next_dose`."""
        rows = np.arange(len(dose))
        share = toxic[rows, dose] / treated[rows, dose]
        move = (share <= self.escalate).astype(int) - (share >= self.de_escalate).astype(int)
        return step(dose, move, tolerated(toxic, treated, self.target, self.elimination))

    def select(self, toxic: NDArray, treated: NDArray) -> NDArray[np.int64]:
        """The dose whose isotonic rate is nearest to the target; among equals the higher if they are below it."""
        allowed = tolerated(toxic, treated, self.target, self.elimination)
        return tolerated_nearest(toxic, treated, self.target, allowed)

    def _ends(self) -> tuple[float, float]:
        low = 0.6 * self.target if self.too_low is None else self.too_low
        return low, 1.4 * self.target if self.too_high is None else self.too_high


def _boundary(other: float, target: float) -> float:
    """Where two binomial likelihoods are the same, equations (2) and (3) of the paper."""
    low, high = min(other, target), max(other, target)
    return math.log((1 - low) / (1 - high)) / math.log(high * (1 - low) / (low * (1 - high)))
