"""Three plus three: the traditional rule of dose escalation. Storer, Biometrics 45, 925 (1989), doi:10.2307/2531693."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from understudy.trials.designs.dose_escalation import STOP


@dataclass(frozen=True)
class ThreePlusThree:
    """No toxicity among three: one dose up. One: three more at the same dose, and up if there is still only one.
    Else the dose is too toxic, and the trial ends when six patients have had the dose below, or there is none.

    The selected dose is the highest with at most one toxicity among six, at which six were treated, below one that is
    too toxic; or the highest dose of all, if none is. Cohorts must be of three patients, and enough of them.

    Examples
    --------
    >>> rule = ThreePlusThree()
    >>> toxic, treated = np.array([[0, 0], [1, 0], [2, 0]]), np.array([[3, 0], [3, 0], [3, 0]])
    >>> rule.next_dose(toxic, treated, np.array([0, 0, 0])).tolist()
    [1, 0, -1]
    """

    cohort: ClassVar[int] = 3

    def next_dose(self, toxic: NDArray, treated: NDArray, dose: NDArray) -> NDArray[np.int64]:
        """See `EscalationRule.next_dose`."""
        rows, top = np.arange(len(dose)), toxic.shape[1] - 1
        bad, seen = toxic[rows, dose], treated[rows, dose]
        up = np.minimum(dose + 1, top)
        too_toxic = bad >= 2
        blocked = (toxic[rows, up] >= 2) & (up > dose)
        safe = ((seen == 3) & (bad == 0)) | ((seen >= 6) & (bad <= 1))
        # Going up is no way where the next dose is too toxic: then three more here, or the end.
        at_end = blocked | (dose == top)
        stay_or_stop = np.where(seen < 6, dose, STOP)
        down = np.where(dose > 0, np.maximum(dose - 1, 0), STOP)
        below_full = (dose > 0) & (treated[rows, np.maximum(dose - 1, 0)] >= 6)
        down = np.where(below_full, STOP, down)
        good = np.where(at_end, stay_or_stop, up)
        return np.where(too_toxic, down, np.where(safe, good, dose))

    def select(self, toxic: NDArray, treated: NDArray) -> NDArray[np.int64]:
        """See `EscalationRule.select`."""
        fine = (treated >= 6) & (toxic <= 1)
        return np.where(fine.any(axis=1), fine.shape[1] - 1 - fine[:, ::-1].argmax(axis=1), STOP)
