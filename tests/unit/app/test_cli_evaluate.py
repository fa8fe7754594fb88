"""`understudy evaluate` on a few newborns: what it prints where, and what it leaves behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from understudy import Record, Study

EXAMPLE = Path(__file__).parents[3] / "examples" / "phenobarbital"
PATIENTS = 6


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """The example with six newborns, two regimens and few draws."""
    folder = tmp_path_factory.mktemp("study")
    header, *rows = (EXAMPLE / "phenobarbital.csv").read_text(encoding="utf-8").splitlines()
    few = [row for row in rows if int(row.partition(",")[0]) <= PATIENTS]
    (folder / "phenobarbital.csv").write_text("\n".join([header, *few]) + "\n")
    text = (EXAMPLE / "study.toml").read_text(encoding="utf-8")
    text = text.replace("size = 1000", "size = 20").replace("draws = 200", "draws = 10")
    head, *regimens = text.split("[[regimens]]\n")
    tail = regimens[-1].partition("[population]")[2]
    path = folder / "study.toml"
    path.write_text("[[regimens]]\n".join([head, *regimens[:2]]) + "[population]" + tail, encoding="utf-8")
    return path


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "understudy", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def plain(study):
    return run(study)


@pytest.fixture(scope="module")
def as_json(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("elsewhere") / "dossier"
    return run(study, "--json", "--quiet", "--seed", "5", "--jobs", "1", "--out", out), out


def test_summary_is_printed_and_the_report_found(plain, study):
    assert plain.returncode == 0, plain.stderr
    named = re.search(r"Report: (.+)", plain.stdout)[1]
    report = study.parent / "dossier" / "report.html"
    assert Path(named).resolve() == report.resolve()
    assert report.stat().st_size > 10_000
    assert "2 mg/kg every 12 h" in plain.stdout


def test_stages_go_to_standard_error_once_each(plain):
    stages = plain.stderr.splitlines()
    assert len(stages) == len(set(stages)) >= 5
    assert stages[0] == "Reading the study"
    assert stages[-1] == "Writing the dossier"


def test_json_is_alone_on_standard_output(as_json):
    done, out = as_json
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    data = json.loads(done.stdout)
    assert data["title"] == "Phenobarbital in newborns with seizures"
    assert {file.split("/")[0] for file in data["files"]} >= {"report.html", "tables", "record.json"}
    assert all((out / file).exists() for file in data["files"])
    assert len(data["doses"]) == PATIENTS


def test_options_reach_the_record(plain, as_json, study):
    assert plain.returncode == 0
    default = Record.read(study.parent / "dossier" / "record.json")
    chosen = Record.read(as_json[1] / "record.json")
    assert default.seed == Study.read(study).seed
    assert chosen.seed == 5
    assert dict(default.inputs) == dict(chosen.inputs)
    assert {"study.toml", "phenobarbital.csv"} <= set(default.inputs)


def test_problems_of_a_study_write_nothing(study, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(study.read_text(encoding="utf-8").replace("size = 20", "sise = 20"))
    done = run(path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean size?" in done.stderr
    assert "Traceback" not in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["study.toml"]


@pytest.mark.parametrize(
    ("out", "told"),
    [("study.toml", "study.toml is a file"), (".", "over the study's own folder"), ("..", "own folder")],
)
def test_folder_that_cannot_be_the_dossiers_is_refused_at_once(study, out, told):
    done = run(study, "--out", study.parent / out)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Reading the study" not in done.stderr


# As at a terminal: what a shell starts in the background inherits that interruptions are ignored.
_INTERRUPTIBLE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from understudy.app.cli import main; main()"
)


def test_interruption_leaves_no_traceback(study, tmp_path):
    command = [
        sys.executable,
        "-c",
        _INTERRUPTIBLE,
        "evaluate",
        str(study),
        "--out",
        str(tmp_path / "dossier"),
    ]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as running:
        first = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        printed, told = running.communicate(timeout=60)
    assert first == "Reading the study\n"
    # Python ends by the signal itself where it came within an `exec`, as of a class at import: 130 to a shell, too.
    assert running.returncode in (130, -signal.SIGINT)
    assert printed == ""
    assert told.splitlines()[-1] == "Stopped."
    assert "Traceback" not in told
