"""The whole study of GiBleed, celecoxib against diclofenac, beside the tables of CohortMethod 6."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from understudy.causal import load_study, run_study

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "reference" / "rwe"
PUBLISHED = FOLDER / "gibleed_cohortmethod_results"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the reference data of GiBleed are not here")


@pytest.fixture(scope="module")
def found():
    return run_study(load_study(ROOT / "examples" / "gibleed" / "study.toml"), FOLDER / "gibleed")


def published(name: str, **where: str) -> list[dict[str, str]]:
    with (PUBLISHED / f"{name}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    where |= {"target_comparator_id": "894409308", "outcome_id": "3"}
    return [row for row in rows if all(row.get(key, value) == value for key, value in where.items())]


def sealed(found, analysis: str):
    """What the study itself would hide: here it is compared with what was published."""
    return found.answer(analysis).finding._content


def test_attrition_is_that_of_cohortmethod(found):
    theirs = {side: [] for side in ("1", "2")}
    for row in published("cm_attrition", analysis_id="1"):
        theirs[row["exposure_id"]].append(int(row["subjects"]))
    steps = found.material.outcomes["gastrointestinal bleeding"].attrition.steps
    assert [each.target for each in steps] == theirs["1"]
    assert [each.comparator for each in steps] == theirs["2"]


def test_counts_and_the_crude_hazard_ratio(found):
    row = published("cm_result", analysis_id="1")[0]
    finding = sealed(found, "crude")
    assert finding.counts.persons == (1797, 830)
    assert finding.counts.days == (int(row["target_days"]), int(row["comparator_days"]))
    assert finding.counts.events == (int(row["target_outcomes"]), int(row["comparator_outcomes"]))
    assert finding.estimate.exp == pytest.approx(float(row["rr"]), abs=1e-6)
    # Cyclops stops at a tolerance of 2e-7 of its gradient; its limits are found to about 1e-4.
    assert finding.estimate.log_likelihood_ratio == pytest.approx(float(row["llr"]), abs=1e-7)
    assert finding.estimate.interval == pytest.approx(
        (float(row["ci_95_lb"]), float(row["ci_95_ub"])), abs=2e-4
    )
    assert finding.estimate.standard_error == pytest.approx(float(row["se_log_rr"]), abs=1e-4)


def test_the_weighted_hazard_ratio_with_both_errors(found):
    row = published("cm_result", analysis_id="3")[0]
    estimate = sealed(found, "weighted").estimate
    assert estimate.exp == pytest.approx(float(row["rr"]), abs=1e-6)
    assert estimate.interval == pytest.approx((float(row["ci_95_lb"]), float(row["ci_95_ub"])), abs=2e-4)
    assert estimate.standard_error == pytest.approx(float(row["se_log_rr"]), abs=1e-4)
    assert estimate.robust_error == pytest.approx(0.18316, abs=5e-6)


def test_diagnostics_and_who_is_hidden(found):
    row = published("cm_diagnostics_summary", analysis_id="3")[0]
    values = {each.name: each.value for each in found.answer("weighted").diagnostics.items}
    assert values["power"] == pytest.approx(float(row["mdrr"]), abs=1e-9)
    assert values["equipoise"] == pytest.approx(float(row["equipoise"]), abs=1e-12)
    # Of weights that come from a model which is found to a tolerance.
    assert values["balance"] == pytest.approx(float(row["shared_max_sdm"]), abs=1e-5)
    assert row["unblind"] == "0"
    assert found.answer("weighted").diagnostics.hidden_for == ("balance",)


def test_the_whole_study_takes_less_than_half_a_minute():
    # Processor time, which other work on the machine does not change.
    start = time.process_time()
    run_study(load_study(ROOT / "examples" / "gibleed" / "study.toml"), FOLDER / "gibleed")
    assert time.process_time() - start < 30
