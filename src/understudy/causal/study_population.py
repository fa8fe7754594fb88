"""Study population: who is compared, from when to when they are at risk, and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.attrition import Attrition
from understudy.causal.masking import is_small, masked

_QUANTILES = {"minimum": 0.0, "p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9, "maximum": 1.0}

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class StudyPopulation:
    """Who is compared, and what happened to them.

    Parameters
    ----------
    rows : DataFrame
        One row a person and cohort entry, index 0 to n - 1, sorted by person: person_id (int64), treatment (1 target,
        0 comparator), start (first day of the entry), days_at_risk (int, both ends counted), events (int, outcomes in
        the time at risk), days_to_event (float, from the start of risk; NaN without), time (int: days to the event + 1,
        else days at risk), risk_start and risk_end (first and last day at risk).
    attrition : Attrition
        Every rule, with who was left.
    """

    rows: pd.DataFrame
    attrition: Attrition

    @property
    def treatment(self) -> NDArray[np.int8]:
        """1 in the target, 0 in the comparator cohort, shape (n,)."""
        return self.rows["treatment"].to_numpy(np.int8)

    @property
    def time(self) -> NDArray[np.float64]:
        """Days to the first outcome or the end of risk, shape (n,)."""
        return self.rows["time"].to_numpy(float)

    @property
    def event(self) -> NDArray[np.bool_]:
        """Whether an outcome happened in the time at risk, shape (n,)."""
        return self.rows["events"].to_numpy() > 0

    def table(self) -> pd.DataFrame:
        """Persons, days and events of both sides, for readers: small counts are masked, and rates that tell them."""
        import pandas as pd

        return pd.DataFrame([self._side(side, label) for side, label in ((1, "target"), (0, "comparator"))])

    def _side(self, side: int, label: str) -> dict[str, str]:
        rows = self.rows[self.rows["treatment"] == side]
        days, events = int(rows["time"].sum()), int((rows["events"] > 0).sum())
        rate = "" if is_small(events) or not days else f"{events / (days / 365.25) * 1000:.1f}"
        return {
            "side": label,
            "persons": masked(rows["person_id"].nunique()),
            "days": str(days),
            "events": masked(events),
            "events per 1,000 years": rate,
        }

    def follow_up(self) -> pd.DataFrame:
        """How long both sides were followed, to the outcome or the end of risk: quantiles in days, index by side."""
        import pandas as pd

        sides = {"target": self.time[self.treatment == 1], "comparator": self.time[self.treatment == 0]}
        return pd.DataFrame({name: np.quantile(days, [*_QUANTILES.values()]) for name, days in sides.items()},
                            index=list(_QUANTILES)).T  # fmt: skip

    def __repr__(self) -> str:
        target, comparator = self._side(1, "target"), self._side(0, "comparator")
        return (
            f"StudyPopulation: {target['persons']} and {comparator['persons']} persons, "
            f"{masked(int(self.event.sum()))} with the outcome"
        )
