"""Reading reports: which format the files have, and all of them as one `Reports`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from understudy.causal.signals.diana import is_diana, read_diana
from understudy.causal.signals.faers import is_faers, read_faers
from understudy.causal.signals.finding import Finding, warn_of
from understudy.causal.signals.openfda import read_openfda
from understudy.causal.signals.pair_table import read_pair_tables
from understudy.causal.signals.report_files import ReportFile, report_files
from understudy.causal.signals.reports import Reports
from understudy.core.errors import DataError, Problem

_TABLE = re.compile(r".*\.(csv|tsv|txt)(\.gz)?", re.I)
_JSON = re.compile(r".*\.json(\.gz)?", re.I)
# What lies beside data and is none.
_PAPERS = re.compile(r".*\.(pdf|docx?|md|html?|xml|sgml?)|readme.*|stat\d*q\d\..*|size\d*q\d\..*", re.I)


def read_reports(
    paths: str | Path | Sequence[str | Path], columns: Mapping[str, str] | None = None
) -> Reports:
    """Read spontaneous reports: quarterly files of FAERS, openFDA's JSON, tables of DiAna, or tables of pairs.

    Parameters
    ----------
    paths : path or sequence of paths
        Files, folders, or zip files; the format shows from their names and columns.
    columns : mapping of str to str, optional
        Of a table of pairs, see `read_pair_tables`.

    Returns
    -------
    Reports
        With ``findings``: all that was mended or left out, by file and line.

    Warns
    -----
    ReadingWarning
        Once for each finding.

    Raises
    ------
    DataError
        If there are no such files, files or columns are missing, or files are of different sources.
    FormatError
        If a file is damaged.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("pairs.csv").write_text("id,product,event\\n1,DRUG A,HEADACHE\\n2,DRUG B,NAUSEA\\n")
    >>> read_reports("pairs.csv")
    Reports: 2 reports, 2 rows of drugs (2 names), 2 of reactions (2 terms), 0 rows left out
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    files = report_files(paths)
    groups: dict[str, list[ReportFile]] = {}
    for file in files:
        groups.setdefault(_kind(file), []).append(file)
    groups.pop("paper", None)
    other = groups.pop("other", [])
    _require_one_kind(groups, other, paths)
    ((kind, mine),) = groups.items()
    reports = _read(kind, mine, columns)
    ignored = tuple(Finding(file.name, "is no file of reports, not read") for file in other)
    reports = reports if not ignored else _with_findings(reports, ignored)
    warn_of(reports.findings)
    return reports


def _kind(file: ReportFile) -> str:
    if is_faers(file.name):
        return "FAERS"
    if _PAPERS.fullmatch(file.name):
        return "paper"
    if is_diana(file.name):
        return "DiAna"
    if _JSON.fullmatch(file.name):
        return "openFDA"
    return "pairs" if _TABLE.fullmatch(file.name) else "other"


def _read(kind: str, files: list[ReportFile], columns: Mapping[str, str] | None) -> Reports:
    if kind == "pairs":
        return read_pair_tables(files, columns)
    return {"FAERS": read_faers, "DiAna": read_diana, "openFDA": read_openfda}[kind](files)


def _with_findings(reports: Reports, more: tuple[Finding, ...]) -> Reports:
    from dataclasses import replace

    return replace(reports, findings=(*reports.findings, *more))


def _require_one_kind(groups: dict[str, list[ReportFile]], other: list[ReportFile], paths: list) -> None:
    if len(groups) == 1:
        return
    place = ", ".join(Path(each).name for each in paths)
    if groups:
        kinds = " and ".join(f"{kind} ({files[0].name})" for kind, files in sorted(groups.items()))
        problem = Problem(f"the files are of different sources: {kinds}", "give those of one source")
    else:
        named = f", only {other[0].name}" if other else ""
        problem = Problem(
            f"there is no file of reports{named}",
            "give FAERS files such as DEMO24Q1.txt, openFDA's JSON, or a CSV with report, product and event",
        )
    raise DataError([problem], place=place)
