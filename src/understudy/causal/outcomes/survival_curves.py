"""Survival curves of both groups, as they are or made alike by weights or strata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.survival.censored import Censored
from understudy.biostatistics.survival.kaplan_meier import survival_limits
from understudy.biostatistics.survival.risk_table import risk_table, weight_at_risk
from understudy.causal.masking import masked
from understudy.causal.outcomes.question import Question, question
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """The curve of one group at the times of both.

    Parameters
    ----------
    survival, low, high : float array, shape (m,)
    at_risk : int array, shape (m,)
        Persons, not weights, just before each time.
    """

    survival: Array
    low: Array
    high: Array
    at_risk: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SurvivalCurves:
    """Both curves.

    Parameters
    ----------
    time : float array, shape (m,)
        Zero, and every time of an outcome.
    target, comparator : SurvivalCurve
    adjusted : str
        "", "weights" or "strata".
    """

    time: Array
    target: SurvivalCurve
    comparator: SurvivalCurve
    adjusted: str

    def table(self) -> pd.DataFrame:
        """Time, and for each group survival, low, high and the number at risk, masked where it is small."""
        import pandas as pd

        columns: dict[str, object] = {"time": self.time}
        for group, curve in (("target", self.target), ("comparator", self.comparator)):
            columns |= {f"{group}_{name}": getattr(curve, name) for name in ("survival", "low", "high")}
            columns[f"{group}_at_risk"] = [masked(count) for count in curve.at_risk]
        return pd.DataFrame(columns)


def survival_curves(
    time: ArrayLike,
    event: ArrayLike,
    treatment: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> SurvivalCurves:
    """Kaplan-Meier curves of target and comparator.

    With strata each group is weighted to the strata of both together (direct standardisation), which makes groups of
    matched sets of different sizes alike. The variance of a weighted curve takes (Σw)² / Σw² for the number at risk
    (Xie, Liu 2005, Stat Med 24:3089-3110, doi:10.1002/sim.2174), which without weights is Greenwood's. Limits are made
    on the scale of the logarithm.

    Parameters
    ----------
    time, event, treatment : array, shape (n,)
        As for `outcome_model`.
    strata, weights : array, shape (n,), optional
        One of them.
    level : float

    Returns
    -------
    SurvivalCurves

    Raises
    ------
    DataError
        For arrays that cannot be.
    UnderstudyError
        For both strata and weights.

    Examples
    --------
    >>> curves = survival_curves([5, 6, 7, 8, 9, 10], [1, 1, 1, 1, 0, 1], [0, 0, 1, 0, 1, 1])
    >>> curves.target.survival.round(3).tolist()
    [1.0, 1.0, 1.0, 0.667, 0.667, 0.0]
    """
    if strata is not None and weights is not None:
        raise UnderstudyError(
            "curves are adjusted by strata or by weights", place="survival curves", repair="give one of them"
        )
    asked = question(time, event, treatment, "cox", strata, weights, None, None)
    weight = _standard(asked) if strata is not None else asked.weight
    times = np.r_[0.0, np.unique(asked.time[asked.event > 0])]
    curves = (_curve(asked, weight, rows, times, level) for rows in (asked.treated, ~asked.treated))
    adjusted = "strata" if strata is not None else "weights" if weights is not None else ""
    return SurvivalCurves(times, *curves, adjusted)


def _standard(asked: Question) -> Array:
    """Weights that give each group the strata of both; strata with one group only are left as they are."""
    size = int(asked.stratum.max()) + 1
    both = np.bincount(asked.stratum, minlength=size)
    own = np.where(
        asked.treated,
        np.bincount(asked.stratum[asked.treated], minlength=size)[asked.stratum],
        np.bincount(asked.stratum[~asked.treated], minlength=size)[asked.stratum],
    )
    group = np.where(asked.treated, asked.treated.mean(), 1 - asked.treated.mean())
    return np.where(own < both[asked.stratum], both[asked.stratum] / own * group, 1.0)


def _curve(
    asked: Question, weight: Array, rows: NDArray[np.bool_], times: Array, level: float
) -> SurvivalCurve:
    from scipy.special import ndtri

    n = int(rows.sum())
    happened, never = (asked.event[rows] > 0).astype(np.int64), np.full(n, -np.inf)
    watched = Censored(asked.time[rows], happened, never, weight[rows])
    table = risk_table(watched)
    squares = weight_at_risk(Censored(watched.time, happened, never, watched.weight**2), table.times)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(table.events > 0, table.events / table.at_risk, 0.0)
        share = np.where(share > 1 - 1e-12, 1.0, share)
        steps = np.where(share > 0, share / (1 - share) * squares / table.at_risk**2, 0.0)
    place = np.searchsorted(table.times, times, side="right")
    survival = np.r_[1.0, np.cumprod(1 - share)][place]
    spread = np.r_[0.0, np.cumsum(steps)][place]
    low, high = survival_limits(survival, spread, float(ndtri(0.5 + level / 2)), "log")
    left = n - np.searchsorted(np.sort(watched.time), times, side="left")
    return SurvivalCurve(survival, low, high, left)
