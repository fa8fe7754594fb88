"""Trial check: what is in a trial's tables, or all that is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.records_check import problems_of
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_error, print_json
from understudy.app.terminal_table import table_of
from understudy.core.errors import DataError, StudyError
from understudy.plot.label import sentence_case
from understudy.trials import Trial, check, load_trial
from understudy.trials.description import baseline_table, outcome_tables

if TYPE_CHECKING:
    import pandas as pd


def run(path: Path, out: Path | None, as_json: bool) -> int:
    """Print the report, or the problems, and write it.

    Returns
    -------
    int
        Exit code: 1 where there are problems.
    """
    try:
        trial = load_trial(path)
        tables = outcome_tables(trial), baseline_table(trial)
        if out is not None:
            write_report(check(trial), path, out)
    except (DataError, StudyError) as error:
        print_json({"ok": False, "problems": problems_of(error)}) if as_json else print_error(error)
        return 1
    print_json({"ok": True, **_plain(trial, *tables)}) if as_json else _show(trial, *tables, out)
    return 0


def _plain(trial: Trial, outcomes: dict[str, pd.DataFrame], baseline: pd.DataFrame) -> dict[str, Any]:
    first, *others = ((name, frame.reset_index().to_dict("records")) for name, frame in outcomes.items())
    return {
        "title": trial.protocol.title,
        "hash": trial.hash,
        "flow": trial.flow,
        "outcome": first[1],
        "other_outcomes": dict(others),
        "baseline": baseline.reset_index().to_dict("records"),
        "warnings": list(trial.warnings),
    }


def _show(trial: Trial, outcomes: dict[str, pd.DataFrame], baseline: pd.DataFrame, out: Path | None) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(trial.protocol.title, style="bold"))
    to.print(Text(" → ".join(f"{count} {step}" for step, count in trial.flow.items()), style="dim"))
    for name, frame in (outcomes | {"baseline": baseline}).items():
        if len(frame):
            to.print()
            to.print(table_of(frame, sentence_case(name)))
    for told in trial.warnings:
        to.print(Text(f"Warning: {told}", style="yellow"))
    say_written(out)
