"""Effect: what a trial says of one arm against the control, by one measure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Effect:
    """An effect with its interval and test.

    Parameters
    ----------
    arm, against : str
        Labels of the arms; for a slope over doses what it is of.
    measure : str
        Such as "hazard ratio", "difference of means", "risk difference".
    value, low, high : float
    standard_error : float
        Of the value, or of its logarithm for a ratio.
    p_value : float
        Two-sided, of no effect.
    subjects : int
        In the two arms.
    method : str
        What made it, in words.
    level : float
        Of the interval.
    events : int or None
        In the two arms, where events are counted.
    degrees_of_freedom : float
        Of Student's t distribution; infinite for the normal distribution.

    Examples
    --------
    >>> print(Effect("drug", "placebo", "hazard ratio", 0.5, 0.3, 0.8, 0.25, 0.004, 100, "Cox, Efron ties"))
    drug against placebo, hazard ratio: 0.5 (0.3 to 0.8), p 0.004
    """

    arm: str
    against: str
    measure: str
    value: float
    low: float
    high: float
    standard_error: float
    p_value: float
    subjects: int
    method: str
    level: float = 0.95
    events: int | None = None
    degrees_of_freedom: float = float("inf")

    @property
    def is_ratio(self) -> bool:
        """Whether one, not zero, is no effect."""
        return " ratio" in self.measure or self.measure == "win odds"

    def __str__(self) -> str:
        known = self.low == self.low and self.high == self.high
        interval = f"{self.low:.4g} to {self.high:.4g}" if known else "no interval"
        p = f"p {self.p_value:.3g}" if self.p_value == self.p_value else "no p"
        return f"{self.arm} against {self.against}, {self.measure}: {self.value:.4g} ({interval}), {p}"


def effects_table(effects: Iterable[Effect]) -> pd.DataFrame:
    """One row an effect."""
    import pandas as pd

    return pd.DataFrame([asdict(each) for each in effects])
