"""What docs/responders.md says of responders, against what is stored."""

import pytest
from benchmarks.responders_page import PAGE, load, page

STORED = load()


def test_the_page_has_the_stored_result():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text


@pytest.mark.parametrize(
    "row", STORED["nulls"], ids=lambda row: f"{row['trial']}, {row['learner']} {row['method']}"
)
def test_chance_is_no_finding_more_often_than_it_may_be(row):
    # Two standard errors above the nominal level.
    error = (STORED["level"] * (1 - STORED["level"]) / row["permuted"]) ** 0.5
    assert row["found"] <= STORED["level"] + 2 * error
    assert not row["real"]


def test_the_three_trials_are_searched_two_hundred_times():
    searched = {row["trial"] for row in STORED["nulls"] if row["permuted"] >= 200}
    assert searched == {"PBC, survival", "stroke, heparin", "CDISC, ADAS-Cog"}


@pytest.mark.parametrize("row", STORED["planted"], ids=lambda row: " ".join(map(str, list(row.values())[:5])))
def test_planted_subgroups_are_found_and_absent_ones_are_not(row):
    if not row["effect"]:
        # Two standard errors above the nominal level.
        error = (STORED["level"] * (1 - STORED["level"]) / row["studies"]) ** 0.5
        assert row["found"] <= STORED["level"] + 2 * error
    elif row["effect"] == 1.0:
        # A standard deviation in a quarter to three quarters of 300 patients: not often missed, seldom misnamed.
        assert row["found"] >= (0.4 if row["kind"] == "continuous" else 0.15)
        assert row["false"] <= 0.15
