"""DiAna: tables of FAERS that were cleaned beforehand, as `Reports`.

Fusaroli et al., Drug Saf 2024;47:271-284, doi:10.1007/s40264-023-01391-4. CSV files demo, drug and reac, and where they
are there demo_supp, drug_name, drug_supp, indi, outc and ther.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.csv_rows import read_csv_rows
from understudy.causal.signals.finding import Finding, lines_of
from understudy.causal.signals.report_files import ReportFile
from understudy.causal.signals.reports import CASE_COLUMNS, Reports, empty_table
from understudy.causal.signals.words import OLDEST, iso_dates, numbers, plain_codes, plain_names
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_NAMES = re.compile(
    r"(?:sample_)?(demo|demo_supp|drug|drug_name|drug_supp|indi|outc|reac|ther|doses)\.csv(?:\.gz)?", re.I
)
_NEEDED = {
    "demo": ("primaryid",),
    "drug": ("primaryid", "drug_seq", "substance", "role_cod"),
    "reac": ("primaryid", "pt"),
}
_DAYS_A_YEAR = 365.0  # DiAna's own: age_in_years is age_in_days / 365


def is_diana(name: str) -> bool:
    """Whether a file's name is one of DiAna's tables."""
    return bool(_NAMES.fullmatch(name))


def read_diana(files: Iterable[ReportFile]) -> Reports:
    """Reports of DiAna's tables.

    Raises
    ------
    DataError
        If demo, drug or reac or one of their columns is missing, or two reports have one number.
    """
    given = {_NAMES.fullmatch(file.name)[1].lower(): file for file in files}
    read = {name: read_csv_rows(file) for name, file in given.items() if name != "doses"}
    _require(given, read)
    findings = [found for _, told in read.values() for found in told]
    rows = {name: frame for name, (frame, _) in read.items()}
    cases = _cases(rows, given["demo"].name, findings)
    place = {key: k for k, key in enumerate(cases["key"])}
    linked = {
        name: _linked(frame, place, given[name].name, findings)
        for name, frame in rows.items()
        if name != "demo"
    }
    return Reports(
        cases=cases,
        drugs=_drugs(linked),
        reactions=_terms(linked["reac"], "pt", "event"),
        outcomes=_optional(linked, "outc", {"outc_cod": "outcome"}, "outcomes"),
        indications=_optional(
            linked, "indi", {"drug_seq": "sequence", "indi_pt": "indication"}, "indications"
        ),
        therapies=_therapies(linked, given, findings),
        findings=tuple(findings),
        sources={file.name: file.hash() for name, file in given.items() if name in read},
    )


def _require(given: dict[str, ReportFile], read: dict) -> None:
    problems = [
        Problem(f"there is no file {each}.csv", "put it beside the others")
        for each in _NEEDED
        if each not in given
    ]
    problems += [
        Problem(
            f"{given[name].name} has no column {column}", f"it has {', '.join(read[name][0].columns[:-1])}", 1
        )
        for name, columns in _NEEDED.items()
        for column in columns
        if name in read and column not in read[name][0].columns
    ]
    if problems:
        raise DataError(problems, place="DiAna's tables")


def _cases(rows: dict[str, pd.DataFrame], name: str, findings: list[Finding]) -> pd.DataFrame:
    import pandas as pd

    demo = rows["demo"]
    keys = plain_codes(demo["primaryid"])
    if keys.duplicated().any():
        lines = lines_of(demo["line"][keys.duplicated(keep=False)])
        problems = [
            Problem("two reports have one number", "keep the right row", each, "primaryid") for each in lines
        ]
        raise DataError(problems, place=name)
    more = rows.get("demo_supp")
    if more is not None:
        more = more.drop_duplicates("primaryid").set_index("primaryid").reindex(keys)

    def of(column: str) -> pd.Series:
        if column in demo:
            return demo[column].set_axis(range(len(demo)))
        known = more is not None and column in more
        return (more[column].fillna("") if known else pd.Series("", keys, dtype=object)).set_axis(
            range(len(demo))
        )

    def dates(column: str) -> pd.Series:
        read, unread = iso_dates(of(column))
        if unread.any():
            findings.append(
                Finding(name, f"{column} is no date, taken as missing", lines_of(demo["line"][unread]))
            )
        return read

    age = numbers(of("age_in_days"))[0] / _DAYS_A_YEAR
    country, case = plain_codes(of("occr_country")), plain_codes(of("caseid"))
    keys = keys.set_axis(range(len(demo)))
    frame = pd.DataFrame(
        {
            "key": keys, "case": case.where(case != "", keys), "version": numbers(of("caseversion"))[0],
            "received": dates("fda_dt"), "event_date": dates("event_dt"), "sex": plain_codes(of("sex")),
            "age": np.where((age < 0) | (age > OLDEST), np.nan, age), "weight": numbers(of("wt_in_kgs"))[0],
            "country": country.where(country != "", plain_codes(of("reporter_country"))),
            "reporter": plain_codes(of("occp_cod")), "kind": plain_codes(of("rept_cod")),
            "quarter": plain_codes(of("quarter")).map(lambda text: f"20{text}" if text else ""),
        }
    )  # fmt: skip
    kept = [each for each in demo.columns if each.startswith("rb_duplicates")]
    return frame[list(CASE_COLUMNS)].assign(**{each: demo[each].str.upper() == "TRUE" for each in kept})


def _linked(rows: pd.DataFrame, place: dict[str, int], name: str, findings: list[Finding]) -> pd.DataFrame:
    report = plain_codes(rows["primaryid"]).map(place)
    without = report.isna().to_numpy(bool)
    if without.any():
        lines = lines_of(rows["line"][without])
        findings.append(Finding(name, "no report in demo has its number, left out", lines, lost=True))
    return rows[~without].assign(report=report[~without].astype(np.int64)).reset_index(drop=True)


def _drugs(linked: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a substance of drug, with names and challenges of the tables beside it."""
    rows = linked["drug"]
    for table, columns in (("drug_name", ["drugname"]), ("drug_supp", ["dechal", "rechal"])):
        wanted = [each for each in columns if table in linked and each in linked[table]]
        if wanted:
            beside = linked[table].drop_duplicates(["report", "drug_seq"])[["report", "drug_seq", *wanted]]
            rows = rows.merge(beside, how="left", on=["report", "drug_seq"])
    for column in ("drugname", "dechal", "rechal"):
        rows = rows.assign(**{column: rows[column].fillna("") if column in rows else ""})
    return rows.assign(
        sequence=plain_codes(rows["drug_seq"]), name=plain_names(rows["drugname"]),
        substance=plain_names(rows["substance"]), role=plain_codes(rows["role_cod"]),
        dechallenge=plain_codes(rows["dechal"]), rechallenge=plain_codes(rows["rechal"]),
    )[["report", "sequence", "name", "substance", "role", "dechallenge", "rechallenge"]]  # fmt: skip


