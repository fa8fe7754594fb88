"""The command line as a user meets it: text, JSON, errors and exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import understudy
from understudy import load_model, simulate
from understudy.app.cli import app

ROOT = Path(__file__).parents[3]
STUDY = ROOT / "examples" / "phenobarbital" / "study.toml"
RECORDS = ROOT / "examples" / "phenobarbital" / "phenobarbital.csv"
UNITS = "TIME=h,AMT=mg,DV=mg/L,WT=kg,APGR=1"
LOADING = "20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 2 days"


@pytest.fixture
def run(monkeypatch):
    """A function that runs a command in this process; its result has exit_code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: object):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def rows_of(text: str) -> list[list[float]]:
    """Numbers of the lines that hold nothing else."""
    numbers = r"\s*-?[\d.]+(?:\s+-?[\d.]+)*\s*"
    return [
        [float(word) for word in line.split()] for line in text.splitlines() if re.fullmatch(numbers, line)
    ]


# help, version, module


@pytest.mark.parametrize("command", ["", "evaluate", "simulate", "models", "show", "check", "schema"])
def test_help_fits_eighty_columns(run, command):
    result = run(*filter(None, [command]), "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_module_and_version():
    done = subprocess.run(
        [sys.executable, "-m", "understudy", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == understudy.__version__
    assert done.stderr == ""


def test_unknown_command(run):
    result = run("simulat")
    assert result.exit_code == 2
    assert "simulat" in result.stderr


# simulate


def test_simulate_prints_what_the_engine_gives(run):
    result = run(
        "simulate", "phenobarbital_neonates", LOADING, "-c", "WT=1.4,APGR=3", "--times", "0.5,12,24,48"
    )
    assert result.exit_code == 0
    patient = pd.DataFrame({"WT": [1.4], "APGR": [3.0]})
    outcome = simulate(load_model("phenobarbital_neonates"), patient, LOADING, [0.5, 12, 24, 48])
    shown = rows_of(result.stdout)
    assert [row[0] for row in shown] == [0.5, 12, 24, 48]
    # two decimals are printed
    assert [row[1] for row in shown] == pytest.approx(outcome["Cp"].values[0], abs=0.0051)
    assert "WT 1.4 kg, APGR 3" in result.stdout


def test_units_of_values_are_converted(run):
    plain = run(
        "simulate", "phenobarbital_neonates", LOADING, "-c", "WT=1.4", "--until", "24", "--every", "6"
    )
    written = run(
        "simulate",
        "phenobarbital_neonates",
        LOADING,
        "-c",
        "WT=1400 g",
        "--until",
        "1 d",
        "--every",
        "360 min",
    )
    assert plain.exit_code == written.exit_code == 0
    assert plain.stdout == written.stdout
    assert [row[0] for row in rows_of(plain.stdout)] == [0, 6, 12, 18, 24]


def test_before_dose_shows_troughs(run):
    ask = ("simulate", "one_compartment_iv", "100 mg every 12 h for 3 doses", "--times", "12")
    peak, trough = (rows_of(run(*ask, *more).stdout)[0][1] for more in ([], ["--before-dose"]))
    dose, volume = 100.0, load_model("one_compartment_iv").parameter("V").value
    assert peak - trough == pytest.approx(dose / volume, abs=0.01)


def test_parameters_are_used(run):
    result = run("simulate", "one_compartment_iv", "100 mg", "-p", "CL=1", "-p", "V=10", "--times", "0,10")
    assert rows_of(result.stdout) == [[0, 10.0], [10, 3.68]]
    assert "examples" not in result.stderr


def test_example_values_are_said_to_be_examples(run):
    result = run("simulate", "one_compartment_iv", "100 mg")
    assert "parameters of this model are examples" in result.stderr


def test_values_outside_the_built_range_are_noted(run):
    result = run("simulate", "phenobarbital_neonates", LOADING, "-c", "WT=20")
    assert "WT 20 kg is outside 0.6 to 3.6 kg" in result.stderr
    assert result.exit_code == 0


def test_population_shows_quantiles_that_depend_on_the_seed(run):
    ask = ("simulate", "phenobarbital_neonates", LOADING, "--population", "200", "--times", "48")
    first, again, other = (run(*ask, "--seed", seed).stdout for seed in (1, 1, 2))
    low, middle, high = rows_of(first)[0][1:]
    assert low < middle < high
    assert first == again
    assert rows_of(other) != rows_of(first)


def test_chart_is_drawn(run):
    result = run("simulate", "phenobarbital_neonates", LOADING, "--chart")
    drawn = [line for line in result.stdout.splitlines() if re.search("[\u2801-\u28ff]", line)]
    assert len(drawn) > 3
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "highest" in result.stdout


@pytest.mark.parametrize("ending", ["csv", "svg", "png", "html", "nc"])
def test_files(run, tmp_path, ending):
    out = tmp_path / f"course.{ending}"
    result = run("simulate", "phenobarbital_neonates", LOADING, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert str(out) in result.stdout.replace("\n", "")
    begins = {
        "csv": b"patient,time",
        "svg": b"<svg",
        "png": b"\x89PNG",
        "html": b"<!DOCTYPE html>",
        "nc": b"CDF",
    }
    assert out.read_bytes().startswith(begins[ending])
    if ending == "html":
        assert "<script src" not in out.read_text(encoding="utf-8"), "it must open without a network"
    if ending == "nc":
        assert understudy.Outcome.load(out).outputs == ("Cp",)


def test_many_times_are_thinned_and_said_to_be(run):
    result = run("simulate", "one_compartment_iv", "100 mg", "--every", "0.1")
    shown = rows_of(result.stdout)
    assert len(shown) == 40
    assert (shown[0][0], shown[-1][0]) == (0, 24)
    assert "40 of 241 times" in result.stdout


def test_own_model_file(run, tmp_path):
    path = tmp_path / "mine.py"
    text = 'model = Model("mine", "h", {"k": (0.1, "1/h")}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": ("A", "mg")})'
    path.write_text(f"from understudy import Model\n{text}\n")
    result = run("simulate", path, "10 mg", "--times", "0,10")
    assert rows_of(result.stdout) == [[0, 10.0], [10, 3.68]]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fenobarbital", "1 mg"], ["no model 'fenobarbital'"]),
        (["phenobarbital_neonate", "1 mg"], ["did you mean phenobarbital_neonates?"]),
        (["one_compartment_iv", "1 mg evry day"], ["'evry'", "^", "repair:"]),
        (["one_compartment_iv", "1 mg every 12 h"], ["no end", "--until"]),
        (["one_compartment_iv", "1 mg oral"], ["'oral'", "iv"]),
        (["one_compartment_iv", "1 mg", "-p", "Cl=1"], ["no parameter 'Cl'", "did you mean CL?"]),
        (["one_compartment_iv", "1 mg", "-p", "CL"], ["'CL' is not understood", "NAME=VALUE"]),
        (["one_compartment_iv", "1 mg", "-p", "CL=fast"], ["'fast' is no number", "L/h"]),
        (["one_compartment_iv", "1 mg", "-p", "CL=1,CL=2"], ["CL is given twice"]),
        (["one_compartment_iv", "1 mg", "-p", "CL=1 kg"], ["kg", "L/h"]),
        (["phenobarbital_neonates", "1 mg", "-c", "WGT=1"], ["no covariate 'WGT'", "did you mean WT?"]),
        (["one_compartment_iv", "1 mg", "-c", "WT=1"], ["no covariate 'WT'", "known: none"]),
        (["one_compartment_iv", "1 mg/kg"], ["per kg", "no WT", "--covariate WT=NUMBER"]),
        (["docetaxel_neutropenia", "9 mg/m2"], ["per m2", "no BSA", "--covariate BSA=NUMBER"]),
        (
            ["one_compartment_iv", "1 mg", "--population", "5"],
            ["differences between patients", "understudy models"],
        ),
        (["one_compartment_iv", "1 mg", "--times", "1,x"], ["'x' is no number"]),
        (["one_compartment_iv", "1 mg", "--times", "1", "--every", "1"], ["--times says it all"]),
        (["one_compartment_iv", "1 mg", "--every", "0"], ["every 0"]),
        (["one_compartment_iv", "1 mg", "--every", "1e-9"], ["cannot be made"]),
        (["one_compartment_iv", "1 mg", "--out", "x.docx"], ["unknown ending '.docx'", ".csv"]),
        (["one_compartment_iv", "1 mg", "--out", "no/such/x.csv"], ["no folder"]),
        (["one_compartment_iv", "1 mg", "--engine", "warp"], ["unknown engine 'warp'", "closed_form"]),
        (["no_such_file.py", "1 mg"], ["cannot read the model file"]),
        (["one_compartment_iv", "1 mg", "--sensitivity", "CLL"], ["'CLL'", "did you mean CL?"]),
        (["one_compartment_iv", "1 mg", "--memory", "lots"], ["'lots' is no amount of memory", "2 GB"]),
        (["one_compartment_iv", "1 mg", "--memory", "1 MB"], ["hold no patient", "allow"]),
    ],
)
def test_what_simulate_cannot_do(run, arguments, told):
    result = run("simulate", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert [text for text in told if text not in result.stderr] == [], result.stderr
    assert "Traceback" not in result.stderr


def test_sensitivities_are_columns_of_their_own(run):
    result = run("simulate", "one_compartment_iv", "100 mg", "--times", "2", "--sensitivity", "CL")
    assert result.exit_code == 0
    # 100 mg in 50 L with a clearance of 5 L/h: 1.637 mg/L times -2 h / 50 L.
    assert "dCp_dCL" in result.stdout
    assert "-0.06550" in result.stdout


@pytest.mark.skipif(find_spec("zarr") is None, reason="zarr is not installed: pip install zarr")
def test_virtual_patients_are_streamed_and_a_second_run_finds_them(run, tmp_path):
    out = tmp_path / "run.zarr"
    command = ["phenobarbital_neonates", LOADING, "--population", "50", "--times", "1,24"]
    first = run("simulate", *command, "--out", out, "--memory", "1 GB", "--jobs", "2")
    assert first.exit_code == 0, first.stderr
    assert first.stderr == "Simulating 50 patients\n"
    assert f"Written: {out}" in first.stdout
    stored = understudy.Outcome.open(out)
    patients = understudy.virtual_patients(load_model("phenobarbital_neonates"), count=50, seed=1)
    expected = simulate(load_model("phenobarbital_neonates"), patients, LOADING, [1.0, 24.0])
    assert (stored["Cp"].values == expected["Cp"].values).all()
    again = run("simulate", *command, "--out", out)
    assert (again.stdout, again.stderr) == (first.stdout, "")
    other = run("simulate", *command, "--seed", "2", "--out", out)
    assert other.exit_code == 2
    assert "run.zarr holds another simulation" in other.stderr


def test_many_virtual_patients_are_not_all_in_memory_and_it_is_told_how_far_they_are(run):
    told = run("simulate", "phenobarbital_neonates", "20 mg", "--population", "10000", "--times", "1")
    assert told.stderr == "Simulating 10,000 patients\n"
    assert "10,000 virtual patients" in told.stdout


# models


def test_models_lists_every_family_once(run):
    text = run("models").stdout
    for family in {card.family for card in understudy.models()}:
        assert text.count(f"{family}") == 1
    assert "phenobarbital_neonates" in text
    assert max(map(len, text.splitlines())) <= 80


def test_models_as_json_names_all(run):
    listed = json.loads(run("models", "--json").stdout)
    assert [each["name"] for each in listed] == [card.name for card in understudy.models()]


def test_models_finds_words(run):
    listed = json.loads(run("models", "warfarin lag", "--json").stdout)
    assert [each["name"] for each in listed] == ["warfarin_adults", "warfarin_adults_no_lag"]


@pytest.mark.parametrize("card", understudy.models(), ids=lambda card: card.name)
def test_card_of_every_model_says_what_it_must(run, card):
    text = " ".join(run("models", card.name).stdout.split())
    model = card.build()
    base = getattr(model, "structural", model)
    replaced = {item.name for item in getattr(model, "individual", ())}
    numbers = (*getattr(model, "fixed", ()), *(item for item in base.parameters if item.name not in replaced))
    for item in numbers:
        assert f"{item.name} {item.value:.6g}" in text
    for state in base.states:
        assert f"d{state.name}/dt = " in text
    for part in (card.title, card.tested, card.limits, *(output.name for output in base.outputs)):
        assert " ".join(part.split()) in text
    for source in model.sources:
        assert not source.doi or source.doi in text.replace(" ", "")


def test_card_as_json_gives_the_model_back(run):
    data = json.loads(run("models", "warfarin_pca", "--json").stdout)
    assert understudy.PopulationModel.from_json(data["model"]) == load_model("warfarin_pca")


def test_no_such_model(run):
    result = run("models", "fenobarbital_neonates")
    assert result.exit_code == 2
    assert "did you mean phenobarbital_neonates?" in result.stderr


# check


def test_check_reports(run):
    result = run("check", RECORDS, "--units", UNITS)
    assert result.exit_code == 0
    assert re.search(r"patients +59", result.stdout)
    assert re.search(r"observations +155", result.stdout)


def test_check_as_json(run):
    data = json.loads(run("check", RECORDS, "--units", UNITS, "--json").stdout)
    assert data["ok"] is True
    assert data["report"]["patients"] == 59


def test_check_of_a_study_covers_records_and_model(run):
    assert run("check", STUDY).stdout == run("check", RECORDS, "--units", UNITS).stdout


def test_check_tells_all_problems_and_exits_with_one(run, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("ID,TIME,AMT,DV\n1,0,x,\n1,1,,high\n")
    result = run("check", path)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "2 problems in bad.csv" in result.stderr
    as_json = run("check", path, "--json")
    assert as_json.exit_code == 1
    told = json.loads(as_json.stdout)
    assert told["ok"] is False
    assert {(each["row"], each["column"], each["value"]) for each in told["problems"]} == {
        (2, "AMT", "x"),
        (3, "DV", "high"),
    }


def test_check_against_a_model(run, tmp_path):
    path = tmp_path / "levels.csv"
    path.write_text("ID,TIME,AMT,DV\n1,0,10,\n1,1,,5\n")
    assert run("check", path).exit_code == 0
    result = run("check", path, "--model", "phenobarbital_neonates")
    assert result.exit_code == 1
    assert "WT" in result.stderr
    assert "APGR" in result.stderr


def test_check_of_a_bad_study(run, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY.read_text(encoding="utf-8").replace("seed =", "sede ="))
    result = run("check", path, "--json")
    assert result.exit_code == 1
    assert [each["repair"] for each in json.loads(result.stdout)["problems"]] == [
        "did you mean seed?",
        "check the path: there is no such file",
    ]


def test_check_renamed_columns(run, tmp_path):
    path = tmp_path / "levels.csv"
    path.write_text("ID,TIME,AMT,conc\n1,0,10,\n1,1,,5\n")
    assert run("check", path, "--columns", "DV=conc").exit_code == 0


# schema, streams


def test_schema(run):
    assert json.loads(run("schema").stdout) == understudy.Study.json_schema()


def test_no_colours_in_a_pipe_and_no_traceback():
    environment = {
        name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "COLUMNS")
    }
    command = [sys.executable, "-m", "understudy", "models", "nothing_like_this"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: no model 'nothing_like_this'")
    assert "\x1b" not in done.stderr


def test_no_color_is_respected():
    environment = {**os.environ, "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "understudy", "models", "nothing_like_this"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert not re.search(r"\x1b\[[\d;]*3\dm", done.stderr)


def test_terminal_without_unicode():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "understudy", "simulate", "one_compartment_iv", "1 mg", "--chart"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def test_closed_pipe_is_no_error():
    command = f"{sys.executable} -m understudy models | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Compartmental pharmacokinetics"
    assert done.stderr == ""


def test_unexpected_errors_keep_their_traceback(run, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("understudy.dossier.study.Study.json_schema", broken)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        run("schema")


def test_file_that_cannot_be_written_is_told(run, tmp_path):
    (tmp_path / "course.csv").mkdir()
    result = run("simulate", "one_compartment_iv", "1 mg", "--out", tmp_path / "course.csv")
    assert result.exit_code == 2
    assert "Is a directory" in result.stderr


def test_interruption_is_told_in_a_word(run, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("understudy.dossier.study.Study.json_schema", interrupted)
    result = run("schema")
    assert result.exit_code == 130
    assert result.stderr.strip() == "Stopped."


def test_show_is_the_card_of_a_model(run):
    assert run("show", "turnover").stdout == run("models", "turnover").stdout


def test_show_code_lists_what_is_computed_and_then_the_code(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = run("show", "myelosuppression", "--code").stdout
    listing, code = text.split("LLVM IR of right_hand_side")
    assert "feedback = (Circ0 / Circ) ** gamma" in listing
    assert listing.index("ktr = 4 / MTT") < listing.index("dCirc/dt = ")
    assert "define void @right_hand_side(ptr %t, ptr %y, ptr %p, ptr %r, ptr %dy)" in code
    assert code.count("store <8 x double>") == listing.count("/dt = ")
    # Code is copied from here: no line is folded, whatever the terminal's width.
    assert max(map(len, code.splitlines())) > 60
    # Of the functions that it calls the names are enough.
    assert code.count("define ") == 1


def test_show_code_of_the_jacobian(run):
    text = run("show", "turnover", "--jacobian").stdout
    assert re.search(r"d\(dR/dt\)/dR = -kout", text)
    assert "define void @jacobian(" in text


def test_show_code_says_what_it_leaves_out(run):
    assert "absorption profile adds a term" in run("show", "one_compartment_transit", "--code").stdout
    assert "absorption profile" not in run("show", "turnover", "--code").stdout


def test_show_of_an_unknown_model_names_the_nearest(run):
    result = run("show", "turnovers", "--code")
    assert result.exit_code == 2
    assert "turnover" in result.stderr
