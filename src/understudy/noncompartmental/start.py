"""Start: the concentration at the beginning of an interval, where none was measured."""

from __future__ import annotations

import math

import numpy as np

from understudy.noncompartmental.area import Curve
from understudy.noncompartmental.interval import Interval
from understudy.noncompartmental.profile import BOLUS, IV
from understudy.noncompartmental.rules import NCARules


def start_concentration(
    interval: Interval, times: np.ndarray, values: np.ndarray, rules: NCARules
) -> tuple[float | None, str]:
    """Concentration at the start, and why there is none.

    The measured one; else after a bolus the one extrapolated back; else, where no dose is given, the interpolated one;
    else that of a sample shortly before the dose; else zero where nothing was given before; else at steady state the
    lowest one of the interval, as in Phoenix WinNonlin.

    Parameters
    ----------
    interval : Interval
    times, values : float array, shape (n,)
        Its measurements since the start, cleaned.
    rules : NCARules
    """
    if times[0] == 0:
        return float(values[0]), ""
    if interval.dose is not None and interval.dose.route in (BOLUS, IV):
        return back_extrapolated(times, values), ""
    if _is_between(interval, times):
        before, level = interval.predose
        return Curve(np.r_[before, times], np.r_[level, values], rules.area).at(0.0), ""
    length = interval.length if math.isfinite(interval.end) else times[-1]
    if interval.predose is not None and -interval.predose[0] <= rules.predose_window * length:
        return interval.predose[1], ""
    if interval.single and interval.doses:
        return 0.0, ""
    inside = values[times <= length]
    if interval.steady and inside.size:
        return float(inside.min()), ""
    return None, f"no concentration was measured at the start, {interval.start:g}, or shortly before"


def _is_between(interval: Interval, times: np.ndarray) -> bool:
    """Whether the start lies between two measurements, with no dose between them."""
    undosed = all(dose.time - interval.start >= times[0] for dose in interval.doses)
    return interval.predose is not None and interval.dose is None and undosed


def back_extrapolated(times: np.ndarray, values: np.ndarray) -> float:
    """C0 after a bolus: on the line through the logarithms of the first two concentrations.

    Where these do not fall, or are not both measurable, the first one. So do PKNCA and Phoenix WinNonlin.

    Examples
    --------
    >>> times = np.array([0.25, 0.5, 1.0])
    >>> round(back_extrapolated(times, 8 * np.exp(-0.5 * times)), 9)
    8.0
    >>> back_extrapolated(times, np.array([4.0, 5.0, 3.0]))
    4.0
    """
    if len(times) < 2 or not values[0] > values[1] > 0:
        return float(values[0])
    rate = math.log(values[0] / values[1]) / (times[1] - times[0])
    return float(values[0] * math.exp(rate * times[0]))
