"""What docs/trials.md says of responders, against what is stored."""

import pytest
from benchmarks.responders_page import PAGE, load, page

STORED = load()


def test_the_page_has_the_stored_result():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text


@pytest.mark.parametrize("name", STORED["nulls"])
def test_chance_is_no_finding_more_often_than_it_may_be(name):
    row = STORED["nulls"][name]
    error = (STORED["level"] * (1 - STORED["level"]) / row["permuted"]) ** 0.5
    assert row["found"] <= STORED["level"] + 2 * error
    assert not row["real"]


def test_planted_subgroups_are_found_and_absent_ones_are_not():
    for row in STORED["planted"]:
        if not row["effect"]:
            assert row["found"] <= 0.14
        elif row["effect"] == 1.0:
            assert row["found"] >= 0.4
            assert row["right"] >= 0.9
