"""Pair table: a row a report, product and event, with strata beside them, as `Reports`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.csv_rows import read_csv_rows
from understudy.causal.signals.finding import Finding, lines_of
from understudy.causal.signals.openfda import quarters_of
from understudy.causal.signals.report_files import ReportFile
from understudy.causal.signals.reports import CASE_COLUMNS, Reports, empty_table
from understudy.causal.signals.words import iso_dates, numbers, plain_codes
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

# Names by which columns are known without being told, in the order in which they are looked for.
KNOWN = {
    "id": (
        "id",
        "report",
        "report_id",
        "reportid",
        "primaryid",
        "isr",
        "safetyreportid",
        "case",
        "caseid",
        "case_id",
    ),
    "drug": (
        "drug",
        "product",
        "var1",
        "drugname",
        "drug_name",
        "substance",
        "ingredient",
        "medicine",
        "vaccine",
    ),
    "event": ("event", "reaction", "var2", "pt", "adverse_event", "ae", "term", "reac", "symptom"),
    "role": ("role", "role_cod"),
    "sex": ("sex", "gender", "gndr_cod"),
    "age": ("age", "age_years", "age_in_years"),
    "country": ("country", "occr_country", "reporter_country"),
    "date": ("date", "fda_dt", "received", "receiptdate", "receivedate", "report_date"),
    "quarter": ("quarter",),
}
_NEEDED = ("id", "drug", "event")
_SEX = {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M"}


def read_pair_tables(files: Iterable[ReportFile], columns: Mapping[str, str] | None = None) -> Reports:
    """Reports of tables of pairs.

    Parameters
    ----------
    files : iterable of ReportFile
        CSV, may be gzipped.
    columns : mapping of str to str, optional
        Which column is ``id``, ``drug``, ``event``, ``role``, ``sex``, ``age``, ``country``, ``date`` or ``quarter``,
        where that does not show from its name. All others are kept for strata.

    Raises
    ------
    DataError
        If a column cannot be found.
    """
    import pandas as pd

    parts, findings, sources = [], [], {}
    for file in files:
        rows, found = read_csv_rows(file)
        places = _places(list(rows.columns), columns or {}, file.name)
        rows = rows.rename(columns={column: name for name, column in places.items()})
        rows, more = _whole(rows, file.name)
        parts.append(rows.assign(file=file.name))
        findings += [*found, *more]
        sources[file.name] = file.hash()
    return _reports(pd.concat(parts, ignore_index=True), findings, sources)


def _places(header: list[str], told: Mapping[str, str], place: str) -> dict[str, str]:
    problems = [
        Problem(f"there is no column {column!r}", f"the header has {', '.join(header[:-1])}", 1)
        for column in told.values()
        if column.lower() not in header
    ]
    problems += [
        Problem(f"columns have no meaning {name!r}", f"known are {', '.join(KNOWN)}")
        for name in told
        if name not in KNOWN
    ]
    found = {name: told[name].lower() for name in told}
    for name, known in KNOWN.items():
        free = [each for each in known if each in header and each not in found.values()]
        if name not in found and free:
            found[name] = free[0]
    problems += [
        Problem(
            f"no column is known as the {name}",
            f"name it, as {name}=COLUMN; the header has {', '.join(header[:-1])}",
            row=1,
        )
        for name in _NEEDED
        if name not in found
    ]
    if problems:
        raise DataError(problems, place=place)
    return found


def _whole(rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Rows that have report, drug and event."""
    rows = rows.assign(**{each: rows[each].str.strip() for each in _NEEDED})
    lacking = np.zeros(len(rows), bool)
    for column in _NEEDED:
        lacking |= (rows[column] == "").to_numpy(bool)
    found = lines_of(rows["line"][lacking])
    told = [Finding(name, "no report, drug or event, left out", found, lost=True)] if found else []
    return rows[~lacking], told


def _reports(rows: pd.DataFrame, findings: list[Finding], sources: dict[str, str]) -> Reports:
    import pandas as pd

    codes, keys = pd.factorize(rows["id"])
    rows = rows.assign(report=codes)
    drugs = rows.assign(role=plain_codes(rows["role"]) if "role" in rows else "", name=rows["drug"])
    drugs = drugs.drop_duplicates(["report", "name", "role"])
    drugs = drugs.assign(sequence="", substance="", dechallenge="", rechallenge="")
    cases, odd = _cases(rows, keys)
    findings = [*findings, *odd, *_crossed(rows, ", ".join(sources))]
    return Reports(
        cases=cases,
        drugs=drugs[
            ["report", "sequence", "name", "substance", "role", "dechallenge", "rechallenge"]
        ].reset_index(drop=True),
        reactions=rows[["report", "event"]].drop_duplicates().reset_index(drop=True),
        outcomes=empty_table("outcomes"),
        indications=empty_table("indications"),
        therapies=empty_table("therapies"),
        findings=tuple(findings),
        sources=sources,
    )


def _cases(rows: pd.DataFrame, keys) -> tuple[pd.DataFrame, list[Finding]]:
    """One row a report: what its first row says, and a finding where others say something else."""
    import pandas as pd

    own = {"id", "drug", "event", "role", "line", "file", "report"}
    others = [each for each in rows.columns if each not in own]
    first = rows.drop_duplicates("report").set_index("report")
    findings: list[Finding] = []
    for name in others:
        differs = (
            rows[name].fillna("").to_numpy() != first[name].fillna("").reindex(rows["report"]).to_numpy()
        )
        findings += _by_file(rows, differs, f"{name} differs from the report's first row, which is taken")
    empty = pd.Series("", index=first.index, dtype=object)
    age, unread = numbers(first.get("age", empty))
    grouped = bool(unread.any())
    received, no_date = iso_dates(first.get("date", empty))
    findings += _by_file(first, no_date, "the date is no date, taken as missing")
    quarter = plain_codes(first.get("quarter", empty))
    frame = pd.DataFrame(
        {
            "key": np.asarray(keys, object), "case": np.asarray(keys, object), "version": np.nan,
            "received": received.to_numpy(), "event_date": "",
            "sex": plain_codes(first.get("sex", empty)).map(_SEX).fillna("").to_numpy(),
            "age": np.nan if grouped else age, "weight": np.nan,
            "country": plain_codes(first.get("country", empty)).to_numpy(), "reporter": "", "kind": "",
            "quarter": quarter.where(quarter != "", quarters_of(received)).to_numpy(),
        }
    )  # fmt: skip
    if grouped:
        frame["age_group"] = plain_codes(first["age"]).to_numpy()
    for name in others:
        if name not in KNOWN:
            frame[name] = first[name].fillna("").to_numpy()
    return frame[[*CASE_COLUMNS, *(each for each in frame.columns if each not in CASE_COLUMNS)]], findings


def _by_file(rows: pd.DataFrame, which, what: str) -> list[Finding]:
    odd = rows[which]
    return [
        Finding(str(name), what, lines_of(part["line"])) for name, part in odd.groupby("file", sort=False)
    ]


def _crossed(rows: pd.DataFrame, files: str) -> list[Finding]:
    """A finding where a report's products and events make more pairs than it has rows."""
    pairs = len(rows.drop_duplicates(["report", "drug", "event"]))
    drugs = rows.drop_duplicates(["report", "drug"])["report"].value_counts()
    events = rows.drop_duplicates(["report", "event"])["report"].value_counts()
    more = int((drugs * events).sum()) - pairs
    what = f"{more:,} pairs have no row: each product of a report is counted with each of its events"
    return [Finding(files, what)] if more else []
