"""Model files on the command line: shown, simulated, converted, checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from understudy.app.cli import app

pytest.importorskip("antimony")
pytest.importorskip("libsbml")

TEXT = """model chain
  unit time_unit = 3600 second; unit volume = litre; unit substance = 1e-3 mole
  compartment V = 2
  species A in V, B in V
  J: A -> B; V*k*A
  A = 5; B = 0; k = 0.4
end
"""
MANY = "model many; " + "; ".join(f"x{k}' = -x{k}; x{k} = {k + 1}" for k in range(30)) + "; end"


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


@pytest.fixture
def chain(tmp_path) -> Path:
    path = tmp_path / "chain.ant"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_show(run, chain):
    shown = run("show", chain).stdout
    assert "dA_amount/dt = -J  [mmol/h]  starts at 5 * V" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_simulate_without_doses(run, chain):
    shown = run("simulate", chain, "--until", "4", "--every", "2", "--output", "A,J").stdout
    assert shown.splitlines()[:3] == ["chain", "no dose", "a typical patient"]
    # 5 exp(-0.8) and 5 exp(-1.6); J is 2 k A.
    assert [line.split() for line in shown.splitlines()[-3:]] == [
        ["0", "5.000", "4.000"],
        ["2", "2.247", "1.797"],
        ["4", "1.009", "0.808"],
    ]


def test_simulate_with_doses(run, chain):
    shown = run("simulate", chain, "6 mmol via A", "--times", "0", "--output", "A").stdout
    assert shown.splitlines()[-1].split() == ["0", "8.000"]


def test_an_unknown_output_names_the_nearest(run, chain):
    result = run("simulate", chain, "--output", "A_amont")
    assert result.exit_code == 2
    assert "did you mean A_amount?" in result.stderr


def test_outputs_that_do_not_fit_are_named(run, tmp_path):
    path = tmp_path / "many.ant"
    path.write_text(MANY, encoding="utf-8")
    shown = run("simulate", path, "--times", "0,1").stdout
    assert max(len(line) for line in shown.splitlines() if "not shown" not in line) <= 80
    assert "not shown: " in shown
    assert "x29" in shown


def test_convert(run, chain, tmp_path):
    written = tmp_path / "chain.xml"
    assert run("convert", chain, "--to", "sbml", "--out", written).exit_code == 0
    assert '<reaction id="J"' in written.read_text(encoding="utf-8")
    back = run("convert", written, "--to", "antimony").stdout
    assert "J: A -> B; V*k*A;" in back


def test_convert_says_what_is_left_out(run):
    result = run("convert", "one_compartment_oral", "--to", "sbml")
    assert '<rateRule variable="central">' in result.stdout
    assert "no doses" in result.stderr
    assert "oral, iv" in result.stderr


def test_convert_refuses(run):
    result = run("convert", "one_compartment_oral", "--to", "pdf")
    assert (result.exit_code, "choose of sbml, antimony" in result.stderr) == (2, True)


def test_check_reports_units(run, chain, tmp_path):
    assert "declare too few to be checked" in run("check", chain).stdout
    good = tmp_path / "good.xml"
    run("convert", "tmdd_full", "--to", "sbml", "--out", good)
    assert "units: consistent" in run("check", good).stdout
    bad = tmp_path / "bad.xml"
    text = good.read_text(encoding="utf-8")
    bad.write_text(
        text.replace("<apply><divide/><ci>central</ci>", "<apply><times/><ci>central</ci>"), encoding="utf-8"
    )
    result = run("check", bad)
    assert result.exit_code == 1
    assert "variable 'Cp'" in result.stderr
    assert json.loads(run("check", bad, "--json").stdout)["ok"] is False


def test_a_bad_file_is_told_with_its_place(run, tmp_path):
    path = tmp_path / "bad.xml"
    path.write_text("<sbml", encoding="utf-8")
    for command in ("show", "simulate", "check"):
        result = run(command, path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "where: bad.xml, line 1" in result.stderr
