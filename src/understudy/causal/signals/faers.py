"""FAERS: the FDA's quarterly files of adverse-event reports, from 2004 on, as `Reports`.

Files are recognised by their names, such as DEMO24Q1.txt: in folders at any depth, in the zip files of the FDA, or
given one by one. Lists of deleted cases are recognised by "delete" in theirs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.dollar_file import DollarTable, read_dollar_table, told
from understudy.causal.signals.faers_columns import LAYOUTS, REQUIRED
from understudy.causal.signals.finding import Finding
from understudy.causal.signals.report_files import ReportFile
from understudy.causal.signals.reports import CASE_COLUMNS, Reports, empty_table, joined
from understudy.causal.signals.words import (
    DAYS,
    KILOGRAMS,
    OLDEST,
    YEARS,
    iso_dates,
    numbers,
    plain_codes,
    plain_names,
)
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_NAME = re.compile(
    r"(DEMO|DRUG|REAC|OUTC|RPSR|THER|INDI)_?(?:(?:20)?(\d\d)_?Q([1-4]))?\w*\.(?:txt|asc)(?:\.gz)?", re.I
)
_DELETED = re.compile(r".*delete.*\.(?:txt|csv)(?:\.gz)?", re.I)


def is_faers(name: str) -> bool:
    """Whether a file's name is one of the FDA's quarterly files or lists of deleted cases.

    Examples
    --------
    >>> is_faers("DEMO24Q1.txt"), is_faers("demo12q4_new.TXT"), is_faers("ADR20Q3DeletedCases.txt"), is_faers("x.csv")
    (True, True, True, False)
    """
    return bool(_NAME.fullmatch(name) or _DELETED.fullmatch(name))


def read_faers(files: Iterable[ReportFile]) -> Reports:
    """All quarters of these files; a report that stands in two quarters is taken from the later one.

    Parameters
    ----------
    files : iterable of ReportFile

    Raises
    ------
    DataError
        If DEMO, DRUG or REAC of a quarter is missing, a file lacks a column, or one file gives two different reports
        one number.
    """
    quarters: dict[str, dict[str, ReportFile]] = defaultdict(dict)
    deleted, findings = set(), []
    for file in files:
        if named := _NAME.fullmatch(file.name):
            quarter = f"20{named[2]}Q{named[3]}" if named[2] else ""
            _add(quarters[quarter], named[1].upper(), file)
        else:
            cases, found = _deleted_cases(file)
            deleted |= cases
            findings.extend(found)
    _require_whole(quarters)
    together = joined([_quarter(name, quarters[name]) for name in sorted(quarters)])
    return _once(replace(together, deleted=tuple(sorted(deleted)), findings=(*together.findings, *findings)))


def _add(tables: dict[str, ReportFile], table: str, file: ReportFile) -> None:
    if table in tables:
        problem = Problem(
            f"two files are {table} of one quarter", f"leave {tables[table].name} or this one out"
        )
        raise DataError([problem], place=file.name)
    tables[table] = file


def _require_whole(quarters: dict[str, dict[str, ReportFile]]) -> None:
    problems = [
        Problem(
            f"{quarter or 'the quarter'} has no file {table}",
            f"put {table}{quarter[2:]}.txt beside the others",
        )
        for quarter, tables in sorted(quarters.items())
        for table in REQUIRED
        if table not in tables
    ]
    if not quarters:
        problems = [
            Problem("there is no DEMO, DRUG or REAC file", "give the quarterly files beside the list")
        ]
    if problems:
        raise DataError(problems, place="the FAERS files")


def _deleted_cases(file: ReportFile) -> tuple[set[str], list[Finding]]:
    lines = file.data().decode("latin-1").splitlines()
    fields = [each.split("$")[0].split(",")[0].strip().strip('"') for each in lines]
    numbered = {each for each in fields if each.isdigit()}
    odd = [k + 1 for k, each in enumerate(fields) if each and not each.isdigit() and k > 0]
    return numbered, list(told(file.name, "no number of a case, left out", odd, lost=True))


def _quarter(quarter: str, files: dict[str, ReportFile]) -> Reports:
    tables = {name: read_dollar_table(file.name, file.data(), LAYOUTS[name]) for name, file in files.items()}
    demo, doubled = _without_copies(tables["DEMO"])
    cases, odd = _cases(demo, quarter)
    place = {key: k for k, key in enumerate(cases["key"])}
    linked = {name: _linked(table, place) for name, table in tables.items() if name != "DEMO"}
    drugs, odd_drugs = _drugs(linked["DRUG"][0])
    therapies, odd_therapies = _therapies(linked.get("THER", (None, ()))[0], files)
    findings = [
        *(found for table in tables.values() for found in table.findings),
        *(found for _, orphans in linked.values() for found in orphans),
        *doubled, *odd, *odd_drugs, *odd_therapies,
    ]  # fmt: skip
    return Reports(
        cases=cases,
        drugs=drugs,
        reactions=_terms(linked["REAC"][0], "pt", "event"),
        outcomes=_codes(linked.get("OUTC"), "outc_cod", "outcome", "outcomes"),
        indications=_indications(linked.get("INDI")),
        therapies=therapies,
        findings=tuple(found for found in findings),
        sources={file.name: file.hash() for file in files.values()},
    )


def _without_copies(demo: DollarTable) -> tuple[DollarTable, tuple[Finding, ...]]:
    """Reports that stand twice, once; an error where two that differ have one number."""
    rows = demo.rows.assign(primaryid=plain_codes(demo.rows["primaryid"]))
    fields = [each for each in rows.columns if each != "line"]
    same = rows.duplicated(fields).to_numpy(bool)
    copies = told(demo.name, "a copy of an earlier line, left out", rows["line"][same])
    rows = rows[~same].reset_index(drop=True)
    again = rows[rows.duplicated("primaryid", keep=False)]
    if len(again):
        problems = [
            Problem("two different reports have one number", "keep the right line", int(each), "primaryid")
            for each in again["line"]
        ]
        raise DataError(problems, place=demo.name)
    return replace(demo, rows=rows), copies


def _cases(demo: DollarTable, quarter: str) -> tuple[pd.DataFrame, list[Finding]]:
    import pandas as pd

    rows, findings = demo.rows, []
    given = {
        name: rows.get(name, pd.Series("", index=rows.index, dtype=object)) for name in LAYOUTS["DEMO"].wanted
    }

    def dates(column: str) -> pd.Series:
        read, unread = iso_dates(given[column])
        findings.extend(told(demo.name, f"{column} is no date, taken as missing", rows["line"][unread]))
        return read

    def quantity(column: str, per: dict[str, float], usual: str) -> np.ndarray:
        read, unread = numbers(given[column])
        codes = plain_codes(given[f"{column}_cod"])
        bare = np.isfinite(read) & (codes == "").to_numpy(bool)
        unknown = np.isfinite(read) & ~bare & ~codes.isin(list(per)).to_numpy(bool)
        findings.extend(told(demo.name, f"{column} is no number, taken as missing", rows["line"][unread]))
        findings.extend(told(demo.name, f"{column} has no unit, taken as {usual}", rows["line"][bare]))
        findings.extend(
            told(demo.name, f"{column} has an unknown unit, taken as missing", rows["line"][unknown])
        )
        return read * codes.where(~pd.Series(bare, rows.index), usual).map(per).astype(float).to_numpy()

    age = quantity("age", YEARS, "YR")
    impossible = (age < 0) | (age > OLDEST)
    findings.extend(
        told(demo.name, f"age is not within 0 and {OLDEST} years, taken as missing", rows["line"][impossible])
    )
    received = dates("fda_dt")
    country = plain_codes(given["occr_country"])
    frame = pd.DataFrame(
        {
            "key": rows["primaryid"],
            "case": plain_codes(rows["caseid"]),
            "version": numbers(given["caseversion"])[0],
            "received": received.where(received != "", dates("init_fda_dt")),
            "event_date": dates("event_dt"),
            "sex": plain_codes(given["sex"]).map({"F": "F", "M": "M"}).fillna(""),
            "age": np.where(impossible, np.nan, age),
            "weight": quantity("wt", KILOGRAMS, "KG"),
            "country": country.where(country != "", plain_codes(given["reporter_country"])),
            "reporter": plain_codes(given["occp_cod"]),
            "kind": plain_codes(given["rept_cod"]),
            "quarter": quarter,
        }
    )  # fmt: skip
    return frame[list(CASE_COLUMNS)], findings


def _linked(table: DollarTable, place: dict[str, int]) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Rows with the position of their report; those without a report are left out and told."""
    keys = plain_codes(table.rows["primaryid"])
    report = keys.map(place)
    without = report.isna().to_numpy(bool)
    orphans = told(
        table.name, "no report in DEMO has its number, left out", table.rows["line"][without], lost=True
    )
    return table.rows[~without].assign(report=report[~without].astype(np.int64)), orphans


