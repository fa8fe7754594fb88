"""`understudy rwe emulate`: every method through its file, what is written, and what is refused."""

import json

import numpy as np
import pytest
from course_of_treatment import course_of_treatment
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.causal.emulation import load_emulation, run_emulation
from understudy.core.errors import DataError, StudyError

HEAD = """
title = "A course"
method = "{method}"
seed = 4
[data]
file = "rows.csv"
id = "who"
period = "month"
treatment = "given"
outcome = "event"
"""
SWITCH = '[switch_weights]\ndenominator = ["x"]\n'
METHODS = {
    "intention to treat": '[outcome_model]\ncovariates = ["x", "group"]\n[curves]\nhorizon = 3\ndraws = 60\n',
    "per protocol": SWITCH + '[trials]\nlast_follow_up = 3\n[outcome_model]\ncovariates = ["x", "x^2"]\n',
    "as treated": SWITCH + '[trials]\nshare_of_controls = 0.5\n[outcome_model]\ncovariates = ["x"]\n',
    "clone, censor, weight": SWITCH + '[clones]\ngrace = 1\n[outcome_model]\ntrial_period = "none"\n',
    "marginal structural model": SWITCH + "[structural_model]\nresamples = 20\n",
    "g-formula": """
[g_formula]
treatment_model = ["x", "previous_treatment"]
outcome_model = ["x", "treatment"]
simulated = 500
[[covariate]]
name = "x"
kind = "normal"
terms = ["previous(x)", "previous_treatment"]
[strategies]
never = "0"
"when ill" = "x > 0"
""",
}


@pytest.fixture(scope="module")
def rows():
    frame = course_of_treatment(250, 17)[0].rename(
        columns={"id": "who", "period": "month", "treatment": "given", "outcome": "event"}
    )
    frame["group"] = np.where(frame["who"] % 3 == 0, "b", "a")
    frame["lost"] = 0
    return frame.sample(frac=1, random_state=1)


@pytest.fixture
def folder(tmp_path, rows):
    rows.to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path


def written(folder, text: str):
    path = folder / "emulation.toml"
    path.write_text(text, encoding="utf-8")
    return path


def asked(folder, method: str, more: str | None = None):
    return written(folder, HEAD.format(method=method) + (METHODS.get(method, "") if more is None else more))


