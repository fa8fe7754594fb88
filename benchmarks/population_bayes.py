"""Populations drawn from their posterior by NUTS, beside FOCEI's fits: times, effective draws, means and errors.

Run with ``python -m benchmarks.population_bayes`` beside the reference data, of which theophylline's levels are; writes
benchmarks/results/population_bayes.json and the tables of docs/estimation-methods.md. ``--draws`` makes it shorter and
stores nothing.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks.result import FOLDER, store
from benchmarks.twins import phenobarbital, theophylline

from understudy.data.records import Records
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.nuts import NUTS
from understudy.library.catalogue import model

# As it is without settings: 4,000 draws.
METHOD = NUTS()
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
        "parametrisation": told["parametrisation"],
        "chains": method.chains, "warmup": method.warmup, "draws": method.draws,
        "seconds": round(time.perf_counter() - began, 1), "cpu": round(cpu, 1), "least_ess_per_cpu_second": worst / cpu,
        "parameters": rows, "individuals": told["individuals"], "divergences": told["divergences"],
        "saturated": told["saturated"], "ebfmi": told["ebfmi"], "leapfrogs_per_draw": told["leapfrogs_per_draw"],
        "status": drawn.status, "succeeded": drawn.succeeded, "warnings": list(drawn.warnings),
        "objective": drawn.objective, "objective_error": drawn.objective_error, "focei_objective": point.objective,
    }  # fmt: skip


def main() -> None:
    """Run all cases, or those whose names are given, and store what came of them beside the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="names of cases; all where none is given")
    parser.add_argument("--draws", type=int, default=0, help="of each chain; nothing is stored then")
    asked = parser.parse_args()
    method = NUTS(draws=asked.draws, warmup=max(20, asked.draws // 2)) if asked.draws else METHOD
    for name in asked.cases or CASES:
        read, population = CASES[name]
        found = case(read(), population, method)
        print(line(name, found), flush=True)
        if not asked.draws:
            _store(name, found)


def _store(name: str, found: dict[str, Any]) -> None:
    from benchmarks.population_bayes_page import load, write_page

    kept = load()["cases"] if (FOLDER / "population_bayes.json").exists() else {}
    both = kept | {name: found}
    store("population_bayes", {"cases": {each: both[each] for each in CASES if each in both}})
    write_page()


def line(name: str, found: dict[str, Any]) -> str:
    """One case on one line."""
    return (
        f"{name:14} {found['cpu']:6.1f} CPU s, {found['least_ess_per_cpu_second']:.1f} effective draws a CPU second; "
        f"{found['divergences']} divergences; {found['status']}"
    )


if __name__ == "__main__":
    main()
