"""`understudy nca`: what it prints, writes and refuses."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app

UNITS = ("--units", "TIME=h,AMT=mg,DV=mg/L")


def level(t, scale=1.0):
    return scale * 8 * math.exp(-0.5 * t)


@pytest.fixture
def data(tmp_path):
    rows = []
    for k, sex in enumerate(["female", "male", "female", "male"], start=1):
        rows.append({"ID": k, "TIME": 0, "AMT": 100, "DV": np.nan, "SEX": sex})
        times = [0.5, 1, 2, 4, 8] if k < 4 else [0.5, 1, 1.5, 2]
        rows += [{"ID": k, "TIME": t, "AMT": 0, "DV": level(t, k), "SEX": sex} for t in times]
    path = tmp_path / "levels.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.fixture
def run(monkeypatch, data):
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object):
        result = CliRunner().invoke(app, ["nca", str(data), *UNITS, *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_patients_and_summary_are_printed(run):
    result = run("--route", "iv", "--partial", "0-2")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "Non-compartmental analysis of levels.csv"
    assert "dose 1: bolus, from 0 h" in lines
    heads = next(line for line in lines if "Cmax" in line).split()
    assert heads[:6] == ["Cmax", "Tmax", "AUC", "0–2", "C0", "AUClast"]
    first = next(line for line in lines if line.startswith("1 ")).split()
    assert first[3:6] == ["10.11", "8.00", "15.71"]  # 16 (1 - exp(-1)), 8 and 16 (1 - exp(-4))
    last = next(line for line in lines if line.startswith("4 "))
    assert "1.386*" in last
    assert "patient 4: span ratio 0.72 < 2" in lines
    summary = next(line for line in lines if line.startswith("CL,obs")).split()
    assert summary[1:3] == ["L/h", "4"]
    assert max(map(len, lines)) <= 100


def test_nothing_is_cut_where_the_terminal_is_narrow(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = run("--route", "iv").stdout
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 60


def test_groups_of_words(run):
    result = run("--route", "iv", "--by", "SEX")
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert "SEX female" in lines
    assert "SEX male" in lines
    found = json.loads(run("--route", "iv", "--by", "SEX", "--json").stdout)
    means = {
        row["SEX"]: row["geometric_mean"] for row in found["summary"] if row["parameter"] == "aucinf_obs"
    }
    # AUC 16 k: of patients 1 and 3, and of 2 and 4.
    assert means == pytest.approx({"female": 16 * math.sqrt(3), "male": 16 * math.sqrt(8)})


def test_files(run, tmp_path):
    table, everything, chart = tmp_path / "nca.csv", tmp_path / "nca.json", tmp_path / "curves.svg"
    result = run("--route", "iv", "--out", table, "--plots", chart)
    assert f"Written: {table}" in result.stdout
    written = pd.read_csv(table)
    assert written.query("parameter == 'aucinf_obs'")["value"].tolist() == pytest.approx([16, 32, 48, 64])
    assert "<svg" in chart.read_text(encoding="utf-8")
    run("--route", "iv", "--out", everything)
    assert set(json.loads(everything.read_text(encoding="utf-8"))) == {
        "parameters",
        "notes",
        "summary",
        "record",
    }


def test_options_reach_the_analysis(run):
    arguments = (
        "--route",
        "iv",
        "--area",
        "linear",
        "--interval",
        "0-inf",
        "--slope",
        "1=1/2/8",
        "--lloq",
        "0.1",
    )
    parameters = json.loads(run(*arguments, "--slope-exclude", "2=8", "--include-cmax", "--json").stdout)
    settings = parameters["record"]["settings"]
    assert settings["intervals"] == [[0.0, "inf"]]
    assert settings["slope_points"] == {"1": [1.0, 2.0, 8.0]}
    assert settings["slope_exclude"] == {"2": [8.0]}
    assert (settings["lloq"], settings["rules"]["area"], settings["rules"]["include_cmax"]) == (
        0.1,
        "linear",
        True,
    )
    last = {
        row["id"]: row["value"] for row in parameters["parameters"] if row["parameter"] == "lambda_z_last"
    }
    assert last["2"] == 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--interval", "24-0"), "24 to 0 is no interval"),
        (("--interval", "day"), "'day' is no interval"),
        (("--lloq", "low"), "'low' is no number"),
        (("--blq", "keep,zero,keep"), "'zero' is no number"),
        (("--blq", "keep"), "give three"),
        (("--route", "oral"), "unknown route 'oral'"),
        (("--slope", "1=3"), "no measurement at 3"),
        (("--by", "SEXX"), "did you mean 'SEX'?"),
        (("--out", "nca.xlsx"), "unknown ending '.xlsx'"),
        (("--plots", "nowhere/nca.svg"), "there is no folder"),
    ],
)
def test_refusals(run, arguments, told, tmp_path):
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_help_fits_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(app, ["nca", "--help"])
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
