"""The tables of prognostic scores say what was stored."""

from __future__ import annotations

import json

import pytest
from page import ROOT

STORED = json.loads((ROOT / "benchmarks" / "results" / "procova.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "digital-twins.md").read_text(encoding="utf-8")
WORDS = {"nothing": "nothing", "covariates": "14 covariates", "score": "the score"}


def simulated_rows() -> list[str]:
    """A row of the page for each cut of the history, size of trial and adjustment."""
    found = []
    for k, cut in enumerate(STORED["actg175_cd4_at_20_weeks"], 1):
        for size in (266, 80):
            null, real = (cut["simulated"][f"{size} patients, {what}"] for what in ("no effect", "effect 45"))
            for name, words in WORDS.items():
                row, score = (
                    null[name],
                    f"{cut['learner'].split(',')[0]}, r² {cut['r_squared_cross_validated']:.2f}",
                )
                found.append(
                    f"| {k}, {score} | {size} | {words} | {100 * row['rejected']:.1f} % | "
                    f"{100 * real[name]['rejected']:.0f} % | {row['variance_ratio']:.2f} |"
                )
    return found


def synthetic_rows() -> list[str]:
    """A row for each way to have controls."""
    found, data = [], STORED["ist_synthetic_controls"]
    for what in data["effect"]:
        null, real = data["no effect"][what], data["effect"][what]
        found.append(
            f"| {what} | {100 * null['rejected']:.1f} % | {100 * real['mean_estimate']:.1f} points | "
            f"{100 * real['interval_width']:.1f} points | {100 * real['coverage']:.0f} % |"
        )
    return found


@pytest.mark.parametrize("row", [*simulated_rows(), *synthetic_rows()])
def test_the_tables_say_what_was_stored(row):
    assert row in PAGE


def test_errors_are_kept():
    # 10,000 trials: three Monte Carlo errors of 0.22 %.
    assert all(abs(error - 0.05) < 0.0066 for error in STORED["type_1_error_of_score"])
    found = STORED["actg175_survival"]["type_1_error"]
    said = f"{100 * found['score']:.1f} % with the score, {100 * found['covariates']:.1f} % with the 14 covariates"
    assert said in " ".join(PAGE.split())


def test_the_demonstration_shows_what_the_page_says():
    null, real = (STORED["ist_synthetic_controls"][name] for name in ("no effect", "effect"))
    assert null["synthetic, from its controls"]["rejected"] > 0.1
    assert abs(real["synthetic, from all its patients"]["mean_estimate"]) < 0.6 * 0.1
    assert real["synthetic, from its controls"]["interval_width"] < 0.8 * real["the trial"]["interval_width"]
