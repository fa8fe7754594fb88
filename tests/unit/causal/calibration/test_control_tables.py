"""Tables of controls: the truth as text or number, what is left out, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from understudy.causal.calibration import Controls, controls_of, read_controls
from understudy.core.errors import DataError

ROWS = "drugName,groundTruth,logRr,seLogRr\n"


def _read(tmp_path, text):
    path = tmp_path / "controls.csv"
    path.write_text(text, encoding="utf-8")
    return read_controls(path)


@pytest.mark.parametrize(("none", "some"), [("0", "1"), ("0.0", "1.0"), ('"0"', '"1"'), (" 0 ", "1 ")])
def test_ground_truth_is_read_as_text_and_as_number(none, some, tmp_path):
    found = _read(tmp_path, ROWS + f"a,{none},0.2,0.1\nb,{none},0.4,0.2\ndrug,{some},1.0,0.3\n")
    assert found.negative.names == ("a", "b")
    assert found.of_interest.names == ("drug",)


@pytest.mark.parametrize("truth", [[0, 0, 1], ["0", "0", "1"], [0.0, 0.0, 1.0]])
def test_tables_of_text_and_of_numbers_are_the_same(truth):
    frame = pd.DataFrame(
        {"name": list("abc"), "groundTruth": truth, "logRr": [0.1, 0.2, 0.3], "seLogRr": [0.1] * 3}
    )
    assert controls_of(frame).negative.names == ("a", "b")


def test_ratios_with_limits_are_read_too(tmp_path):
    found = _read(
        tmp_path, "outcomeName,trueRr,rr,ci95Lb,ci95Ub\na,1,2.0,1.0,4.0\nb,4,4.0,2.0,8.0\nc,,1,0.5,2\n"
    )
    assert found.log_rr == pytest.approx(np.log([2, 4, 1]))
    # Half the width of the interval over 1.96.
    assert found.standard_error == pytest.approx(np.log(2) / 1.959963984540054)
    assert found.true_log_rr[:2] == pytest.approx([0, np.log(4)])
    assert [len(each) for each in (found.negative, found.positive, found.of_interest)] == [1, 1, 1]


def test_rows_that_cannot_be_used_are_counted_with_their_reason(tmp_path):
    rows = "a,0,NA,0.1\nb,0,inf,0.1\nc,0,0.1,\nd,0,0.1,inf\ne,0,0.1,0\nf,0,0.1,0.2\ng,0,nan,0.3\n"
    found = _read(tmp_path, ROWS + rows)
    assert found.names == ("f",)
    assert found.notes == (
        "6 rows left out: 2 without an estimate, 1 with an infinite estimate, 1 without a standard error, "
        "1 with an infinite standard error, 1 with a standard error that is not positive",
    )


def test_a_control_that_is_the_outcome_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a negative control and of interest") as error:
        _read(tmp_path, ROWS + "GI bleed,0,0.2,0.1\nother,0,0.1,0.1\ngi bleed,1,0.5,0.1\n")
    assert error.value.problems[0].value == "GI bleed"


def test_positive_controls_may_be_made_of_negative_ones():
    found = Controls.of(["a", "a", "a"], [0, 0.7, 1.4], [0.1] * 3, np.log([1, 2, 4]))
    assert len(found.positive) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ROWS + "a,2,0.1,0.1\n", "neither 0 nor 1"),
        (ROWS + "a,0,much,0.1\n", "not a number"),
        ("a,b\n1,2\n", "no columns of an estimate"),
        ("name,logRr,seLogRr\na,0.1,0.1\n", "no column of the truth"),
        ("name,trueRr,logRr,seLogRr\na,0,0.1,0.1\n", "no ratio"),
        ("", "no table"),
    ],
)
def test_what_cannot_be_read_is_told(text, told, tmp_path):
    with pytest.raises(DataError, match=told):
        _read(tmp_path, text)


def test_every_problem_is_told_with_its_place(tmp_path):
    with pytest.raises(DataError) as error:
        _read(tmp_path, ROWS + "a,0,x,0.1\nb,7,0.1,y\n")
    assert {(each.row, each.column) for each in error.value.problems} == {
        (2, "logRr"),
        (3, "seLogRr"),
        (3, "groundTruth"),
    }


def test_a_file_that_is_missing_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        read_controls(tmp_path / "none.csv")


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="columns differ in length"):
        Controls.of(["a"], [0.1, 0.2], [0.1, 0.1], [0, 0])
