"""Patient source: patients by their number, made when their turn comes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from understudy.core.content import canonical_json
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records


@runtime_checkable
class PatientSource(Protocol):
    """Patients that need not all be in memory, such as a `VirtualPopulation`.

    Attributes
    ----------
    count : int
        How many there are.
    hash : str
        The same only where all patients are the same.
    """

    count: int
    hash: str

    def table(self, first: int, last: int) -> pd.DataFrame:
        """Patients `first` to `last` (excluded), one row each, the index their identifiers.

        The same patient is the same whatever the others that are asked for.
        """


def is_records(patients: object) -> bool:
    """Whether patients bring doses and times of their own."""
    from understudy.data.records import Records

    return isinstance(patients, Records)


@dataclass(frozen=True, eq=False)
class TableSource:
    """The patients of a table: one row each, or one for each patient and draw."""

    frame: pd.DataFrame

    @cached_property
    def draws(self) -> int:
        """Rows of each patient."""
        if self.frame.index.nlevels == 1:
            return 1
        count = self.frame.index.get_level_values(0).nunique()
        if len(self.frame) % count:
            raise SimulationError(
                "the draws are uneven", repair="give every patient the same number of draws, in a row"
            )
        return len(self.frame) // count

    @property
    def count(self) -> int:
        """How many patients there are."""
        return len(self.frame) // self.draws

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return int(self.frame.memory_usage(deep=False).sum())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of names, identifiers and numbers."""
        digest = hashlib.sha256(canonical_json([str(name) for name in self.frame.columns]).encode())
        digest.update("\n".join(map(str, self.frame.index)).encode())
        for name in self.frame.columns:
            digest.update(np.ascontiguousarray(self.frame[name].to_numpy(float)).tobytes())
        return digest.hexdigest()

    def table(self, first: int, last: int) -> pd.DataFrame:
        """Patients `first` to `last` (excluded)."""
        return self.frame.iloc[first * self.draws : last * self.draws]


@dataclass(frozen=True, eq=False)
class RecordsSource:
    """Patients with doses and times of their own. They stay together.

    What is read from records (which covariates change, the most doses of one route) shapes the mechanism that all of
    them are solved with.
    """

    records: Records

    @property
    def count(self) -> int:
        """How many patients there are."""
        return len(self.records.ids)

    @property
    def hash(self) -> str:
        """SHA-256 of the records."""
        return self.records.hash
