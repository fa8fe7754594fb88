"""Signal study: from files of reports to signals, their course over time and their onset, with a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.causal.masking import masked
from understudy.causal.signals.cleaning import Cleaned, cleaned, later_copies
from understudy.causal.signals.criteria import DEFAULT
from understudy.causal.signals.onset import Onset, time_to_onset
from understudy.causal.signals.pair_trend import Trend, trend
from understudy.causal.signals.reading import read_reports
from understudy.causal.signals.reports import SUSPECT, Reports
from understudy.causal.signals.rule_duplicates import rule_groups
from understudy.causal.signals.signal_search import find_signals
from understudy.causal.signals.signals import WARNING, Signals
from understudy.core.errors import SimulationError
from understudy.core.record import Record, Stopwatch

if TYPE_CHECKING:
    import pandas as pd

_COURSES = 4  # pairs whose course is shown where none is named
_CITATIONS = (
    "DuMouchel 1999, doi:10.1080/00031305.1999.10474456",
    "Norén, Hopstadius and Bate 2013, doi:10.1177/0962280211403604",
    "Evans, Waller and Davis 2001, doi:10.1002/pds.677",
    "van Puijenbroek et al. 2002, doi:10.1002/pds.668",
)


@dataclass(frozen=True, eq=False)
class SignalStudy:
    """What files of reports say, with the record of how it was found.

    Parameters
    ----------
    cleaned : Cleaned
    signals : Signals
    trends : tuple of Trend
    onsets : mapping of (drug, event) to Onset
        Of the pairs of `trends` whose reports tell it.
    pairs : tuple of (drug, event)
        Those that were followed: named, or the first signals where a course was asked for.
    likely_copies : int
        Reports of different cases that say the same of patient, drugs and events, and were not taken out.
    public : bool
        Whether the reports are public data, so that small counts are shown.
    record : Record
    """

    cleaned: Cleaned
    signals: Signals
    trends: tuple[Trend, ...]
    onsets: Mapping[tuple[str, str], Onset]
    pairs: tuple[tuple[str, str], ...]
    likely_copies: int
    public: bool
    record: Record

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer in sentences."""
        found, many = self.signals, "pair meets" if self.signals.count == 1 else "pairs meet"
        first = (
            f"{found.count:,} of {len(found.table):,} {many} the criteria {found.criteria.text}, stated beforehand: "
            f"{found.reports:,} reports, {found.drugs:,} drugs, {found.events:,} events."
        )
        return first, WARNING

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known beside the numbers."""
        notes = list(self.signals.notes)
        if self.cleaned.linkage is not None:
            notes += self.cleaned.linkage.notes
        if silent := [
            f"{event} after {drug}" for drug, event in self.pairs if (drug, event) not in self.onsets
        ]:
            notes.append(f"fewer than five reports tell both dates for the onset of {', '.join(silent)}")
        if self.record.settings["by"] and not self.pairs:
            notes.append("no pair meets the criteria: there is none whose course could be shown")
        if self.likely_copies:
            copies = str(self.likely_copies) if self.public else masked(self.likely_copies)
            notes.append(
                f"{copies} reports say the same as another one of a different case (event date, sex, age, country, "
                "drugs, events): --duplicates rules takes them out"
            )
        if self.public:
            notes.append("the reports are said to be public data: small counts are shown")
        elif hidden := self.signals.masked():
            notes.append(f"{hidden:,} pairs have fewer than five reports: hidden, unless with --public")
        return tuple(notes)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables as they are written to files, small counts masked unless the data are public."""
        found = {"signals": self.signals.shown(self.public), "cleaning": self.cleaned.table()}
        if self.trends:
            import pandas as pd

            parts = [each.shown(self.public).assign(drug=each.drug, event=each.event) for each in self.trends]
            together = pd.concat([each.astype(object) for each in parts], ignore_index=True)
            found["trends"] = together[["drug", "event", *together.columns.drop(["drug", "event"])]]
        return found


