"""SBML case: one case of the SBML Test Suite's semantic tests, run and compared with its expected results.

A case is a folder with the model, ``settings.txt`` and ``results.csv``. A value passes where it differs from the
expected one by no more than the case's absolute tolerance and its relative tolerance times the expected value, as the
suite's own rules say.
"""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from understudy.core.errors import UnderstudyError
from understudy.core.expression import Expression
from understudy.engine.simulate import simulate
from understudy.formats.load import load
from understudy.model.model import Model
from understudy.model.parts import Output


@dataclass(frozen=True)
class Settings:
    """What a case asks for."""

    start: float
    duration: float
    variables: tuple[str, ...]
    absolute: float
    relative: float
    amounts: frozenset[str]
    concentrations: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> Settings:
        """Settings of a case's folder."""
        rows = (line.partition(":") for line in (folder / "settings.txt").read_text().splitlines())
        found = {key.strip(): value.strip() for key, _, value in rows if key.strip()}
        listed = lambda key: tuple(x.strip() for x in found.get(key, "").split(",") if x.strip())  # noqa: E731
        return cls(
            float(found.get("start") or 0),
            float(found.get("duration") or 0),
            listed("variables"),
            float(found["absolute"]),
            float(found["relative"]),
            frozenset(listed("amount")),
            frozenset(listed("concentration")),
        )


@dataclass(frozen=True)
class Verdict:
    """How a case went: ``passed``, ``refused`` or ``wrong``; why; and the seconds it took."""

    case: str
    verdict: str
    reason: str
    seconds: float


def run_case(folder: Path, engine: str = "auto") -> Verdict:
    """Run a case."""
    begin = time.perf_counter()
    try:
        verdict, reason = "passed", _difference(folder, engine)
        if reason:
            verdict = "wrong"
    except UnderstudyError as error:
        verdict, reason = "refused", str(error.cause)
    except Exception as error:  # a crash is a wrong answer too
        verdict, reason = "wrong", f"{type(error).__name__}: {error}"
    return Verdict(folder.name, verdict, reason, round(time.perf_counter() - begin, 3))


def _difference(folder: Path, engine: str) -> str:
    """The largest difference beyond the tolerances, in words; empty where there is none."""
    settings = Settings.read(folder)
    columns, expected = _table(folder / "results.csv")
    model = load(folder / "model.xml")
    if not isinstance(model, Model):
        found = model.solve()
        times = np.zeros(1)
        values = {name: np.array([found[name]]) for name in settings.variables}
    else:
        times = expected[:, 0]
        values = _simulated(model, settings, times, engine)
    worst, told = 0.0, ""
    for name in settings.variables:
        wanted = expected[:, columns[name]]
        allowed = settings.absolute + settings.relative * np.abs(wanted)
        with np.errstate(invalid="ignore"):
            off = np.abs(values[name] - wanted) / allowed
        same = (values[name] == wanted) | (np.isnan(values[name]) & np.isnan(wanted))
        off = np.where(same, 0.0, np.where(np.isfinite(off), off, np.inf))
        k = int(off.argmax())
        if off[k] > max(worst, 1.0):
            worst = off[k]
            told = f"{name} at {times[k % times.size]:g} is {values[name][k]:.8g}, should be {wanted[k]:.8g}"
    return told


def _simulated(model: Model, settings: Settings, times: np.ndarray, engine: str) -> dict[str, np.ndarray]:
    wanted = {name: _name(name, model, settings) for name in settings.variables}
    outputs = tuple(Output(name, Expression(name)) for name in dict.fromkeys(wanted.values()))
    outcome = simulate(replace(model, outputs=outputs), times=times, engine=engine)
    outcome.raise_failures()
    return {variable: outcome[name].values[0] for variable, name in wanted.items()}


def _name(variable: str, model: Model, settings: Settings) -> str:
    """What a variable is called in the model."""
    known = {*model.parameter_names, *model.state_names, *(item.name for item in model.assignments)}
    name = variable if variable in known else f"{variable}_"
    asked = [(settings.amounts, f"{name}_amount"), (settings.concentrations, f"{name}_concentration")]
    return next((other for group, other in asked if variable in group and other in known), name)


def _table(path: Path) -> tuple[dict[str, int], np.ndarray]:
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    columns = {name.strip(): k for k, name in enumerate(rows[0])}
    return columns, np.array([[float(cell) for cell in row] for row in rows[1:]])
