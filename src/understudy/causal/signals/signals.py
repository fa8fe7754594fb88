"""Signals: pairs of a drug and an event with their measures of disproportionate reporting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from understudy.causal.masking import SMALLEST, is_small
from understudy.causal.signals.criteria import Criteria
from understudy.causal.signals.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.signals.shrinkage_prior import ShrinkagePrior

# What is said wherever signals are shown.
WARNING = (
    "A signal is a pair that is reported more often than expected. It is a reason to look, not a cause: reports come "
    "from those who choose to report, and nobody counts who took the drug."
)
_COUNTS = ("n_drug", "n_event")
_WITH_OTHERS = ("prr", "prr_low", "prr_high", "ror", "ror_low", "ror_high", "chi_square")


@dataclass(frozen=True, eq=False)
class Signals:
    """Pairs with their measures; signals of disproportionate reporting, never causes.

    Parameters
    ----------
    table : DataFrame
        A row a pair, signals first, then by the lower limit of EBGM (of IC where there is none): drug, event, n (unique
        reports with both), n_drug, n_event, expected, prr, prr_low, prr_high, ror, ror_low, ror_high, ic, ic_low,
        ic_high, chi_square, ebgm, ebgm_low (EB05), ebgm_high (EB95), signal. Nothing is masked here; people see
        `shown`.
    criteria : Criteria
        What makes a signal.
    question : Question
    reports, drugs, events, pairs : int
        How many were counted.
    prior : ShrinkagePrior or None
    strata : int
        In which expected counts were computed.
    notes : tuple of str
    findings : tuple of Finding
        Of the readers.
    sources : mapping of file to SHA-256
    """

    table: pd.DataFrame
    criteria: Criteria
    question: Any
    reports: int
    drugs: int
    events: int
    pairs: int
    prior: ShrinkagePrior | None
    strata: int
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many pairs meet the criteria."""
        return int(self.table["signal"].sum())

    def signals(self) -> pd.DataFrame:
        """The pairs that meet the criteria."""
        return self.table[self.table["signal"]].reset_index(drop=True)

    def shown(self, public: bool = False) -> pd.DataFrame:
        """The table as readers may see it.

        Parameters
        ----------
        public : bool
            The reports are public data: nothing is masked. Otherwise counts of 1 to 4 are None, with all measures
            that would tell them: of a pair with so few reports all numbers, and where the drug or the event has so few
            reports without the other, their totals and the ratios and chi-square that are made with them.
        """
        if public:
            return self.table
        table = self.table.copy()
        numbers = [each for each in table.columns if each not in ("drug", "event", "signal")]
        few = table["n"].map(is_small).to_numpy(bool)
        alone = [(table[each] - table["n"]).map(is_small).to_numpy(bool) for each in _COUNTS]
        table = table.astype({each: object for each in numbers})
        table.loc[few, numbers] = None
        table.loc[alone[0] | alone[1], [*_COUNTS, "expected", *_WITH_OTHERS]] = None
        return table

    def masked(self) -> int:
        """How many pairs have fewer than five reports, so that `shown` hides them."""
        return int((self.table["n"] < SMALLEST).sum() - (self.table["n"] == 0).sum())

    def __repr__(self) -> str:
        return (
            f"Signals: {self.count:,} of {len(self.table):,} pairs have {self.criteria.text} "
            f"({self.reports:,} reports, {self.drugs:,} drugs, {self.events:,} events); not causes"
        )
