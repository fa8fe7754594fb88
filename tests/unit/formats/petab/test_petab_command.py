"""``understudy petab`` as a user meets it: text, JSON, tables, errors and exit codes."""

import json

import pandas as pd
import pytest
from small_problem import V1, level, write
from typer.testing import CliRunner

from understudy.app.cli import app

pytest.importorskip("libsbml")
pytest.importorskip("yaml")

PRIORS = """
    parameterId parameterScale lowerBound upperBound nominalValue estimate objectivePriorType
    k1 log10 0.01 10 0.8 1 uniform
    k2 lin 0.01 10 0.6 1 .
"""


@pytest.fixture
def run(monkeypatch):
    """A function that runs a command in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: object):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_what_is_printed(tmp_path, run):
    result = run("petab", write(tmp_path, 1, parameters=PRIORS), "--gradient")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == ["problem", "PEtab 1: 2 measurements in 1 experiment, 2 parameters to estimate"]
    told = [line.rpartition(" ")[0].strip() for line in lines[3:7]]
    assert told == ["log-likelihood", "chi-square", "log-prior", "log-posterior, unnormalised"]
    assert any(line.startswith("log10 k1 ") for line in lines)
    assert any(line.startswith("k2 ") for line in lines)
    assert lines[-1].split() == ["obs_a", "c0", "10", "0.100", "0.643", "-1.09"]


def test_json_and_other_values(tmp_path, run):
    result = run("petab", write(tmp_path, 1), "--json", "-p", "k1=2", "--gradient")
    found = json.loads(result.stdout)
    assert found["simulations"] == pytest.approx([level(0), level(10, k1=2)], rel=1e-7)
    assert set(found["gradient"]) == {"k1", "k2"}
    assert found["log_prior"] is None
    assert found["messages"] == []


def test_the_simulation_table(tmp_path, run):
    out = tmp_path / "simulations.tsv"
    assert run("petab", write(tmp_path, 1), "--out", out).stdout.endswith(f"Written: {out}\n")
    table = pd.read_csv(out, sep="\t")
    assert list(table.columns) == ["observableId", "simulationConditionId", "simulation", "time"]
    assert table["simulation"].tolist() == pytest.approx([level(0), level(10)], rel=1e-7)
    assert run("petab", tmp_path / "problem.yaml", "--out", tmp_path / "s.csv").exit_code == 2


def test_long_problems_are_cut_short(tmp_path, run):
    rows = "\n".join(f"obs_a c0 0.5 {k}" for k in range(60))
    head = V1["measurements"].strip().splitlines()[0]
    result = run("petab", write(tmp_path, 1, measurements=f"{head}\n{rows}"))
    assert "40 of 60 measurements; --out FILE.tsv has all" in result.stdout


def test_what_could_not_be_simulated(tmp_path, run):
    model = """
        model up
          compartment c = 1
          species A in c
          A = 0; k1 = 1; k2 = 1
          J: -> A; c * k1
        end
    """
    measurements = V1["measurements"].replace(" 10", " inf")
    result = run("petab", write(tmp_path, 1, model, measurements=measurements))
    assert result.exit_code == 1
    assert "Note: c0: no steady state was found" in result.stderr
    assert json.loads(run("petab", tmp_path / "problem.yaml", "--json").stdout)["log_likelihood"] is None


def test_errors(tmp_path, run):
    path = write(tmp_path, 1, observables=V1["observables"].replace("A 0.5", "C 0.5"))
    result = run("petab", path)
    assert result.exit_code == 2
    assert "'C' is not defined" in result.stderr
    assert "observables.tsv, row 2, column observableFormula" in result.stderr
    assert run("petab", tmp_path / "model.xml").exit_code == 2
    assert "did you mean k1?" in run("petab", write(tmp_path, 1), "-p", "k_1=3").stderr


def test_the_model_of_a_problem_is_shown_and_simulated(tmp_path, run):
    path = write(tmp_path, 1, parameters=V1["parameters"].replace("0.8 1", "3 1"))
    assert run("show", path).exit_code == 0
    result = run("simulate", path, "--times", "0,10", "--output", "A")
    assert result.stdout.splitlines()[-1].split()[-1] == f"{level(10, k1=3.0):.3f}"
