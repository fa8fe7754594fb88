"""`understudy vpc` and `understudy diagnose` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app

EXAMPLE = Path(__file__).parents[3] / "examples" / "phenobarbital"
RECORDS, STUDY = EXAMPLE / "phenobarbital.csv", EXAMPLE / "study.toml"
MODEL = ("--model", "phenobarbital_neonates", "-u", "TIME=h,AMT=mg,DV=mg/L,WT=kg,APGR=1")


@pytest.fixture
def run(monkeypatch):
    """A function that runs a command in this process; its result has exit_code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.mark.parametrize("command", ["vpc", "diagnose"])
def test_help_fits_eighty_columns(run, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run(command, "--help").stdout.splitlines())) <= 80


def test_a_check_is_printed_a_line_a_bin(run):
    result = run("vpc", RECORDS, *MODEL, "--bins", "3", "--replicates", "50")
    assert result.exit_code == 0
    assert "155 measurements in 3 bins, 50 replicates" in result.stdout
    assert "Cp [mg/L] over time [h]" in result.stdout
    assert [line.split()[1] for line in result.stdout.splitlines() if "(" in line and "–" in line] == [
        "52",
        "51",
        "52",
    ]


def test_a_check_goes_to_a_table_or_a_chart(run, tmp_path):
    how = ("vpc", STUDY, "--replicates", "30", "--strat", "APGR", "--cuts", "5", "--corrected", "--bins", "2")
    for ending, mark in ((".csv", "output,stratum"), (".svg", "<svg"), (".html", "<!DOCTYPE html>")):
        out = tmp_path / f"check{ending}"
        result = run(*how, "--out", out)
        assert result.exit_code == 0
        assert mark in out.read_text(encoding="utf-8")
    table = pd.read_csv(tmp_path / "check.csv")
    assert list(dict.fromkeys(table["stratum"])) == ["APGR < 5", "APGR ≥ 5"]
    drawn = (tmp_path / "check.svg").read_text(encoding="utf-8")
    assert "Prediction-corrected plasma" in drawn
    assert "https://" not in (tmp_path / "check.html").read_text(encoding="utf-8").split("</script>")[-1]


def test_json_is_json_alone(run):
    result = run("vpc", RECORDS, *MODEL, "--bins", "1", "--replicates", "20", "--lloq", "30", "--json")
    rows = json.loads(result.stdout)
    assert [row["quantile"] for row in rows] == [0.05, 0.5, 0.95]
    assert rows[0]["observed"] is None
    assert rows[2]["observed"] > 30


def test_bins_of_few_measurements_are_told(run):
    result = run("vpc", RECORDS, *MODEL, "--bins", "0,1.5,400", "--strat", "WT", "--replicates", "20")
    assert result.exit_code == 0
    assert "hold fewer than 5 measurements" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--strat", "APGX"), "did you mean APGR?"),
        (("--bins", "0"), "0 bins are too few"),
        (("--bins", "few"), "'few' is no number of bins"),
        (("--bins", "0,10"), "109 of 155 measurements lie outside"),
        (("--over", "NTIM"), "no column 'NTIM'"),
        (("--output", "Cq"), "'Cq' was not measured"),
        (("--out", "check.pdf"), "unknown ending '.pdf'"),
        (("--out", "nowhere/check.png"), "there is no folder 'nowhere'"),
        (("--interval", "90"), "90 is no probability"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_written(run, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    result = run("vpc", RECORDS, *MODEL, "--replicates", "5", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_model_must_be_named_and_have_a_population(run):
    assert "no model was named" in run("vpc", RECORDS).stderr
    assert "says nothing about differences" in run("vpc", RECORDS, "--model", "one_compartment_iv").stderr
    control = run("vpc", EXAMPLE / "phenobarbital.ctl", "--replicates", "10", "--bins", "2")
    assert control.exit_code == 0
    assert "Phenobarbital" in control.stdout


def test_records_without_a_measurement_are_refused(run, tmp_path):
    table = pd.read_csv(RECORDS)
    table[table["EVID"] == 1].to_csv(tmp_path / "doses.csv", index=False)
    for command in ("vpc", "diagnose"):
        result = run(command, tmp_path / "doses.csv", *MODEL, "--out", tmp_path / f"{command}.html")
        assert result.exit_code == 2
        assert "the records hold no measurement" in result.stderr
        assert not (tmp_path / f"{command}.html").exists()


def test_a_diagnosis_is_a_folder_of_page_charts_and_tables(run, tmp_path):
    out = tmp_path / "found"
    result = run("diagnose", STUDY, "--replicates", "60", "--out", out, "--quiet")
    assert result.exit_code == 0
    assert "NPDE of Cp" in result.stdout
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Does phenobarbital_neonates fit?" in page
    assert "<script" not in page
    assert page.count("<figure") == len(list((out / "charts").iterdir())) == 12
    table = pd.read_csv(out / "tables" / "goodness_of_fit.csv")
    assert len(table) == 155
    assert {"CWRES", "CWRESI", "NPDE", "WT"} <= set(table)
    assert len(pd.read_csv(out / "tables" / "random_effects.csv")) == 118


def test_a_diagnosis_is_one_page_where_that_is_asked_for(run, tmp_path):
    few = tmp_path / "few.csv"
    table = pd.read_csv(RECORDS)
    table[table["ID"] <= 6].to_csv(few, index=False)
    result = run("diagnose", few, *MODEL, "--replicates", "20", "-q", "--out", tmp_path / "page.html")
    assert result.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.csv", "page.html"]
    refused = run("diagnose", RECORDS, *MODEL, "--out", tmp_path / "page.pdf")
    assert "unknown ending '.pdf'" in refused.stderr
