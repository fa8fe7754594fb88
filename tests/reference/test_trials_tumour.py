"""Tumours in others' records: classes of resistance, responses of xenografts, forecasts of lesions, adaptive dosing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy.biostatistics import joint_model
from understudy.trials.tumour import (
    dosing_by_marker,
    forecast_lesions,
    read_lesions,
    size_survival,
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
    arm = (ends["treatment"] == "C").astype(float)
    found = size_survival(
        sizes["id"], sizes["year"], sizes["tumor.size"], ends.index, ends["time1"], ends["state"], arm
    )
    association = found.model.associations[0]
    assert association.value > found.model.two_stages.parameters.association[0] > 0
    assert association.low > 0
    # Combination against sequential, by Cox: 0.879 (0.613 to 1.259).
    assert found.observed == pytest.approx((0.879, 0.613, 1.259), abs=5e-4)
    trial = found.hazard_ratio(patients=75, draws=40)
    assert 0.613 < trial.estimate < 1.259
    assert trial.trial_low < 0.879 < trial.trial_high


def test_the_joint_model_of_cd4_and_death_is_that_of_another_program():
    """R's JM 1.5, jointModel(method = "piecewise-PH-aGH"), of CD4 ~ obstime + obstime:drug with random intercepts and
    slopes, and death ~ drug: as in Rizopoulos 2012, doi:10.1201/b12208, chapter 4 (numbers quoted from memory)."""
    frame = pd.read_csv(TRIALS / "aids.csv")
    ends = frame.groupby("patient", sort=False).first()
    place = frame["patient"].map({name: k for k, name in enumerate(ends.index)})
    arm = (ends["drug"] == "ddI").to_numpy(float)
    time = ends["Time"].to_numpy(float)
    cuts = np.r_[0.0, np.quantile(time, np.arange(1, 7) / 7)]
    found = joint_model(
        place, frame["obstime"], frame["CD4"], time, ends["death"], arm, cuts=cuts, covariates=arm[:, None]
    )
    # Both integrate by quadrature, each about points of its own: a hundredth of the logarithm of the likelihood.
    assert found.log_likelihood == pytest.approx(-4328.261, abs=0.02)
    wanted = {
        "slope": (-0.1917, 0.0217), "treatment on slope": (0.0116, 0.0302), "covariate 1": (0.3348, 0.1565),
        "current value": (-0.2875, 0.0359), "log hazard 1": (-2.5438, 0.1913), "log hazard 4": (-2.4949, 0.3413),
    }  # fmt: skip
    for name, (value, error) in wanted.items():
        each = found.estimates[name]
        # The other search ends somewhat before the maximum: within a twentieth of a standard error.
        assert each.value == pytest.approx(value, abs=0.05 * error), name
        assert each.standard_error == pytest.approx(error, rel=0.02), name
    spread = np.sqrt(np.diag(found.parameters.covariance))
    assert [*spread, np.sqrt(found.parameters.variance)] == pytest.approx([4.5839, 0.1822, 1.7377], rel=2e-3)


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
