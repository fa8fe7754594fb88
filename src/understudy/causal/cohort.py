"""Cohort: persons who meet a definition, each from a day to a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Cohort:
    """Persons who meet a definition, each from a day to a day; a person may enter more than once.

    Parameters
    ----------
    name : str
        What reports call it.
    rows : DataFrame
        Columns person_id (int64), start and end (datetime64, at midnight; the end is the last day inside), sorted by
        person and start.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2020-01-01", "2020-03-01"])
    >>> Cohort("users", pd.DataFrame({"person_id": [1, 1], "start": days, "end": days})).persons
    1
    """

    name: str
    rows: pd.DataFrame

    @property
    def persons(self) -> int:
        """How many different persons are in it."""
        return int(self.rows["person_id"].nunique())
