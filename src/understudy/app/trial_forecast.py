"""Trial forecast: how a measure goes on, on the terminal and in files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.json_numbers import finite_rows
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.trials import TrialForecast, forecast, load_trial

if TYPE_CHECKING:
    import pandas as pd


def run(path: Path, out: Path | None, as_json: bool) -> None:
    """Foretell, write and print."""
    found = forecast(load_trial(path))
    write_report(found, path, out)
    if as_json:
        told = {
            "sentences": list(found.sentences),
            "best": found.best,
            "methods": finite_rows(found.table().reset_index()),
            "coverage": finite_rows(found.coverage().reset_index()),
            "notes": list(found.notes),
            "record": found.record.hash,
        }
        print_json(told)
    else:
        _show(found, out)


def _show(found: TrialForecast, out: Path | None) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(found.trial.protocol.title, style="bold"))
    for k, sentence in enumerate(found.sentences):
        to.print(Text(sentence, style="bold" if k == 0 else ""))
    to.print()
    to.print(table_of(methods_table(found.table()), "Methods, in subjects held out"))
    to.print()
    to.print(table_of(_subgroups(found), f"By subgroup: {found.best}"))
    for told in found.notes:
        to.print(Text(f"Note: {told}", style="yellow"))
    say_written(out)


def methods_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row a method, as text."""
    import pandas as pd

    rows = {
        str(name): {
            "error": f"{row['error']:.3g}",
            "against carrying forward": _against(row),
            "coverage": f"{100 * row['coverage']:.1f} ± {100 * row['coverage_error']:.1f} %",
            "width": f"{row['width']:.3g}",
        }
        for name, row in table.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _against(row: pd.Series) -> str:
    if row["from"] == row["to"] == 0:
        return ""
    return f"{row['difference']:+.3g} ({row['from']:+.3g} to {row['to']:+.3g})"


def _subgroups(found: TrialForecast) -> pd.DataFrame:
    import pandas as pd

    rows = {
        str(name): {
            "subjects": f"{row['patients']:.0f}",
            "error": f"{row['error']:.3g}",
            "coverage": f"{100 * row['coverage']:.1f} ± {100 * row['coverage_error']:.1f} %",
            "width": f"{row['width']:.3g}",
        }
        for name, row in found.coverage().loc[found.best].iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index")
