"""Attrition: how many are left after each rule, on both sides of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.causal.masking import masked

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class AttritionStep:
    """Who is left after a rule.

    Parameters
    ----------
    rule : str
        In words.
    target, comparator : int
        Persons left.
    """

    rule: str
    target: int
    comparator: int

    def __repr__(self) -> str:
        return f"{self.rule}: {masked(self.target)} and {masked(self.comparator)}"


@dataclass(frozen=True, repr=False)
class Attrition:
    """Who is left after each rule, in their order.

    Parameters
    ----------
    steps : tuple of AttritionStep

    Examples
    --------
    >>> Attrition((AttritionStep("Original cohorts", 1844, 3),)).table()
                   rule target comparator
    0  Original cohorts   1844         <5
    """

    steps: tuple[AttritionStep, ...]

    def table(self) -> pd.DataFrame:
        """Columns rule, target, comparator, for readers: small counts are masked."""
        import pandas as pd

        rows = [(each.rule, masked(each.target), masked(each.comparator)) for each in self.steps]
        return pd.DataFrame(rows, columns=["rule", "target", "comparator"])

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.steps))
