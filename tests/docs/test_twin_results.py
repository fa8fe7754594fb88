"""The table of held-back levels says what was stored."""

from __future__ import annotations

import json

import pytest
from page import ROOT

STORED = json.loads((ROOT / "benchmarks" / "results" / "twins.json").read_text(encoding="utf-8"))["cases"]
PAGE = (ROOT / "docs" / "twins.md").read_text(encoding="utf-8")


def rows(name: str) -> list[str]:
    """What the page should say of one data set, without its first cell."""
    case, found = STORED[f"{name}, laplace"], []
    differences = {row["method"]: row for row in case["differences"]}
    for row in case["scores"]:
        further, held = "", ""
        if row["method"] in differences:
            other = differences[row["method"]]
            further = f"{other['mean']:.2f} ({other['low']:.2f} to {other['high']:.2f})"
        if row["coverage"] is not None:
            low, high = 100 * row["coverage_low"], 100 * row["coverage_high"]
            held = f"{100 * row['coverage']:.0f} % ({low:.0f} to {high:.0f})"
        found.append(f"| {row['method']} | {row['mae']:.2f} {case['unit']} | {further} | {held} |")
    return found


@pytest.mark.parametrize("name", ["phenobarbital", "theophylline"])
def test_the_table_says_what_was_stored(name):
    assert f"{STORED[f'{name}, laplace']['levels']} levels" in PAGE
    for row in rows(name):
        assert row in PAGE


def test_draws_cover_as_the_page_says():
    for name in ("phenobarbital", "theophylline"):
        plain, drawn = (
            [row["coverage"] for row in STORED[f"{name}, {method}"]["scores"]]
            for method in ("laplace", "sir")
        )
        assert plain == drawn
