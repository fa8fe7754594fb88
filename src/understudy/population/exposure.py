"""Exposure: one number for how much of a drug a patient had over a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from understudy.core import units
from understudy.core.errors import SimulationError
from understudy.population.attainment import Target

Measure = Literal["trough", "peak", "mean", "auc", "time"]


@dataclass(frozen=True)
class Limit:
    """What must not be exceeded, but for a small probability.

    Parameters
    ----------
    output : str
    above : float
        In `unit`.
    unit : str
        Of the measure.
    measure : {"peak", "trough", "mean", "auc"}
    probability : float
        Of exceeding it that is put up with.
    """

    output: str
    above: float
    unit: str
    measure: Measure = "peak"
    probability: float = 0.05

    def __post_init__(self) -> None:
        require_measure(self.measure)
        if self.measure == "time":
            raise SimulationError(
                "a limit on a share of time has no level", repair="limit peak, trough, mean or auc"
            )
        if not 0 <= self.probability < 1:
            raise SimulationError(
                f"a limit cannot be exceeded with the probability {self.probability:g}",
                repair="give 0 to below 1",
            )

    def __str__(self) -> str:
        return f"{self.output} {self.measure} above {self.above:g} {self.unit}"


def require_measure(measure: str) -> None:
    """Refuse a measure that is not known."""
    if measure not in get_args(Measure):
        raise SimulationError(
            f"no measure is called {measure!r}", repair=f"measures: {', '.join(get_args(Measure))}"
        )


def exposure(values: np.ndarray, times: np.ndarray, measure: Measure) -> np.ndarray:
    """A measure of levels over time.

    Parameters
    ----------
    values : float array, shape (..., m, draws)
    times : float array, shape (m,)
        In order; the last is a trough. At a dose both just before and after it, so that nothing is smeared.
    measure : {"trough", "peak", "mean", "auc"}
        The level at the last time, the highest, the mean over time, the area under the curve (trapezoids).

    Returns
    -------
    float array, shape (..., draws)

    Examples
    --------
    >>> levels = np.array([[8.0], [4.0], [2.0]])
    >>> [float(exposure(levels, np.array([0.0, 1.0, 2.0]), name)[0]) for name in ("trough", "peak", "mean", "auc")]
    [2.0, 8.0, 4.5, 9.0]
    """
    if measure == "trough":
        return values[..., -1, :]
    if measure == "peak":
        return values.max(axis=-2)
    area = np.trapezoid(values, times, axis=-2)
    return area if measure == "auc" else area / (times[-1] - times[0])


def share_of_time(values: np.ndarray, times: np.ndarray, low: float, high: float) -> np.ndarray:
    """Shares of the time below, within and above a range (both ends are within), shape (3, ..., draws).

    Examples
    --------
    >>> share_of_time(np.array([[1.0], [5.0], [5.0]]), np.array([0.0, 1.0, 2.0]), 2, 6).ravel().tolist()
    [0.25, 0.75, 0.0]
    """
    below, above = values < low, values > high
    parts = np.stack([below, ~below & ~above, above]).astype(float)
    return exposure(parts, times, "mean")


def measure_unit(unit: str, time_unit: str, measure: Measure) -> str:
    """Unit of a measure of an output.

    Examples
    --------
    >>> measure_unit("mg/L", "h", "auc")
    '(mg/L)*(h)'
    """
    return f"({unit})*({time_unit})" if measure == "auc" else unit


def target_ends(target: Target, unit: str, time_unit: str, measure: Measure) -> tuple[float, float]:
    """Ends of a target range in the unit that the measure of an output comes in."""
    factor = units.factor(target.unit, measure_unit(unit, time_unit, measure))
    return target.low * factor, target.high * factor
