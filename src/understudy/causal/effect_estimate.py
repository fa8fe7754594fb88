"""Effect estimate: an effect size with its interval, before any diagnostic has said whether it may be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.likelihood_profile import LikelihoodProfile


@dataclass(frozen=True, eq=False, repr=False)
class EffectEstimate:
    """An effect size on the scale of logarithms, with its interval.

    Parameters
    ----------
    measure : str
        "hazard ratio", "rate ratio", "odds ratio" or "incidence rate ratio".
    log : float
        Logarithm of the effect size; NaN where there is none, infinite where one side had no outcome.
    low, high : float
        Limits of `log` by the profile likelihood (infinite where it never falls so far).
    standard_error : float
        Of `log`, as OHDSI derives it from the interval: (high - low) / (2 z); infinite or NaN where there is none.
    robust_error : float
        Of `log`, by the sandwich of Lin and Wei; NaN where it was not asked for.
    log_likelihood_ratio : float
        Log-likelihood at the estimate less that of no effect.
    p_value : float
        Two-sided: of log / standard_error, or of the likelihood ratio where the estimate is infinite.
    profile : LikelihoodProfile or None
    notes : tuple of str
        Such as separation, or why there is no estimate.
    level : float
        Of the limits.

    Raises
    ------
    UnderstudyError
        For limits that do not lie around the estimate, a negative standard error, a level that is no probability.

    Examples
    --------
    >>> EffectEstimate("hazard ratio", 0.0, -0.5, 0.5, 0.2551, 0.26, 0.0, 1.0)
    hazard ratio 1 (95 % interval 0.6065 to 1.649), SE of log 0.2551, robust 0.26, p 1.0000
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
    level: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise UnderstudyError(
                f"a confidence level of {self.level:g} is no probability", repair="give one such as 0.95"
            )
        if self.low > self.log or self.high < self.log:
            raise UnderstudyError(
                f"limits {self.low:g} and {self.high:g} do not lie around the estimate {self.log:g}",
                place=self.measure,
                repair="give them as logarithms, the lower one first",
            )
        if self.standard_error < 0 or self.robust_error < 0:
            raise UnderstudyError(
                "a standard error is negative", place=self.measure, repair="give its absolute value"
            )

    @property
    def exp(self) -> float:
        """The ratio itself."""
        return _exp(self.log)

    @property
    def interval(self) -> tuple[float, float]:
        """Limits of the ratio by the profile likelihood."""
        return _exp(self.low), _exp(self.high)

    @property
    def robust_interval(self) -> tuple[float, float]:
        """Limits of the ratio by the robust error, which holds with weights and clusters."""
        from scipy.special import ndtri

        reach = float(ndtri(0.5 + self.level / 2)) * self.robust_error
        return _exp(self.log - reach), _exp(self.log + reach)

    @property
    def robust_p(self) -> float:
        """Two-sided p of log / robust_error."""
        from scipy.special import ndtr

        if not self.robust_error > 0:
            return math.nan
        return 2 * float(ndtr(-abs(self.log) / self.robust_error))

    @property
    def one_sided_p(self) -> float:
        """Of no increase, against a ratio above 1."""
        return self.p_value / 2 if self.log >= 0 else 1 - self.p_value / 2

    @property
    def likelihood_ratio_p(self) -> float:
        """Two-sided p of twice the log-likelihood ratio."""
        from scipy.special import chdtrc

        return float(chdtrc(1, max(0.0, 2 * self.log_likelihood_ratio)))

    @property
    def finite(self) -> bool:
        """Whether estimate and standard error are numbers that a calibration can take."""
        return all(math.isfinite(each) for each in (self.log, self.low, self.high, self.standard_error))

    def table(self) -> pd.DataFrame:
        """One row: measure, estimate, low, high, log, standard_error, robust_error, log_likelihood_ratio, p_value."""
        import pandas as pd

        row = {"measure": self.measure, "estimate": self.exp}
        row |= dict(zip(("low", "high"), self.interval, strict=True))
        names = ("log", "standard_error", "robust_error", "log_likelihood_ratio", "p_value")
        return pd.DataFrame([row | {name: getattr(self, name) for name in names}])

    def __repr__(self) -> str:
        from understudy.biostatistics.estimates import written_p

        low, high = self.interval
        told = f"{self.measure} {self.exp:.4g} ({100 * self.level:g} % interval {low:.4g} to {high:.4g})"
        if math.isfinite(self.standard_error):
            told += f", SE of log {self.standard_error:.4g}"
        if not math.isnan(self.robust_error):
            told += f", robust {self.robust_error:.4g}"
        if not math.isnan(self.p_value):
            told += f", p {written_p(self.p_value)}"
        return "\n".join([told, *(f"note: {note}" for note in self.notes)])


def _exp(value: float) -> float:
    """Exponential that ends in infinity instead of an error."""
    return math.inf if value > 709 else math.exp(value)
