"""The ceiling: a kernel in C written for one model and its dosing, compiled here (see ceiling.c)."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
from benchmarks.cases import Case

_WIDTH = 8
_SOURCE = Path(__file__).with_name("ceiling.c")


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("no C compiler")
    folder = tempfile.mkdtemp()
    options = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-Wno-psabi"]
    command = [compiler, *options, str(_SOURCE), "-o", f"{folder}/ceiling.so", "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(f"{folder}/ceiling.so")


def run(this: Case, tolerance: float, patients: int, sample: int) -> tuple[np.ndarray, float]:
    """States of the first `sample` patients, and CPU seconds for a thousand patients."""
    blocks = -(-patients // _WIDTH)
    values = this.parameters(blocks * _WIDTH).reshape(blocks, _WIDTH, -1).transpose(0, 2, 1)
    parameters, found = _aligned(values.shape), _aligned((blocks, this.times.size, 4, _WIDTH))
    parameters[:] = values
    number, pointer = ctypes.c_double, ctypes.c_void_p
    arguments = (
        blocks, this.times.size, this.doses, number(this.dose), number(this.interval), number(tolerance),
        number(1e-2 * tolerance), pointer(parameters.ctypes.data), pointer(found.ctypes.data),
    )  # fmt: skip
    best = np.inf
    for _ in range(6):
        start = time.process_time()
        _library().solve(*arguments)
        best = min(best, time.process_time() - start)
    states = found.transpose(0, 3, 1, 2).reshape(-1, this.times.size, 4)
    return states[:sample].copy(), best / (blocks * _WIDTH) * 1000


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Doubles that begin at a multiple of 64 bytes, as whole vectors are read."""
    count = int(np.prod(shape))
    room = np.zeros(count + 8)
    skip = (-room.ctypes.data // 8) % 8
    return room[skip : skip + count].reshape(shape)
