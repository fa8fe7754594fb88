"""A measure of a trial's subjects, foretold by its protocol: from Python and from the command line."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import DataError, StudyError
from understudy.core.random import normals
from understudy.trials import forecast, load_trial

PROTOCOL = """
title = "A score that rises"
[subjects]
file = "subjects.csv"
id = "id"
arm = "arm"
[arms]
control = "placebo"
treated = ["drug"]
[endpoint]
kind = "continuous"
value = "end"
[baseline]
covariates = ["age", "site"]
after = ["end"]
[forecast]
name = "score"
unit = "points"
file = "visits.csv"
id = "id"
time = "month"
value = "score"
{asked}
"""


def write(folder, asked="first = 3", visits=None):
    drawn = normals(1, "courses", np.arange(80), 9)
    subjects = pd.DataFrame({"id": np.arange(80), "arm": np.where(np.arange(80) % 2, "drug", "placebo")})
    subjects["age"], subjects["site"] = (50 + 9 * drawn[:, 8]).round(), np.arange(80) % 3
    frame = pd.DataFrame([(i, m) for i in range(80) for m in range(6)], columns=["id", "month"])
    own = drawn[frame["id"]]
    slope = 0.6 + 0.5 * own[:, 1] - 0.8 * (frame["id"] % 2)
    frame["score"] = (20 + 2 * own[:, 0] + slope * frame["month"] + 0.5 * drawn[:, 2:8].ravel()).round(3)
    subjects["end"] = frame.loc[frame["month"] == 5, "score"].to_numpy()
    subjects.to_csv(folder / "subjects.csv", index=False)
    (frame if visits is None else visits(frame)).to_csv(folder / "visits.csv", index=False)
    path = folder / "trial.toml"
    path.write_text(PROTOCOL.format(asked=asked), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("trial"), 'first = 3\nmethods = ["own line", "mixed"]')
    return forecast(load_trial(path))


def test_the_course_that_was_drawn_is_foretold_better_than_carried_forward(found):
    assert found.best == "mixed"
    table = found.table()
    assert list(table.index) == ["carry forward", "own line", "mixed"]
    # The residual error alone makes 0.5 * sqrt(2 / pi) = 0.4 of the mean absolute error.
    assert 0.4 < table.loc["mixed", "error"] < table.loc["carry forward", "error"]
    # 80 subjects: the standard error of coverage is 2 to 3 %.
    assert table.loc["mixed", "coverage"] == pytest.approx(0.9, abs=0.09)
    assert "best by mixed" in found.sentences[0]
    assert "cannot be tested" in found.sentences[2]


def test_where_nothing_can_be_known_carrying_forward_is_not_beaten(tmp_path):
    def walk(frame):
        steps = normals(2, "steps", np.arange(80), 6).ravel()
        return frame.assign(score=20 + pd.Series(steps).groupby(frame["id"]).cumsum().round(3))

    none = forecast(load_trial(write(tmp_path, 'first = 3\nmethods = ["own line", "mixed"]', visits=walk)))
    assert none.best == "carry forward"
    assert "no method is shown to be better than the last value carried forward" in none.sentences[0]
    assert none.table().loc["own line", "from"] > 0


def test_a_method_that_is_better_by_chance_is_not_the_best(found):
    """One subject of eighty is foretold a little better than by carrying forward, all others alike."""
    forecasts = found.comparison.forecasts
    plain, first = forecasts["carry forward"], found.comparison.question.target.patient == 0
    centre = np.where(first, 0.5 * (plain.centre + found.comparison.observed), plain.centre)
    lucky = replace(found.comparison, forecasts={**forecasts, "mixed": replace(plain, centre=centre)})
    told = replace(found, comparison=lucky)
    row = told.table().loc["mixed"]
    assert row["difference"] < 0 < row["to"]
    assert replace(told, comparison=replace(lucky, forecasts={
        name: lucky.forecasts[name] for name in ("carry forward", "mixed")
    })).best == "carry forward"  # fmt: skip


def test_subgroups_are_the_arms(found):
    coverage = found.coverage().loc["mixed"]
    assert list(coverage.index) == ["drug", "placebo"]
    assert coverage["patients"].tolist() == [40, 40]


def test_every_forecast_is_beside_what_came(found):
    values = found.values()
    assert len(values) == 80 * 3
    assert (values["low"] <= values["forecast"]).all()
    error = (values["forecast"] - values["observed"]).abs().groupby(values["subject"]).mean().mean()
    assert error == pytest.approx(found.table().loc["mixed", "error"])


def test_the_other_arm_cannot_be_tested(found):
    forecaster = found.forecaster()
    told = forecaster.forecast(found.courses, [8.0], arm="drug")
    assert (told["standing"] == "cannot be tested").sum() == 40


def test_the_record_has_all_tables_and_the_protocol(found):
    assert set(found.record.inputs) == {"trial.toml", "subjects.csv", "visits.csv"}
    assert found.record.settings["protocol"]["forecast"]["first"] == 3


def test_it_is_the_same_again(tmp_path):
    path = write(tmp_path, 'first = 3\nmethods = ["mixed"]')
    one, two = (forecast(load_trial(path)).table() for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_on_the_command_line(tmp_path):
    path = write(tmp_path, 'until = 2\nmethods = ["mixed"]')
    run = CliRunner().invoke(app, ["trial", "forecast", str(path), "--json"])
    told = json.loads(run.stdout)
    assert run.exit_code == 0
    assert told["best"] == "mixed"
    assert [row["method"] for row in told["methods"]] == ["carry forward", "mixed"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "first = 3"),
        ("first = 3\nuntil = 2", "first = 3"),
        ("first = 3\nlimits = [9, 1]", "lower one first"),
        ('first = 3\nmethods = ["oracle"]', "methods"),
        ('first = 3\ncovariates = ["end"]', "measured after randomisation"),
        ('first = 3\ncovariates = ["height"]', "height"),
        ('first = 3\nby = "height"', "height"),
        ("first = 6", "before and after"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, asked, said):
    with pytest.raises(StudyError) as error:
        forecast(load_trial(write(tmp_path, asked)))
    assert said in str(error.value)


def test_a_cell_that_is_no_number_is_named_by_file_row_and_column(tmp_path):
    def spoil(frame):
        frame = frame.astype({"score": object})
        frame.loc[7, "score"] = "high"
        return frame

    with pytest.raises(DataError) as error:
        forecast(load_trial(write(tmp_path, visits=spoil)))
    told = str(error.value)
    assert "visits.csv" in told
    assert "row 9" in told
    assert "high" in told


def test_a_protocol_without_it_says_what_to_add(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").partition("[forecast]")[0], encoding="utf-8")
    with pytest.raises(StudyError, match=r"add \[forecast\]"):
        forecast(load_trial(path))


def test_its_report_has_all_that_the_record_names(tmp_path):
    path = write(tmp_path, 'first = 3\nmethods = ["mixed"]')
    run = CliRunner().invoke(app, ["trial", "forecast", str(path), "--out", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    told = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "best by mixed" in told
    assert "cannot be tested" in told
    numbers = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))["numbers"]
    assert {each["unit"] for each in numbers if each["name"].startswith("mean absolute error")} == {"points"}
    methods = pd.read_csv(tmp_path / "out" / "tables" / "methods.csv").set_index("method")
    stated = next(each["value"] for each in numbers if each["name"] == "mean absolute error, mixed")
    assert methods.loc["mixed", "error"] == pytest.approx(stated)
    drawn = {each.stem for each in (tmp_path / "out" / "charts").glob("*.svg")}
    assert drawn == {"differences", "coverage", "courses"}