def study_signals(
    source: Reports | str | Path | Sequence[str | Path],
    *,
    drugs: Sequence[str] = (),
    events: Sequence[str] = (),
    comparator: str = "",
    roles: Sequence[str] = SUSPECT,
    strata: Sequence[str] = (),
    criteria: str = DEFAULT,
    drug_name: str = "substance",
    duplicates: str = "none",
    undated: bool = False,
    by: str = "",
    columns: Mapping[str, str] | None = None,
    public: bool = False,
    seed: int = 1,
) -> SignalStudy:
    """Read, clean and search reports for signals, and follow the first of them over time.

    Parameters
    ----------
    source : Reports or paths
        See `read_reports`.
    drugs, events, comparator, roles, strata, criteria, drug_name
        See `find_signals`.
    duplicates, undated
        See `cleaned`.
    by : str
        ``"quarter"`` or ``"year"``: the course of the pairs of `drugs` and `events`, or else of the first four signals.
    columns : mapping of str to str, optional
        Of a table of pairs, see `read_pair_tables`.
    public : bool
        The reports are public data, so that counts below five are shown.
    seed : int
        Of draws that judge change points.

    Returns
    -------
    SignalStudy

    Raises
    ------
    DataError, FormatError
        If files cannot be read.
    SimulationError
        If something is asked that the reports do not have.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> found = study_signals(simulate_reports(3000, seed=1), criteria="ic", by="year")
    >>> print(found.sentences[0])
    14 of 1,316 pairs meet the criteria IC025 > 0, stated beforehand: 3,000 reports, 30 drugs, 60 events.
    """
    watch = Stopwatch()
    reports = source if isinstance(source, Reports) else read_reports(source, columns)
    left = cleaned(reports, duplicates=duplicates, undated=undated)
    asked = {"drugs": drugs, "events": events, "comparator": comparator, "roles": roles, "strata": strata,
             "criteria": criteria, "drug_name": drug_name}  # fmt: skip
    signals = find_signals(left.reports, **asked)
    pairs = _followed(signals) if by else _named(signals)
    how = {"roles": roles, "drug_name": drug_name}
    settings = {**{k: list(v) if not isinstance(v, str) else v for k, v in asked.items()}, "duplicates": duplicates,
                "undated": undated, "by": by, "public": public, "columns": dict(columns or {})}  # fmt: skip
    return SignalStudy(
        left, signals,
        tuple(trend(left.reports, *pair, by=by, seed=seed, **how) for pair in (pairs if by else ())),
        dict(_onsets(left.reports, pairs, how)),
        tuple(pairs),
        int(later_copies(left.reports, rule_groups(left.reports)).sum()) if duplicates == "none" else 0,
        public,
        Record.make("signals", stopwatch=watch, inputs=dict(reports.sources), seed=seed, method="disproportionality",
                    settings=settings, citations=_CITATIONS),
    )  # fmt: skip


def _named(signals: Signals) -> list[tuple[str, str]]:
    """The pairs that were asked for by both names."""
    asked = signals.question
    if not (asked.drugs and asked.events):
        return []
    return [(drug, event) for drug in asked.drugs for event in asked.events]


def _followed(signals: Signals) -> list[tuple[str, str]]:
    if named := _named(signals):
        return named
    first = signals.signals().head(_COURSES)
    return list(zip(first["drug"], first["event"], strict=True))


def _onsets(reports: Reports, pairs: list[tuple[str, str]], how: dict[str, Any]):
    """Onset of the pairs whose reports tell it."""
    for pair in pairs:
        try:
            yield pair, time_to_onset(reports, *pair, **how)
        except SimulationError:
            # Fewer than five reports tell both dates: there is no onset to tell of.
            continue


def prior_numbers(study: SignalStudy) -> dict[str, Any] | None:
    """The prior of EBGM as plain numbers, None where there is none."""
    if study.signals.prior is None:
        return None
    plain = asdict(study.signals.prior)
    errors = [float(each) if each == each else None for each in plain["log_errors"]]
    return plain | {"log_errors": errors, "notes": list(plain["notes"])}
