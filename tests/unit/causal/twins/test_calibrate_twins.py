"""Calibration of twins: what is fitted, what is hidden, and what cannot be."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy import causal
from understudy.app.cli import app
from understudy.causal.calibration.calibrated_estimate import calibrate
from understudy.causal.calibration.fit_null import fit_null
from understudy.causal.twins import Contrasts, calibrate_twins
from understudy.core.errors import DataError, StudyError


def table(bias=0.1, spread=0.1, count=40, effect=-0.5, seed=1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    error = rng.uniform(0.05, 0.15, count + 1)
    null = np.arange(count + 1) < count
    estimate = np.where(null, 0.0, effect) + rng.normal(bias, spread, count + 1) + rng.normal(0, error)
    names = [f"null {k + 1}" for k in range(count)] + ["effect"]
    return pd.DataFrame(
        {"name": names, "estimate": estimate, "standard_error": error, "null": null.astype(int)}
    )


def test_effects_are_calibrated_by_the_rooms_own_null():
    rows = table()
    found = calibrate_twins(rows)
    null = fit_null(rows["estimate"][:-1], rows["standard_error"][:-1])
    expected = calibrate(rows["estimate"].iloc[-1], rows["standard_error"].iloc[-1], null)
    told = found.table().iloc[0]
    assert told["calibrated_estimate"] == pytest.approx(expected.log_rr[0])
    assert told["calibrated_low"] == pytest.approx(expected.low[0])
    assert told["estimate"] == rows["estimate"].iloc[-1]
    assert told["high"] == pytest.approx(
        rows["estimate"].iloc[-1] + 1.959964 * rows["standard_error"].iloc[-1]
    )
    assert found.ease == null.expected_absolute_error


def test_a_control_is_calibrated_by_the_others():
    rows = table(count=8)
    found = calibrate_twins(rows)
    null = fit_null(rows["estimate"][1:8], rows["standard_error"][1:8])
    expected = calibrate(rows["estimate"][0], rows["standard_error"][0], null)
    assert found.controls["calibrated_high"][0] == pytest.approx(expected.high[0])


def test_twins_that_err_too_much_stay_hidden(tmp_path):
    found = calibrate_twins(table(bias=0.6))
    assert found.blinded
    assert found.ease > 0.25
    assert "hidden" in repr(found)
    assert "effects" not in found.tables()
    with pytest.raises(StudyError, match="hidden"):
        found.table()
    # Not in anything that a person may look at.
    shown = [repr(found), *found.sentences, *map(str, vars(found).values())]
    value = table(bias=0.6)["estimate"].iloc[-1]
    assert not any(f"{value:.3f}" in text for text in shown)


def test_the_threshold_decides():
    rows = table()
    assert calibrate_twins(rows, threshold=0.05).blinded
    assert not calibrate_twins(rows, threshold=0.5).blinded


def test_right_twins_are_hardly_widened():
    rows = table(bias=0.0, spread=0.0, seed=3)
    told = calibrate_twins(rows).table().iloc[0]
    width = (told["calibrated_high"] - told["calibrated_low"]) / (told["high"] - told["low"])
    # Chance alone may look like some spread: its standard error with 40 controls of errors of 0.1 is some 0.02.
    assert 1.0 <= width < 1.15


def test_a_larger_level_is_wider():
    narrow, wide = (calibrate_twins(table(), level=level).table().iloc[0] for level in (0.8, 0.99))
    assert wide["calibrated_high"] > narrow["calibrated_high"]
    assert wide["low"] < narrow["low"]


def test_a_contrast_without_error_of_its_own():
    rows = table()
    rows.loc[40, "standard_error"] = 0.0
    told = calibrate_twins(rows).table().iloc[0]
    assert told["low"] == told["high"] == told["estimate"]
    assert told["p"] == 0.0
    assert told["calibrated_high"] - told["calibrated_low"] > 0.2


def test_few_null_contrasts():
    with pytest.raises(DataError, match="4 null contrasts"):
        calibrate_twins(table(count=4))
    assert any("6 null contrasts are few" in note for note in calibrate_twins(table(count=6)).notes)


def test_nothing_to_calibrate():
    found = calibrate_twins(table().iloc[:-1])
    assert found.count == 0
    assert any("nothing to calibrate" in note for note in found.notes)


def test_differences_need_a_threshold():
    found = Contrasts.from_frame(table(), "difference")
    with pytest.raises(StudyError, match="threshold in their unit"):
        calibrate_twins(found)
    assert "outcome's unit" in calibrate_twins(found, threshold=1.0).sentences[0]


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"threshold": 0.0}, "threshold"), ({"threshold": np.nan}, "threshold"), ({"level": 1.0}, "level")],
)
def test_impossible_settings(settings, told):
    with pytest.raises(StudyError, match=told):
        calibrate_twins(table(), **settings)


def test_public_names():
    assert causal.calibrate_twins is calibrate_twins
    assert causal.Contrasts is Contrasts


def test_the_same_again_has_the_same_hash():
    first, again = calibrate_twins(table()), calibrate_twins(table())
    assert first.record.hash == again.record.hash
    assert first.record.hash != calibrate_twins(table(), threshold=0.3).record.hash


def run(*words):
    return CliRunner().invoke(app, ["rwe", "calibrate-twins", *map(str, words)])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "contrasts.csv"
    table().to_csv(path, index=False)
    return path


def test_command(file, tmp_path):
    out = tmp_path / "out"
    found = run(file, "--out", out)
    assert found.exit_code == 0, found.output
    assert "On 40 contrasts known to be null" in found.output
    assert {each.name for each in out.iterdir()} == {"charts", "record.json", "report.html", "tables"}
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    assert list(record["inputs"]) == ["contrasts.csv"]
    told = json.loads(run(file, "--json").stdout)
    assert told["effects"][0]["name"] == "effect"
    assert told["systematic_error"]["threshold"] == 0.25


def test_command_hides(file, tmp_path):
    out = tmp_path / "out"
    found = run(file, "--threshold", 0.05, "--out", out)
    assert "Effects are hidden" in found.output
    assert json.loads(run(file, "--threshold", 0.05, "--json").stdout)["effects"] is None
    assert not (out / "tables" / "effects.csv").exists()
    estimate = f"{table()['estimate'].iloc[-1]:.3f}".replace("-", "")
    written = "".join(each.read_text(encoding="utf-8") for each in out.rglob("*.*") if each.is_file())
    assert estimate not in written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a table"),
        ("name,estimate\na,1\n", "standard_error: column is missing"),
        ("name,estimate,standard_error,null\na,x,0.1,1\n", "row 2, column estimate: not a number"),
        ("name,estimate,standard_error,null\na,0.1,-0.1,0\n", "not a standard error"),
        ("name,estimate,standard_error,null\na,0.1,0,1\n", "a null contrast without any error"),
        ("name,estimate,standard_error,null\na,0.1,0.1,maybe\n", "neither true nor false"),
        ("name,estimate,standard_error,null\na,0.1,0.1,1\na,0.1,0.1,1\n", "comes twice"),
        ("name,estimate,standard_error,null\na,inf,0.1,1\n", "not finite"),
        ("name,estimate,standard_error,null\na,0.1,0.1,1\n", "1 null contrasts"),
    ],
)
def test_bad_files(tmp_path, text, told):
    path = tmp_path / "contrasts.csv"
    path.write_text(text, encoding="utf-8")
    found = run(path)
    assert found.exit_code == 2
    assert told in str(found.exception) or told in found.output


def test_an_unknown_measure(file):
    found = run(file, "--measure", "ratio")
    assert found.exit_code == 2
    assert "no such measure" in str(found.exception) or "no such measure" in found.output


def test_joined_contrasts_have_one_measure():
    first = Contrasts(("a",), [0.1], [0.1], [True])
    other = Contrasts(("b",), [0.1], [0.1], [False], "difference")
    with pytest.raises(DataError, match="1 problem"):
        first.joined(other)
    both = first.joined(Contrasts(("b",), [0.2], [0.3], [False]))
    assert both.take(~both.null).name == ("b",)
    assert both.table()["estimate"].tolist() == [0.1, 0.2]
