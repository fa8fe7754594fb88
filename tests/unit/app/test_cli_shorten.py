"""`understudy trial shorten`: what it prints and writes, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.random import uniforms


def run(*arguments):
    result = CliRunner().invoke(app, ["trial", "shorten", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def table(tmp_path):
    drawn = uniforms(1, "answers", range(200), 6)
    answers = np.floor(4 * (0.6 * drawn[:, :1] + 0.4 * drawn[:, 1:])).astype(int)
    frame = pd.DataFrame(answers, columns=[f"q{k}" for k in range(1, 6)])
    frame["sex"] = np.where(np.arange(200) % 2, "f", "m")
    frame.loc[3, "q1"] = 9
    path = tmp_path / "answers.csv"
    frame.to_csv(path, index=False)
    return path


ASKED = (
    "--items",
    "q*",
    "--cut",
    "9",
    "--missing",
    "9",
    "--answers",
    "0:3",
    "--sizes",
    "1:2",
    "--folds",
    "3",
)


def test_forms_are_shown_with_what_they_cost(table, tmp_path):
    result = run(table, *ASKED, "--by", "sex", "--out", tmp_path / "forms.csv")
    assert result.exit_code == 0, result.output
    assert "5 items, sum of 5 items ≥ 9" in result.stdout
    assert "held out" in result.stdout
    assert "1 rows without a complete set" in result.stderr
    assert list(pd.read_csv(tmp_path / "forms.csv")["size"]) == [1, 2]


def test_json(table):
    told = json.loads(run(table, *ASKED, "--by", "sex", "--json").stdout)
    assert (told["subjects"], told["left_out"], len(told["forms"]), len(told["subgroups"])) == (199, 1, 2, 2)
    assert told["forms"][0]["alpha"] is None


def test_a_tree_shows_its_questions(table):
    assert "|---" in run(table, *ASKED, "--method", "tree", "--rules").stdout


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--sizes", "2"), "'2' is no range"),
        (("--missing", "x"), "'x' are no numbers"),
        (("--out", "forms.xlsx"), "cannot write forms.xlsx"),
        (("--rules",), "only a tree has rules"),
        (("--by", "age"), "no column 'age'"),
    ],
)
def test_what_cannot_be_understood(table, more, told):
    result = run(table, *ASKED, *more)
    assert result.exit_code == 2
    assert told in result.stderr
