"""profile_interval: limits of hazard ratios where the likelihood, not its curvature at the top, sets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.cox_data import CoxData
from understudy.biostatistics.survival.cox_search import maximise
from understudy.biostatistics.survival.p_value import normal_quantile

if TYPE_CHECKING:
    import pandas as pd

    from understudy.biostatistics.survival.cox import CoxFit

_FARTHEST = 25.0  # of a standardised coefficient: beyond it the likelihood is level


def profile_interval(fit: CoxFit, level: float | None = None) -> pd.DataFrame:
    """Limits at which twice the log-likelihood, maximised over all others, has fallen by the quantile of chi-square.

    They exist on one side at least where a coefficient is infinite (separation), and are unchanged by a change of
    scale (Venzon, Moolgavkar 1988, Appl Stat 37:87-94, doi:10.2307/2347496).

    Parameters
    ----------
    fit : CoxFit
    level : float, optional
        That of the fit by default.

    Returns
    -------
    DataFrame
        Columns covariate, coefficient, low, high (of the coefficient), hazard_ratio, hazard_ratio_low,
        hazard_ratio_high.

    Examples
    --------
    >>> from understudy.biostatistics import cox
    >>> fit = cox([5, 6, 7, 8, 9, 10], [1, 1, 1, 0, 0, 0], {"placebo": [1, 1, 1, 0, 0, 0]})
    >>> profile_interval(fit)[["low", "high"]].round(2).values.tolist()
    [[0.66, inf]]
    """
    import pandas as pd

    drop = normal_quantile(fit.level if level is None else level) ** 2 / 2
    limits = np.array([[_limit(fit, k, side, drop) for side in (-1, 1)] for k in range(len(fit.names))])
    columns = {"low": limits[:, 0], "high": limits[:, 1], "hazard_ratio": fit.hazard_ratios}
    ratios = np.exp(limits)
    return pd.DataFrame(
        {
            "covariate": fit.names,
            "coefficient": fit.coefficients,
            **columns,
            "hazard_ratio_low": ratios[:, 0],
            "hazard_ratio_high": ratios[:, 1],
        }
    )


def _limit(fit: CoxFit, k: int, side: int, drop: float) -> float:
    """One limit of coefficient k; infinite where the likelihood does not fall so far."""
    from scipy.optimize import brentq

    data, target = fit.data, fit.log_likelihood - drop
    if side * fit.coefficients[k] == np.inf:
        return float(fit.coefficients[k])

    def height(value: float) -> float:
        return profile(data, k, value, fit.beta) - target

    inside, step = fit.beta[k], 0.5
    outside = inside + side * step
    while height(outside) > 0:
        if abs(outside - fit.beta[k]) > 2 * _FARTHEST:
            return float(side * np.inf)
        inside, step = outside, 2 * step
        outside = inside + side * step
    return float(brentq(height, inside, outside, xtol=1e-10, rtol=1e-12) / data.scale[k])


def profile(data: CoxData, k: int, value: float, start: np.ndarray) -> float:
    """Log-likelihood with one standardised coefficient held, maximised over the others."""
    others = np.arange(data.x.shape[1]) != k
    x = np.ascontiguousarray(data.x[:, others])
    offset = data.offset + data.x[:, k] * value

    def likelihood(beta: np.ndarray):
        return data.likelihood(beta, x, offset)

    if not others.any():
        return likelihood(np.zeros(0))[0]
    return maximise(likelihood, start[others]).log_likelihood
