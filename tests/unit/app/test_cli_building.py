"""`understudy bootstrap`, `profile`, `sir`, `search` and `compare`: what they print, write and refuse."""

from __future__ import annotations

import json

import pytest
from small_study import lines, study
from typer.testing import CliRunner

from understudy import Fit, fit
from understudy.app.cli import app

UNITS = ("--units", "TIME=h,DV=1,WT=kg", "--method", "fo", "--quiet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Records, and a fit of them."""
    place = tmp_path_factory.mktemp("building")
    records = study(12, power=1.0)
    records.table.drop(columns="row").to_csv(place / "lines.csv", index=False)
    fit(lines(), records, "fo", covariance="R").write(place / "small.json")
    return place


@pytest.fixture
def run(monkeypatch, folder):
    monkeypatch.setenv("COLUMNS", "110")

    def call(command: str, *arguments: object):
        given = [str(folder / "small.json"), "--data", str(folder / "lines.csv"), *UNITS]
        result = CliRunner().invoke(app, [command, *given, *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_bootstrap_prints_counts_and_intervals(run, tmp_path):
    result = run("bootstrap", "--samples", 4, "--jobs", 1, "--out", tmp_path / "table.csv")
    assert result.exit_code == 0
    assert "4 of 4 replicates succeeded; 95 % percentile intervals" in result.output
    assert (
        (tmp_path / "table.csv").read_text().startswith("name,estimate,mean,bias,standard error,low,high\n")
    )


def test_bootstrap_as_json(run):
    told = json.loads(run("bootstrap", "-n", 3, "-j", 1, "--json").stdout)
    assert told["used"] == 3
    assert [row["name"] for row in told["estimates"]][:2] == ["theta_base", "theta_slope"]


def test_bootstrap_draws_its_chart(run, tmp_path):
    assert run("bootstrap", "-n", 3, "-j", 1, "--out", tmp_path / "chart.svg").exit_code == 0
    assert "theta_slope" in (tmp_path / "chart.svg").read_text()


def test_a_file_that_cannot_be_written_is_refused_at_once(run):
    result = run("bootstrap", "--out", "chart.pdf")
    assert result.exit_code == 2
    assert "one of .csv, .html, .svg, .png" in result.output


def test_profile_of_one_parameter(run, tmp_path):
    result = run("profile", "-p", "theta_slope", "--out", tmp_path / "profile.html")
    assert result.exit_code == 0
    assert "Likelihood profiles: 95 % intervals" in result.output
    assert "theta_slope" in (tmp_path / "profile.html").read_text()


def test_sir_shows_how_the_objective_rises(run):
    result = run("sir", "--samples", "40,40", "--resamples", "15,15", "-j", 1)
    assert result.exit_code == 0
    assert "SIR: 15 of 40 samples after 2 iterations" in result.output
    assert "effective" in result.output


def test_search_finds_what_is_planted_and_compare_tests_it(run, folder, tmp_path):
    result = run("search", "-e", "base=WT:power,NOISE", "-j", 1, "--out", tmp_path / "large.json")
    assert result.exit_code == 0
    assert "effects: base-WT-power" in result.output
    found = Fit.read(tmp_path / "large.json")
    assert "theta_base_WT" in found.estimates
    result = CliRunner().invoke(
        app, ["compare", str(folder / "small.json"), str(tmp_path / "large.json"), "--json"]
    )
    large = next(row for row in json.loads(result.stdout) if row["name"] == "large")
    assert (large["against"], large["df"]) == ("small", 1)
    assert large["p"] < 0.05


def test_candidates_that_are_none_are_refused(run):
    result = run("search", "-e", "base")
    assert result.exit_code == 2
    assert "'base' is no candidate" in result.output
