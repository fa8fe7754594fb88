"""What synthetic controls made from a trial itself do to it, in trials of the International Stroke Trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from understudy.core.random import uniforms

ARM = 300
SYNTHETIC = 2700
TRIALS = 2000
EFFECT = -0.10  # of the risk, where the drug works
_COVARIATES = ("AGE", "RSBP", "SEX", "RCONSC", "RDEF1", "RDEF2", "RDEF3", "RDEF4", "STYPE")
_STEPS = 8


def patients(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Whether patients without aspirin were dead or dependent at six months, and their covariates, standardised."""
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    known = frame[(frame["RXASP"] == "N") & frame["OCCODE"].isin([1, 2, 3, 4])]
    words = [name for name in _COVARIATES if known[name].dtype == object]
    x = pd.get_dummies(known[list(_COVARIATES)].astype({name: str for name in words}), drop_first=True)
    x = x.astype(float).fillna(x.astype(float).median()).to_numpy()
    x = x[:, x.mean(axis=0) > 0.02]
    return known["OCCODE"].isin([1, 2]).to_numpy(float), (x - x.mean(axis=0)) / x.std(axis=0)


def demonstrate(path: Path, seed: int = 1) -> dict[str, Any]:
    """Errors, coverage, bias and length of intervals of the risk difference, with and without synthetic controls."""
    y, x = patients(path)
    found = {}
    for name, effect in (("no effect", 0.0), ("effect", EFFECT)):
        rows = [_trial(y, x, effect, seed, k) for k in range(TRIALS)]
        found[name] = {
            what: _judged(np.array([row[what] for row in rows]), effect)
            for what in ("the trial", "synthetic, from its controls", "synthetic, from all its patients")
        }
    return {
        "patients_of_an_arm": ARM,
        "synthetic_controls": SYNTHETIC,
        "trials": TRIALS,
        "true_effect": EFFECT,
        **found,
    }


def _trial(y: np.ndarray, x: np.ndarray, effect: float, seed: int, k: int) -> dict[str, tuple[float, float]]:
    """Estimate and standard error by each analysis of one simulated trial."""
    u = uniforms(seed, f"trial of the demonstration, effect {effect:g}", [k], 3 * ARM + 4 * SYNTHETIC)[0]
    drawn = (u[: 2 * ARM] * len(y)).astype(int)
    control, treated = y[drawn[:ARM]], y[drawn[ARM:]].copy()
    # The drug saves a share of those who would have fared badly.
    treated *= u[2 * ARM : 3 * ARM] >= -effect / y.mean()
    rest = u[3 * ARM :].reshape(4, SYNTHETIC)
    from_controls = _synthetic(control, x[drawn[:ARM]], rest[:2])
    from_all = _synthetic(np.r_[control, treated], x[drawn], rest[2:])
    return {
        "the trial": _difference(treated, control),
        "synthetic, from its controls": _difference(treated, np.r_[control, from_controls]),
        "synthetic, from all its patients": _difference(treated, np.r_[control, from_all]),
    }


def _synthetic(y: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Outcomes of made-up patients: covariates of real ones, outcomes from a ridge logistic model of these patients."""
    design, beta = np.column_stack([np.ones(len(y)), x]), np.zeros(x.shape[1] + 1)
    penalty = np.diag(np.r_[0.0, np.ones(x.shape[1])])
    for _ in range(_STEPS):
        p = expit(design @ beta)
        slope = design.T @ (y - p) - penalty @ beta
        beta += np.linalg.solve((design * (p * (1 - p))[:, None]).T @ design + penalty, slope)
    who = (u[0] * len(y)).astype(int)
    return (u[1] < expit(design[who] @ beta)).astype(float)


def _difference(treated: np.ndarray, control: np.ndarray) -> tuple[float, float]:
    p, q = treated.mean(), control.mean()
    return p - q, float(np.sqrt(p * (1 - p) / len(treated) + q * (1 - q) / len(control)))


def _judged(found: np.ndarray, effect: float) -> dict[str, float]:
    value, error = found.T
    z = ndtri(0.975)
    covered = np.abs(value - effect) <= z * error
    rejected = float((np.abs(value) > z * error).mean())
    return {
        "mean_estimate": round(float(value.mean()), 5),
        "rejected": rejected,
        "coverage": float(covered.mean()),
        "coverage_monte_carlo_error": round(
            float(np.sqrt(covered.mean() * (1 - covered.mean()) / len(covered))), 5
        ),
        "interval_width": round(float(2 * z * error.mean()), 5),
        "honest_width": round(float(2 * z * value.std(ddof=1)), 5),
    }
