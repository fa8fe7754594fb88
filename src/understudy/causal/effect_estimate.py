"""Effect estimate: an effect size with its interval, before any diagnostic has said whether it may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.causal.likelihood_profile import LikelihoodProfile


@dataclass(frozen=True, eq=False)
class EffectEstimate:
    """An effect size on the scale of logarithms, with its interval.

    Parameters
    ----------
    measure : str
        "hazard ratio", "rate ratio", "odds ratio" or "incidence rate ratio".
    log : float
        Logarithm of the effect size; NaN where there is none.
    low, high : float
        95 % limits of `log` by the profile likelihood (infinite where it never falls so far).
    standard_error : float
        Of `log`, as OHDSI derives it from the interval: (high - low) / (2 z).
    robust_error : float
        Of `log`, by the sandwich of Lin and Wei; NaN where it was not asked for.
    log_likelihood_ratio : float
        Log-likelihood at the estimate less that of no effect.
    p_value : float
        Two-sided.
    profile : LikelihoodProfile or None
    notes : tuple of str
        Such as separation, or why there is no estimate.
    """

    measure: str
    log: float
    low: float
    high: float
    standard_error: float
    robust_error: float
    log_likelihood_ratio: float
    p_value: float
    profile: LikelihoodProfile | None = None
    notes: tuple[str, ...] = ()
