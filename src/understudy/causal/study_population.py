"""Study population: who is compared, from when to when they are at risk, and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.attrition import Attrition

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class StudyPopulation:
    """Who is compared, and what happened to them.

    Parameters
    ----------
    rows : DataFrame
        One row a person and cohort entry, index 0 to n - 1, sorted by person: person_id (int64), treatment (1 target,
        0 comparator), start (first day of the entry), days_at_risk (int, both ends counted), events (int, outcomes in
        the time at risk), days_to_event (float, from the start of risk; NaN without), time (int: days to the event + 1,
        else days at risk).
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
