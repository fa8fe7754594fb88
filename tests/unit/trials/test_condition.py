"""Conditions: rows of a table as data."""

from __future__ import annotations

import pandas as pd
import pytest

from understudy.core.errors import StudyError
from understudy.trials import Condition

FRAME = pd.DataFrame(
    {
        "age": [17.0, 40.0, None, 75.0],
        "sex": ["f", "m", "f", None],
        "code": [1, 2, 3, 3],
        "flag": ["Y", "N", "Y", "Y"],
    }
)


@pytest.mark.parametrize(
    ("data", "met", "told"),
    [
        ({}, [1, 1, 1, 1], "all"),
        ({"sex": "f"}, [1, 0, 1, 0], "sex = f"),
        ({"sex": ["f", "m"]}, [1, 1, 1, 0], "sex is f or m"),
        ({"sex": {"not": "f"}}, [0, 1, 0, 1], "sex is not f"),
        ({"sex": {"missing": True}}, [0, 0, 0, 1], "sex missing"),
        ({"age": {"missing": False}}, [1, 1, 0, 1], "age known"),
        ({"age": {"at_least": 17, "below": 75}}, [1, 1, 0, 0], "age ≥ 17 and age < 75"),
        ({"age": {"above": 17, "at_most": 75}}, [0, 1, 0, 1], "age > 17 and age ≤ 75"),
        ({"code": [1, 3], "flag": "Y"}, [1, 0, 1, 1], "code is 1 or 3 and flag = Y"),
        ({"code": "3"}, [0, 0, 1, 1], "code = 3"),
    ],
)
def test_condition_holds_where_every_clause_does(data, met, told):
    condition = Condition.of(data)
    assert condition.holds(FRAME).tolist() == [bool(each) for each in met]
    assert str(condition) == told


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"age": {"atleast": 3}}, "unknown comparison 'atleast'"),
        ({"age": {"at_least": "old"}}, "nothing that the column age could be"),
        ({"age": {"at_least": True}}, "nothing that the column age could be"),
        ({"age": {"missing": "yes"}}, "nothing that the column age could be"),
        ({"age": []}, "nothing that the column age could be"),
        ({"age": {"above": [1, 2]}}, "nothing that the column age could be"),
    ],
)
def test_condition_that_means_nothing_is_refused(data, words):
    with pytest.raises(StudyError, match=words):
        Condition.of(data)


def test_unknown_column_is_told_with_its_nearest():
    with pytest.raises(StudyError, match="did you mean age"):
        Condition.of({"agee": {"above": 1}}).holds(FRAME)


def test_words_are_no_numbers():
    with pytest.raises(StudyError, match="'f' of the column sex is no number"):
        Condition.of({"sex": {"above": 1}}).holds(FRAME)
