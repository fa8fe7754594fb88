"""ReportedNumber: a number of a report with its unit, its interval and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportedNumber:
    """A number as a report states it.

    Parameters
    ----------
    name : str
        What it is, in words.
    value : float
    unit : str
        Empty for a ratio, a probability or a count.
    low, high : float or None
        Ends of its interval, where it is an estimate.
    level : float or None
        Of that interval.
    error : float or None
        Its standard error; of a ratio that of its logarithm, of a simulation the Monte Carlo error.
    source : str
        The method that gave it.
    hash : str
        SHA-256 of the run that gave it, see `understudy.core.record.Record.hash`.

    Examples
    --------
    >>> print(ReportedNumber("hazard ratio", 0.21, low=0.09, high=0.47, level=0.95))
    hazard ratio: 0.21 (95 % interval 0.09 to 0.47)
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    error: float | None = None
    source: str = ""
    hash: str = ""

    def __str__(self) -> str:
        told = f"{self.name}: {self.value:.4g}{' ' + self.unit if self.unit else ''}"
        if self.low is None or self.high is None:
            return told
        level = "" if self.level is None else f"{100 * self.level:g} % "
        return f"{told} ({level}interval {self.low:.4g} to {self.high:.4g})"
