"""Calibration under confounding that nobody measured: ``python -m benchmarks.rwe_calibration``.

Persons have a frailty that makes treatment likelier and, more or less, each outcome commoner. It is not recorded, so
that every rate ratio is off. Thirty outcomes without an effect are the negative controls; one more has a known effect.
Stores benchmarks/results/rwe_calibration.json.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmarks.result import store
from benchmarks.rwe_found import rows_within
from benchmarks.rwe_site_profiles import FOLDER
from benchmarks.trial_results import Found, rows

from understudy.causal.calibration import calibrate, fit_null, leave_one_out, read_controls
from understudy.core.random import stream_key

CONFOUNDING = {"weak": 0.25, "moderate": 0.5, "strong": 1.0}  # log odds of treatment for one sd of frailty
TRUE_RATIO = 1.5
PERSONS, CONTROLS, YEARS, RATE = 4000, 30, 2.0, 0.02
# Log rate ratio of an outcome for one sd of frailty: normal over outcomes, of interest or not.
FRAILTY_MEAN, FRAILTY_SD = 0.4, 0.4
POISSON, COX = 1000, 500  # studies


@dataclass(frozen=True, eq=False)
class Study:
    """Estimates of one simulated study: of negative controls, and last of the outcome of interest."""

    log_rr: np.ndarray
    standard_error: np.ndarray


def found() -> Iterator[Found]:
    """Every expected number of the two published sets of controls."""
    for name, null, asked, controls, ease in (
        ("sccs", "0.792117 0.283423", "0.839018", "33 2", "0.7926"),
        ("cohortMethod", "-0.045935 0.543206", "0.013155", "17 2", "0.4350"),
    ):
        table = read_controls(FOLDER.parent / f"empirical_calibration_{name}.csv")
        fitted, drug = fit_null(table), table.of_interest
        yield from rows(name, "null: mean, sd", null, [fitted.mean, fitted.sd])
        p = fitted.calibrated_p(drug.log_rr, drug.standard_error).p
        yield from rows(name, f"{drug.names[0]}: calibrated p", asked, p)
        yield from rows(
            name, "controls with p < 0.05: raw, calibrated", controls, leave_one_out(table).below()
        )
        yield from rows(name, "expected absolute systematic error", ease, [fitted.expected_absolute_error])
        ratio = {"sccs": "2.0805", "cohortMethod": "4.0318"}[name]
        yield from rows(name, f"{drug.names[0]}: RR", ratio, np.exp(drug.log_rr))
    yield from _bayesian_null()


def _bayesian_null() -> Iterator[Found]:
    """The null of the vignette's chain; chains of ours, and the same posterior integrated."""
    table = read_controls(FOLDER.parent / "empirical_calibration_sccs.csv")
    fitted = fit_null(table)
    drug = table.of_interest
    vignette = "a search there that stops at four digits"
    values = [fitted.mean, fitted.sd, fitted.calibrated_p(drug.log_rr, drug.standard_error).p[0]]
    yield from rows_within("sccs", "null and p (vignette)", "0.7922 0.2834 0.8389", values, 2e-4, vignette)
    for method in ("quadrature", "mcmc"):
        null = fit_null(table, method=method, seed=1)
        p = null.calibrated_p(drug.log_rr, drug.standard_error)
        why = "sampled there: a chain of 100,000 steps"
        values = [null.mean, *null.mean_interval]
        yield from rows_within("sccs", f"{method}: mean", "0.7926 0.6736 0.9052", values, 0.004, why)
        values = [null.precision, *null.precision_interval]
        yield from rows_within("sccs", f"{method}: precision", "11.82 6.04 23.42", values, 0.5, why)
        values = [p.p[0], p.low[0], p.high[0]]
        yield from rows_within("sccs", f"{method}: calibrated p", "0.8335 0.547 0.991", values, 0.006, why)


def studies(confounding: float, replicates: int, model: str, seed: int = 0) -> Iterator[Study]:
    """Studies of persons, analysed without their frailty by Poisson or Cox regression."""
    for replicate in range(replicates):
        rng = np.random.Generator(
            np.random.Philox(
                key=stream_key(seed, f"calibration, {model}, {confounding:g}, study {replicate}")
            )
        )
        frailty = rng.normal(size=PERSONS)
        treated = rng.random(PERSONS) < 1 / (1 + np.exp(-confounding * frailty))
        slopes = rng.normal(FRAILTY_MEAN, FRAILTY_SD, CONTROLS + 1)
        effects = np.append(np.zeros(CONTROLS), np.log(TRUE_RATIO))
        rates = RATE * np.exp(frailty[:, None] * slopes + treated[:, None] * effects)
        found = _poisson(rng, rates, treated) if model == "Poisson" else _cox(rng, rates, treated)
        yield Study(*found)


