"""`understudy design`: what it prints, writes and refuses."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from understudy.app.cli import app

FILE = """
model = "warfarin_adults_no_lag"
[values]
theta_CL = 0.15
[[groups]]
name = "volunteers"
patients = 32
regimen = "100 mg"
times = [0.5, 2, 24, 120]
"""
MODEL = ("warfarin_adults_no_lag", "--patients", "32", "--regimen", "100 mg", "--times", "0.5,2,6,24,120")


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object):
        result = CliRunner().invoke(app, ["design", *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def file(tmp_path):
    def write(text: str = FILE):
        path = tmp_path / "design.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_file_is_evaluated(run, file):
    result = run(file())
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "Expected precision of warfarin_adults_no_lag"
    assert lines[1].startswith("32 patients, 128 samples; FO, block-diagonal information; D-criterion")
    assert "volunteers: 32 patients, 100 mg; at 0.5, 2, 24, 120" in lines
    row = next(line for line in lines if line.startswith("theta_CL")).split()
    assert row[:3] == ["theta_CL", "L/h", "0.15"]
    assert row[-1] == "%"
    assert max(map(len, lines)) <= 100


def test_times_are_found_and_power_is_told(run, file, tmp_path):
    text = (
        FILE
        + "[optimise]\ncandidates = [0.5, 1, 2, 6, 24, 120]\nstarts = 1\n[power]\nparameter = 'theta_ka'\n"
    )
    result = run(file(text), "--plot", tmp_path / "design.svg", "--out", tmp_path / "design.json")
    assert result.exit_code == 0, result.stderr
    assert "relative, start" in result.stdout
    assert "more patients for as much" in result.stdout
    assert "theta_ka differs from 0: power 100 %" in result.stdout
    assert (tmp_path / "design.svg").read_text().startswith("<svg")
    data = json.loads((tmp_path / "design.json").read_text())
    assert data["efficiency"] > 1
    assert data["power"][0]["patients"] < 32


def test_a_model_with_options_and_json(run):
    found = json.loads(run(*MODEL, "--json").stdout)
    assert [each["name"] for each in found["parameters"]][:2] == ["theta_ka", "theta_CL"]
    other = json.loads(
        run(*MODEL, "--json", "--window", "0.25-4", "--window", "24-120", "--spacing", "0.5").stdout
    )
    times = other["found"]["design"][0]["times"][""]
    assert all(0.25 <= t <= 4 or 24 <= t <= 120 for t in times)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("warfarin_adults_no_lag",), "a model needs a design"),
        ((*MODEL[:-1], "1;2"), "'1;2' is no list of numbers"),
        ((*MODEL, "--window", "24"), "'24' is no window"),
        ((*MODEL, "--covariate", "WT=70"), "has no covariate 'WT'"),
        ((*MODEL, "--out", "design.txt"), "unknown ending '.txt'"),
        ((*MODEL[:-1], "24"), "the information is singular"),
        (("missing.toml",), "there is no such file"),
    ],
)
def test_bad_questions_are_refused(run, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILE.replace("patients", "patient"), "a group has no 'patient'"),
        (FILE.replace("model", "modell"), "did you mean model?"),
        (FILE + "[optimise]\nwindow = [0, 24]\n", "did you mean windows?"),
        ("model = 'warfarin_adults_no_lag'", "the file has no 'groups'"),
        (FILE.replace("32", "'many'"), "no list of finite numbers"),
        (FILE.replace("'100 mg'", "3").replace('"100 mg"', "3"), "3 is no regimen"),
        ("model = ", "this is no TOML"),
        (FILE + "[optimise]\ncandidates = 'all'\n", "no numbers"),
        (FILE + "[optimise]\ncandidates = [1, 2, 3, 4]\nstarts = 'many'\n", "starts is not a whole number"),
        (FILE.replace("0.15", "'low'"), "theta_CL is not a number: 'low'"),
        ("model = 'warfarin_adults_no_lag'\ngroups = 3", "groups is not a list"),
    ],
)
def test_bad_files_are_refused(run, file, text, message):
    result = run(file(text))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
