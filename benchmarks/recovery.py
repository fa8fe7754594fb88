"""Recovery: simulate, then estimate, many times: ``python -m benchmarks.recovery``.

Prints and stores bias and coverage of 95 % intervals of every parameter, and writes them into docs/estimation.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from benchmarks import recovery_page
from benchmarks.recovery_design import DESIGNS
from benchmarks.result import FOLDER, store

from understudy.core.errors import SimulationError
from understudy.inference.effects import Effects
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.parameter_space import ParameterSpace, values_of
from understudy.model.population_model import PopulationModel

REPLICATES = 200
# Whose intervals are looked at: NONMEM's default, and the inverse of the second derivatives.
KINDS = ("sandwich", "R")


def replicate(name: str, seed: int) -> dict[str, Any]:
    """Estimates and intervals of one simulated study."""
    design = DESIGNS[name]
    begin = design.model.with_values(**design.begin)
    random = tuple(replace(each, covariance=_doubled(each.covariance)) for each in begin.random)
    try:
        found = fit(replace(begin, random=random), design.records(seed), design.method)
    except SimulationError as error:
        return {"seed": seed, "succeeded": False, "status": str(error)}
    told = {
        "seed": seed,
        "succeeded": bool(found.succeeded),
        "status": found.status,
        "warnings": list(found.warnings),
    }
    names = list(truth(design.model))
    errors = found.details.get("errors", {})
    by = {kind: replace(found, standard_errors=errors[kind]) for kind in KINDS if kind in errors}
    return told | {
        "estimates": {n: found.estimates[n] for n in names},
        "intervals": {kind: {n: each.interval(n) for n in names} for kind, each in by.items()},
    }


def _doubled(matrix: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(2.0 * value for value in row) for row in matrix)


def truth(model: PopulationModel) -> dict[str, float]:
    """The parameters that data were simulated from, by name."""
    space = ParameterSpace(model, Effects(model))
    return dict(zip(space.names, space.named(values_of(model)).tolist(), strict=True))


def summary(name: str, found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Bias and coverage of every parameter, over the replicates that converged; how many did not."""
    found = list(found)
    good = [each for each in found if each["succeeded"] and len(each["intervals"]) == len(KINDS)]
    rows = {}
    for parameter, value in truth(DESIGNS[name].model).items():
        estimates = np.array([each["estimates"][parameter] for each in good])
        rows[parameter] = {
            "truth": value,
            "bias": float(estimates.mean() / value - 1.0),
            "bias_error": float(estimates.std(ddof=1) / abs(value) / np.sqrt(len(good))),
            "coverage": {kind: _coverage(good, kind, parameter, value) for kind in KINDS},
        }
    failed = [f"{each['seed']}: {each['status']}" for each in found if each not in good]
    return {"told": DESIGNS[name].told, "replicates": len(found), "failed": failed, "parameters": rows}


def _coverage(good: list[dict[str, Any]], kind: str, parameter: str, value: float) -> float:
    """Share of the intervals that hold the truth."""
    intervals = np.array([each["intervals"][kind][parameter] for each in good])
    return float(((intervals[:, 0] <= value) & (value <= intervals[:, 1])).mean())


def main() -> None:
    """Run all designs, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("designs", nargs="*", help=f"of {', '.join(DESIGNS)}; all where none is given")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    for name in options.designs or DESIGNS:
        begin = time.perf_counter()
        with ProcessPoolExecutor(options.jobs) as pool:
            found = list(pool.map(partial(replicate, name), range(1, options.replicates + 1)))
        made = summary(name, found) | {"seconds": round(time.perf_counter() - begin, 1)}
        print(f"{name}: {made['replicates']} replicates, {len(made['failed'])} failed, {made['seconds']} s")
        for parameter, row in made["parameters"].items():
            bias = f"bias {100 * row['bias']:+6.2f} % ± {100 * row['bias_error']:.2f}"
            covered = "  ".join(f"{kind} {100 * share:.1f} %" for kind, share in row["coverage"].items())
            print(f"  {parameter:22} {row['truth']:8.4g}  {bias}  coverage {covered}")
        for text in made["failed"]:
            print(f"  failed {text}")
        if options.replicates >= REPLICATES:
            store(f"recovery_{name}", made)
    if all((FOLDER / f"recovery_{name}.json").exists() for name in DESIGNS):
        recovery_page.main()


if __name__ == "__main__":
    main()