def _poisson(
    rng: np.random.Generator, rates: np.ndarray, treated: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """With one binary covariate the estimate of Poisson regression is the ratio of two crude rates."""
    events = rng.poisson(YEARS * rates)
    exposed, others = events[treated].sum(axis=0), events[~treated].sum(axis=0)
    with np.errstate(divide="ignore"):
        log = np.log(exposed / treated.sum()) - np.log(others / (~treated).sum())
        return log, np.sqrt(1 / exposed + 1 / others)


def _cox(rng: np.random.Generator, rates: np.ndarray, treated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First outcomes, censored after two years: the partial likelihood of one binary covariate, by Newton's method."""
    times = rng.exponential(1 / rates)
    found = [_partial_likelihood(times[:, k], treated) for k in range(rates.shape[1])]
    return tuple(np.array(found).T)


def _partial_likelihood(times: np.ndarray, treated: np.ndarray) -> tuple[float, float]:
    order = np.argsort(times)
    event, x = times[order] < YEARS, treated[order].astype(float)
    exposed = np.cumsum(x[::-1])[::-1][event]
    others = (np.arange(x.size, 0, -1) - np.cumsum(x[::-1])[::-1])[event]
    beta = 0.0
    for _ in range(50):
        share = exposed * np.exp(beta) / (others + exposed * np.exp(beta))
        information = float(np.sum(share * (1 - share)))
        step = float(np.sum(x[event] - share)) / information
        beta += step
        if abs(step) < 1e-10:
            break
    return beta, information**-0.5


def evaluate(confounding: float, replicates: int, model: str = "Poisson", seed: int = 0) -> dict[str, float]:
    """Coverage of 95 % intervals of the known effect, and error of tests of one more outcome without effect."""
    truth, rows = np.log(TRUE_RATIO), []
    for study in studies(confounding, replicates, model, seed):
        # The first control is left out of the fit, to be tested.
        null = fit_null(study.log_rr[1:-1], study.standard_error[1:-1])
        asked, error = study.log_rr[-1], study.standard_error[-1]
        found = calibrate(asked, error, null)
        p = null.calibrated_p(study.log_rr[0], study.standard_error[0]).p
        raw_z = abs(study.log_rr[0] / study.standard_error[0])
        rows.append(
            (
                abs(asked - truth) <= 1.959964 * error,
                found.low[0] <= truth <= found.high[0],
                raw_z > 1.959964,
                p < 0.05,
                asked - truth,
                found.log_rr[0] - truth,
                null.expected_absolute_error,
                2 * 1.959964 * error,
                found.high[0] - found.low[0],
            )
        )
    names = (
        "raw_coverage", "calibrated_coverage", "raw_type_1_error", "calibrated_type_1_error", "raw_bias",
        "calibrated_bias", "ease", "raw_width", "calibrated_width",
    )  # fmt: skip
    return {
        "studies": replicates,
        **dict(zip(names, np.mean(np.array(rows, float), axis=0).tolist(), strict=True)),
    }


def main() -> int:
    """Simulate, print and store; the exit code is 1 where calibrated intervals do not cover 90 to 98 %."""
    start, found = time.perf_counter(), {}
    head = ("raw", "calibrated", "type 1 raw", "calibrated")
    print(f"{'model':8} {'confounding':12}", *(f"{each:>11}" for each in head), f"{'EASE':>6}")
    for model, replicates in (("Poisson", POISSON), ("Cox", COX)):
        for name, strength in CONFOUNDING.items():
            row = evaluate(strength, replicates, model)
            found[f"{model}, {name}"] = row
            shown = [
                f"{100 * row[key]:.1f} %"
                for key in (
                    "raw_coverage",
                    "calibrated_coverage",
                    "raw_type_1_error",
                    "calibrated_type_1_error",
                )
            ]
            print(f"{model:8} {name:12}", *(f"{each:>11}" for each in shown), f"{row['ease']:6.3f}")
    settings: dict[str, Any] = {
        "persons": PERSONS, "controls": CONTROLS, "true_ratio": TRUE_RATIO, "years": YEARS, "rate": RATE,
        "frailty_mean": FRAILTY_MEAN, "frailty_sd": FRAILTY_SD, "confounding": CONFOUNDING,
    }  # fmt: skip
    store(
        "rwe_calibration",
        {"settings": settings, "results": found, "seconds": round(time.perf_counter() - start, 1)},
    )
    return int(any(not 0.90 <= row["calibrated_coverage"] <= 0.98 for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
