"""FAERS writer: reports as quarterly files in the FDA's layout, to try programs on that read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.reports import Reports
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd


def write_faers(reports: Reports, folder: str | Path) -> list[Path]:
    """Write DEMO, DRUG, REAC, OUTC, THER and INDI of every quarter, and return their paths.

    Fields that `Reports` does not hold are empty.

    Parameters
    ----------
    reports : Reports
    folder : path
        Made if it is not there.

    Raises
    ------
    DataError
        If a report has no quarter, or a name holds the delimiter or a line break.

    Examples
    --------
    >>> from understudy.causal.signals import read_reports, simulate_reports
    >>> reports = simulate_reports(500, seed=1)
    >>> paths = write_faers(reports, "quarters")
    >>> read_reports("quarters").count
    500
    """
    tables = _tables(reports)
    _require_writable(reports, tables)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    quarters = reports.cases["quarter"].to_numpy(object)
    paths = []
    for quarter in sorted(set(quarters)):
        for name, table in tables.items():
            owner = np.arange(reports.count) if name == "DEMO" else table["report"].to_numpy(np.int64)
            rows = table[quarters[owner] == quarter].drop(columns="report", errors="ignore")
            path = folder / f"{name}{quarter[2:]}.txt"
            lines = ["$".join(rows.columns), *("$".join(each) for each in rows.itertuples(index=False))]
            path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")
            paths.append(path)
    return paths


def _tables(reports: Reports) -> dict[str, pd.DataFrame]:
    import pandas as pd

    cases = reports.cases
    keys = cases["key"]
    demo = pd.DataFrame(
        {
            "primaryid": keys, "caseid": cases["case"], "caseversion": _number(cases["version"]),
            "event_dt": _date(cases["event_date"]), "fda_dt": _date(cases["received"]),
            "rept_cod": cases["kind"], "age": _number(cases["age"]),
            "age_cod": np.where(cases["age"].notna(), "YR", ""), "sex": cases["sex"],
            "wt": _number(cases["weight"]), "wt_cod": np.where(cases["weight"].notna(), "KG", ""),
            "occp_cod": cases["reporter"], "occr_country": cases["country"],
        }
    )  # fmt: skip
    drugs = reports.drugs.groupby(["report", "sequence"], sort=False, as_index=False).agg(
        {
            "role": "first",
            "name": "first",
            "substance": "\\".join,
            "dechallenge": "first",
            "rechallenge": "first",
        }
    )
    layouts = {
        "DRUG": (drugs, {"sequence": "drug_seq", "role": "role_cod", "name": "drugname", "substance": "prod_ai",
                         "dechallenge": "dechal", "rechallenge": "rechal"}),
        "REAC": (reports.reactions, {"event": "pt"}),
        "OUTC": (reports.outcomes, {"outcome": "outc_cod"}),
        "THER": (reports.therapies.assign(start=_date(reports.therapies["start"]), end=_date(reports.therapies["end"])),
                 {"sequence": "dsg_drug_seq", "start": "start_dt", "end": "end_dt"}),
        "INDI": (reports.indications, {"sequence": "indi_drug_seq", "indication": "indi_pt"}),
    }  # fmt: skip
    return {"DEMO": demo} | {
        name: _linked(table, columns, cases) for name, (table, columns) in layouts.items()
    }


def _linked(table: pd.DataFrame, columns: dict[str, str], cases: pd.DataFrame) -> pd.DataFrame:
    owner = table["report"].to_numpy(np.int64)
    named = table[list(columns)].rename(columns=columns).astype(object)
    named.insert(0, "caseid", cases["case"].to_numpy()[owner])
    named.insert(0, "primaryid", cases["key"].to_numpy()[owner])
    return named.assign(report=owner)


def _number(values: pd.Series) -> pd.Series:
    return values.map(lambda each: "" if each != each else f"{each:g}").astype(object)


def _date(texts: pd.Series) -> pd.Series:
    return texts.str.replace("-", "", regex=False).astype(object)


def _require_writable(reports: Reports, tables: dict[str, pd.DataFrame]) -> None:
    problems = []
    if (reports.cases["quarter"] == "").any():
        problems.append(Problem("reports have no quarter", "give each one its quarter, such as 2024Q1"))
    for name, table in tables.items():
        for column in table.columns.drop("report", errors="ignore"):
            if table[column].astype(str).str.contains(r"[$\r\n]", regex=True).any():
                cause = f"fields of {name} hold the delimiter $ or a line break"
                problems.append(Problem(cause, "replace it", column=column))
    if problems:
        raise DataError(problems, place="the reports")