def _terms(rows: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    frame = rows[["report"]].assign(**{name: plain_names(rows[column])})
    return frame[frame[name] != ""].reset_index(drop=True)


def _optional(linked: dict[str, pd.DataFrame], table: str, names: dict[str, str], title: str) -> pd.DataFrame:
    if table not in linked or not set(names) <= set(linked[table].columns):
        return empty_table(title)
    frame = linked[table][["report"]].assign(
        **{new: plain_names(linked[table][old]) for old, new in names.items()}
    )
    return frame[frame[list(names.values())[-1]] != ""].reset_index(drop=True)


def _therapies(
    linked: dict[str, pd.DataFrame], given: dict[str, ReportFile], findings: list[Finding]
) -> pd.DataFrame:
    if "ther" not in linked:
        return empty_table("therapies")
    rows, dates = linked["ther"], {}
    for name in ("start", "end"):
        dates[name], unread = iso_dates(rows[f"{name}_dt"])
        if unread.any():
            what = f"{name}_dt is no date, taken as missing"
            findings.append(Finding(given["ther"].name, what, lines_of(rows["line"][unread])))
    days = numbers(rows["dur_in_days"])[0] if "dur_in_days" in rows else np.nan
    return rows[["report"]].assign(sequence=plain_codes(rows["drug_seq"]), **dates, days=days)
