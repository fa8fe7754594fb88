"""``understudy twin`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.app.twin import read_dosing, read_limit, read_target
from understudy.core.errors import SimulationError
from understudy.inference.individualise import individualise
from understudy.library.catalogue import model

FOLDER = Path(__file__).parents[3] / "examples" / "phenobarbital"
STUDY, RECORDS = FOLDER / "study.toml", FOLDER / "phenobarbital.csv"
UNITS = "TIME=h,AMT=mg,DV=mg/L,WT=kg,APGR=1"
DOSES = (
    "--amounts",
    "1 to 6 mg/kg by 0.5",
    "--intervals",
    "12, 24 h",
    "--window",
    "216 to 240",
    "--since",
    "none",
)


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object):
        result = CliRunner().invoke(app, ["twin", *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_parameters_of_one_patient(run):
    shown = run(RECORDS, "--model", "phenobarbital_neonates", "-u", UNITS, "--patient", "1").stdout
    assert "1 patient, 2 observations; normal approximation around the mode of the posterior" in shown
    assert "0.006292" in shown
    assert "L/h" in shown


def test_the_numbers_are_those_of_python(run):
    told = json.loads(run(STUDY, "--patient", "1", "--patient", "7", "--json").stdout)
    from understudy.dossier.study import Study

    twins = individualise(
        model("phenobarbital_neonates"), Study.read(STUDY).read_records().select(["1", "7"])
    )
    wanted = twins.table
    for row in told["parameters"]:
        assert row["mode"] == pytest.approx(wanted.loc[row["patient"], row["parameter"]])
    assert told["method"] == "laplace"
    assert told["doubts"] == {}


def test_a_control_stream_brings_records_and_model(run):
    told = json.loads(run(FOLDER / "phenobarbital.ctl", "--patient", "1", "--json").stdout)
    assert {row["patient"] for row in told["parameters"]} == {"1"}


def test_a_forecast_goes_on_from_the_last_record(run):
    shown = run(STUDY, "--patient", "1", "--regimen", "2.5 mg/kg q12h x 4", "--times", "0, 1 d").stdout
    assert "2.5 mg/kg q12h x 4, from the last record on; true levels" in shown
    rows = [line.split() for line in shown.splitlines() if "mg/L" in line]
    assert [row[-6] for row in rows[-2:]] == ["0", "24"]
    alone = run(STUDY, "--patient", "1", "--regimen", "2.5 mg/kg q12h x 4", "--since", "none").stdout
    assert "from a patient without drug on" in alone
    past = run(STUDY, "--patient", "1", "--regimen", "2.5 mg/kg q12h x 4", "--since", "12").stdout
    assert "in the place of what was given from 12 h on" in past


def test_a_dose_is_chosen(run, tmp_path):
    out = tmp_path / "doses.csv"
    found = run(STUDY, "--patient", "1", "--target", "Cp trough 15 to 30 mg/L", *DOSES, "--out", out)
    assert "Patient 1: " in found.stdout
    assert "5 of 22 regimens" in found.stdout
    table = pd.read_csv(out)
    assert len(table) == 22
    assert table["within"].is_monotonic_decreasing


def test_a_limit_that_nothing_satisfies_is_told(run):
    limits = ("--limit", "Cp peak above 5 mg/L in 5 %")
    shown = run(STUDY, "--patient", "1", "--target", "Cp 15-30 mg/L", *DOSES, *limits).stdout
    assert "no regimen satisfies the conditions" in " ".join(shown.split())
    assert "no" in shown.split()


def test_the_next_sample(run):
    told = json.loads(
        run(STUDY, "--patient", "1", "--next-sample", "Cp at 48", "--times", "1,24,47", "--json").stdout
    )
    assert [row["rank"] for row in told["next_sample"]] == [1, 2, 3]
    assert told["next_sample"][0]["time"] == 47


@pytest.mark.parametrize("method", ["map", "sir"])
def test_other_methods(run, method):
    told = json.loads(run(STUDY, "--patient", "1", "--method", method, "--draws", "200", "--json").stdout)
    assert told["method"] == method
    row = told["parameters"][0]
    assert (row["lower"] == row["upper"]) == (method == "map")


def test_many_patients_are_cut_short(run):
    shown = run(STUDY).stdout
    assert "12 of 59 patients; --out file.csv has all" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((RECORDS,), "give --model"),
        ((STUDY, "--model", "one_compartment_oral"), "nothing about differences between patients"),
        ((STUDY, "--patient", "none"), "no patient 'none'"),
        ((STUDY, "--method", "mcmc"), "map, laplace, sir, nuts"),
        ((STUDY, "--target", "Cp 15 to 30 mg/L"), "from what is not said"),
        ((STUDY, "--limit", "Cp above 3 mg/L"), "for what is not said"),
        ((STUDY, "--target", "high enough", *DOSES), "'high enough' is not understood"),
        ((STUDY, "--regimen", "2 mg/kg q12h"), "no end"),
        ((STUDY, "--next-sample", "Vmax"), "could be known better"),
    ],
)
def test_what_cannot_be_done_is_told(run, arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Cp auc 400 to 600 mg*h/L", ("Cp", "auc", 400, 600, "mg*h/L")),
        ("Cp 15-30 mg/L", ("Cp", "trough", 15, 30, "mg/L")),
        ("E time 1e-3 to inf percent", ("E", "time", 1e-3, float("inf"), "percent")),
    ],
)
def test_targets_are_read(text, wanted):
    target, measure = read_target(text)
    assert (target.output, measure, target.low, target.high, target.unit) == wanted


def test_limits_and_dosing_are_read():
    limit = read_limit("Cp auc > 600 mg*h/L in 10 %")
    assert (limit.measure, limit.above, limit.unit, limit.probability) == ("auc", 600, "mg*h/L", 0.1)
    assert read_limit("Cp above 40 mg/L").probability == 0.05
    dosing = read_dosing("50, 100 mg", "1 d", "h", tablets="50", most_daily=100)
    assert (dosing.amounts, dosing.intervals, dosing.time_unit, dosing.tablets) == (
        (50, 100),
        (1,),
        "d",
        (50,),
    )
    with pytest.raises(SimulationError, match="write it like"):
        read_dosing("a lot", "12", "h")
