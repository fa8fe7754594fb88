"""Reports: spontaneous reports of adverse events, from whatever file they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.finding import Finding
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

CASE_COLUMNS = (
    *("key", "case", "version", "received", "event_date", "sex", "age", "weight", "country", "reporter"),
    *("kind", "quarter"),
)
TABLES = {
    "drugs": ("report", "sequence", "name", "substance", "role", "dechallenge", "rechallenge"),
    "reactions": ("report", "event"),
    "outcomes": ("report", "outcome"),
    "indications": ("report", "sequence", "indication"),
    "therapies": ("report", "sequence", "start", "end", "days"),
}
# Words of the roles a drug can have in a report (FAERS, file ASC_NTS, ROLE_COD; S where a source does not tell
# primary from secondary suspects, as ICH E2B does not).
SUSPECT = ("PS", "SS", "S")


@dataclass(frozen=True, eq=False)
class Reports:
    """Spontaneous reports of adverse events: no rows of a table are ever changed, verbs return new reports.

    Parameters
    ----------
    cases : DataFrame
        One row a report, index 0 to n - 1: ``key`` (its number in the source), ``case`` and ``version`` (float, NaN
        where there is none), ``received`` and ``event_date`` (ISO 8601 text, as exact as was told: "2014", "2014-03",
        "2014-03-05", empty if unknown), ``sex`` (F, M or empty), ``age`` (years), ``weight`` (kg), ``country``,
        ``reporter``, ``kind``, ``quarter`` (such as "2014Q1"); further columns are those of the source, for strata.
    drugs : DataFrame
        A row a substance: ``report`` (row of `cases`), ``sequence``, ``name`` as reported, ``substance`` (empty if not
        told), ``role`` (PS, SS, S, C, I or empty), ``dechallenge``, ``rechallenge`` (Y, N, D or U, or empty).
    reactions, outcomes, indications, therapies : DataFrame
        By ``report``: ``event``; ``outcome`` (DE, LT, HO, DS, CA, RI, OT); ``sequence`` and ``indication``;
        ``sequence``, ``start``, ``end`` (ISO 8601 text) and ``days``.
    deleted : tuple of str
        Cases that the source has withdrawn.
    findings : tuple of Finding
        All that could not be taken as it stands.
    sources : mapping of file to SHA-256

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> simulate_reports(200, seed=1).kept([0, 3]).count
    2
    """

    cases: pd.DataFrame
    drugs: pd.DataFrame
    reactions: pd.DataFrame
    outcomes: pd.DataFrame
    indications: pd.DataFrame
    therapies: pd.DataFrame
    deleted: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many reports."""
        return len(self.cases)

    @property
    def has_roles(self) -> bool:
        """Whether any drug has a role."""
        return bool((self.drugs["role"] != "").any())

    def kept(self, which: ArrayLike) -> Reports:
        """Only these reports, given as a mask or as positions, in their old order."""
        mask = np.asarray(which)
        if mask.dtype != bool:
            chosen = np.zeros(self.count, bool)
            chosen[mask.astype(np.int64)] = True
            mask = chosen
        place = np.where(mask, np.cumsum(mask) - 1, -1)
        tables = {name: _moved(getattr(self, name), place) for name in TABLES}
        return replace(self, cases=self.cases[mask].reset_index(drop=True), **tables)

    def day(self, column: str) -> NDArray[np.datetime64]:
        """Exact dates of a column of `cases` (``received``, ``event_date``), shape (n,); NaT where less is known."""
        return exact_days(self.cases[column])

    def labels(self, name: str = "substance") -> pd.Series:
        """What each row of `drugs` is counted as: its substance, else its name; or its name alone."""
        if name == "name":
            return self.drugs["name"]
        if name != "substance":
            raise SimulationError(
                f"drugs have no {name!r}", place="drug_name", repair="say 'substance' or 'name'"
            )
        return self.drugs["substance"].where(self.drugs["substance"] != "", self.drugs["name"])

    def __repr__(self) -> str:
        lost = sum(len(each.lines) for each in self.findings if each.lost)
        parts = [
            f"{self.count:,} reports",
            f"{len(self.drugs):,} rows of drugs ({self.labels().nunique():,} names)",
            f"{len(self.reactions):,} of reactions ({self.reactions['event'].nunique():,} terms)",
            f"{lost:,} rows left out",
        ]
        return f"Reports: {', '.join(parts)}"


def empty_table(name: str) -> pd.DataFrame:
    """A table of `TABLES` without rows."""
    import pandas as pd

    frame = pd.DataFrame({column: np.array([], dtype=object) for column in TABLES[name]})
    return frame.astype({"report": np.int64, **({"days": float} if name == "therapies" else {})})


def joined(parts: list[Reports]) -> Reports:
    """Reports of several sources, one below another."""
    import pandas as pd

    starts = np.cumsum([0, *(each.count for each in parts)])
    tables = {
        name: pd.concat(
            [
                getattr(part, name).assign(report=getattr(part, name)["report"] + start)
                for part, start in zip(parts, starts[:-1], strict=True)
            ],
            ignore_index=True,
        )
        for name in TABLES
    }
    return Reports(
        cases=pd.concat([each.cases for each in parts], ignore_index=True),
        **tables,
        deleted=tuple(sorted({case for each in parts for case in each.deleted})),
        findings=tuple(found for each in parts for found in each.findings),
        sources={file: digest for each in parts for file, digest in each.sources.items()},
    )


def exact_days(texts: pd.Series) -> NDArray[np.datetime64]:
    """Days of ISO 8601 texts, NaT where month or day is unknown."""
    whole = texts.where(texts.str.len() == 10).to_numpy(dtype=object)
    known = np.array([isinstance(each, str) for each in whole], bool)
    days = np.full(len(texts), np.datetime64("NaT"), "datetime64[D]")
    days[known] = whole[known].astype("datetime64[D]")
    return days


def _moved(table: pd.DataFrame, place: NDArray[np.int64]) -> pd.DataFrame:
    moved = place[table["report"].to_numpy(np.int64)]
    kept = moved >= 0
    return table[kept].assign(report=moved[kept]).reset_index(drop=True)
