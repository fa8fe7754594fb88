"""Sobol' view: which parameters an output's variance comes from, on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.terminal import console, print_json
from understudy.core.errors import SimulationError
from understudy.surrogate.held_out import percent
from understudy.surrogate.sobol import sobol_indices
from understudy.surrogate.surrogate import Surrogate

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table


def run(file: Path, outputs: tuple[str, ...], size: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Print the indices of each output over all times; write those of each time.

    Raises
    ------
    UnderstudyError
        For whatever cannot be understood or done.
    """
    if out and out.suffix != ".csv":
        raise SimulationError("the indices are a table", place="--out", repair="name a .csv file")
    surrogate = Surrogate.load(file)
    options = {"outputs": outputs or None, "size": size, "seed": seed}
    if out:
        sobol_indices(surrogate, **options).to_csv(out, index=False)
    table = sobol_indices(surrogate, over_time=True, **options)
    if as_json:
        print_json(table.to_dict("records"))
        return
    _show(surrogate, table)
    if out:
        console().print(f"Written: {out}", markup=False, soft_wrap=True)


def _show(surrogate: Surrogate, table: pd.DataFrame) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(f"Sobol' indices of {surrogate.account.model}, with 95 % intervals", style="bold"))
    told = "shares of the variance over the box, all times together; --out file.csv has each time"
    to.print(Text(told, style="dim"))
    for output, rows in table.groupby("output", sort=False):
        left = percent(1 - surrogate.error.loc[output, "q2"])
        to.print()
        to.print(Text.assemble((str(output), "bold"), (f"  the surrogate leaves {left} unexplained", "dim")))
        to.print(_table(rows.sort_values("total", ascending=False)))


def _table(rows: pd.DataFrame) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("parameter")
    for heading in ("first order", "total"):
        table.add_column(heading, justify="right")
    for row in rows.itertuples():
        first = _interval(row.first, row.first_lower, row.first_upper)
        table.add_row(row.parameter, first, _interval(row.total, row.total_lower, row.total_upper))
    return table


def _interval(value: float, lower: float, upper: float) -> str:
    # Adding zero turns a negative zero into a plain one.
    value, lower, upper = (f"{round(each, 3) + 0.0:.3f}" for each in (value, lower, upper))
    return f"{value} ({lower} to {upper})"
