"""Populations drawn from their posterior by NUTS, beside FOCEI's fits: times, effective draws, means and errors.

Run with ``python -m benchmarks.population_bayes`` beside the reference data, of which theophylline's levels are; writes
benchmarks/results/population_bayes.json and the tables of docs/estimation-methods.md. ``--draws`` makes it shorter and stores nothing.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks.result import store
from benchmarks.twins import phenobarbital, theophylline

from understudy.data.records import Records
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.nuts import NUTS
from understudy.library.catalogue import model

# 1,600 draws: quantiles' Monte Carlo errors are a few per cent of the posterior's standard deviation.
METHOD = NUTS(draws=400, warmup=250)
CASES = {
    "phenobarbital": (phenobarbital, "phenobarbital_neonates"),
    "theophylline": (theophylline, "theophylline_adults"),
}


def case(records: Records, name: str, method: NUTS) -> dict[str, Any]:
    """One population by both methods, on one thread."""
    population = model(name)
    point = fit(population, records)
    began, cpu = time.perf_counter(), time.process_time()
    drawn = fit(population, records, method)
    told, cpu = drawn.details, time.process_time() - cpu
    rows = {
        each: {
            "focei": point.estimates[each], "focei_error": point.standard_errors.get(each),
            **{what: row[what] for what in ("mean", "median", "sd", "low", "high", "rhat", "ess_bulk", "ess_tail")},
        }
        for each, row in told["posterior"].items()
    }  # fmt: skip
    worst = min(row["ess_bulk"] for row in rows.values())
    return {
        "model": name,
        "parametrisation": told["parametrisation"], "chains": method.chains, "warmup": method.warmup, "draws": method.draws,
        "seconds": round(time.perf_counter() - began, 1), "cpu": round(cpu, 1), "least_ess_per_cpu_second": worst / cpu,
        "parameters": rows, "individuals": told["individuals"], "divergences": told["divergences"],
        "saturated": told["saturated"], "ebfmi": told["ebfmi"], "leapfrogs_per_draw": told["leapfrogs_per_draw"],
        "status": drawn.status, "succeeded": drawn.succeeded, "warnings": list(drawn.warnings),
        "objective": drawn.objective, "objective_error": drawn.objective_error, "focei_objective": point.objective,
    }  # fmt: skip


def main() -> None:
    """Run all cases and store what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=0, help="of each chain, and of its warm-up twice as few")
    draws = parser.parse_args().draws
    method = NUTS(draws=draws, warmup=max(20, draws // 2)) if draws else METHOD
    found = {}
    for name, (read, population) in CASES.items():
        found[name] = case(read(), population, method)
        print(line(name, found[name]), flush=True)
    if not draws:
        from benchmarks.population_bayes_page import write_page

        store("population_bayes", {"cases": found})
        write_page()


def line(name: str, found: dict[str, Any]) -> str:
    """One case on one line."""
    return (
        f"{name:14} {found['cpu']:6.1f} CPU s, {found['least_ess_per_cpu_second']:.1f} effective draws a CPU second; "
        f"{found['divergences']} divergences; {found['status']}"
    )


if __name__ == "__main__":
    main()
