"""Covariates: GiBleed's numbers found again, and a million persons in bounded memory.

``python -m benchmarks.rwe_covariates`` writes a synthetic CDM of a million persons as Parquet, builds OHDSI's default
covariates of one entry a person and tidies them, in a process of its own with DuckDB held to 1 GB, measures time and
the most memory that the process ever had, and stores benchmarks/results/rwe_covariates.json. The exit code is 1 if the
bound of 4 GB was passed, or a number of GiBleed departs. ``--persons 20000`` makes it small, ``--folder`` keeps it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.result import store
from benchmarks.rwe_study import result
from benchmarks.synthetic_cdm import entries_of, write_cdm
from benchmarks.trial_results import Found, rows

from understudy.causal import CovariateMatrix, build_covariates, open_cdm, tidy

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "rwe"
BOUND_GB, DUCKDB_MEMORY, CHUNK = 4.0, "1GB", 50_000


def found() -> Iterator[Found]:
    """Each expected number of GiBleed's covariates, theirs and ours."""
    material = result().material
    matrix, treated = material.covariates, material.at_risk.treatment == 1
    theirs = pd.read_csv(REFERENCE / "gibleed_cohortmethod_results" / "cm_shared_covariate_balance.csv")
    theirs = theirs[theirs["target_comparator_id"] == 894409308].drop_duplicates("covariate_id")
    theirs = theirs.set_index("covariate_id")
    sides = {"target": _means(matrix, treated), "comparator": _means(matrix, ~treated)}
    yield from rows("gibleed", "covariates", "388", len(set(theirs.index) & set(sides["target"].index)))
    for side, ours in sides.items():
        persons = int(treated.sum() if side == "target" else (~treated).sum())
        equal = _equal(ours, theirs[f"{side}_mean_before"], persons)
        yield from rows("gibleed", f"means equal as printed, {side}", "388", equal)
        for id, name in ((1901, "Charlson"), (1903, "CHADS2"), (1904, "CHA2DS2-VASc")):
            yield from rows(
                "gibleed", f"mean {name}, {side}", f"{theirs.loc[id, f'{side}_mean_before']:.3f}", ours[id]
            )


def _means(matrix: CovariateMatrix, inside: np.ndarray) -> pd.Series:
    values = np.asarray(matrix.values[np.flatnonzero(inside)].mean(axis=0)).ravel()
    return pd.Series(values, matrix.covariates["covariate_id"])


def _equal(ours: pd.Series, printed: pd.Series, persons: int) -> int:
    """How many means round to those printed; a negative one hides a count of one to five."""
    printed = printed.reindex(ours.index)
    close = (ours - printed).abs() <= 0.0005 + 1e-9
    hidden = (printed < 0) & (ours > 0) & (ours * persons < 5.5)
    return int((close | hidden).sum())


def build(folder: Path, chunk: int) -> dict[str, Any]:
    """Build and tidy the covariates of a synthetic CDM in this process, and say what it took."""
    entries = entries_of(folder)
    begin, worked = perf_counter(), process_time()
    with open_cdm(folder, memory=DUCKDB_MEMORY) as cdm:
        matrix = build_covariates(cdm, entries, chunk=chunk)
    seconds, cpu = perf_counter() - begin, process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    begin = perf_counter()
    tidied = tidy(matrix)
    values = matrix.values
    return {
        "entries": values.shape[0],
        "covariates": values.shape[1],
        "values_stored": int(values.nnz),
        "matrix_gb": round((values.data.nbytes + values.indices.nbytes + values.indptr.nbytes) / 2**30, 3),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_gb": round(peak, 3),
        "chunk": chunk,
        "covariates_tidied": tidied.values.shape[1],
        "seconds_tidying": round(perf_counter() - begin, 1),
        "peak_gb_with_tidying": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }


def main() -> int:
    """Write, build in a process of its own, store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--chunk", type=int, default=CHUNK)
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.build:
        print(json.dumps(build(given.build, given.chunk)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "cdm"
        begin = perf_counter()
        counts = write_cdm(folder, given.persons)
        written = {"seconds_writing": round(perf_counter() - begin, 1), "rows": counts}
        command = [
            sys.executable,
            "-m",
            "benchmarks.rwe_covariates",
            "--build",
            str(folder),
            "--chunk",
            str(given.chunk),
        ]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        built = json.loads(answer.stdout.splitlines()[-1])
    figures = {"bound_gb": BOUND_GB, "duckdb_memory": DUCKDB_MEMORY, "synthetic": {**written, **built}}
    again = [asdict(each) | {"agrees": each.agrees} for each in found()] if REFERENCE.is_dir() else []
    print(json.dumps(figures | {"found": again}, indent=1))
    if given.persons >= 1_000_000:
        store("rwe_covariates", figures | {"found": again})
    return int(built["peak_gb_with_tidying"] > BOUND_GB or not all(each["agrees"] for each in again))


if __name__ == "__main__":
    sys.exit(main())
