"""Estimates: numbers with standard errors, degrees of freedom, intervals and p-values, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate with its interval and two-sided p-value for the null value."""

    name: str
    value: float
    standard_error: float
    degrees_of_freedom: float
    low: float
    high: float
    statistic: float
    p_value: float

    def __repr__(self) -> str:
        return (
            f"{self.name}: {self.value:.4g} (SE {self.standard_error:.4g}, "
            f"{self.low:.4g} to {self.high:.4g}, p {written_p(self.p_value)})"
        )


@dataclass(frozen=True, eq=False)
class Estimates:
    """Several estimates of one fit.

    Parameters
    ----------
    names : tuple of str
    values, standard_errors : array, shape (n,)
    degrees_of_freedom : array, shape (n,)
        Of Student's t distribution; infinite for the normal distribution.
    level : float
        Of the intervals, such as 0.95.
    null : float
        Value that the p-values test.
    scale : {"identity", "exp"}
        With ``"exp"`` values and standard errors are logarithms, while `low`, `high` and the table are of ratios.

    Examples
    --------
    >>> import numpy as np
    >>> drawn = Estimates(("drug",), np.array([1.96]), np.array([1.0]), np.array([np.inf]))
    >>> round(drawn["drug"].p_value, 3)
    0.05
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    degrees_of_freedom: NDArray[np.float64]
    level: float = 0.95
    null: float = 0.0
    scale: str = "identity"

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise UnderstudyError(
                f"a confidence level of {self.level:g} is no probability", repair="give one such as 0.95"
            )
        for array in (self.values, self.standard_errors, self.degrees_of_freedom):
            array.flags.writeable = False

    @property
    def statistics(self) -> NDArray[np.float64]:
        """Distance from the null value in standard errors; NaN where the standard error is zero."""
        error = np.where(self.standard_errors > 0, self.standard_errors, np.nan)
        return (self.values - self.null) / error

    @property
    def p_values(self) -> NDArray[np.float64]:
        """Two-sided p-values."""
        from scipy.special import ndtr, stdtr

        far, freedom = -np.abs(self.statistics), self.degrees_of_freedom
        finite = np.isfinite(freedom)
        return 2 * np.where(finite, stdtr(np.where(finite, freedom, 1.0), far), ndtr(far))

    @property
    def intervals(self) -> NDArray[np.float64]:
        """Confidence intervals, shape (n, 2), on the scale of the table."""
        from scipy.special import ndtri, stdtrit

        finite, tail = np.isfinite(self.degrees_of_freedom), 0.5 + self.level / 2
        student = stdtrit(np.where(finite, self.degrees_of_freedom, 1.0), tail)
        reach = np.where(finite, student, ndtri(tail)) * self.standard_errors
        ends = np.column_stack([self.values - reach, self.values + reach])
        return np.exp(ends) if self.scale == "exp" else ends

    def __getitem__(self, name: str) -> Estimate:
        if name not in self.names:
            raise UnderstudyError(
                f"there is no estimate {name!r}",
                place="estimates",
                repair=f"ask for one of {list(self.names)}",
            )
        at = self.names.index(name)
        value = np.exp(self.values[at]) if self.scale == "exp" else self.values[at]
        return Estimate(
            name,
            float(value),
            float(self.standard_errors[at]),
            float(self.degrees_of_freedom[at]),
            *map(float, self.intervals[at]),
            float(self.statistics[at]),
            float(self.p_values[at]),
        )

    def table(self) -> pd.DataFrame:
        """One row an estimate; of ratios the standard error is that of the logarithm."""
        import pandas as pd

        shown = np.exp(self.values) if self.scale == "exp" else self.values
        low, high = self.intervals.T
        return pd.DataFrame(
            {
                "ratio" if self.scale == "exp" else "estimate": shown,
                "standard_error_of_log" if self.scale == "exp" else "standard_error": self.standard_errors,
                "degrees_of_freedom": self.degrees_of_freedom,
                "low": low,
                "high": high,
                "statistic": self.statistics,
                "p_value": self.p_values,
            },
            index=pd.Index(self.names, name="name"),
        )

    def __repr__(self) -> str:
        return self.printed().to_string()

    def printed(self) -> pd.DataFrame:
        """The table as words, for people: interval and p-value as they are written in reports."""
        import pandas as pd

        shown = np.exp(self.values) if self.scale == "exp" else self.values
        columns = {
            "ratio" if self.scale == "exp" else "estimate": [f"{value:.4g}" for value in shown],
            "SE of log" if self.scale == "exp" else "SE": [f"{error:.4g}" for error in self.standard_errors],
        }
        if np.isfinite(self.degrees_of_freedom).any():
            columns["df"] = [f"{freedom:.4g}" for freedom in self.degrees_of_freedom]
        columns[f"{100 * self.level:g} % interval"] = [
            f"{low:.4g} to {high:.4g}" for low, high in self.intervals
        ]
        columns["p"] = [written_p(p) for p in self.p_values]
        return pd.DataFrame(columns, index=list(self.names))


def written_p(p: float) -> str:
    """A p-value as reports write it.

    Examples
    --------
    >>> written_p(0.0421), written_p(0.00003), written_p(float("nan"))
    ('0.0421', '<0.0001', '')
    """
    if np.isnan(p):
        return ""
    return "<0.0001" if p < 1e-4 else f"{p:.4f}"


@dataclass(frozen=True, slots=True)
class FTest:
    """A test of several contrasts at once."""

    name: str
    statistic: float
    numerator: int
    denominator: float
    p_value: float

    def __repr__(self) -> str:
        return (
            f"{self.name}: F({self.numerator}, {self.denominator:.4g}) = {self.statistic:.4g}, "
            f"p {written_p(self.p_value)}"
        )


def f_test(name: str, statistic: float, numerator: int, denominator: float) -> FTest:
    """The p-value of an F statistic; with infinite denominator that of chi-square over its degrees of freedom.

    Examples
    --------
    >>> f_test("arm", 4.0, 1, 60.0)
    arm: F(1, 60) = 4, p 0.0500
    """
    from scipy.special import chdtrc, fdtrc

    if np.isinf(denominator):
        tail = chdtrc(numerator, numerator * statistic)
    else:
        tail = fdtrc(numerator, denominator, statistic)
    return FTest(name, float(statistic), int(numerator), float(denominator), float(tail))
