"""Patients and questions that the tests of dispatch share."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy.core.random import normals
from understudy.core.result import Outcome
from understudy.engine.simulate import simulate
from understudy.model.model import Model

needs_zarr = pytest.mark.skipif(find_spec("zarr") is None, reason="zarr is not installed: pip install zarr")
needs_dask = pytest.mark.skipif(
    find_spec("distributed") is None, reason="dask is not installed: pip install distributed"
)

SATURABLE = Model(
    "saturable elimination",
    "h",
    {"V": (50, "L"), "Vm": (12, "mg/h"), "Km": (1.5, "mg/L")},
    {"A": "mg"},
    {"A": "-Vm * (A / V) / (Km + A / V)"},
    outputs={"Cp": ("A / V", "mg/L")},
)
REGIMEN = "100 mg every 12 h for 4 doses"
TIMES = np.array([0.0, 1.0, 30.0, 12.0, 47.5])
QUESTION = (REGIMEN, TIMES)


def table(first: int, last: int) -> pd.DataFrame:
    """Patients `first` to `last` (excluded), each the same whatever the others; every 50th cannot be solved."""
    number = np.arange(first, last)
    drawn = np.exp(0.3 * normals(7, "many", number, 3)) * [50.0, 12.0, 1.5]
    drawn[number % 50 == 17, 0] = np.nan
    return pd.DataFrame(drawn, index=[f"p{k}" for k in number], columns=["V", "Vm", "Km"])


@dataclass(frozen=True)
class Lazy:
    """Patients made when their turn comes; where it says so, what makes them fails, dawdles or dies.

    Parameters
    ----------
    count : int
    kills_before : str
        The process that makes the patients of the middle dies, as long as there is no file of this name.
    delay : float
        Seconds that each chunk takes longer.
    """

    count: int
    kills_before: str = ""
    delay: float = 0.0

    @property
    def hash(self) -> str:
        """Patients are the same by whatever accident they are made."""
        return "many patients"

    def table(self, first: int, last: int) -> pd.DataFrame:
        """As the function of this name."""
        in_the_middle = first <= self.count // 2 < last and last - first > 1
        if self.kills_before and in_the_middle and not Path(self.kills_before).exists():
            Path(self.kills_before).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.delay)
        return table(first, last)


def undisturbed(count: int) -> Outcome:
    """What all other ways must give, bit for bit."""
    return simulate(SATURABLE, table(0, count), *QUESTION)
