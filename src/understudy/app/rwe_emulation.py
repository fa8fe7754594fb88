"""Emulation of a target trial on the command line, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.terminal import console, print_json
from understudy.causal.emulation.emulation_file import load_emulation
from understudy.causal.emulation.emulation_report import EmulationReport
from understudy.causal.emulation.run_emulation import run_emulation
from understudy.core.reported_number import ReportedNumber

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_CURVE_ROWS = 6
_SHOWN = {
    "bootstrap": "Bootstrap",
    "counts": "Counts",
    "balance": "Standardised differences of covariates",
}


def run(path: Path, data: Path | None, out: Path | None, as_json: bool) -> None:
    """Estimate, write where a folder is named, and print.

    Raises
    ------
    UnderstudyError
        For whatever cannot be read or estimated; nothing is written then.
    """
    if out is not None:
        from understudy.dossier.study_problems import require_own_folder

        require_own_folder(path.parent, out, f"--out {out}")
    report = run_emulation(load_emulation(path, data))
    written = report.write(out) if out is not None else ()
    if as_json:
        print_json(report.to_json())
        return
    _show(report)
    if written:
        console().print(
            f"Written: {out}/ {', '.join(each.name for each in written)}", markup=False, soft_wrap=True
        )


def _show(report: EmulationReport) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(report.title, style="bold"))
    to.print(Text(report.method, style="dim"))
    to.print()
    to.print(_numbers(report.numbers))
    for name, title in _SHOWN.items():
        if name in report.tables:
            to.print()
            to.print(_table(report.tables[name], title))
    if "curves" in report.tables and "strategies" not in report.tables:
        to.print()
        to.print(_curves(report.tables["curves"]))
    if "natural_course" in report.tables:
        to.print()
        to.print(_table(_few(report.tables["natural_course"]), "Natural course, and what was observed"))
    if "weights" in report.tables:
        to.print()
        to.print(_table(_weights(report.tables["weights"]), "Weights"))
    for told in report.notes:
        to.print(Text(f"Note: {told}", style="yellow"))


def _numbers(numbers: tuple[ReportedNumber, ...]) -> Table:
    """Estimates with their errors and intervals, where any has them."""
    cells = {"": [each.name for each in numbers], "estimate": [f"{each.value:.4g}" for each in numbers]}
    cells["SE"] = ["" if each.error is None else f"{each.error:.4g}" for each in numbers]
    cells["interval"] = ["" if each.low is None else f"{each.low:.4g} to {each.high:.4g}" for each in numbers]
    shown = {name: column for name, column in cells.items() if any(column)}
    table = _blank("Estimates")
    for name in shown:
        table.add_column(name, justify="right" if name else "left")
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table


def _curves(frame: pd.DataFrame) -> Table:
    """Curves at few times: the last, and others evenly before it."""
    table = _blank("Cumulative incidence, standardised")
    for heading in ("follow-up", "untreated", "treated", "difference", "interval"):
        table.add_column(heading, justify="right")
    for row in _few(frame).itertuples(index=False):
        limits = f"{row.difference_low:.4f} to {row.difference_high:.4f}"
        table.add_row(
            str(row.followup_time),
            f"{row.untreated:.4f}",
            f"{row.treated:.4f}",
            f"{row.difference:.4f}",
            limits,
        )
    return table


def _few(frame: pd.DataFrame) -> pd.DataFrame:
    """Few rows: the first, the last, and others evenly between."""
    count = min(_CURVE_ROWS, len(frame))
    return frame.iloc[sorted({round(k * (len(frame) - 1) / max(count - 1, 1)) for k in range(count)})]


def _weights(frame: pd.DataFrame) -> pd.DataFrame:
    names = [
        name
        for name in ("method", "count", "effective", "mean", "sd", "q0", "q50", "q99", "q100", "truncated")
        if name in frame
    ]
    frame = frame.assign(effective=[f"{value:.0f}" for value in frame["effective"]])
    called = {"q0": "least", "q50": "median", "q99": "99 %", "q100": "most"}
    return frame[names].rename(columns=called)


def _table(frame: pd.DataFrame, title: str) -> Table:
    table = _blank(title)
    for k, name in enumerate(frame.columns):
        table.add_column(str(name).replace("_", " "), justify="left" if k == 0 else "right")
    for row in frame.itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return str(value)


def _blank(title: str) -> Table:
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
