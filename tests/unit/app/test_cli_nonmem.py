"""Control streams on the command line: show, simulate, check, convert, studies, results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy import Study, load
from understudy.app.cli import app

EXAMPLE = Path(__file__).parents[3] / "examples" / "phenobarbital"
UNITS = ("--units", "TIME=h,AMT=mg,DV=mg/L")


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: object):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def stream(tmp_path):
    for name in ("phenobarbital.ctl", "phenobarbital.csv"):
        shutil.copy(EXAMPLE / name, tmp_path)
    return tmp_path / "phenobarbital.ctl"


def test_show_tells_model_data_and_estimation(run, stream):
    shown = run("show", stream).stdout
    for text in (
        "Phenobarbital in newborns",
        "dCENTRAL/dt = -CL / V * CENTRAL",
        "CL = TVCL * exp(ETA1)",
        "variance of Y = Y ** 2 * SIGMA_1_1",
        "clearance per kg",
        "phenobarbital.csv: 59 patients, 589 doses, 155 observations",
        "FOCE, with interaction, at most 9999 evaluations",
    ):
        assert text in shown
    assert "?" not in shown


def test_show_as_json(run, stream):
    told = json.loads(run("models", stream, "--json").stdout)
    assert told["name"] == "Phenobarbital in newborns"
    assert "THETA3" in json.dumps(told["model"])


def test_simulate_its_records(run, stream):
    result = run("simulate", stream)
    assert result.exit_code == 0
    assert "24 of 155 observations" in result.stdout
    out = stream.with_name("predicted.csv")
    assert run("simulate", stream, "--out", out).exit_code == 0
    frame = pd.read_csv(out)
    assert len(frame) == 155
    # 25 mg in 0.984 L/kg times 1.4 kg, two hours later.
    assert frame["predicted"][0] == pytest.approx(25 / (0.984258 * 1.4) * 0.9905, rel=1e-3)


def test_simulate_a_regimen_in_units_that_are_said(run, stream):
    result = run(
        "simulate", stream, "20 mg/kg then 2.5 mg/kg q12h x 4", "-c", "WT=1.4", *UNITS, "--times", "0,48"
    )
    assert result.exit_code == 0
    assert "mg/L" in result.stdout
    assert "20.32" in result.stdout


def test_a_regimen_without_units_is_refused(run, stream):
    result = run("simulate", stream, "20 mg then 5 mg q12h x 4")
    assert result.exit_code == 2
    assert "the model does not say its unit of time" in result.stderr
    assert "--units" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("--until", "5"), "this option needs a regimen"),
        (("--population", "5"), "this option needs a regimen"),
        (("--out", "x.svg"), "the records' predictions are a table"),
        (("--units", "TIM=h"), "TIM has no unit here"),
    ],
)
def test_options_that_do_not_go_together(run, stream, arguments, cause):
    result = run("simulate", stream, *arguments)
    assert result.exit_code == 2
    assert cause in result.stderr


def test_units_of_a_model_that_has_its_own(run):
    result = run("simulate", "phenobarbital_neonates", "20 mg", *UNITS)
    assert result.exit_code == 2
    assert "says its own units" in result.stderr


def test_check(run, stream):
    result = run("check", stream)
    assert result.exit_code == 0
    assert "phenobarbital.csv" in result.stdout
    stream.write_text(stream.read_text().replace("$INPUT ID", "$INPUT SITE ID"))
    result = run("check", stream)
    assert result.exit_code == 1
    assert "no row has this column: the first has 7 items, $INPUT names 8" in result.stderr


def test_check_of_code_that_means_nothing(run, stream):
    stream.write_text(stream.read_text().replace("F + F*EPS(1)", "F + G2*EPS(1)"))
    result = run("check", stream, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["problems"][0]["cause"] == "G2 is not defined"
    assert told["problems"][0]["place"] == "phenobarbital.ctl, line 13, $ERROR: Y = F + G2*EPS(1)"


def test_convert(run, stream, tmp_path):
    out = tmp_path / "again.ctl"
    result = run("convert", stream, "--to", "nonmem", "--out", out)
    assert result.exit_code == 0
    assert load(out).records.hash == load(stream).records.hash
    assert run("convert", "phenobarbital_neonates", "--to", "nonmem").stdout.startswith(
        "$PROBLEM phenobarbital_neonates"
    )


def test_convert_does_not_write_over_the_data(run, stream):
    before = stream.with_suffix(".csv").read_text()
    result = run("convert", stream, "--to", "nonmem", "--out", stream)
    assert result.exit_code == 2
    assert "is the data file that the records come from" in result.stderr
    assert stream.with_suffix(".csv").read_text() == before


def test_a_study_whose_model_is_a_control_stream(stream):
    text = (EXAMPLE / "study.toml").read_text(encoding="utf-8")
    text = text.replace('name = "phenobarbital_neonates"', 'file = "phenobarbital.ctl"').replace(
        '"Cp"', '"Y"'
    )
    path = stream.with_name("study.toml")
    path.write_text(text, encoding="utf-8")
    study = Study.read(path)
    base = study.load_model().structural
    assert base.time_unit == "h"
    assert base.output("Y").unit == "mg/L"
    assert "phenobarbital.ctl" in study.input_hashes()


def test_results_of_a_run(run, tmp_path):
    (tmp_path / "run1.ext").write_text(
        "TABLE NO.     1: First Order: Problem=1\n"
        " ITERATION    THETA1       OMEGA(1,1)   OBJ\n"
        "  -1000000000  2.50000E+00  1.00000E-01  100.25\n"
        "  -1000000001  5.00000E-01  1.00000E+10  0.0\n"
    )
    shown = run("show", tmp_path / "run1.ext").stdout
    assert "Fit by First Order: objective 100.25" in shown
    told = json.loads(run("models", tmp_path / "run1.ext", "--json").stdout)
    assert told["estimates"] == {"THETA1": 2.5, "OMEGA(1,1)": 0.1}
    assert told["standard_errors"]["OMEGA(1,1)"] is None
    assert "no model that they belong to" in run("check", tmp_path / "run1.ext").stderr
    result = run("simulate", tmp_path / "run1.ext", "100 mg")
    assert result.exit_code == 2
    assert "no model that they belong to" in result.stderr
