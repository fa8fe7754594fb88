"""Trial simulation: a new trial's power, duration and size on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.json_numbers import finite_rows
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.trials import NewTrial, load_trial, simulate_new_trial
from understudy.trials.new_trial import effect_text
from understudy.trials.power_curve import curve_trials

if TYPE_CHECKING:
    import pandas as pd


def run(path: Path, arm: str | None, trials: int, jobs: int, out: Path | None, as_json: bool) -> None:
    """Simulate, write and print."""
    curve = 0 if out is None else curve_trials(trials)
    found = simulate_new_trial(load_trial(path), arm=arm, trials=trials, curve=curve, jobs=jobs)
    write_report(found, path, out)
    if as_json:
        print_json(
            {
                "measure": found.measure,
                "effects": found.effects,
                "table": finite_rows(found.table()),
                "assurance": found.assurance,
                "assurance_error": found.assurance_error,
                "notes": list(found.notes),
                "record": found.record.hash,
            }
        )
    else:
        _show(found)
        say_written(out)


def _show(found: NewTrial) -> None:
    from rich.text import Text

    to, trials = console(), found.characteristics.trials
    to.print(Text(f"A new trial like: {found.trial.protocol.title}", style="bold"))
    to.print()
    to.print(table_of(_rows(found), f"{trials:,} simulated trials of each scenario, ± Monte Carlo error"))
    told = f"Assurance {100 * found.assurance:.1f} ± {100 * found.assurance_error:.1f} %"
    to.print(Text(f"{told}: power averaged over how sure this trial is of its effect", style="bold"))
    for each in found.notes:
        to.print(Text(f"Note: {each}", style="yellow"))


def _rows(found: NewTrial) -> pd.DataFrame:
    """A row a scenario."""
    import pandas as pd

    table, rows = found.table().set_index(["scenario", "measure"]), {}
    for scenario in dict.fromkeys(found.table()["scenario"]):
        own = table.loc[scenario]
        effect = found.effects.get(scenario)
        rows["no effect" if effect is None else scenario] = {
            found.measure: "none" if effect is None else effect_text(effect),
            "significant": _with_error(own.loc["rejected any"], 100.0, " %"),
            "patients": _with_error(own.loc["patients"], 1.0),
            f"{found.trial.protocol.endpoint.unit}s": _with_error(own.loc["duration"], 1.0),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _with_error(row: pd.Series, factor: float, unit: str = "") -> str:
    return f"{factor * row['estimate']:.1f} ± {factor * row['standard_error']:.1f}{unit}"
