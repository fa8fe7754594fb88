"""SAEM from several seeds on three published data sets: whether all converge, and how far apart they end.

``python -m benchmarks.saem_seeds`` needs the reference folder beside the checkout. For each: how many fits succeeded,
each parameter's range over seeds in standard errors, the range of the objective and its largest Monte Carlo error.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.result import store

from understudy import PopulationModel, Records, fit, load_model, methods
from understudy.model.population_model import Residual

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "pharmacometrics" / "data"
SEEDS = 10
# Data, covariates, initial estimates that are not the library's.
CASES: dict[str, tuple[str, str, tuple[str, ...], dict[str, float]]] = {
    "warfarin": ("warfarin_adults", "warfarin_pk.csv", (), {}),
    "theophylline": (
        "theophylline_adults", "theo_sd.csv", (),
        {"theta_ka": 0.8, "theta_CL": 4.0, "theta_V": 20.0, "sigma_add": 2.0},
    ),
    "phenobarbital": ("phenobarbital_neonates", "pheno_sd.csv", ("WT", "APGR"), {}),
}  # fmt: skip


def case(name: str) -> tuple[PopulationModel, Records]:
    """The model to begin with, and the records."""
    library, file, covariates, begin = CASES[name]
    frame = pd.read_csv(FOLDER / file, na_values=".").rename(columns=str.upper)
    if "EVID" in frame:
        # 101 is a dose into compartment 1 in that file's code.
        frame = frame.assign(EVID=frame["EVID"].replace(101, 1))
    kept = [c for c in ("ID", "TIME", "DV", "AMT", "EVID", "RATE", "MDV") if c in frame]
    model = load_model(library).with_values(**begin)
    if name == "warfarin":
        # Its standard deviation linear in the level, as in the published fit by Monolix.
        model = replace(model, residual=(Residual("Cp", "(sigma_add + sigma_prop * Cp) ** 2"),))
    return model, Records.from_frame(frame[[*kept, *covariates]], covariates=list(covariates))


def fitted(job: tuple[str, int]) -> dict[str, Any]:
    """One fit."""
    name, seed = job
    began = time.perf_counter()
    found = fit(*case(name), methods.SAEM(), covariance="R", seed=seed)
    return {
        "seed": seed,
        "succeeded": found.succeeded,
        "status": found.status,
        "objective": found.objective,
        "objective_error": found.objective_error,
        "iterations": found.iterations,
        "newton_steps": found.details["newton_steps"],
        "estimates": dict(found.estimates),
        "standard_errors": dict(found.standard_errors),
        "seconds": time.perf_counter() - began,
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What all seeds together show."""
    errors = pd.DataFrame([row["standard_errors"] for row in rows]).median()
    estimates = pd.DataFrame([row["estimates"] for row in rows])[errors.index]
    spread = (estimates.max() - estimates.min()) / errors
    deviation = estimates.std() / errors
    objectives = np.array([row["objective"] for row in rows])
    return {
        "succeeded": sum(row["succeeded"] for row in rows),
        "fits": len(rows),
        "objective_range": float(np.ptp(objectives)),
        "objective_mean": float(objectives.mean()),
        "objective_error": max(row["objective_error"] for row in rows),
        "range_in_standard_errors": spread.to_dict(),
        "deviation_in_standard_errors": deviation.to_dict(),
        "mean_estimates": estimates.mean().to_dict(),
        "standard_errors": errors.to_dict(),
    }


def main(arguments: list[str]) -> int:
    """Fit, print and store; of some of the data sets where they are named, `--seeds=3` from fewer seeds."""
    told = [int(each.partition("=")[2]) for each in arguments if each.startswith("--seeds=")]
    names = [each for each in arguments if each in CASES] or list(CASES)
    seeds = range(told[-1] if told else SEEDS)
    if not FOLDER.is_dir():
        print("no reference data at ../shared/reference")
        return 1
    jobs, found = [(name, seed) for seed in seeds for name in names], {name: [] for name in names}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for (name, _), row in zip(jobs, pool.map(fitted, jobs), strict=True):
            found[name].append(row)
            print(name, row["seed"], row["status"], round(row["objective"], 3), flush=True)
            # What there is so far is kept: all of it takes long on a small machine.
            told = {name: summary(rows) | {"runs": rows} for name, rows in found.items() if rows}
            store("saem_seeds", {"cases": told})
    for name, each in told.items():
        widest = max(each["range_in_standard_errors"].values())
        print(
            f"{name}: {each['succeeded']} of {each['fits']} converged; objective {each['objective_mean']:.2f}, "
            f"range {each['objective_range']:.2f}; estimates within {widest:.2f} standard errors"
        )
    return int(any(each["succeeded"] < each["fits"] for each in told.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
