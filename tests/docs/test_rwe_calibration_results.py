"""The table of calibration under unmeasured confounding says what was stored, and that is what is promised."""

from __future__ import annotations

import json

import pytest
from page import ROOT

STORED = json.loads((ROOT / "benchmarks" / "results" / "rwe_calibration.json").read_text(encoding="utf-8"))[
    "results"
]
PAGE = (ROOT / "docs" / "rwe-calibration.md").read_text(encoding="utf-8")
COLUMNS = ("raw_coverage", "calibrated_coverage", "raw_type_1_error", "calibrated_type_1_error")


@pytest.mark.parametrize("name", STORED)
def test_the_table_says_what_was_stored(name):
    row, (model, confounding) = STORED[name], name.split(", ")
    shares = " | ".join(f"{100 * row[column]:.1f} %" for column in COLUMNS)
    assert f"| {model} | {confounding} | {shares} | {row['ease']:.3f} |" in PAGE


@pytest.mark.parametrize("name", STORED)
def test_calibrated_intervals_cover_and_raw_ones_do_not(name):
    assert 0.90 <= STORED[name]["calibrated_coverage"] <= 0.98
    assert STORED[name]["raw_coverage"] < 0.90


def test_three_strengths_of_both_models_are_there():
    assert len(STORED) == 6
