"""Synthesis view: a synthetic cohort on the terminal, and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.app.json_numbers import finite_rows
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.plot.label import sentence_case
from understudy.trials.synthetic import Appraisal, appraise, synthesise


def run(
    table: Path, columns: list[str] | None, outcome: str, out: Path | None, as_json: bool, **settings: Any
) -> None:
    """Draw, judge, write and print."""
    found = appraise(synthesise(table, columns, **settings), outcome)
    write_report(found, table, out)
    print_json(_plain(found)) if as_json else _show(found, out)


def _plain(found: Appraisal) -> dict[str, Any]:
    tables = {name: frame for name, frame in found.tables().items() if name != "synthetic"}
    return {
        "synthetic": True,
        "rows": len(found.cohort.rows),
        "made_from": len(found.cohort.source),
        "held_out": len(found.cohort.held_out),
        "sentences": list(found.sentences),
        "notes": list(found.notes),
        **{name: finite_rows(frame) for name, frame in tables.items()},
        "record": found.record.hash,
    }


def _show(found: Appraisal, out: Path | None) -> None:
    from rich.text import Text

    to, cohort = console(), found.cohort
    counts = f"{len(cohort.rows):,} synthetic rows of {len(cohort.columns)} columns"
    to.print(
        Text(f"{counts} from {len(cohort.source):,} rows, {len(cohort.held_out):,} held out", style="bold")
    )
    for sentence in found.sentences:
        to.print(Text(sentence))
    to.print()
    shown = found.table()["value"].map("{:.3f}".format).to_frame("value")
    to.print(table_of(shown.rename(index=sentence_case), "Likeness"))
    if found.privacy:
        to.print()
        told = found.privacy.table().map(lambda value: "" if value != value else f"{value:.3f}")
        told.columns = ["rows made from", "held out, or chance"]
        to.print(table_of(told.rename(index=sentence_case), "Privacy"))
    to.print()
    for note in found.notes:
        to.print(Text(f"Note: {note}", style="yellow"))
    if out is not None:
        to.print(
            f"Rows: {out / 'tables' / 'synthetic.csv'}, every one marked as synthetic",
            markup=False,
            soft_wrap=True,
        )
    say_written(out)
