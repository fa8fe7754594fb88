"""resistance: whether and how a tumour progressed: early, after a response that was had and lost, or in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from understudy.trials.tumour.recist import GROWTH, GROWTH_MM, SHRINKAGE
from understudy.trials.tumour.visits import visits

CLASSES = ("no progression", "early progression", "intermediate", "acquired")


@dataclass(frozen=True)
class ResistanceRule:
    """What counts as progression and as resistance.

    Parameters
    ----------
    growth, growth_mm : float
        Progression: the first visit so far above the lowest size before it, as a share and in mm.
    response : float
        Acquired resistance: progression after the tumour had shrunk by this share of the baseline.
    early_days : float
        Early progression (primary resistance): not later than this day after treatment began (day zero), …
    early_response : float
        … with less shrinkage than this share.

    References
    ----------
    Progression as in RECIST 1.1, doi:10.1016/j.ejca.2008.10.026. Limits of the classes are a convention of this
    function: four months of 30.4 days, 10 % and 30 %.
    """

    growth: float = GROWTH
    growth_mm: float = GROWTH_MM
    response: float = SHRINKAGE
    early_days: float = 4 * 30.4
    early_response: float = 0.1


@dataclass(frozen=True)
class Resistance:
    """How one tumour progressed.

    Parameters
    ----------
    kind : {"no progression", "early progression", "intermediate", "acquired"}
    day : float
        Of progression; not-a-number where there was none.
    shrinkage : float
        Largest share of the baseline lost before progression, or before the last visit.
    """

    kind: str
    day: float
    shrinkage: float


_STANDARD = ResistanceRule()


def resistance(days: ArrayLike, sizes: ArrayLike, rule: ResistanceRule = _STANDARD) -> Resistance:
    """Class of one patient's course.

    Parameters
    ----------
    days : array of float, shape (n,)
        From the start of treatment; the first is the baseline.
    sizes : array of float, shape (n,)
        Diameter or sum of diameters, mm.
    rule : ResistanceRule

    Raises
    ------
    DataError
        For visits out of order or sizes that are none.

    Examples
    --------
    >>> resistance([-3, 40, 82], [40, 42, 60])
    Resistance(kind='early progression', day=82.0, shrinkage=0.0)
    >>> resistance([-3, 40, 82, 300], [40, 20, 10, 18]).kind
    'acquired'
    """
    day, size = visits(days, sizes)
    lowest = np.minimum.accumulate(size)
    grown = size[1:] - lowest[:-1]
    # A size of 1.2 times 5 mm is 6 mm, whatever rounding makes of it.
    past = (size[1:] >= (1 + rule.growth) * lowest[:-1] - 1e-9) & (grown >= rule.growth_mm - 1e-9)
    at = int(past.argmax()) + 1 if past.any() else None
    least = lowest[-1] if at is None else lowest[at - 1]
    shrinkage = float(1 - least / size[0]) if size[0] > 0 else 0.0
    if at is None:
        return Resistance(CLASSES[0], float("nan"), shrinkage)
    return Resistance(_kind(day[at], shrinkage, rule), float(day[at]), shrinkage)


def _kind(day: float, shrinkage: float, rule: ResistanceRule) -> str:
    if shrinkage >= rule.response - 1e-9:
        return CLASSES[3]
    if day <= rule.early_days and shrinkage < rule.early_response - 1e-9:
        return CLASSES[1]
    return CLASSES[2]
