"""Later sizes of lesions in five studies, forecast from the first three visits: by twins, by the last size, by a blend.

Run with ``python -m benchmarks.lesions`` beside the reference data; writes benchmarks/results/lesions.json.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.result import store

from understudy.trials.tumour import forecast_lesions, read_lesions

TABLE = Path(__file__).parents[2] / "shared" / "reference" / "trials" / "lesion_sizes.csv"
SEEN, FEWEST, FOLDS, INTERVAL, DRAWS, SEED = 3, 5, 5, 0.9, 500, 0


def main() -> int:
    """Compute, store, print."""
    lesions = read_lesions(TABLE, patient=("study", "patient"), size="longest_diameter_mm")
    found = forecast_lesions(
        lesions, seen=SEEN, fewest=FEWEST, folds=FOLDS, interval=INTERVAL, draws=DRAWS, seed=SEED
    )
    figures = {
        "settings": {
            "seen": SEEN,
            "fewest": FEWEST,
            "folds": FOLDS,
            "interval": INTERVAL,
            "draws": DRAWS,
            "seed": SEED,
        },
        "patients": len(found.errors),
        "sizes": len(found.table),
        "scores": found.scores.round(4).to_dict("records"),
        "coverage": round(found.coverage, 4),
        "weights": [round(weight, 2) for weight in found.weights],
        "converged": [bool(each.succeeded) for each in found.fits],
        "sentences": [found.sentence("twin"), found.sentence("blend")],
    }
    print(found, found.scores.round(3), *figures["sentences"], store("lesions", figures), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
