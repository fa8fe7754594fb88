"""Pooled effect: what all sites say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.synthesis.interpolation import Likelihood
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.synthesis.posterior import Posterior


@dataclass(frozen=True, eq=False, repr=False)
class PooledEffect:
    """An effect that all sites have, or the mean of theirs.

    Parameters
    ----------
    method : str
    sites : int
    log : float
        Log hazard, rate or odds ratio: the maximum of the likelihood, or the posterior mean.
    low, high : float
        Limits of `log` at `level`: by the likelihood ratio, or quantiles of the posterior.
    level : float
    standard_error : float
        Of `log`: the width of the interval over that of a standard normal, or the posterior's standard deviation.
    highest_density : tuple of float
        Limits of the shortest interval of the posterior, as EvidenceSynthesis gives them; NaN without a posterior.
    heterogeneity : tuple of float
        Of the standard deviation between sites: median, mean, lower and upper quantile; NaN where there is none.
    prediction : tuple of float
        Limits between which the effect in one more site is expected; NaN where there is none.
    above_null : float
        Posterior probability of an effect above zero; NaN without a posterior.
    p_value : float
        Two-sided; NaN with a posterior.
    notes : tuple of str
    posterior : Posterior or None
    """

    method: str
    sites: int
    log: float
    low: float
    high: float
    level: float
    standard_error: float
    highest_density: tuple[float, float] = (nan, nan)
    heterogeneity: tuple[float, float, float, float] = (nan, nan, nan, nan)
    prediction: tuple[float, float] = (nan, nan)
    above_null: float = nan
    p_value: float = nan
    notes: tuple[str, ...] = ()
    posterior: Posterior | None = None

    @property
    def ratio(self) -> float:
        """Hazard, rate or odds ratio."""
        return _exp(self.log)

    @property
    def ratio_interval(self) -> tuple[float, float]:
        """Limits of `ratio`."""
        return _exp(self.low), _exp(self.high)

    def table(self) -> pd.DataFrame:
        """One row: method, sites, log, low, high, standard_error, ratio and more; NaN for what the method has not."""
        import pandas as pd

        median, mean, tau_low, tau_high = self.heterogeneity
        ratio_low, ratio_high = self.ratio_interval
        row = {
            "method": self.method,
            "sites": self.sites,
            "ratio": self.ratio,
            "ratio_low": ratio_low,
            "ratio_high": ratio_high,
            "log": self.log,
            "low": self.low,
            "high": self.high,
            "standard_error": self.standard_error,
            "p": self.p_value,
            "probability_above_null": self.above_null,
            "hpd_low": self.highest_density[0],
            "hpd_high": self.highest_density[1],
            "tau_median": median,
            "tau_mean": mean,
            "tau_low": tau_low,
            "tau_high": tau_high,
            "prediction_low": self.prediction[0],
            "prediction_high": self.prediction[1],
        }
        return pd.DataFrame([row])

    def __repr__(self) -> str:
        low, high = self.ratio_interval
        lines = [
            f"{self.method}, {self.sites} sites: {self.ratio:.4g} ({100 * self.level:g} %: {low:.4g} to {high:.4g})"
        ]
        median, _, tau_low, tau_high = self.heterogeneity
        if isfinite(tau_low):
            lines.append(f"  between sites: {median:.3g} ({tau_low:.3g} to {tau_high:.3g})")
        elif isfinite(median):
            lines.append(f"  between sites: {median:.3g}")
        if isfinite(self.prediction[0]):
            ends = [exp(each) for each in self.prediction]
            lines.append(f"  in one more site: {ends[0]:.4g} to {ends[1]:.4g}")
        return "\n".join([*lines, *(f"  note: {each}" for each in self.notes)])


def require_sites(sites: Sequence[Likelihood], fewest: int, what: str) -> list[Likelihood]:
    """The sites as a list of at least so many.

    Raises
    ------
    DataError
        For fewer.
    """
    found = list(sites)
    if len(found) < fewest:
        told = f"{what} needs {fewest} or more sites, there {'is' if len(found) == 1 else 'are'} {len(found)}"
        raise DataError([Problem(told, "give a likelihood profile for each site")], place="the sites")
    return found


def require_level(level: float) -> None:
    """Refuse what is no level of an interval."""
    if not 0 < level < 1:
        problem = Problem("not between 0 and 1", "give a level such as 0.95", value=str(level))
        raise DataError([problem], place="the level of intervals")


def _exp(value: float) -> float:
    if value == inf or np.isnan(value):
        return value
    return exp(value) if value < 700 else inf
