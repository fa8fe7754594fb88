"""What docs/tumour.md says of joint models in simulated studies, against what is stored."""

import json

import pytest
from benchmarks.joint_model import lines
from benchmarks.result import FOLDER
from page import ROOT

STORED = json.loads((FOLDER / "joint_model.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "tumour.md").read_text(encoding="utf-8")


def test_the_page_has_the_stored_figures():
    for line in lines(STORED):
        assert line in PAGE
    held = [100 * row["hazard_ratio_covered"][0] for row in STORED["cases"].values()]
    assert f"held the true hazard ratio in {min(held):.0f} to {max(held):.0f} % of studies" in PAGE


@pytest.mark.parametrize("name", STORED["cases"])
def test_the_joint_model_finds_what_was_planted(name):
    row = STORED["cases"][name]
    bias, error = row["joint"][0] - row["planted"], row["joint"][1]
    # Two and a half standard errors of the mean over studies, and a finite sample's own bias of some 2 %.
    assert abs(bias) < 2.5 * error + 0.02 * row["planted"]
    assert row["two_stages"][0] < row["joint"][0]
    # Binomial error of 200 studies is 1.5 %: three of them.
    assert row["joint_covered"][0] > 0.95 - 0.046
    assert row["hazard_ratio_covered"][0] > 0.95 - 0.046
    assert row["failed"] <= 2
