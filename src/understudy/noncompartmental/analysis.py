"""Analysis: all parameters of one interval, or why they cannot be calculated.

Formulae: Gabrielsson & Weiner, Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed. 2016; choices among
conventions: PKNCA (Denney, Duvvuri, Buckeridge 2015, doi:10.1007/s10928-015-9432-2) and, where said so, Phoenix
WinNonlin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from understudy.noncompartmental.area import Curve
from understudy.noncompartmental.blq import cleaned
from understudy.noncompartmental.exposure import exposure
from understudy.noncompartmental.interval import Interval
from understudy.noncompartmental.profile import BOLUS, EXTRAVASCULAR, IV
from understudy.noncompartmental.rules import NCARules
from understudy.noncompartmental.slope import Slope, best_slope, given_slope
from understudy.noncompartmental.start import start_concentration

Values = dict[str, float]
SLOPE = (
    "half_life",
    "lambda_z",
    "lambda_z_points",
    "lambda_z_first",
    "lambda_z_last",
    "span_ratio",
    "r2",
    "adj_r2",
    "clast_pred",
)
_NOT_MEASURABLE = "no concentration is measurable"
# What of an interval's exposure needs no concentration at its start.
_WITHOUT_AREA = ("ctrough", "swing", "peak_trough_ratio", "accumulation_index")
_CLOSE = 1e-6


@dataclass(frozen=True, eq=False)
class Analysis:
    """Parameters of one interval.

    Parameters
    ----------
    values : dict of str to float
        In the units of the records; not-a-number where it cannot be calculated.
    reasons : dict of str to str
        Why, for each of those.
    flags : dict of str to str
        What is doubtful about a value.
    slope : Slope or None
    times, concentrations : float array, shape (n,)
        The curve that was integrated, since the start.
    problem : str
        Why there is no analysis at all.
    """

    values: Values = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    slope: Slope | None = None
    times: np.ndarray = field(default_factory=lambda: np.empty(0))
    concentrations: np.ndarray = field(default_factory=lambda: np.empty(0))
    problem: str = ""


def analyse(
    interval: Interval,
    rules: NCARules,
    partial: Sequence[tuple[float, float]] = (),
    chosen: Sequence[float] = (),
    excluded: Sequence[float] = (),
) -> Analysis:
    """All parameters of an interval.

    Parameters
    ----------
    interval : Interval
    rules : NCARules
    partial : sequence of (float, float)
        Areas wanted, from and to a time since the start.
    chosen, excluded : sequence of float
        Times, on the records' clock, of concentrations that make up, or do not enter, the regression for lambda-z.
    """
    if interval.doubled:
        lines = " and ".join(map(str, interval.doubled))
        return Analysis(problem=f"two measurements at one time (lines {lines}): keep one, or set MDV = 1")
    times, values = cleaned(interval.times, interval.values, rules)
    if not len(times):
        return Analysis(problem="no measurement in this interval")
    interval = replace(interval, times=times, values=values)
    slope = _slope(interval, times, values, rules, chosen, excluded)
    start, start_reason = start_concentration(interval, times, values, rules)
    curve = _curve(times, values, start, slope, rules)
    found = _observed(interval, times, values, start)
    found |= _regression(slope, curve)
    areas = exposure(interval, curve, found["clast_pred"], rules, partial)
    if start is None:
        areas |= {name: math.nan for name in areas if name not in _WITHOUT_AREA}
    found |= areas
    reasons = _reasons(found, values, slope, start_reason)
    return Analysis(
        found,
        reasons,
        _flags(found, slope, rules),
        slope if isinstance(slope, Slope) else None,
        curve.times,
        curve.values,
    )


def _slope(
    interval: Interval,
    times: np.ndarray,
    values: np.ndarray,
    rules: NCARules,
    chosen: Sequence[float],
    excluded: Sequence[float],
) -> Slope | str:
    """Lambda-z from measurable concentrations after Cmax and after the end of the last dose."""
    mine = _at(times + interval.start, chosen) & (values > 0)
    if mine.any():
        return given_slope(times[mine], values[mine])
    peak = times[int(np.argmax(values))]
    after = times >= peak if rules.include_cmax else times > peak
    usable = (values > 0) & after & (times > interval.last_administration)
    usable &= ~_at(times + interval.start, excluded)
    return best_slope(times[usable], values[usable], rules)


def _at(times: np.ndarray, wanted: Sequence[float]) -> np.ndarray:
    """Which times are among those wanted."""
    if not len(wanted):
        return np.zeros(len(times), bool)
    return np.isclose(times[:, None], np.asarray(wanted, float), rtol=_CLOSE, atol=_CLOSE).any(axis=1)


def _curve(
    times: np.ndarray, values: np.ndarray, start: float | None, slope: Slope | str, rules: NCARules
) -> Curve:
    rate = slope.lambda_z if isinstance(slope, Slope) else None
    if start is not None and times[0] > 0:
        times, values = np.r_[0.0, times], np.r_[start, values]
    return Curve(times, values, rules.area, rate)


def _observed(interval: Interval, times: np.ndarray, values: np.ndarray, start: float | None) -> Values:
    """What needs no area: Cmax and Tmax within the interval, Clast and Tlast up to the next dose."""
    inside = times <= interval.length * (1 + _CLOSE)
    seen, when = values[inside], times[inside]
    measurable = np.flatnonzero(values > 0)
    last = measurable[-1] if measurable.size else None
    found = {
        "cmax": float(seen.max()) if seen.size else math.nan,
        "tmax": float(when[np.argmax(seen)]) if (seen > 0).any() else math.nan,
        "clast": math.nan if last is None else float(values[last]),
        "tlast": math.nan if last is None else float(times[last]),
    }
    if interval.doses:
        found["cmax_dose"] = found["cmax"] / interval.amount
    if interval.is_dosing and seen.size:
        found |= {"cmin": float(seen.min()), "tmin": float(when[np.argmin(seen)])}
    if interval.route == EXTRAVASCULAR and interval.single:
        found["tlag"] = _lag(times, values)
    if interval.dose is not None and interval.dose.route in (BOLUS, IV):
        found["c0"] = math.nan if start is None else start
    return found


def _lag(times: np.ndarray, values: np.ndarray) -> float:
    """Time of the last measurement before the first measurable one."""
    measurable = np.flatnonzero(values > 0)
    if not measurable.size:
        return math.nan
    first = measurable[0]
    return float(times[first - 1]) if first > 0 else 0.0


def _regression(slope: Slope | str, curve: Curve) -> Values:
    if not isinstance(slope, Slope):
        return dict.fromkeys(SLOPE, math.nan)
    numbers = (
        slope.half_life,
        slope.lambda_z,
        len(slope.times),
        slope.times[0],
        slope.times[-1],
        slope.span,
        slope.r2,
        slope.adj_r2,
        slope.at(curve.times[curve.last]),
    )
    return dict(zip(SLOPE, numbers, strict=True))


def _reasons(found: Values, values: np.ndarray, slope: Slope | str, start_reason: str) -> dict[str, str]:
    """Why each value that is missing could not be calculated."""
    missing = [name for name, value in found.items() if not math.isfinite(value)]
    if not (values > 0).any():
        return dict.fromkeys(missing, _NOT_MEASURABLE)
    return {name: _reason(name, slope, start_reason) for name in missing}


def _reason(name: str, slope: Slope | str, start_reason: str) -> str:
    if start_reason and name not in (*SLOPE, *_WITHOUT_AREA):
        return start_reason
    if name == "swing":
        return "Cmin is zero"
    if isinstance(slope, str):
        return slope
    return "Ctrough is zero" if name == "peak_trough_ratio" else "it would be divided by zero"


def _flags(found: Values, slope: Slope | str, rules: NCARules) -> dict[str, str]:
    """What is doubtful: the regression for lambda-z, or how much of an area is extrapolated."""
    if not isinstance(slope, Slope):
        return {}
    doubts = []
    if slope.span < rules.min_span:
        doubts.append(f"span ratio {slope.span:.2f} < {rules.min_span:g}")
    if slope.adj_r2 < rules.min_adj_r2:
        doubts.append(f"adjusted r² {slope.adj_r2:.3f} < {rules.min_adj_r2:g}")
    flags = {}
    for name in found:
        if math.isfinite(found[name]) and _needs_slope(name):
            mine = [*doubts, *_extrapolation(found, name, rules)]
            flags |= {name: "; ".join(mine)} if mine else {}
    return flags


def _needs_slope(name: str) -> bool:
    return name in ("half_life", "lambda_z", "clast_pred", "accumulation_index") or _from_infinity(name) != ""


def _from_infinity(name: str) -> str:
    """ "obs" or "pred" for what is made of an area to infinity, "ss" for what needs lambda-z at steady state."""
    stem = name.removesuffix("_dose")
    kind = stem.rpartition("_")[2]
    if kind in ("obs", "pred") and name != "clast_pred":
        return kind
    return kind if name in ("vz_ss", "vz_f_ss", "mrt_ss", "vss_ss") else ""


def _extrapolation(found: Values, name: str, rules: NCARules) -> list[str]:
    kind = _from_infinity(name)
    share = found.get(f"auc_extrapolated_{kind}", 0.0)
    if share > rules.max_extrapolated:
        return [f"{share:.1f} % of AUCinf extrapolated > {rules.max_extrapolated:g} %"]
    return []
