"""The turnover model of the benchmarks: depot, saturable elimination, a peripheral compartment and a response."""

from __future__ import annotations

import numpy as np
import pandas as pd

from understudy.core.random import normals, uniforms
from understudy.engine.parameters import ParameterRows, parameter_rows
from understudy.engine.schedule import Schedule, from_doses
from understudy.model.model import Model

DOSE, DOSES, INTERVAL = 100.0, 15, 16.0
TIMES = np.linspace(0.0, 240.0, 241)
SPREAD = 0.3

MODEL = Model(
    "turnover benchmark",
    "h",
    parameters={
        "ka": (1.0, "1/h"),
        "V": (20.0, "L"),
        "Vm": (8.0, "mg/h"),
        "Km": (2.0, "mg/L"),
        "Q": (2.0, "L/h"),
        "V2": (40.0, "L"),
        "kin": (10.0, "1/h"),
        "kout": (0.1, "1/h"),
        "IC50": (1.0, "mg/L"),
    },
    states={"A": "mg", "C1": "mg/L", "C2": "mg/L", "R": ("1", "kin / kout")},
    rates={
        "A": "-ka * A",
        "C1": "(ka * A - Vm * C1 / (Km + C1) - Q * (C1 - C2)) / V",
        "C2": "Q * (C1 - C2) / V2",
        "R": "kin * (1 - 0.9 * C1 / (IC50 + C1)) - kout * R",
    },
    inputs={"oral": "A"},
    outputs={"C": ("C1", "mg/L"), "response": ("R", "1")},
)


def parameters(count: int) -> np.ndarray:
    """Log-normal parameters with 30 % variability, shape (count, 9)."""
    typical = np.array([parameter.value for parameter in MODEL.parameters])
    return typical * np.exp(SPREAD * normals(1, "turnover", np.arange(count), typical.size))


def problem(count: int) -> tuple[Schedule, ParameterRows]:
    """Schedule and parameters of `count` patients."""
    patients = [str(k) for k in range(count)]
    doses = pd.DataFrame({"id": patients, "time": 0.0, "amt": DOSE, "rate": 0.0, "ii": INTERVAL})
    schedule = from_doses(
        doses.assign(addl=DOSES - 1, ss=0, route="oral"), patients, TIMES, np.array(False), MODEL
    )
    columns = dict(zip(MODEL.parameter_names, parameters(count).T, strict=True))
    return schedule, parameter_rows(MODEL, schedule, columns)


def problem_with_own_schedules(count: int, fraction: float) -> tuple[Schedule, ParameterRows]:
    """As many doses and observations as in `problem`, at random times of their own for a fraction of the patients."""
    who = np.arange(count)
    own = uniforms(1, "own schedule", who, 1)[:, 0] < fraction
    end = DOSES * INTERVAL
    dosed = np.tile(INTERVAL * np.arange(DOSES), (count, 1))
    dosed[own] = np.sort(end * uniforms(1, "dose times", who[own], DOSES), axis=1)
    seen = np.tile(TIMES, (count, 1))
    seen[own] = np.sort(end * uniforms(1, "observation times", who[own], TIMES.size), axis=1)
    patients = [str(k) for k in who]
    doses = pd.DataFrame({"id": np.repeat(patients, DOSES), "time": dosed.ravel(), "amt": DOSE, "rate": 0.0})
    doses = doses.assign(ii=0.0, addl=0, ss=0, route="oral")
    schedule = from_doses(doses, patients, seen, np.array(False), MODEL)
    columns = dict(zip(MODEL.parameter_names, parameters(count).T, strict=True))
    return schedule, parameter_rows(MODEL, schedule, columns)
