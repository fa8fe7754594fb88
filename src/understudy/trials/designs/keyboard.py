"""Keyboard: the dose goes up or down by where the toxicity rate most likely lies.

Yan, Mandrekar and Yuan, Clin Cancer Res 23, 3994 (2017), doi:10.1158/1078-0432.CCR-17-0220. With keys
of the same width it decides as mTPI-2 does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.dose_escalation import step, tolerated, tolerated_nearest


@dataclass(frozen=True)
class Keyboard:
    """Intervals as wide as the target's ("keys") are laid side by side over the rates from 0 to 1; one dose up where
    the key with the largest posterior probability lies below the target's, one down where it lies above.

    Parameters
    ----------
    target : float
        Toxicity rate that is sought.
    below, above : float
        The target's key is from target - below to target + above.
    elimination : float
        As for `Boin`.

    Notes
    -----
    The prior is uniform. Pieces at both ends that are narrower than a key are no keys.

    Examples
    --------
    >>> rule = Keyboard(0.3)
    >>> toxic, treated = np.array([[0, 0], [1, 0], [2, 0]]), np.array([[3, 0], [3, 0], [3, 0]])
    >>> rule.next_dose(toxic, treated, np.array([0, 0, 0])).tolist()
    [1, 0, 0]
    """

    target: float
    below: float = 0.05
    above: float = 0.05
    elimination: float = 0.95

    def __post_init__(self):
        inside = 0 < self.target - self.below < self.target < self.target + self.above < 1
        if not inside or not 0 < self.elimination < 1:
            raise SimulationError(
                f"{self!r}", place="Keyboard", repair="give a target with room on both sides between 0 and 1"
            )

    @cached_property
    def keys(self) -> NDArray[np.float64]:
        """Ends of all keys, from the lowest to the highest."""
        low, high = self.target - self.below, self.target + self.above
        width = high - low
        down = int((low + 1e-9) // width)
        up = int((1 - high + 1e-9) // width)
        return low + width * np.arange(-down, up + 2)

    def next_dose(self, toxic: NDArray, treated: NDArray, dose: NDArray) -> NDArray[np.int64]:
        """See `EscalationRule.next_dose`."""
        from scipy.special import betainc

        rows = np.arange(len(dose))
        bad, seen = toxic[rows, dose, None], treated[rows, dose, None]
        ends = np.clip(self.keys, 0.0, 1.0)
        strongest = np.diff(betainc(1 + bad, 1 + seen - bad, ends), axis=1).argmax(axis=1)
        own = int(np.searchsorted(self.keys, self.target)) - 1
        move = (strongest < own).astype(int) - (strongest > own).astype(int)
        return step(dose, move, tolerated(toxic, treated, self.target, self.elimination))

    def select(self, toxic: NDArray, treated: NDArray) -> NDArray[np.int64]:
        """As of `Boin.select`."""
        allowed = tolerated(toxic, treated, self.target, self.elimination)
        return tolerated_nearest(toxic, treated, self.target, allowed)
