"""`understudy predict` on a ledger: freeze, score, verify, and what may not be mixed."""

import json

import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError

TOLD = """
id = "placebo-24"
what = "Placebo patients at week 24"
quantity = "mean change of ADAS-Cog"
unit = "points"
value = 2.0
interval = [1.0, 3.0]
level = 0.9
used = ["protocol.toml"]

[hit]
rule = "interval"

[outcome]
statistic = "mean"
column = "change"
"""


def run(*arguments):
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "prediction.toml").write_text(TOLD)
    (tmp_path / "protocol.toml").write_text("title = 'x'\n")
    (tmp_path / "outcome.csv").write_text("change\n2\n3.5\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FREEZE = ("--freeze", "prediction.toml", "--ledger", "ledger.jsonl")
SCORE = ("--score", "outcome.csv", "--ledger", "ledger.jsonl")
VERIFY = ("--verify", "--ledger", "ledger.jsonl")


def test_from_frozen_to_scored(folder):
    text = run(*FREEZE).stdout
    assert "Frozen  placebo-24" in text
    assert "mean change of ADAS-Cog 2 points (90 %: 1 to 3)" in text
    scored = run(*SCORE, "--id", "placebo-24").stdout
    assert scored.startswith("Hit")
    assert "2.75 points, of 2 rows" in scored
    told = run(*VERIFY).stdout
    assert "hit" in told
    assert "Whole: 2 lines" in told


def test_json_has_the_head_that_verifies(folder):
    head = json.loads(run(*FREEZE, "--json").stdout)["hash"]
    run(*SCORE)
    told = json.loads(run(*VERIFY, "--head", head, "--json").stdout)
    assert told["whole"]
    assert [entry["kind"] for entry in told["entries"]] == ["prediction", "score"]
    (folder / "protocol.toml").write_text("title = 'y'\n")
    assert json.loads(run(*VERIFY, "--json").stdout)["changed"] == ["protocol.toml"]


def test_tampering_is_exit_code_one_and_names_the_line(folder):
    run(*FREEZE)
    path = folder / "ledger.jsonl"
    path.write_text(path.read_text().replace('"value":2', '"value":3'))
    result = run(*VERIFY)
    assert result.exit_code == 1
    assert "ledger.jsonl, line 1" in result.stderr
    assert run(*SCORE).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "nothing to predict with"),
        (("--with", "CL=3"), "nothing to predict with"),
        (("s.npz", *FREEZE), "SURROGATE asks a surrogate, --freeze keeps a ledger"),
        ((*SCORE, "--with", "CL=3"), "--with asks a surrogate, --score keeps a ledger"),
        (("s.npz", "--ledger", "l.jsonl"), "SURROGATE asks a surrogate, --ledger keeps a ledger"),
        (("--freeze", "prediction.toml"), "no ledger is named"),
        (("--ledger", "ledger.jsonl"), "--ledger of what?"),
        ((*FREEZE, "--score", "outcome.csv"), "--freeze and --score at once"),
        ((*FREEZE, "--id", "a"), "--id belongs to --score"),
        ((*SCORE, "--head", "a"), "--head belongs to --verify"),
        (SCORE, "cannot read the ledger"),
    ],
)
def test_options_of_two_kinds_are_not_mixed(folder, arguments, told):
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr.replace("\n", " ")
    assert not (folder / "ledger.jsonl").exists()


def test_a_faulty_prediction_names_the_line(folder):
    (folder / "prediction.toml").write_text(TOLD.replace("level = 0.9", "levl = 0.9"))
    result = run(*FREEZE)
    assert result.exit_code == 2
    assert "did you mean level?" in result.stderr
    assert StudyError.__name__ not in result.stderr


def test_an_outcome_that_was_there_when_frozen_is_told_then_and_when_scored(folder):
    (folder / "prediction.toml").write_text(TOLD + 'file = "outcome.csv"\n')
    frozen = " ".join(run(*FREEZE).output.split())
    assert "outcome.csv is there already: that nobody had read it no ledger can tell" in frozen
    scored = " ".join(run(*SCORE).output.split())
    assert "outcome.csv was there when this was frozen: that nobody had read it no ledger can tell" in scored


def test_an_outcome_that_came_later_is_told_by_nobody(folder):
    (folder / "prediction.toml").write_text(TOLD + 'file = "later.csv"\n')
    assert "no ledger can tell" not in run(*FREEZE).output
    (folder / "later.csv").write_text("change\n2\n")
    assert "no ledger can tell" not in run("--score", "later.csv", "--ledger", "ledger.jsonl").output