def _drugs(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """A row a substance: active ingredients are divided by a backslash."""
    import pandas as pd

    empty = pd.Series("", index=rows.index, dtype=object)
    substances = plain_names(rows.get("prod_ai", empty)).str.split("\\", regex=False)
    frame = pd.DataFrame(
        {
            "report": rows["report"],
            "sequence": plain_codes(rows["drug_seq"]),
            "name": plain_names(rows["drugname"]),
            "substance": substances,
            "role": plain_codes(rows["role_cod"]),
            "dechallenge": plain_codes(rows.get("dechal", empty)),
            "rechallenge": plain_codes(rows.get("rechal", empty)),
        }
    )
    frame = frame.explode("substance", ignore_index=True)
    return frame.assign(substance=frame["substance"].str.strip().astype(object)), []


def _terms(rows: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame({"report": rows["report"], name: plain_names(rows[column])})
    return frame[frame[name] != ""].reset_index(drop=True)


def _codes(linked, column: str, name: str, table: str) -> pd.DataFrame:
    import pandas as pd

    if linked is None:
        return empty_table(table)
    frame = pd.DataFrame({"report": linked[0]["report"], name: plain_codes(linked[0][column])})
    return frame[frame[name] != ""].reset_index(drop=True)


def _indications(linked) -> pd.DataFrame:
    if linked is None:
        return empty_table("indications")
    frame = _terms(linked[0], "indi_pt", "indication")
    codes = plain_codes(linked[0]["drug_seq"])[plain_names(linked[0]["indi_pt"]).to_numpy() != ""]
    return frame.assign(sequence=codes.to_numpy())[["report", "sequence", "indication"]]


def _therapies(rows, files: dict[str, ReportFile]) -> tuple[pd.DataFrame, list[Finding]]:
    import pandas as pd

    if rows is None:
        return empty_table("therapies"), []
    empty, findings = pd.Series("", index=rows.index, dtype=object), []
    dates = {}
    for name in ("start", "end"):
        dates[name], unread = iso_dates(rows.get(f"{name}_dt", empty))
        findings.extend(
            told(files["THER"].name, f"{name}_dt is no date, taken as missing", rows["line"][unread])
        )
    duration = numbers(rows.get("dur", empty))[0] * plain_codes(rows.get("dur_cod", empty)).map(DAYS).astype(
        float
    )
    frame = pd.DataFrame(
        {"report": rows["report"], "sequence": plain_codes(rows["drug_seq"]), **dates, "days": duration}
    )
    return frame.reset_index(drop=True), findings


def _once(reports: Reports) -> Reports:
    """A report that stands in several quarters, from the last of them."""
    earlier = reports.cases.duplicated("key", keep="last").to_numpy(bool)
    if not earlier.any():
        return reports
    counts = reports.cases["quarter"][earlier].value_counts().sort_index()
    findings = [
        Finding(
            f"DEMO{quarter[2:]}", f"{count:,} reports stand in a later quarter too, and are taken from there"
        )
        for quarter, count in counts.items()
    ]
    return replace(reports.kept(~earlier), findings=(*reports.findings, *findings))
