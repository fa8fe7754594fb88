"""What docs/rwe-propensity.md says of speed and of GiBleed, against what is stored."""

import json

import pytest
from benchmarks.result import FOLDER
from benchmarks.rwe_propensity import LIMIT, Found, lines
from page import ROOT

STORED = json.loads((FOLDER / "rwe_propensity.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "rwe-propensity.md").read_text(encoding="utf-8")


def test_the_page_has_the_stored_figures():
    for line in lines(STORED):
        assert line in PAGE
    search = STORED["timings"][0]["search"]
    assert f"The search of the variance took {search['cpu_seconds']:.0f} s" in PAGE


def test_the_aim_is_reached():
    first = STORED["timings"][0]
    assert (first["persons"], first["covariates"]) == (50_000, 5_000)
    assert first["entries"] == pytest.approx(8.2e6, rel=0.01)
    assert first["seconds"] <= LIMIT
    assert all(each["gap"] <= 1e-8 for each in STORED["timings"])


def test_no_other_solver_finds_a_lower_objective():
    for each in STORED["timings"]:
        for peer in each.get("peers", ()):
            assert peer["above_least"] > -each["gap"] - 1e-12


def test_published_numbers_are_found():
    assert STORED["found"]
    for each in STORED["found"]:
        assert Found("GiBleed", each["what"], each["theirs"], each["ours"]).agrees
