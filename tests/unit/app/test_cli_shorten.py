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
    result = run(table, *ASKED, "--by", "sex", "--out", tmp_path / "forms")
    assert result.exit_code == 0, result.output
    assert "5 items, sum of 5 items ≥ 9" in result.stdout
    assert "held out" in result.stdout
    assert "1 rows without a complete set" in result.stderr
    assert list(pd.read_csv(tmp_path / "forms" / "tables" / "forms.csv")["size"]) == [1, 2]


def test_the_report_states_what_the_record_holds(table, tmp_path):
    out = tmp_path / "forms"
    told = json.loads(run(table, *ASKED, "--by", "sex", "--out", out, "--json").stdout)
    page = (out / "report.html").read_text(encoding="utf-8")
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    assert {each.stem for each in (out / "charts").glob("*.svg")} == {"sizes", "cuts", "subgroups"}
    number = next(each for each in record["numbers"] if each["name"].endswith("whole procedure"))
    assert number["value"] == pytest.approx(told["nested"]["auc"])
    assert f"{number['value']:.4f}" in page
    assert (
        "understudy trial shorten answers.csv --items &#39;q*&#39; --cut 9 --answers 0:3 --missing 9 --by sex"
        in page
    )
    assert list(record["inputs"]) == ["answers.csv"]
    assert number["low"] < number["value"] < number["high"]


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
        (("--out", "forms.xlsx"), "forms.xlsx looks like a file"),
        (("--rules",), "only a tree has rules"),
        (("--by", "age"), "no column 'age'"),
    ],
)
def test_what_cannot_be_understood(table, more, told):
    result = run(table, *ASKED, *more)
    assert result.exit_code == 2
    assert told in result.stderr
