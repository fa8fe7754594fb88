"""Outcome view: a simulation on the terminal, as a table or as a plot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.app.simulation import Simulation
from understudy.app.terminal_number import column, single, with_unit
from understudy.app.terminal_plot import plot

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_MOST_ROWS = 40
_WIDEST_PLOT = 100
# Widths of the column of times, and between columns.
_TIME_WIDTH, _GAP = 8, 3
_PERCENT = (5, 50, 95)


def show(found: Simulation, to: Console, chart: bool) -> None:
    """Print a simulation: who and what, then a table or a plot of each output."""
    from rich.text import Text

    to.print(Text(found.card.title if found.card else found.model.name, style="bold"))
    for line in _subject(found):
        to.print(Text(line, style="dim"))
    for view in _plots(found, to) if chart else _tables(found, to.width):
        to.print()
        to.print(view)


def _subject(found: Simulation) -> Iterator[str]:
    yield str(found.regimen or "") or "no dose"
    units = {item.name: item.unit for item in getattr(found.model, "covariates", ())} | {"BSA": "m**2"}
    units = {"WT": "kg"} | units
    who = (
        f"{found.population:,} virtual patients (seed {found.seed})"
        if found.population
        else "a typical patient"
    )
    told = [f"{name} {with_unit(single(value), units.get(name, '1'))}" for name, value in found.given.items()]
    told += [f"{name} = {single(value)}" for name, value in found.changed.items()]
    yield f"{who}{': ' if told else ''}{', '.join(told)}"
    if found.population:
        yield "middle and 90 % of the patients; measurement error not included"


def _curves(found: Simulation, output: str) -> np.ndarray:
    """The patient's values, or quantiles of the population; shape (curves, times)."""
    if not found.population:
        return found.outcome[output].values[:1]
    return found.outcome.quantiles([percent / 100 for percent in _PERCENT])[output].values


def _rows(found: Simulation) -> np.ndarray:
    """No more rows than can be read, evenly thinned; the first and the last stay."""
    rows = found.rows
    if len(rows) <= _MOST_ROWS:
        return rows
    return rows[np.unique(np.linspace(0, len(rows) - 1, _MOST_ROWS).astype(int))]


def _tables(found: Simulation, width: int) -> Iterator[Any]:
    """One table for a patient; one an output, under its name, for a population."""
    from rich.text import Text

    outcome, rows = found.outcome, _rows(found)
    if not found.population:
        columns = {name: column(_curves(found, name)[0][rows]) for name in outcome.outputs}
        shown, left = _fitting(columns, outcome.units, width)
        headings = [f"{name}\n{_unit(outcome.units[name])}" for name in shown]
        yield _table(found, rows, headings, [columns[name] for name in shown])
        if left:
            yield Text(
                f"not shown: {', '.join(left)}; --output NAME shows one, --out file.csv has all", style="dim"
            )
    for name, unit in outcome.units.items() if found.population else ():
        headings = [f"{'median' if p == 50 else f'{p} %'}\n{_unit(unit)}" for p in _PERCENT]
        yield Text(name, style="bold")
        yield _table(found, rows, headings, [column(each) for each in _curves(found, name)[:, rows]])
    if len(rows) < len(found.rows):
        yield Text(f"{len(rows)} of {len(found.rows)} times; --out file.csv has all", style="dim")


def _fitting(
    columns: dict[str, list[str]], units: Mapping[str, str], width: int
) -> tuple[list[str], list[str]]:
    """Outputs whose columns stand beside one another in a line, at least one; and the others."""
    shown, used = [], _TIME_WIDTH
    for name, cells in columns.items():
        used += max(map(len, (name, _unit(units[name]), *cells))) + _GAP
        if used > width and shown:
            break
        shown.append(name)
    return shown, list(columns)[len(shown) :]


def _table(found: Simulation, rows: np.ndarray, headings: list[str], values: list[list[str]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(f"time\n{found.outcome.time_unit}", justify="right")
    for heading in headings:
        table.add_column(heading, justify="right")
    times = [single(time, 6) for time in found.outcome.times[rows]]
    for row in zip(times, *values, strict=True):
        table.add_row(*row)
    return table


def _plots(found: Simulation, to: Console) -> Iterator[Any]:
    from rich.text import Text

    for name, unit in found.outcome.units.items():
        curves = _curves(found, name)
        lines = plot(found.outcome.times, list(curves), min(to.width, _WIDEST_PLOT) - 1)
        head = f"{name}{f' [{_unit(unit)}]' if _unit(unit) else ''} over time [{found.outcome.time_unit}]"
        yield Text("\n".join([head, *lines, *_peak(found, curves, unit)]))


def _peak(found: Simulation, curves: np.ndarray, unit: str) -> Iterator[str]:
    """Highest and last value of one patient."""
    if found.population or not np.isfinite(curves[0]).any():
        return
    times, values, time_unit = found.outcome.times, curves[0], found.outcome.time_unit
    top = int(np.nanargmax(values))
    yield (
        f"highest {with_unit(single(values[top]), unit)} at {single(times[top])} {time_unit}, "
        f"last {with_unit(single(values[-1]), unit)} at {single(times[-1])} {time_unit}"
    )


def _unit(unit: str) -> str:
    return with_unit("", unit).strip()
