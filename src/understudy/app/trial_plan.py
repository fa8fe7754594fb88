"""Trial plan: a planned trial's error rate, power, duration and size on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.json_numbers import finite_rows
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.trials import PlannedTrial, load_plan, simulate_plan

if TYPE_CHECKING:
    import pandas as pd


def run(path: Path, trials: int, jobs: int, as_json: bool) -> None:
    """Simulate and print."""
    found = simulate_plan(load_plan(path), trials=trials, jobs=jobs)
    print_json(_plain(found)) if as_json else _show(found)


def _plain(found: PlannedTrial) -> dict:
    sure = found.assurance
    return {
        "title": found.plan.title,
        "design": found.plan.section.design.kind,
        "table": finite_rows(found.table()),
        "arms": finite_rows(found.characteristics.arms_table()),
        "looks": finite_rows(found.characteristics.looks_table()),
        "assurance": sure.probability if sure else None,
        "assurance_error": sure.error if sure else None,
        "notes": list(found.notes),
        "record": found.record.hash,
    }


def _show(found: PlannedTrial) -> None:
    from rich.text import Text

    to, count = console(), found.characteristics.trials
    to.print(Text(found.plan.title, style="bold"))
    to.print()
    to.print(table_of(_rows(found), f"{count:,} simulated trials of each scenario, ± Monte Carlo error"))
    to.print()
    to.print(table_of(_arms(found), "Patients of each arm"))
    if found.assurance:
        told = f"Assurance {100 * found.assurance.probability:.1f} ± {100 * found.assurance.error:.1f} %"
        to.print()
        to.print(Text(f"{told}: power averaged over how unsure the effects are", style="bold"))
    for each in found.notes:
        to.print(Text(f"Note: {each}", style="yellow"))


def _rows(found: PlannedTrial) -> pd.DataFrame:
    """A row a scenario, a column a hypothesis."""
    import pandas as pd

    runs, rows = found.characteristics.runs, {}
    table = found.table().set_index(["scenario", "measure"])
    for scenario, own in runs.items():
        names = [f"rejected {name}" for name in own.hypotheses]
        every = {"rejected any": "significant" if len(names) == 1 else "any"}
        shown = (
            every
            if len(names) == 1
            else {name: name[9:] for name in names} | (every if "null" in runs else {})
        )
        rows[_called(scenario)] = {
            **{told: _with_error(table.loc[(scenario, name)], 100.0, " %") for name, told in shown.items()},
            "futility": _with_error(table.loc[(scenario, "stopped for futility")], 100.0, " %"),
            "patients": _with_error(table.loc[(scenario, "patients")], 1.0),
            f"{found.plan.section.endpoint.unit}s": _with_error(table.loc[(scenario, "duration")], 1.0),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _arms(found: PlannedTrial) -> pd.DataFrame:
    """A row a scenario, a column an arm."""
    table = found.characteristics.arms_table()
    told = table.assign(mean=[f"{value:.1f}" for value in table["estimate"]])
    wide = told.pivot(index="scenario", columns="arm", values="mean")
    wide = wide.loc[list(found.characteristics.runs), list(found.plan.arms)]
    return wide.set_axis([_called(name) for name in wide.index])


def _called(scenario: str) -> str:
    return "no effect" if scenario == "null" else scenario


def _with_error(row: pd.Series, factor: float, unit: str = "") -> str:
    return f"{factor * row['estimate']:.1f} ± {factor * row['standard_error']:.1f}{unit}"
