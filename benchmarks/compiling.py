"""How long new models take to become machine code, and a first simulation in a fresh process.

Used by benchmarks/engine.py. Wall-clock seconds, medians of fresh processes with an empty cache of models; the solvers
are compiled before, as at installation.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from understudy.model.model import Model

RUNS = 5

FRESH = """
import time
start = time.perf_counter()
from understudy import Model, simulate
model = Model("new", "h", {{"k": ({value}, "1/h")}}, {{"a": "mg", "b": "mg", "c": "mg", "d": "mg"}},
    {{"a": "-k * a / (1 + a)", "b": "k * a / (1 + a) - k * b", "c": "k * b - k * c", "d": "k * c"}},
    outputs={{"D": ("d", "mg")}})
simulate(model, regimen="100 mg", times=[1.0, 2.0])
print(time.perf_counter() - start)
"""

COMPILE = """
import time
from {module} import {model} as made
from understudy.engine.code.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.code.compiler import address
from understudy.engine.code.jacobian import JACOBIAN, jacobian
from understudy.engine.code.pivots import eliminate
from understudy.engine.kernel.rodas5p import GAMMA
from understudy.engine.code.sparse_lu import FACTORISE, sparse_lu
model = made() if callable(made) else made
start = time.perf_counter()
address(right_hand_side(model), RIGHT_HAND_SIDE)
print(time.perf_counter() - start)
slopes = jacobian(model)
address(slopes.code, JACOBIAN)
address(sparse_lu(eliminate(len(model.states), slopes.rows, slopes.columns), GAMMA), FACTORISE)
print(time.perf_counter() - start)
"""


def web(size: int = 50, fed: int = 9) -> Model:
    """States that are each fed by nine others, by saturable steps: some 2,000 operations."""
    place = range(size)
    gains = {
        k: " + ".join(
            f"v{(k + i) % 20} * s{(k + 1 + i) % size} / (K{i} + s{(k + 3 * i + 2) % size})"
            for i in range(fed)
        )
        for k in place
    }
    rates = {
        f"s{k}": f"{gains[k]} - k * s{k} * exp(-s{k} / 10) - s{k} * s{(k + 5) % size}"
        f" - s{k} / (1 + s{(k + 9) % size} ** 2)"
        for k in place
    }
    values = dict.fromkeys([*(f"v{k}" for k in range(20)), *(f"K{k}" for k in range(fed)), "k"], 1.0)
    return Model("web", "h", values, {f"s{k}": "1" for k in place}, rates)


def operations(model: Model) -> int:
    """Additions, subtractions, multiplications and divisions in a model's code."""
    from understudy.engine.code.codegen import right_hand_side

    return len(re.findall(r"= f(?:add|sub|mul|div)\b", right_hand_side(model)))


def compile_times() -> list[dict[str, Any]]:
    """Seconds from a model to machine code with nothing cached: its rates, and with what implicit steps need."""
    from benchmarks.turnover import MODEL

    told = (("benchmarks.turnover", "MODEL", MODEL), ("benchmarks.compiling", "web", web()))
    return [
        {
            "states": len(model.states),
            "operations": operations(model),
            **dict(zip(("explicit_s", "implicit_s"), compile_time(module, name), strict=True)),
        }
        for module, name, model in told
    ]


def compile_time(module: str, model: str) -> list[float]:
    """Median seconds for the rates, and for the rates, the Jacobian and its elimination."""
    runs = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            printed = python(COMPILE.format(module=module, model=model), UNDERSTUDY_CACHE_DIR=folder)
            runs.append([float(line) for line in printed.split()])
    return np.median(runs, axis=0).tolist()


def first_simulation() -> float:
    """Seconds from import to the answer for a model never seen, in a fresh process, the solvers compiled before."""
    runs = []
    for k in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(float(python(FRESH.format(value=0.1 + k / 1000), UNDERSTUDY_CACHE_DIR=folder)))
    return float(np.median(runs))


def python(code: str, **environment: str) -> str:
    """What a fresh process prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **environment}
    ).stdout
