"""Last levels of real patients, held back and forecast: by the twin, by the population, and by the level before.

Run with ``python -m benchmarks.twins`` beside the reference data, of which theophylline's levels are; writes
benchmarks/results/twins.json.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
from benchmarks.result import store

from understudy.data.records import Records
from understudy.inference.hold_out import ForecastCheck, check_forecasts
from understudy.library.catalogue import model

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT.parent / "shared" / "reference" / "pharmacometrics" / "data"
DRAWS, INTERVAL, SEED = 2000, 0.9, 0


def phenobarbital() -> Records:
    """59 newborns of Grasela and Donn 1985, as in the examples."""
    return Records.read_csv(
        ROOT / "examples" / "phenobarbital" / "phenobarbital.csv",
        units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    )


def theophylline() -> Records:
    """12 adults of Upton, in Boeckmann, Sheiner and Beal 1994."""
    frame = pd.read_csv(REFERENCE / "theo_sd.csv")
    # 101 is RxODE's code for a dose into compartment 1, the depot.
    frame = frame.assign(EVID=frame["EVID"].replace(101, 1)).drop(columns="CMT")
    return Records.from_frame(frame, units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"})


CASES = {
    "phenobarbital": (phenobarbital, "phenobarbital_neonates"),
    "theophylline": (theophylline, "theophylline_adults"),
}


def check(name: str, method: str = "laplace") -> ForecastCheck:
    """Forecasts of one data set's last levels."""
    read, published = CASES[name]
    return check_forecasts(model(published), read(), method=method, draws=DRAWS, interval=INTERVAL, seed=SEED)


def figures(found: ForecastCheck) -> dict[str, Any]:
    """Scores of each method, and the paired differences to the twin."""
    scores = found.scores.round(4).astype(object).where(found.scores.notna(), None)
    return {
        "levels": len(found.table),
        "skipped": found.skipped,
        "unit": found.unit,
        "scores": scores.to_dict("records"),
        "differences": found.differences.round(4).to_dict("records"),
    }


def main() -> int:
    """Compute, store, print."""
    cases = {}
    for name in CASES:
        for method in ("laplace", "sir"):
            found = check(name, method)
            cases[f"{name}, {method}"] = figures(found)
            print(
                f"{name} by {method}: {found.sentence}\n{found.scores.round(3)}\n{found.differences.round(3)}\n"
            )
    settings = {"draws": DRAWS, "interval": INTERVAL, "seed": SEED}
    print(store("twins", {"settings": settings, "cases": cases}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
