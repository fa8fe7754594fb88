"""Device line: a problem's arrays, and room for its answer, in the memory of a device."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.kernel.line import Found, line_of
from understudy.engine.problem import Problem


class DeviceLine(NamedTuple):
    """What a thread reads: the arrays of `Line` that the loop uses, on the device."""

    event_start: np.ndarray
    event_time: np.ndarray
    event_kind: np.ndarray
    event_target: np.ndarray
    event_value: np.ndarray
    seen_start: np.ndarray
    seen_time: np.ndarray
    seen_after: np.ndarray
    first_row: np.ndarray
    start_time: np.ndarray
    start: np.ndarray
    initial: np.ndarray
    steady: np.ndarray
    steady_row: np.ndarray
    table: np.ndarray
    slots: np.ndarray
    flow: np.ndarray
    floor: np.ndarray
    least: np.ndarray
    allowance: np.ndarray
    row_width: int


class DeviceFound(NamedTuple):
    """What a thread writes: arrays of `Solution`."""

    states: np.ndarray
    status: np.ndarray
    failed_at: np.ndarray
    steps: np.ndarray
    method: np.ndarray


def device_line(problem: Problem, real: type) -> DeviceLine:
    """The problem's arrays on the device, those of amounts and parameters in its numbers."""
    line, width = line_of(problem), np.finfo(real)
    amounts = ("event_value", "start", "initial", "steady", "table", "flow", "least", "allowance")
    arrays = {name: getattr(line, name) for name in DeviceLine._fields[:-1]}
    arrays["floor"] = line.floor.astype(real)
    # Slots without a dose hold a time larger than any 32-bit number.
    arrays |= {name: np.clip(arrays[name], width.min, width.max).astype(real) for name in amounts}
    return DeviceLine(*_on_device(arrays.values()), line.row_width)


def device_found(found: Found, real: type, known: bool = True) -> DeviceFound:
    """Room for the answer on the device; states are taken there only if some are known."""
    from numba import cuda

    counts = _on_device(found[1:])
    if known:
        return DeviceFound(*_on_device([found.states.astype(real)]), *counts)
    _require_room(found.states.size * np.dtype(real).itemsize)
    return DeviceFound(cuda.device_array(found.states.shape, real), *counts)


def _on_device(arrays) -> list:
    """Copies in the device's memory."""
    from numba import cuda

    arrays = [np.ascontiguousarray(array) for array in arrays]
    _require_room(sum(array.nbytes for array in arrays))
    return [cuda.to_device(array) for array in arrays]


def _require_room(needed: int) -> None:
    """Raise where the device has too little memory left."""
    from numba import cuda

    free = cuda.current_context().get_memory_info()[0]
    if needed > free:
        raise SimulationError(
            f"the patients need {needed / 2**30:.1f} GiB on the device, which has {free / 2**30:.1f} GiB free",
            repair="simulate fewer patients or times at once",
        )