def command(*arguments):
    result = CliRunner().invoke(app, ["rwe", "emulate", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_asked_for_by_a_file(folder, rows, method):
    out = folder / "out"
    result = command(asked(folder, method), "--out", out, "--json")
    told = json.loads(result.stdout)
    assert told["method"] == method
    assert told["numbers"]
    assert all(np.isfinite(each["value"]) for each in told["numbers"])
    names = {path.name for path in out.iterdir()}
    assert names == {"result.json", "record.json", *(f"{name}.csv" for name in told["tables"])}
    assert json.loads((out / "result.json").read_text()) == told
    assert json.loads((out / "record.json").read_text())["hash"] == told["hash"]
    # The same again, word for word.
    assert json.loads(command(folder / "emulation.toml", "--json").stdout) == told
    shown = command(folder / "emulation.toml").stdout
    assert "A course" in shown
    assert "Estimates" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_a_treatment_given_once(folder, rows):
    rows[rows["month"] == 0].to_csv(folder / "rows.csv", index=False)
    more = '[point_treatment]\ntreatment_model = ["x", "group"]\nmodified_by = ["x"]\nresamples = 20\n'
    told = json.loads(command(asked(folder, "point treatment", more), "--json").stdout)
    assert [each["name"] for each in told["numbers"]][:2] == [
        "difference, unadjusted",
        "risk ratio, unadjusted",
    ]
    assert {"estimates", "bootstrap", "weights", "balance"} == set(told["tables"])


@pytest.mark.parametrize(
    ("method", "more", "told"),
    [
        ("clone, censor, weight", "", "the method 'clone, censor, weight' needs [clones]"),
        ("g-formula", "", "the method 'g-formula' needs [g_formula]"),
        ("intention to treat", SWITCH, "[switch_weights] has no meaning for the method 'intention to treat'"),
        ("intention to treat", "[strategies]\nnever = '0'\n", "[strategies] has no meaning"),
        ("ITT", "", "should be 'intention to treat', 'per protocol'"),
        ("intention to treat", "[outcome_model]\nfollowup = 'linear'\n", "did you mean follow_up?"),
        (
            "intention to treat",
            "[censoring_weights]\ndenominator = ['x']\n",
            "without a column of who was lost",
        ),
        ("g-formula", METHODS["g-formula"].replace("x > 0", "x >"), "x >"),
        ("g-formula", METHODS["g-formula"].replace("x > 0", "exec(x)"), "exec"),
    ],
)
def test_files_that_contradict_themselves(folder, method, more, told):
    result = command(asked(folder, method, more))
    assert result.exit_code == 2
    assert told in result.stderr
    assert "line" in result.stderr or "emulation.toml" in result.stderr


@pytest.mark.parametrize(
    ("method", "change", "told"),
    [
        ("intention to treat", lambda frame: frame.drop(columns="event"), "there is no such column"),
        ("intention to treat", lambda frame: frame.assign(given=frame["given"] * 2), "neither 0 nor 1"),
        ("intention to treat", lambda frame: frame.assign(event=0), "no outcome happens in any trial"),
        ("intention to treat", lambda frame: frame.assign(given=0), "the other group is empty"),
        (
            "intention to treat",
            lambda frame: frame.iloc[[*range(len(frame)), 3]],
            "the person has this period already",
        ),
        ("intention to treat", lambda frame: frame[frame["month"] != 1], "periods are missing before it"),
        (
            "per protocol",
            lambda frame: frame.assign(x=frame["x"].where(frame["month"] != 2)),
            "missing value",
        ),
        ("g-formula", lambda frame: frame.assign(event=0), "nobody has the outcome"),
        ("marginal structural model", lambda frame: frame.assign(given=1), "the other group is empty"),
    ],
)
def test_tables_that_cannot_be_used(folder, rows, method, change, told):
    change(rows).to_csv(folder / "rows.csv", index=False)
    out = folder / "out"
    result = command(asked(folder, method), "--out", out)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not out.exists()  # nothing half-written


def test_rows_are_told_as_in_the_file(folder, rows):
    """The header is line 1; persons are not told."""
    frame = rows.reset_index(drop=True)
    frame["x"] = frame["x"].astype(object)
    frame.loc[5, "x"] = "high"
    frame.to_csv(folder / "rows.csv", index=False)
    with pytest.raises(DataError) as told:
        run_emulation(load_emulation(asked(folder, "intention to treat")))
    assert str(told.value.problems[0]).startswith("row 7, column x: not a number (value 'high')")
    assert "rows.csv" in str(told.value)
    assert f"'{frame.loc[5, 'who']}'" not in str(told.value)


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("given", "write treatment, or previous_treatment"),
        ("month", "write period, or time"),
        ("event", "leave it out of the models"),
        ("agee", "there is no such column"),
        ("group^2", "group is a category and has no powers"),
    ],
)
def test_terms_that_mean_nothing(folder, term, told):
    more = f'[outcome_model]\ncovariates = ["{term}"]\n'
    result = command(asked(folder, "intention to treat", more))
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_column_may_not_hide_a_history(folder, rows):
    rows.assign(time=1.0).to_csv(folder / "rows.csv", index=False)
    with pytest.raises(StudyError, match="is a column of the table, and stands for a person's history too"):
        run_emulation(
            load_emulation(asked(folder, "per protocol", '[switch_weights]\ndenominator = ["time"]\n'))
        )


def test_tables_lie_below_the_file(folder, rows):
    below = folder / "study"
    below.mkdir()
    text = HEAD.format(method="intention to treat").replace("rows.csv", "../rows.csv")
    path = written(below, text)
    with pytest.raises(StudyError, match="lies outside the folder of the emulation"):
        load_emulation(path)
    path = written(below, HEAD.format(method="intention to treat"))
    with pytest.raises(DataError, match="cannot read the file"):
        load_emulation(path)
    assert len(load_emulation(path, folder).table) == len(rows)
    assert command(path, "--data", folder).exit_code == 0


def test_results_do_not_go_over_the_file(folder):
    result = command(asked(folder, "intention to treat"), "--out", folder)
    assert result.exit_code == 2
    assert (folder / "rows.csv").exists()


def test_small_counts_are_masked_everywhere(folder, rows):
    """Two persons treated in their only trial, and an outcome in each arm."""
    frame = rows[rows["month"] == 0].head(40).assign(given=0, event=0)
    frame.iloc[:2, frame.columns.get_loc("given")] = 1
    frame.iloc[[0, 5, 6], frame.columns.get_loc("event")] = 1
    frame.to_csv(folder / "rows.csv", index=False)
    more = '[outcome_model]\ntrial_period = "none"\nfollow_up = "none"\n'
    out = folder / "out"
    told = json.loads(command(asked(folder, "intention to treat", more), "--json", "--out", out).stdout)
    treated = next(each for each in told["tables"]["counts"] if each["arm"] == "treated")
    assert set(treated.values()) == {"treated", "<5"}
    assert told["tables"]["model"][0]["outcomes"] == "<5"
    assert (out / "counts.csv").read_text().splitlines()[2] == "treated,<5,<5,<5,<5,<5"
    assert "<5" in command(folder / "emulation.toml").stdout


def test_no_person_is_told(folder, rows):
    frame = rows.assign(who="Zebedee " + rows["who"].astype(str))
    frame.to_csv(folder / "rows.csv", index=False)
    out = folder / "out"
    shown = command(asked(folder, "per protocol"), "--out", out).stdout
    texts = [shown, *(path.read_text() for path in out.iterdir())]
    assert not any("Zebedee" in text for text in texts)
