"""proportional_hazards_test: whether the effects of a Cox model change over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from understudy.biostatistics.survival.censored import Censored
from understudy.biostatistics.survival.cox_data import CoxData, EventSums
from understudy.biostatistics.survival.cox_residuals import event_places, refuse_unbounded, schoenfeld_parts
from understudy.biostatistics.survival.kaplan_meier import product_limit
from understudy.biostatistics.survival.p_value import chi_square, quadratic_form
from understudy.biostatistics.survival.risk_table import risk_table
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

    from understudy.biostatistics.survival.cox import CoxFit

Clock = Literal["km", "identity", "rank", "log"]


@dataclass(frozen=True, eq=False, repr=False)
class ProportionalHazardsTest:
    """Tests that each coefficient does not change with a function of time, and all of them together.

    Parameters
    ----------
    names : tuple of str
    statistics, p : float array, shape (p,)
        Chi-square on one degree of freedom for each covariate.
    slopes : float array, shape (p,)
        First-order estimate of the coefficient's change over the whole range of the transformed time.
    global_statistic, global_p : float
    df : int
        Of the global test.
    transform, variance : str
    """

    names: tuple[str, ...]
    statistics: np.ndarray
    p: np.ndarray
    slopes: np.ndarray
    global_statistic: float
    global_p: float
    df: int
    transform: str
    variance: str

    def table(self) -> pd.DataFrame:
        """One row for each covariate, and one for all."""
        import pandas as pd

        return pd.DataFrame(
            {
                "covariate": [*self.names, "GLOBAL"],
                "statistic": np.r_[self.statistics, self.global_statistic],
                "df": [1] * len(self.names) + [self.df],
                "p": np.r_[self.p, self.global_p],
                "slope": np.r_[self.slopes, np.nan],
            }
        )

    def __repr__(self) -> str:
        head = f"proportional hazards, time as {self.transform}:"
        return f"{head}\n{self.table().to_string(index=False, float_format=lambda value: f'{value:.4g}')}"


def proportional_hazards_test(
    fit: CoxFit, transform: Clock = "km", variance: Literal["exact", "average"] = "exact"
) -> ProportionalHazardsTest:
    """Test Schoenfeld residuals for a trend in time (Grambsch, Therneau 1994, doi:10.1093/biomet/81.3.515).

    It is the score test of adding each covariate's product with g(t) to the model.

    Parameters
    ----------
    fit : CoxFit
    transform : {"km", "identity", "rank", "log"}
        g: one minus the Kaplan-Meier estimate just before the time, the time, the rank of the event's time, or the
        logarithm of time.
    variance : {"exact", "average"}
        The information at each event as it is, and the score test of one trend at a time; or, as in the publication,
        its average over all events, and each trend beside all the others.

    Raises
    ------
    SimulationError
        Without finite estimates, for the exact likelihood, for a transform that is not known, or if all events have one
        time.

    Examples
    --------
    >>> from understudy.biostatistics import cox
    >>> fit = cox([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 1, 1, 1, 0, 1], {"drug": [0, 0, 0, 1, 1, 0, 1, 1]})
    >>> round(float(proportional_hazards_test(fit, "identity").p[0]), 3)
    0.471
    """
    refuse_unbounded(fit)
    data, sums = fit.data, fit.data.event_sums(fit.beta)
    rows, rest = schoenfeld_parts(data, sums)
    clock = _clock(data, sums, transform)
    middle = np.average(clock, weights=sums.weight)
    if np.ptp(clock) == 0:
        raise SimulationError(
            "all events have one time", place="proportional hazards", repair="a trend needs more"
        )
    g = clock - middle
    by_row = g[event_places(data, sums, rows)]
    score = (data.weight[rows, None] * by_row[:, None] * rest).sum(axis=0)
    information = _information(sums, g, variance)
    everything = _left(information, list(range(score.size)))
    total, df = quadratic_form(score, everything)
    if variance == "average":
        # The publication's test of one covariate allows for trends of all the others.
        spread = np.linalg.inv(everything)
        slopes = spread @ score
        single = slopes**2 / np.diag(spread)
    else:
        left = np.array([_left(information, [k])[0, 0] for k in range(score.size)])
        slopes, single = score / left, score**2 / left
    p = np.array([chi_square(each, 1) for each in single])
    slope = slopes * np.ptp(g) / data.scale
    return ProportionalHazardsTest(
        fit.names, single, p, slope, total, chi_square(total, df), df, transform, variance
    )


def _clock(data: CoxData, sums: EventSums, transform: str) -> np.ndarray:
    """g at each time of an event."""
    if transform == "identity":
        return sums.time.copy()
    if transform == "log":
        if (sums.time <= 0).any():
            raise SimulationError("an event at time 0 has no logarithm", place="transform", repair="use km")
        return np.log(sums.time)
    if transform == "rank":
        from scipy.stats import rankdata

        times = data.time[data.event]
        distinct, place = np.unique(times, return_index=True)
        return rankdata(times)[place][np.searchsorted(distinct, sums.time)]
    if transform == "km":
        watched = Censored(data.time, data.event.astype(np.int64), data.entry, data.weight)
        table = risk_table(watched)
        before = np.r_[1.0, product_limit(table)[0][:-1]]
        return 1 - before[np.searchsorted(table.times, sums.time)]
    raise SimulationError(
        f"unknown transform {transform!r}", place="transform", repair="use km, identity, rank or log"
    )


def _information(sums: EventSums, g: np.ndarray, variance: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Information of the coefficients, of their products with trends, and of trends."""
    if variance not in ("exact", "average"):
        raise SimulationError(
            f"unknown variance {variance!r}", place="variance", repair="use exact or average"
        )
    plain = sums.spreads.sum(axis=0)
    if variance == "average":
        share = sums.weight / sums.weight.sum()
        return plain, (share * g).sum() * plain, (share * g**2).sum() * plain
    return plain, np.einsum("i,ijk->jk", g, sums.spreads), np.einsum("i,ijk->jk", g**2, sums.spreads)


def _left(information: tuple[np.ndarray, np.ndarray, np.ndarray], which: list[int]) -> np.ndarray:
    """Information of some trends that is left once the coefficients are estimated."""
    plain, cross, trend = information
    return trend[np.ix_(which, which)] - cross[:, which].T @ np.linalg.solve(plain, cross[:, which])
