"""Trend: how a pair's reports and its odds ratio go over time, each period by itself and all up to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.masking import is_small
from understudy.causal.signals.chosen_names import chosen
from understudy.causal.signals.disproportionality import information_component, reporting_odds_ratio
from understudy.causal.signals.openfda import quarters_of
from understudy.causal.signals.pair_counts import Margins, PairCounts, incidence
from understudy.causal.signals.rate_change import ChangePoint, change_point
from understudy.causal.signals.reports import SUSPECT, Reports
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

PERIODS = ("quarter", "year")
_COUNTS = ("n", "n_drug", "n_event", "total")
_OF_A_PERIOD = ("ror", "ror_low", "ror_high")
_SO_FAR = (
    *("n_so_far", "ror_so_far", "ror_so_far_low", "ror_so_far_high"),
    *("ic", "ic_low", "ic_high"),
)


@dataclass(frozen=True, eq=False)
class Trend:
    """A pair over time.

    Parameters
    ----------
    drug, event : str
    table : DataFrame
        A row a period, without gaps: period, n, n_drug, n_event, total, expected, ror, ror_low, ror_high (NaN where a
        cell is empty), and up to its end: n_so_far, ror_so_far, ror_so_far_low, ror_so_far_high, ic, ic_low, ic_high.
    change : ChangePoint or None
        When the ratio of reports over expected ones changed most; None where there are too few.
    undated : int
        Reports without a period, left out.
    """

    drug: str
    event: str
    table: pd.DataFrame
    change: ChangePoint | None
    undated: int = 0

    @property
    def first_signal(self) -> str:
        """The first period up to which the lower limit of IC is above zero; empty if there is none."""
        above = self.table[self.table["ic_low"] > 0]
        return str(above["period"].iloc[0]) if len(above) else ""

    def shown(self, public: bool = False) -> pd.DataFrame:
        """The table as readers may see it; without `public`, what counts of 1 to 4 would show from is None.

        Of a period with so few reports only its name and total are left; and what is summed up to a period is left out
        while the periods hidden since the last sum that is shown have so few reports together.
        """
        if public:
            return self.table
        table = self.table.astype({each: object for each in self.table.columns if each != "period"})
        few = self.table["n"].map(is_small).to_numpy(bool)
        other = self.table[["n_drug", "n_event"]].map(is_small).any(axis=1).to_numpy(bool)
        table.loc[few, [each for each in table.columns if each not in ("period", "total")]] = None
        table.loc[other, ["n_drug", "n_event", "expected", *_OF_A_PERIOD]] = None
        table.loc[_tell_tale(self.table["n"].tolist()), list(_SO_FAR)] = None
        return table


def _tell_tale(counts: list[int]) -> NDArray[np.bool_]:
    """Periods whose sums so far would tell a small count that is hidden before them."""
    hidden, found = 0, np.zeros(len(counts), bool)
    for k, count in enumerate(counts):
        if is_small(count):
            hidden += count
        elif is_small(hidden):
            found[k] = True
        else:
            hidden = 0
    return found


def trend(
    reports: Reports,
    drug: str,
    event: str,
    *,
    by: str = "quarter",
    roles: Sequence[str] = SUSPECT,
    drug_name: str = "substance",
    seed: int = 1,
) -> Trend:
    """Reports of a pair by quarter or year of receipt.

    Parameters
    ----------
    reports : Reports
    drug, event : str
    by : str
        ``"quarter"`` or ``"year"`` in which a report was received, or else stood in its file.
    roles, drug_name
        As for `find_signals`.
    seed : int
        Of the draws by which the change point is judged.

    Raises
    ------
    SimulationError
        If no report tells its period, or there is no such drug, event or period.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> found = trend(simulate_reports(4000, seed=1), "drug 1", "event 1", by="year")
    >>> found.table["period"].tolist()
    ['2021', '2022', '2023']
    """
    if by not in PERIODS:
        raise SimulationError(f"there is no period {by!r}", place="by", repair=f"say {' or '.join(PERIODS)}")
    found = incidence(reports, roles, drug_name)
    names = chosen(drug, found.drugs, "drug"), chosen(event, found.events, "event")
    periods = _periods(reports, by)[found.rows]
    told = periods != ""
    if not told.any():
        raise SimulationError(
            f"no report tells its {by}", place="by", repair="give reports with dates of receipt or quarters"
        )
    of_drug = found.drug_matrix[:, found.drugs.index(names[0])].toarray().ravel()[told] > 0
    of_event = found.event_matrix[:, found.events.index(names[1])].toarray().ravel()[told] > 0
    table = _table(periods[told], of_drug, of_event, by)
    counts = table["n"].to_numpy(), table["expected"].to_numpy()
    return Trend(*names, table, change_point(*counts, table["period"].tolist(), seed), int((~told).sum()))


def _periods(reports: Reports, by: str) -> NDArray:
    cases = reports.cases
    received = quarters_of(cases["received"])
    quarter = received.where(received != "", cases["quarter"])
    if by == "quarter":
        return quarter.to_numpy(object)
    year = cases["received"].str.slice(0, 4)
    return year.where(year != "", quarter.str.slice(0, 4)).to_numpy(object)


def _table(periods: NDArray, of_drug: NDArray, of_event: NDArray, by: str) -> pd.DataFrame:
    import pandas as pd

    whole = _without_gaps(sorted(set(periods)), by)
    place = pd.Index(whole).get_indexer(periods)
    masks = (of_drug & of_event, of_drug, of_event, np.ones(len(periods), bool))
    each = np.stack([np.bincount(place[mask], minlength=len(whole)) for mask in masks])
    table = pd.DataFrame({"period": whole, **dict(zip(_COUNTS, each, strict=True))})
    counts, so_far = _as_pairs(each), _as_pairs(each.cumsum(axis=1))
    own, sums = reporting_odds_ratio(counts), reporting_odds_ratio(so_far)
    component = information_component(so_far.n, so_far.expected)
    return table.assign(
        expected=counts.expected, ror=own.value, ror_low=own.low, ror_high=own.high, n_so_far=so_far.n,
        ror_so_far=sums.value, ror_so_far_low=sums.low, ror_so_far_high=sums.high,
        ic=component.value, ic_low=component.low, ic_high=component.high,
    )  # fmt: skip


def _as_pairs(counts: NDArray[np.int64]) -> PairCounts:
    """Each period as if it were a pair of its own; its total is that of the period."""
    n, n_drug, n_event, total = counts
    expected = n_drug * n_event / np.maximum(total, 1)
    none = np.zeros(len(n), np.int64)
    margins = Margins(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1))
    return PairCounts((), (), none, none, n, n_drug, n_event, total, expected, margins)


def _without_gaps(periods: list[str], by: str) -> list[str]:
    """All periods from the first to the last."""
    if by == "year":
        return [str(year) for year in range(int(periods[0]), int(periods[-1]) + 1)]
    first, last = (int(each[:4]) * 4 + int(each[5]) - 1 for each in (periods[0], periods[-1]))
    return [f"{k // 4}Q{k % 4 + 1}" for k in range(first, last + 1)]
