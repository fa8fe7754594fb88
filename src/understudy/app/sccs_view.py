"""SCCS view: a table of intervals fitted as a case series, on the terminal and in files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.json_numbers import finite_rows
from understudy.app.terminal import console, print_json
from understudy.causal.masking import masked
from understudy.causal.sccs import IntervalFit, fit_sccs_intervals
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SccsColumns:
    """Names of the columns of a table of intervals."""

    person: tuple[str, ...]
    days: str
    events: str
    exposures: tuple[str, ...]
    covariates: tuple[str, ...]


def run(file: Path, columns: SccsColumns, level: float, out: Path | None, as_json: bool) -> None:
    """Read, fit, write and print."""
    if out is not None:
        from understudy.dossier.study_problems import require_own_folder

        require_own_folder(file.parent, out, f"--out {out}")
    table = _read(file, columns)
    person = table.groupby(list(columns.person)).ngroup()
    others = table[list(columns.covariates)] if columns.covariates else None
    found = fit_sccs_intervals(
        person,
        table[columns.days],
        table[columns.events],
        table[list(columns.exposures)],
        others,
        level=level,
    )
    plain = _plain(found, level)
    if out is not None:
        _write(found, plain, out)
    print_json(plain) if as_json else _show(found, level, out)


def _read(file: Path, columns: SccsColumns) -> pd.DataFrame:
    """The table, its columns checked."""
    import pandas as pd

    try:
        table = pd.read_csv(file)
    except FileNotFoundError:
        problem = Problem("is not there", "name a CSV file", value=str(file))
        raise DataError([problem], place="the case series") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        problem = Problem(f"is no table: {str(error).strip()}", "give a CSV with a header", value=file.name)
        raise DataError([problem], place="the case series") from None
    asked = (*columns.person, columns.days, columns.events, *columns.exposures, *columns.covariates)
    has = ", ".join(map(str, table.columns[:12]))
    missing = [
        Problem("there is no such column", f"name one of {has}", column=name)
        for name in dict.fromkeys(asked)
        if name not in table
    ]
    unnamed = [
        Problem("names no person in some rows", "leave those rows out", column=name)
        for name in columns.person
        if name in table and table[name].isna().any()
    ]
    if missing or unnamed:
        raise DataError(missing + unnamed, place=file.name)
    return table


def _plain(found: IntervalFit, level: float) -> dict[str, Any]:
    return {
        "cases": masked(found.cases),
        "events": masked(found.events),
        "level": level,
        "estimates": [
            row | {"notes": list(each.notes)}
            for row, each in zip(finite_rows(found.table()), found.estimates.values(), strict=True)
        ],
        "notes": list(found.notes),
    }


def _show(found: IntervalFit, level: float, out: Path | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from understudy.biostatistics.estimates import written_p

    to = console()
    to.print(Text(f"Self-controlled case series: {masked(found.cases)} cases, {masked(found.events)} events"))
    to.print()
    table = Table(
        "", "rate ratio", f"{100 * level:g} % interval", "p", box=None, pad_edge=False, header_style="bold"
    )
    for name, each in found.estimates.items():
        low, high = each.interval
        interval = f"{_number(low)} to {_number(high)}"
        table.add_row(Text(name), _number(each.exp), interval, written_p(each.p_value) or "–")
    to.print(table)
    told = [f"{name}: {note}" for name, each in found.estimates.items() for note in each.notes]
    if told or found.notes:
        to.print()
    for note in (*told, *found.notes):
        to.print(Text(f"Note: {note}", style="yellow"))
    if out is not None:
        to.print()
        to.print(f"Written: {out}", markup=False, soft_wrap=True)


def _number(value: float) -> str:
    if value != value:
        return "–"
    if value > 1e3:
        return "∞" if value == float("inf") else "> 1000"
    return (
        "0"
        if value == 0
        else "< 0.001"
        if value < 1e-3
        else f"{value:.3g}"
        if value >= 10
        else f"{value:.2f}"
    )


def _write(found: IntervalFit, plain: dict[str, Any], out: Path) -> None:
    """Estimates and profiles; all is made before anything is written."""
    import pandas as pd

    profiles = [
        each.profile.table().assign(name=name)
        for name, each in found.estimates.items()
        if each.profile is not None
    ]
    files = {
        "estimates.csv": found.table().to_csv(index=False),
        "profiles.csv": pd.concat(profiles)[["name", "point", "value", "gradient"]].to_csv(index=False),
        "sccs.json": json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
