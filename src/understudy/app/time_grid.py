"""Time grid: when a simulation is looked at, where the user does not say."""

from __future__ import annotations

import math

import numpy as np

from understudy.core.errors import SimulationError
from understudy.model.regimen import Regimen

# Steps at which people look at levels; other units of time take 1, 2 or 5 times a power of ten.
_STEPS = {
    "h": (0.25, 0.5, 1, 2, 3, 4, 6, 12, 24, 48, 72, 168, 336, 672),
    "d": (0.25, 0.5, 1, 2, 7, 14, 28, 56, 84, 168, 364),
}
_ROWS = 24
_FINE = 240
_MOST_TIMES = 100_000
# Where nothing is given and nobody says for how long to look, in the model's unit of time.
_UNASKED = 100.0


def end_of(regimen: Regimen | None) -> float:
    """When looking at a regimen ends, in its time unit: with its last interval; a day after a single dose.

    Without a regimen at 100, whatever the unit is.

    Raises
    ------
    SimulationError
        For a regimen without end.

    Examples
    --------
    >>> end_of(Regimen.parse("100 mg every 12 h for 4 doses")), end_of(Regimen.parse("100 mg"))
    (48.0, 24.0)
    """
    from understudy.core.units import convert

    if regimen is None:
        return _UNASKED
    if regimen.is_open:
        raise SimulationError(
            "the regimen has no end", place=str(regimen), repair="say 'for 10 days' in it, or give --until"
        )
    times = regimen.dose_times()
    last = float(times[-1]) if len(times) else 0.0
    # A dose without an interval, or an infusion, may end the regimen at once.
    return max(regimen.end, last + convert(24.0, "h", regimen.time_unit) if regimen.end <= last else 0.0)


def spaced(end: float, every: float) -> np.ndarray:
    """Times from zero to `end`, `every` so often.

    Examples
    --------
    >>> spaced(2, 0.5)
    array([0. , 0.5, 1. , 1.5, 2. ])
    """
    if not (every > 0 and end >= 0 and end / every <= _MOST_TIMES):
        raise SimulationError(
            f"times every {every:g} up to {end:g} cannot be made",
            place="--every",
            repair=f"give a step above 0, and at most {_MOST_TIMES:,} times",
        )
    return np.arange(math.floor(end / every * (1 + 1e-12)) + 1) * every


def readable(end: float, time_unit: str, rows: int = _ROWS) -> np.ndarray:
    """Times for a table: a step people use, and no more than so many rows.

    Examples
    --------
    >>> readable(48, "h")[:4], len(readable(240, "h"))
    (array([0., 2., 4., 6.]), 21)
    """
    return spaced(end, _step(end / rows, time_unit))


def _step(least: float, time_unit: str) -> float:
    usual = next((step for step in _STEPS.get(time_unit, ()) if least <= step <= 6 * least), None)
    if usual is not None or least <= 0:
        return float(usual or 1.0)
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= least * (1 - 1e-9))


def fine(end: float) -> np.ndarray:
    """Times for a curve."""
    return np.linspace(0.0, end, _FINE + 1)
