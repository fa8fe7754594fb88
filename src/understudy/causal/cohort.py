"""Cohort: persons who meet a definition, each from a day to a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from understudy.causal.masking import masked

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.cohorts.cohort_attrition import CohortAttrition


@dataclass(frozen=True, eq=False, repr=False)
class Cohort:
    """Persons who meet a definition, each from a day to a day; a person may enter more than once.

    Parameters
    ----------
    name : str
        What reports call it.
    rows : DataFrame
        Columns person_id (int64), start and end (datetime64, at midnight; the end is the last day inside), sorted by
        person and start.
    attrition : CohortAttrition or None
        Persons left after each step of its definition.
    concept_hashes : dict of str to str
        SHA-256 of the ids that each of its concept sets means in the vocabulary.
    hash : str
        SHA-256 of its definition and those ids.
    notes : tuple of str
        Such as concepts that the vocabulary does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2020-01-01", "2020-03-01"])
    >>> Cohort("users", pd.DataFrame({"person_id": [1, 1], "start": days, "end": days})).persons
    1
    """

    name: str
    rows: pd.DataFrame
    attrition: CohortAttrition | None = None
    concept_hashes: Mapping[str, str] = field(default_factory=dict)
    hash: str = ""
    notes: tuple[str, ...] = ()

    @property
    def persons(self) -> int:
        """How many different persons are in it."""
        return int(self.rows["person_id"].nunique())

    def __repr__(self) -> str:
        entries = "" if len(self.rows) == self.persons else f", {masked(len(self.rows))} entries"
        return f"Cohort {self.name!r}: {masked(self.persons)} persons{entries}"
