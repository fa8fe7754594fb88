"""The table of real-world results found again: it holds what is stored, and that agrees."""

from __future__ import annotations

from benchmarks import rwe_results_page

STORED = rwe_results_page.load()


def test_the_page_has_the_stored_results():
    text = rwe_results_page.PAGE.read_text(encoding="utf-8")
    assert rwe_results_page.page(text) == text


def test_every_number_is_found_again():
    assert [each for each in STORED["numbers"] if not each["agrees"]] == []
    assert STORED["agreed"] == len(STORED["numbers"])


def test_all_parts_are_there():
    # Cohorts, covariates, scores, outcomes, calibration, synthesis, emulation and signals.
    assert len({each["trial"] for each in STORED["numbers"]}) >= 8
    assert len(STORED["numbers"]) >= 150


def test_the_study_keeps_to_half_a_minute():
    assert STORED["study"]["processor_s"] < 30
