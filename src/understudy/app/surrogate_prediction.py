"""Surrogate prediction: what a stored surrogate says of patients, on the terminal or into a file."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.app import outcome_file
from understudy.app.named_value import named_texts, quantity
from understudy.app.terminal import console, print_json
from understudy.app.terminal_number import column, single, with_unit
from understudy.core.errors import SimulationError
from understudy.core.result import Outcome
from understudy.surrogate.surrogate import LOWER, UPPER, Surrogate

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_MOST_ROWS, _MOST_PATIENTS = 40, 3


def run(file: Path, given: tuple[str, ...], patients: Path | None, out: Path | None, as_json: bool) -> None:
    """Print predictions with their intervals, or write all of them.

    Raises
    ------
    UnderstudyError
        For whatever cannot be understood, and for values outside the surrogate's ranges.
    """
    if out:
        outcome_file.require_format(out)
    surrogate = Surrogate.load(file)
    outcome = surrogate.predict(_table(surrogate, given, patients))
    if out:
        # An outcome that was not streamed is written here, whatever its ending is.
        outcome.save(out) if outcome_file.is_streamed(out) else outcome_file.write(outcome, out)
    if as_json:
        print_json(_data(outcome))
        return
    _show(surrogate, outcome)
    if out:
        console().print(f"Written: {out}", markup=False, soft_wrap=True)


def _table(surrogate: Surrogate, given: tuple[str, ...], patients: Path | None) -> pd.DataFrame:
    import pandas as pd

    units = {entry.name: entry.unit for entry in surrogate.box.ranges}
    values = {}
    for name, text in named_texts(given, "--with").items():
        if name not in units:
            near = get_close_matches(name, units, 1, 0.5)
            raise SimulationError(
                f"the surrogate was not made for {name!r}",
                place="--with",
                repair=f"did you mean {near[0]}?" if near else f"varied: {', '.join(units)}",
            )
        values[name] = quantity(text, units[name], f"--with {name}")
    if patients is None:
        return pd.DataFrame(values, index=["typical"])
    table = _read(patients)
    doubled = [name for name in values if name in table.columns]
    if doubled:
        raise SimulationError(
            f"{doubled[0]} is in the table too", place=f"--with {doubled[0]}", repair="say it in one place"
        )
    return table.assign(**values)


def _read(path: Path) -> pd.DataFrame:
    """Patients of a CSV file; its column ID, or patient, names them."""
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise SimulationError(
            f"the table cannot be read: {error}", place=str(path), repair="give a .csv file"
        ) from None
    names = next((name for name in table.columns if name.lower() in ("id", "patient")), None)
    table = table.set_index(names) if names is not None else table.set_axis(range(1, len(table) + 1))
    text = [str(name) for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if text:
        raise SimulationError(
            f"the column {text[0]} is not of numbers",
            place=path.name,
            repair="write numbers, or leave it out",
        )
    return table


def _data(outcome: Outcome) -> dict:
    finite = {
        name: [
            [value if np.isfinite(value) else None for value in row] for row in outcome[name].values.tolist()
        ]
        for name in outcome.outputs
    }
    patients = [str(name) for name in outcome.patients]
    return {"patients": patients, "times": outcome.times.tolist(), "units": outcome.units, "outputs": finite}


def _show(surrogate: Surrogate, outcome: Outcome) -> None:
    from rich.text import Text

    to, nominal = console(), surrogate.account.errors[0].nominal
    to.print(Text(f"Surrogate of {surrogate.account.model}", style="bold"))
    to.print(Text(surrogate.account.regimen or "no dose", style="dim"))
    told = f"the model's own value is within the interval with a probability of {nominal:.0%}"
    to.print(Text(told, style="dim"))
    for k, patient in enumerate(outcome.patients[:_MOST_PATIENTS]):
        for name in surrogate.outputs:
            of_whom = f"  patient {patient}" if len(outcome.patients) > 1 else ""
            to.print()
            to.print(Text.assemble((name, "bold"), of_whom))
            to.print(_course(outcome, name, k, nominal))
    if len(outcome.patients) > _MOST_PATIENTS:
        more = f"{_MOST_PATIENTS} of {len(outcome.patients):,} patients; --out file.csv has all"
        to.print(Text(more, style="dim"))


def _course(outcome: Outcome, name: str, patient: int, nominal: float) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    rows = np.unique(np.linspace(0, len(outcome.times) - 1, _MOST_ROWS).astype(int))
    values = [outcome[name + end].values[patient][rows] for end in ("", LOWER, UPPER)]
    texts = np.reshape(column(np.concatenate(values), 5), (3, -1))
    unit = with_unit("", outcome.units[name]).strip()
    ends = (f"{nominal:.0%} from", "to")
    for heading, below in (("time", outcome.time_unit), (name, unit), (ends[0], unit), (ends[1], unit)):
        table.add_column(f"{heading}\n{below}", justify="right")
    for time, *cells in zip(outcome.times[rows], *texts, strict=True):
        table.add_row(single(time, 6), *cells)
    return table
