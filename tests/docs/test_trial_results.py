"""The table of trials found again: it holds what is stored, and that agrees."""

import pytest
from benchmarks import trial_results_page
from benchmarks.trial_results import Found

NUMBERS = [Found(**each) for each in trial_results_page.load()["numbers"]]


def test_the_page_has_the_stored_results():
    text = trial_results_page.PAGE.read_text(encoding="utf-8")
    assert trial_results_page.page(text) == text


def test_all_that_is_expected_is_there():
    assert len(NUMBERS) >= 162
    assert len({each.trial for each in NUMBERS}) == 13


def test_every_number_is_found_again():
    assert [each for each in NUMBERS if not each.agrees] == []


@pytest.mark.parametrize(
    ("ours", "agrees"), [(0.6904, True), (0.6906, False), (0.6896, True), (0.6894, False)]
)
def test_agreement_is_to_the_last_digit(ours, agrees):
    assert Found("colon", "death", "0.690", ours).agrees is agrees
