"""Records check: what is in a table of records or a study, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from understudy.app.model_check import is_model
from understudy.app.named_value import named_texts
from understudy.app.terminal import console, print_error, print_json
from understudy.core.errors import DataError, FormatError, Problem, StudyError
from understudy.data.compatibility import check_against
from understudy.data.records import Records
from understudy.data.report import RecordsReport
from understudy.dossier.study import Study
from understudy.formats.load import load, load_model


def run(file: Path, units: Iterable[str], columns: Iterable[str], model: str, as_json: bool) -> int:
    """Print the report, or the problems.

    Returns
    -------
    int
        Exit code: 1 where there are problems.
    """
    try:
        report = _report(file, named_texts(units, "--units"), named_texts(columns, "--columns"), model)
    except (DataError, FormatError, StudyError) as error:
        print_json({"ok": False, "problems": problems_of(error)}) if as_json else print_error(error)
        return 1
    print_json({"ok": True, "report": _plain(asdict(report))}) if as_json else _show(report)
    return 0


def _report(file: Path, units: dict[str, str], columns: dict[str, str], model: str) -> RecordsReport:
    if file.suffix == ".toml":
        study = Study.read(file)
        records, fitting = study.read_records(), study.load_model()
    elif is_model(file):
        found = load(file)
        records, fitting = found.records, found.model
    else:
        records = Records.read_csv(file, units=units, columns=columns)
        fitting = load_model(model) if model else None
    if fitting is not None:
        check_against(records, fitting)
    return records.report()


def _show(report: RecordsReport) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for item, value, detail in report.to_frame().itertuples(index=False):
        text = Text.assemble(value, (f"  {detail}" if detail else "", "dim"))
        table.add_row(Text(item, style="yellow" if item == "warning" else "bold"), text)
    console().print(table)


def problems_of(error: DataError | FormatError | StudyError) -> list[dict[str, Any]]:
    """Every problem as JSON data."""
    found = getattr(error, "problems", ()) or (error,)
    return [
        asdict(each)
        if isinstance(each, Problem)
        else {"cause": each.cause, "place": each.place, "repair": each.repair}
        for each in found
    ]


def _plain(data: Any) -> Any:
    """Without not-a-numbers, which JSON does not know."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    return None if data != data else data
