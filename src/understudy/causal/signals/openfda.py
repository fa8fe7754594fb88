"""openFDA: reports as the drug/event endpoint and its bulk files write them, as `Reports`.

Fields and their codes: https://open.fda.gov/apis/drug/event/searchable-fields/, which follow ICH E2B(R2).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.causal.signals.finding import Finding
from understudy.causal.signals.report_files import ReportFile
from understudy.causal.signals.reports import CASE_COLUMNS, TABLES, Reports, empty_table, joined
from understudy.causal.signals.words import OLDEST, YEARS, iso_dates, numbers, plain_codes
from understudy.core.errors import DataError, FormatError, Problem

if TYPE_CHECKING:
    import pandas as pd

_SEX = {"1": "M", "2": "F"}
_ROLE = {"1": "S", "2": "C", "3": "I"}
_YES_NO = {"1": "Y", "2": "N", "3": "U"}
# Does not apply, drugadditional 3.
_DECHALLENGE = {"1": "Y", "2": "N", "3": "D"}
_REPORTER = {"1": "MD", "2": "PH", "3": "OT", "4": "LW", "5": "CN"}
_SERIOUS = {
    "seriousnessdeath": "DE",
    "seriousnesslifethreatening": "LT",
    "seriousnesshospitalization": "HO",
    "seriousnessdisabling": "DS",
    "seriousnesscongenitalanomali": "CA",
    "seriousnessother": "OT",
}


def read_openfda(files: Iterable[ReportFile]) -> Reports:
    """All reports of these JSON files.

    Parameters
    ----------
    files : iterable of ReportFile
        Each an answer of the endpoint or a bulk file, with ``results``, or a list of reports, or one report.

    Raises
    ------
    FormatError
        If a file is no JSON.
    DataError
        If it has no reports of drugs' adverse events.
    """
    together = joined([_read(file) for file in files])
    earlier = together.cases.duplicated("key", keep="last").to_numpy(bool)
    if not earlier.any():
        return together
    names = ", ".join(together.sources)
    told = Finding(names, f"{int(earlier.sum()):,} reports stand twice, the last of them is taken")
    return replace(together.kept(~earlier), findings=(*together.findings, told))


def _read(file: ReportFile) -> Reports:
    found = _reports_of(file)
    good, bad = [], []
    for k, each in enumerate(found):
        (good if _is_report(each) else bad).append(k)
    if not good:
        problem = Problem("no report has safetyreportid and patient", "give results of openFDA's drug/event")
        raise DataError([problem], place=file.name)
    lost = [_told(file, "no safetyreportid or no patient, left out", bad, lost=True)] if bad else []
    reports = [found[k] for k in good]
    order = np.array(good)
    cases, odd = _cases(file, reports, order)
    tables, more = _tables(file, reports, order)
    findings = (*lost, *odd, *more)
    return Reports(cases, **tables, findings=findings, sources={file.name: file.hash()})


def _reports_of(file: ReportFile) -> list[Any]:
    try:
        content = json.loads(file.data().decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as error:
        place = f"{file.name}, line {error.lineno}" if isinstance(error, json.JSONDecodeError) else file.name
        raise FormatError(
            "this is no whole JSON file", place=place, repair="take the file from its source again"
        ) from error
    if isinstance(content, Mapping):
        content = content.get("results", [content])
    return content if isinstance(content, list) else [content]


def _is_report(each: Any) -> bool:
    return (
        isinstance(each, Mapping)
        and bool(each.get("safetyreportid"))
        and isinstance(each.get("patient"), Mapping)
    )


def _told(file: ReportFile, what: str, which: Iterable[int], *, lost: bool = False) -> Finding:
    return Finding(file.name, what, tuple(int(k) + 1 for k in which), lost, "report")


def _text(holder: Any, name: str) -> str:
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return "" if value is None or isinstance(value, list | dict) else str(value).strip()


def _dates(
    file: ReportFile, reports: list, name: str, order: np.ndarray, findings: list, what: str = ""
) -> pd.Series:
    read, unread = iso_dates(_series([_text(each, name) for each in reports]))
    if unread.any():
        findings.append(_told(file, f"{what or name} is no date, taken as missing", np.unique(order[unread])))
    return read


def _series(values: list) -> pd.Series:
    import pandas as pd

    return pd.Series(values, dtype=object)


def _cases(file: ReportFile, reports: list, order: np.ndarray) -> tuple[pd.DataFrame, list[Finding]]:
    import pandas as pd

    findings: list[Finding] = []
    patients = [each["patient"] for each in reports]
    sources = [each.get("primarysource") for each in reports]
    sources = [each[0] if isinstance(each, list) and each else each for each in sources]
    age, unread = numbers(_series([_text(each, "patientonsetage") for each in patients]))
    units = _series([_text(each, "patientonsetageunit") for each in patients])
    age = age * units.where(units != "", "801").map(YEARS).astype(float).to_numpy()
    bare = np.isfinite(age) & (units == "").to_numpy(bool)
    impossible = (age < 0) | (age > OLDEST)
    for which, what in (
        (unread, "patientonsetage is no number, taken as missing"),
        (bare, "patientonsetage has no unit, taken as years"),
        (impossible, f"age is not within 0 and {OLDEST} years, taken as missing"),
    ):
        findings.extend([_told(file, what, order[which])] if which.any() else [])
    country = plain_codes(_series([_text(each, "occurcountry") for each in reports]))
    other = plain_codes(_series([_text(each, "primarysourcecountry") for each in reports]))
    received = _dates(file, reports, "receiptdate", order, findings)
    first = _dates(file, reports, "receivedate", order, findings)
    received = received.where(received != "", first)
    ids = plain_codes(_series([_text(each, "safetyreportid") for each in reports]))
    frame = pd.DataFrame(
        {
            "key": ids + "-" + _series([_text(each, "safetyreportversion") or "1" for each in reports]),
            "case": ids,
            "version": numbers(_series([_text(each, "safetyreportversion") for each in reports]))[0],
            "received": received,
            "event_date": "",
            "sex": _series([_SEX.get(_text(each, "patientsex"), "") for each in patients]),
            "age": np.where(impossible, np.nan, age),
            "weight": numbers(_series([_text(each, "patientweight") for each in patients]))[0],
            "country": country.where(country != "", other),
            "reporter": _series([_REPORTER.get(_text(each, "qualification"), "") for each in sources]),
            "kind": _series([_text(each, "reporttype") for each in reports]),
            "quarter": quarters_of(received),
        }
    )
    return frame[list(CASE_COLUMNS)], findings


def quarters_of(dates: pd.Series) -> pd.Series:
    """Quarter of each ISO date, empty where no month is known.

    Examples
    --------
    >>> import pandas as pd
    >>> quarters_of(pd.Series(["2014-03-05", "2014", ""])).tolist()
    ['2014Q1', '', '']
    """
    month = dates.str.slice(5, 7)
    return _series(
        [
            f"{date[:4]}Q{(int(each) + 2) // 3}" if each else ""
            for date, each in zip(dates, month, strict=True)
        ]
    ).set_axis(dates.index)


def _tables(
    file: ReportFile, reports: list, order: np.ndarray
) -> tuple[dict[str, pd.DataFrame], list[Finding]]:
    import pandas as pd

    drugs, therapies, indications, owners = [], [], [], []
    for k, each in enumerate(reports):
        for number, drug in enumerate(_list(each["patient"], "drug"), 1):
            name = plain(_text(drug, "medicinalproduct"))
            role = _ROLE.get(_text(drug, "drugcharacterization"), "")
            dechallenge = _DECHALLENGE.get(_text(drug, "drugadditional"), "")
            rechallenge = _YES_NO.get(_text(drug, "drugrecurreadministration"), "")
            for substance in _substances(drug):
                drugs.append((k, str(number), name, substance, role, dechallenge, rechallenge))
            if _text(drug, "drugstartdate") or _text(drug, "drugenddate"):
                therapies.append((k, str(number), drug))
            if indication := plain(_text(drug, "drugindication")):
                indications.append((k, str(number), indication))
    findings: list[Finding] = []
    owners = order[[k for k, _, _ in therapies]] if therapies else np.zeros(0, int)
    held = [drug for _, _, drug in therapies]
    times = pd.DataFrame([(k, number) for k, number, _ in therapies], columns=["report", "sequence"])
    times["start"] = _dates(file, held, "drugstartdate", owners, findings)
    times["end"] = _dates(file, held, "drugenddate", owners, findings)
    times["days"] = np.nan
    reactions = [
        (k, event)
        for k, each in enumerate(reports)
        for reaction in _list(each["patient"], "reaction")
        if (event := plain(_text(reaction, "reactionmeddrapt")))
    ]
    outcomes = [
        (k, code)
        for k, each in enumerate(reports)
        for name, code in _SERIOUS.items()
        if _text(each, name) == "1"
    ]
    made = {"drugs": drugs, "reactions": reactions, "outcomes": outcomes, "indications": indications}
    tables = {name: _table(name, rows) for name, rows in made.items()}
    return tables | {"therapies": times if len(times) else empty_table("therapies")}, findings


def _table(name: str, rows: list[tuple]) -> pd.DataFrame:
    import pandas as pd

    if not rows:
        return empty_table(name)
    frame = pd.DataFrame(rows, columns=list(TABLES[name]), dtype=object)
    return frame.astype({"report": np.int64})


def _list(holder: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = holder.get(name) or []
    yield from (each for each in (found if isinstance(found, list) else [found]) if isinstance(each, Mapping))


def _substances(drug: Mapping[str, Any]) -> list[str]:
    """Substances as reported, else openFDA's substance or generic names, else one that is empty."""
    told = _text(drug.get("activesubstance"), "activesubstancename").split("\\")
    harmonised = drug.get("openfda") if isinstance(drug.get("openfda"), Mapping) else {}
    for names in (told, harmonised.get("generic_name") or [], harmonised.get("substance_name") or []):
        names = [names] if isinstance(names, str) else names
        found = list(dict.fromkeys(filter(None, (plain(str(each)) for each in names))))
        if found:
            return found
    return [""]


def plain(text: str) -> str:
    """One name, as `plain_names` writes many."""
    return " ".join(text.upper().split()).rstrip(". ")
