"""Cohort attrition: how many persons are left after each step of a cohort's definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.causal.masking import masked

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class CohortAttrition:
    """How many persons are left after each step.

    Parameters
    ----------
    steps : tuple of (str, int)
        Steps in words, and persons; small counts are masked by `table`.

    Examples
    --------
    >>> CohortAttrition((("Any entry event", 120), ("No prior bleed", 3))).table()
                  rule persons
    0  Any entry event     120
    1   No prior bleed      <5
    """

    steps: tuple[tuple[str, int], ...]

    def table(self) -> pd.DataFrame:
        """Columns rule and persons, for readers."""
        import pandas as pd

        return pd.DataFrame(
            [(rule, masked(count)) for rule, count in self.steps], columns=["rule", "persons"]
        )

    def __repr__(self) -> str:
        return "\n".join(f"{rule}: {masked(count)}" for rule, count in self.steps)
