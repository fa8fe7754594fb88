"""Tumours in others' records: classes of resistance, responses of xenografts, forecasts of lesions, adaptive dosing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from understudy.trials.tumour import (
    dosing_by_marker,
    forecast_lesions,
    read_lesions,
    size_survival_interval,
    xenograft_response,
)

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


def test_abiraterone_was_given_as_counted():
    frame = pd.read_csv(TRIALS / "adaptive_abiraterone_psa.csv")
    found = dosing_by_marker(frame, on="abiraterone_on", marker="psa_relative")
    assert found["patients"].to_dict() == {"adaptive": 17, "standard": 15}
    assert found["visits"].to_dict() == {"adaptive": 504, "standard": 174}
    assert found["restarts"].to_dict() == {"adaptive": 66, "standard": 12}
    # Three digits are given.
    assert found["share_on"].to_dict() == pytest.approx({"adaptive": 0.481, "standard": 0.738}, abs=5e-4)


def test_size_carries_the_effect_on_survival_that_was_seen():
    sizes = pd.read_csv(TRIALS / "ffcd2000_tumour_size.csv")
    ends = pd.read_csv(TRIALS / "ffcd2000_events.csv").groupby("id").last()
    assert int(ends["state"].sum()) == 121
    found = size_survival_interval(
        sizes["id"], sizes["year"], sizes["tumor.size"], ends.index, ends["time1"], ends["state"],
        (ends["treatment"] == "C").astype(float), resamples=40,
    )  # fmt: skip
    estimate, low, high = found.association
    assert estimate > low > 1
    # Combination against sequential, by Cox: 0.879 (0.613 to 1.259).
    ratio, low, high = found.hazard_ratio
    assert 0.613 < ratio < 1.259
    assert low < 0.879 < high


@pytest.mark.slow
def test_later_sizes_are_no_better_forecast_than_by_the_last_one(lesions):
    """Neither twins alone nor a blend have been shown to do better than the last size; intervals hold what they say."""
    found = forecast_lesions(lesions)
    scores = found.scores.set_index("method")
    assert len(found.errors) == 268
    # Carried forward: the figures of the reference, three digits after the point.
    previous = scores.loc["last size carried forward"]
    assert (previous["mae"], previous["median"]) == pytest.approx((5.399, 3.533), abs=5e-4)
    assert scores.loc["twin", "high"] > 0
    assert scores.loc["blend of the two", "low"] < 0 < scores.loc["blend of the two", "high"]
    # Log-linear lines through three visits are off by 10.276.
    assert scores.loc["twin", "mae"] < 10.276
    assert found.coverage == pytest.approx(0.9, abs=0.03)
