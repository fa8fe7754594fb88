"""Tumours in others' records: classes of resistance, responses of xenografts, forecasts of lesions, adaptive dosing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from understudy.trials.tumour import read_lesions, xenograft_response

SHARED = Path(__file__).parents[3] / "shared/reference"
TRIALS, XENOGRAFTS = SHARED / "trials", SHARED / "tumour"

pytestmark = pytest.mark.skipif(
    not TRIALS.is_dir() or not XENOGRAFTS.is_dir(),
    reason="needs the folders trials and tumour of the reference records, beside the checkout",
)


@pytest.fixture(scope="module")
def lesions():
    return read_lesions(TRIALS / "lesion_sizes.csv", patient=("study", "patient"), size="longest_diameter_mm")


def test_lesions_are_read_by_the_rules(lesions):
    assert len(lesions.table) == 2783
    assert lesions.too_small == 16
    assert lesions.missing == 26 + 3
    studies = Counter(name.split()[0] for name in lesions.patients)
    assert [studies[f"Study{k}"] for k in range(1, 6)] == [24, 55, 132, 221, 58]


def test_classes_of_resistance(lesions):
    assert lesions.resistance_counts() == {
        "no progression": 274,
        "early progression": 102,
        "intermediate": 87,
        "acquired": 27,
    }


def test_xenografts_answer_as_published_in_every_mouse():
    growth = pd.read_csv(XENOGRAFTS / "pdxe_breast_growth.csv").sort_values("day", kind="stable")
    stored = pd.read_csv(XENOGRAFTS / "pdxe_breast_response.csv").set_index("model_id")
    found = {
        name: xenograft_response(mouse["day"], mouse["volume_mm3"])
        for name, mouse in growth.groupby("model_id")
    }
    assert Counter(each.category for each in found.values()) == {"PD": 250, "SD": 268, "PR": 40, "CR": 7}
    assert len(found) == len(stored) == 565
    for name, each in found.items():
        row = stored.loc[name]
        assert each.category == row["mRECIST"]
        # The stored numbers are those of another program in floats of the same width: only sums differ.
        got = [each.best, each.best_average, each.slope, each.area]
        wanted = [row["best_response"], row["best_average_response"], row["slope"], row["AUC"]]
        assert got == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        assert [each.best_day, each.best_average_day] == [
            row["best_response_time"],
            row["best_average_response_time"],
        ]
