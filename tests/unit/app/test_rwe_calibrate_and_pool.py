"""`understudy rwe calibrate` and `understudy rwe pool` as a user meets them."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis import SiteProfile

RNG = np.random.default_rng(11)
X = np.linspace(-3, 3, 61)


@pytest.fixture
def run(monkeypatch):
    """A function that runs a command in this process."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object):
        result = CliRunner().invoke(app, ["rwe", *(str(each) for each in arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def controls(tmp_path):
    """Thirty negative controls, one without an estimate, and a drug."""
    names = [f"control {k}" for k in range(30)] + ["broken", "drug"]
    log_rr = [*RNG.normal(0.5, 0.3, 30), np.nan, 1.0]
    frame = pd.DataFrame(
        {"name": names, "groundTruth": [0] * 31 + [1], "logRr": log_rr, "seLogRr": [0.1] * 32}
    )
    path = tmp_path / "controls.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def sites(tmp_path):
    """Files of three sites."""
    folder = tmp_path / "sites"
    folder.mkdir()
    return [_site(f"site {k}", 0.2 + 0.3 * k).write(folder / f"{k}.json") for k in range(3)]


def _site(name, effect, analysis="bleeding"):
    return SiteProfile(
        name, analysis, "hazard ratio", LikelihoodProfile(X, -10 * (X - effect) ** 2), (("outcomes", 3),)
    )


def test_calibration_is_told(run, controls):
    told = run("calibrate", controls).stdout
    assert "30 negative controls, 0 positive controls, 1 of interest" in told
    assert re.search(r"expected absolute systematic error\s+0\.\d{4}", told)
    assert re.search(r"drug\s+2\.72 \(2\.23 to 3\.31\)\s+< 0\.0001", told)
    assert "1 row left out: 1 without an estimate" in told


@pytest.mark.parametrize("method", ["quadrature", "mcmc"])
def test_a_bayesian_null_has_intervals(method, run, controls):
    found = json.loads(run("calibrate", controls, "--method", method, "--json").stdout)
    assert all(row["low"] < row["estimate"] < row["high"] for row in found["null"]["rows"])
    row = found["estimates"][0]
    assert row["calibrated_p_low"] < row["calibrated_p"] < row["calibrated_p_high"]


def test_json_holds_what_is_told_and_nothing_else(run, controls):
    found = json.loads(run("calibrate", controls, "--json").stdout)
    assert found["controls"] == {"negative": 30, "positive": 0, "of_interest": 1, "left_out": 1}
    assert found["null"]["rows"][0]["low"] is None
    assert set(found["leave_one_out"]) == {"controls", "raw", "calibrated"}


def test_tables_and_charts_are_written(run, controls, tmp_path):
    out = tmp_path / "out"
    run("calibrate", controls, "--out", out)
    assert sorted(each.name for each in out.iterdir()) == [
        "calibration.json", "calibration.svg", "controls.csv", "coverage.csv", "effect.svg", "error_model.csv",
        "estimates.csv", "leave_one_out.csv", "null.csv",
    ]  # fmt: skip
    assert (out / "effect.svg").read_text(encoding="utf-8").startswith("<svg")
    assert len(pd.read_csv(out / "leave_one_out.csv")) == 30


def test_positive_controls_give_an_error_model(run, tmp_path):
    truth = np.repeat(np.log([1, 2, 4]), 10)
    frame = pd.DataFrame({"outcomeName": [f"c{k % 10}" for k in range(30)], "trueLogRr": truth})
    frame = frame.assign(logRr=0.2 + 0.8 * truth + RNG.normal(0, 0.1, 30), seLogRr=0.1)
    frame.to_csv(tmp_path / "c.csv", index=False)
    for options in ((), ("--legacy",)):
        told = run("calibrate", tmp_path / "c.csv", *options).stdout
        assert f"systematic error ({'legacy' if options else 'absolute'}): mean intercept 0." in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,groundTruth,logRr,seLogRr\na,0,inf,0.1\nb,0,NA,0.1\nx,1,0.5,0.1\n", "none of the 2 controls"),
        ("name,groundTruth,logRr,seLogRr\nx,1,0.5,0.1\n", "there is no negative control"),
        (
            "name,groundTruth,logRr,seLogRr\nx,0,0.5,0.1\nx,1,0.5,0.1\n",
            "is a negative control and of interest",
        ),
        ("name,groundTruth,logRr,seLogRr\nx,0,half,0.1\n", "not a number"),
    ],
)
def test_bad_controls_are_told_and_nothing_is_written(text, told, run, tmp_path):
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    result = run("calibrate", tmp_path / "c.csv", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_the_folder_of_the_controls_is_not_written_into(run, controls):
    result = run("calibrate", controls, "--out", controls.parent)
    assert result.exit_code == 2
    assert "own folder" in result.stderr


def test_pooled_effects_are_told(run, sites):
    told = run("pool", *sites).stdout
    assert "bleeding: hazard ratio of 3 sites" in told
    # Mean 0.5, standard error (60)^-1/2.
    assert re.search(r"fixed effect\s+1\.65\s+1\.28 to 2\.12", told)
    assert re.search(r"random effects\s+1\.6\d", told)
    assert "in one more site" in told


def test_pooled_effects_as_json_and_files(run, sites, tmp_path):
    found = json.loads(run("pool", *sites, "--json", "--out", tmp_path / "out").stdout)
    assert [row["method"] for row in found["pooled"]] == ["fixed effect", "random effects"]
    assert found["pooled"][0]["log"] == pytest.approx(0.5, abs=1e-6)
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        "forest.svg", "pooled.csv", "pooled.json", "sites.csv",
    ]  # fmt: skip


def test_bias_is_taken_off(run, sites, tmp_path):
    folder = tmp_path / "controls"
    folder.mkdir()
    for k in range(6):
        _site("site 0", 0.1 * k, f"control {k}").write(folder / f"{k}.json")
    found = json.loads(run("pool", *sites, "--controls", folder, "--json").stdout)
    assert found["bias"]["controls"] == 6
    raw, corrected = found["corrected"]
    assert corrected["mean"] == pytest.approx(raw["mean"] - 0.25, abs=0.02)
    assert "Probability of an effect above one" in run("pool", *sites, "--controls", folder).stdout


def test_a_site_without_a_maximum_has_no_number(run, sites, tmp_path):
    rising = SiteProfile("site 9", "bleeding", "hazard ratio", LikelihoodProfile(X, -np.exp(-X)))
    file = rising.write(tmp_path / "sites" / "9.json")
    assert re.search(r"site 9\s+–\s+0\.\d+ to ∞", run("pool", *sites, file).stdout)
    assert json.loads(run("pool", *sites, file, "--json").stdout)["sites"][3]["ratio"] is None


def test_bad_sites_are_told(run, sites, tmp_path):
    text = sites[0].read_text(encoding="utf-8")
    sites[0].write_text(text.replace('"site 0"', '"site 1"'), encoding="utf-8")
    result = run("pool", *sites, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "hash does not fit" in result.stderr
    assert not (tmp_path / "out").exists()
    assert "there is no such file" in run("pool", tmp_path / "none.json").stderr
    assert "no site files" in run("pool", sites[1], "--controls", tmp_path / "none").stderr
