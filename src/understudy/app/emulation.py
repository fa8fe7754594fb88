"""Emulation: a surrogate asked for on the command line, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.app.named_value import named_texts, quantity
from understudy.app.terminal import console, note, print_json
from understudy.app.terminal_number import single
from understudy.app.time_grid import end_of, readable, spaced
from understudy.core.content import encode
from understudy.core.errors import SimulationError
from understudy.formats.load import load_model
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen
from understudy.surrogate.emulate import emulate, varied_units
from understudy.surrogate.held_out import percent
from understudy.surrogate.surrogate import Surrogate
from understudy.surrogate.surrogate_file import require_writable

if TYPE_CHECKING:
    from rich.table import Table

_FAILED_SHOWN = 5


@dataclass(frozen=True)
class Emulation:
    """Arguments and options of ``understudy emulate``, as they were written."""

    model: str
    regimen: str = ""
    vary: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    until: str = ""
    every: str = ""
    times: str = ""
    before_dose: bool = False
    accuracy: str = "2 %"
    runs: int = 64
    most: int = 512
    held_out: int = 64
    seed: int = 0
    out: Path | None = None
    engine: str = "auto"
    jobs: int = 0


def run(asked: Emulation, as_json: bool) -> bool:
    """Make a surrogate, write it where a file is named, and print how good it is; whether its accuracy was reached.

    Raises
    ------
    UnderstudyError
        For whatever cannot be understood or done.
    """
    if asked.out:
        require_writable(asked.out)
    made = made_of(asked)
    if asked.out:
        made.save(asked.out)
    if as_json:
        account = {key: value for key, value in encode(made.account).items() if key != "record"}
        print_json({**account, "reached": made.reached, "hash": made.hash})
        return made.reached
    _show(made)
    if asked.out:
        console().print(f"Written: {asked.out}", markup=False, soft_wrap=True)
    return made.reached


def made_of(asked: Emulation) -> Surrogate:
    """The surrogate that is asked for."""
    model = load_model(asked.model)
    base = model.structural if isinstance(model, PopulationModel) else model
    regimen = Regimen.parse(asked.regimen).in_time_unit(base.time_unit) if asked.regimen else None
    units = varied_units(model, regimen)
    ranges = {name: _range(name, text, units) for name, text in named_texts(asked.vary, "--vary").items()}
    fixed = named_texts(asked.parameters, "--parameter")
    return emulate(
        model,
        ranges,
        regimen,
        _times(asked, regimen, base),
        outputs=tuple(name for text in asked.outputs for name in text.split(",")) or None,
        fixed={
            name: quantity(text, units.get(name, "1"), f"--parameter {name}") for name, text in fixed.items()
        },
        accuracy=_share(asked.accuracy),
        size=asked.runs,
        most=max(asked.most, asked.runs),
        held_out=asked.held_out,
        seed=asked.seed,
        before_dose=asked.before_dose,
        engine=asked.engine,
        jobs=asked.jobs,
    )


def _range(name: str, text: str, units: dict[str, str]) -> tuple:
    """``1:10``, ``1:10:log`` or ``60 mL/h:0.6 L/h``, in the parameter's unit."""
    parts = text.split(":")
    if len(parts) not in (2, 3):
        raise SimulationError(
            f"{text!r} is no range", place=f"--vary {name}", repair=f"write --vary {name}=LOW:HIGH"
        )
    unit = units.get(name, "1")
    ends = tuple(quantity(part, unit, f"--vary {name}") for part in parts[:2])
    return (*ends, *parts[2:])


def _share(text: str) -> float:
    number = text.strip()
    share = quantity(number.removesuffix("%"), "1", "--accuracy")
    return share / 100 if number.endswith("%") else share


def _times(asked: Emulation, regimen: Regimen | None, model: Model) -> np.ndarray:
    unit = model.time_unit
    if asked.times:
        if asked.every or asked.until:
            raise SimulationError("--times says it all", repair="leave out --until and --every")
        return np.unique([quantity(text, unit, "--times") for text in asked.times.split(",")])
    end = quantity(asked.until, unit, "--until") if asked.until else end_of(regimen)
    return spaced(end, quantity(asked.every, unit, "--every")) if asked.every else readable(end, unit)


def _show(made: Surrogate) -> None:
    from rich.text import Text

    to, about = console(), made.account
    to.print(Text(f"Surrogate of {about.model}", style="bold"))
    ranges = ", ".join(f"{entry.name} {entry}" for entry in made.box.ranges)
    runs = f"{about.training_runs} training, {about.calibration_runs} calibration and {about.test_runs} test runs"
    for line in (about.regimen or "no dose", f"{ranges}; {len(made.times)} times", runs):
        to.print(Text(line, style="dim"))
    to.print()
    to.print(_errors(made))
    to.print()
    to.print(Text(made.verdict, style="" if made.reached else "bold red"))
    for run_ in made.failed[:_FAILED_SHOWN]:
        note(str(run_))
    if len(made.failed) > _FAILED_SHOWN:
        note(f"{len(made.failed)} runs of the model failed; nothing is known of the surrogate's error there")


def _errors(made: Surrogate) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("output")
    nominal = f"{made.account.errors[0].nominal:.0%}"
    for heading in ("scale", "RMSE", "95 % within", "largest", "Q²", f"in {nominal} interval"):
        table.add_column(heading, justify="right")
    for each in made.account.errors:
        shares = (percent(value) for value in (each.rmse, each.typical_largest, each.largest))
        held = f"{each.coverage:.0%} ({each.coverage_lower:.0%} to {each.coverage_upper:.0%})"
        unit = "" if each.unit == "1" else f" {each.unit}"
        table.add_row(each.output, f"{single(each.scale)}{unit}", *shares, f"{each.q2:.5f}", held)
    return table
