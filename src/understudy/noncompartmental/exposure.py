"""Exposure: areas under the curve and what is made of them: clearance, volumes, mean residence time.

Formulae: Gabrielsson & Weiner, Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed. 2016. At steady state the
mean residence time is that of Phoenix WinNonlin, (AUMCτ + τ · AUC from τ to infinity) / AUCτ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from understudy.noncompartmental.area import Curve
from understudy.noncompartmental.interval import Interval
from understudy.noncompartmental.profile import BOLUS, EXTRAVASCULAR, INFUSION, INTRAVENOUS, MIXED
from understudy.noncompartmental.rules import NCARules

Values = dict[str, float]


def exposure(
    interval: Interval,
    curve: Curve,
    clast_pred: float,
    rules: NCARules,
    partial: Sequence[tuple[float, float]] = (),
) -> Values:
    """All areas of an interval, and what is made of them.

    Parameters
    ----------
    interval : Interval
    curve : Curve
        From the start of the interval on.
    clast_pred : float
        Concentration of the regression for lambda-z at the last measurable time, not-a-number without one.
    rules : NCARules
    partial : sequence of (float, float)
        Areas wanted, from and to a time since the start.
    """
    found = _to_last(interval, curve)
    found |= {f"auc_{a:g}_{b:g}": curve.between(a, b)[0] for a, b in partial}
    if interval.single:
        found |= _to_infinity(interval, curve, clast_pred)
    if interval.is_dosing:
        found |= _dosing_interval(interval, curve, rules)
    elif math.isfinite(interval.end):
        found["auc_interval"] = curve.between(0.0, interval.length)[0]
    return found


def _to_last(interval: Interval, curve: Curve) -> Values:
    (auc, aumc), (auc_all, aumc_all) = curve.to_last(), curve.to_all()
    found = {"auclast": auc, "aucall": auc_all, "aumclast": aumc, "aumcall": aumc_all}
    if interval.doses:
        found["auclast_dose"] = auc / interval.amount
    if interval.single and _has_residence(interval):
        found["mrt_last"] = _residence(interval, auc, aumc)
    return found


def _has_residence(interval: Interval) -> bool:
    """Whether there is one time of a dose from which residence can be counted."""
    known = (BOLUS, INFUSION, EXTRAVASCULAR)
    return len(interval.doses) == 1 and interval.dose is not None and interval.dose.route in known


def _residence(interval: Interval, auc: float, aumc: float) -> float:
    """Mean residence time: AUMC / AUC, less half the duration of an infusion."""
    return aumc / auc - interval.doses[0].duration / 2 if auc > 0 else math.nan


def _to_infinity(interval: Interval, curve: Curve, clast_pred: float) -> Values:
    found: Values = {}
    auc, aumc = curve.to_last()
    known = curve.lambda_z is not None
    clast = float(curve.values[curve.last])
    for kind, concentration in (("obs", clast), ("pred", clast_pred)):
        tail = curve.tail(concentration) if known else (math.nan, math.nan)
        total, moment = auc + tail[0], aumc + tail[1]
        found |= {f"aucinf_{kind}": total, f"aumcinf_{kind}": moment}
        found[f"auc_extrapolated_{kind}"] = 100 * tail[0] / total if total else math.nan
        found |= _disposition(interval, curve, kind, total, moment)
    if interval.doses:
        found["aucinf_obs_dose"] = found["aucinf_obs"] / interval.amount
    if interval.route == BOLUS and interval.dose is not None and not (interval.times == 0).any():
        back = curve.between(0.0, float(curve.times[1]))[0]
        found["auc_back_extrapolated"] = 100 * back / found["aucinf_obs"]
    return found


def _disposition(interval: Interval, curve: Curve, kind: str, auc: float, aumc: float) -> Values:
    """Clearance, volumes and residence of single doses; what depends on F is called so."""
    found: Values = {}
    if interval.route in ("", MIXED):
        return found
    by_f = "f_" if interval.route == EXTRAVASCULAR else ""
    clearance = interval.amount / auc if auc > 0 else math.nan
    found[f"cl_{by_f}{kind}"] = clearance
    found[f"vz_{by_f}{kind}"] = clearance / curve.lambda_z if curve.lambda_z else math.nan
    if _has_residence(interval):
        found[f"mrt_{kind}"] = _residence(interval, auc, aumc)
        if interval.route in INTRAVENOUS:
            found[f"vss_{kind}"] = clearance * found[f"mrt_{kind}"]
    return found


def _dosing_interval(interval: Interval, curve: Curve, rules: NCARules) -> Values:
    tau, rate = interval.length, curve.lambda_z
    closed = closed_curve(curve, tau, rules)
    auc, aumc = closed.between(0.0, tau)
    found = {"auctau": auc, "aumctau": aumc, "cavg": auc / tau, "ctrough": closed.at(tau)}
    measured = curve.between(0.0, min(tau, float(curve.times[curve.last])))[0]
    found["auctau_extrapolated"] = 100 * max(auc - measured, 0.0) / auc if auc else math.nan
    found["accumulation_index"] = 1 / -math.expm1(-rate * tau) if rate else math.nan
    found |= _extremes(interval, curve, found)
    if interval.doses:
        found["auctau_dose"] = auc / interval.amount
    if interval.steady:
        tail = closed.between(tau, math.inf)[0] if rate else math.nan
        found |= _at_steady_state(interval, curve, auc, aumc + tau * tail)
    return found


def _extremes(interval: Interval, curve: Curve, found: Values) -> Values:
    """Fluctuation, swing and ratio of peak to trough, of measured concentrations."""
    seen = interval.values[interval.times <= interval.length * (1 + 1e-9)]
    if not seen.size:
        return dict.fromkeys(("fluctuation", "swing", "peak_trough_ratio"), math.nan)
    high, low = float(seen.max()), float(seen.min())
    return {
        "fluctuation": 100 * (high - low) / found["cavg"] if found["cavg"] else math.nan,
        "swing": (high - low) / low if low else math.nan,
        "peak_trough_ratio": high / found["ctrough"] if found["ctrough"] else math.nan,
    }


def closed_curve(curve: Curve, tau: float, rules: NCARules) -> Curve:
    """The curve up to the end of the dosing interval.

    Where it can be neither interpolated nor extrapolated to there, a sample shortly before stands for the end.
    """
    near = curve.times[-1] >= (1 - rules.predose_window) * tau
    if math.isnan(curve.at(tau)) and near:
        return Curve(np.r_[curve.times, tau], np.r_[curve.values, curve.values[-1]], curve.area, None)
    return curve


def _at_steady_state(interval: Interval, curve: Curve, auc: float, moment: float) -> Values:
    if interval.route in ("", MIXED):
        return {}
    by_f = "f_" if interval.route == EXTRAVASCULAR else ""
    clearance = interval.amount / auc if auc > 0 else math.nan
    found = {
        f"cl_{by_f}ss": clearance,
        f"vz_{by_f}ss": clearance / curve.lambda_z if curve.lambda_z else math.nan,
    }
    if _has_residence(interval):
        found["mrt_ss"] = _residence(interval, auc, moment)
        if interval.route in INTRAVENOUS:
            found["vss_ss"] = clearance * found["mrt_ss"]
    return found
