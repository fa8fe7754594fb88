"""Person-periods: what they are made of, and what is refused, with rows and never with persons."""

import numpy as np
import pandas as pd
import pytest

from understudy.causal.emulation import person_periods, trial_sequence
from understudy.core.errors import DataError, StudyError

SECRET = 987654  # a person's number that no message may tell


def table(**changes) -> pd.DataFrame:
    columns = {
        "id": [SECRET, SECRET, SECRET, 5, 5],
        "period": [0, 1, 2, 0, 1],
        "treatment": [0, 1, 1, 0, 0],
        "outcome": [0, 0, 1, 0, 0],
        "eligible": [1, 1, 0, 1, 0],
        "x": [1.0, 2, 3, 4, 5],
    }
    return pd.DataFrame(columns | changes)


def read(frame: pd.DataFrame, **options):
    return person_periods(frame, eligible="eligible", covariates=["x"], place="a.csv", first_row=2, **options)


def problems(frame: pd.DataFrame, **options) -> list[str]:
    with pytest.raises(DataError) as told:
        read(frame, **options)
    assert str(SECRET) not in str(told.value)
    assert "a.csv" in str(told.value)
    return [str(each) for each in told.value.problems]


def test_rows_in_any_order_give_the_same():
    straight, mixed = read(table()), read(table().sample(frac=1, random_state=4))

    def by_person(one):
        return sorted(
            (tuple(one.period[a:b]), tuple(one.treatment[a:b]), tuple(one.covariates.columns["x"][a:b]))
            for a, b in zip(one.starts, one.ends, strict=True)
        )

    assert by_person(straight) == by_person(mixed)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"period": [0, 1, 1, 0, 1]}, "row 4, column period: the person has this period already, in row 3 (value '1')"),
        ({"period": [0, 1, 4, 0, 1]}, "row 4, column period: periods are missing before it: the person's last was 1"),
        ({"outcome": [0, 1, 1, 0, 0]}, "row 4, column outcome: the person had the outcome before (value '1')"),
        ({"treatment": [0, 2, 1, 0, 0]}, "row 3, column treatment: neither 0 nor 1 (value '2')"),
        ({"treatment": [0, np.nan, 1, 0, 0]}, "row 3, column treatment: missing value"),
        ({"treatment": ["0", "yes", "1", "0", "0"]}, "row 3, column treatment: not a number (value 'yes')"),
        ({"outcome": [0, 0, np.nan, 0, 0]}, "row 4, column outcome: missing value"),
        ({"eligible": [1, 0.5, 0, 1, 0]}, "row 3, column eligible: neither 0 nor 1 (value '0.5')"),
        ({"period": [0, 1.5, 2, 0, 1]}, "row 3, column period: no whole number (value '1.5')"),
        ({"x": [1, 2, np.nan, 4, 5]}, "row 4, column x: missing value"),
        ({"x": ["1", "2", "three", "4", "5"]}, "row 4, column x: not a number (value 'three')"),
        ({"x": [1, 2, np.inf, 4, 5]}, "row 4, column x: larger than anything measured"),
        ({"id": [SECRET, None, SECRET, 5, 5]}, "row 3, column id: missing value"),
    ],
)  # fmt: skip
def test_bad_cells_are_told_by_row_column_and_value(changes, told):
    first, *_ = problems(table(**changes))
    assert first.startswith(told)
    assert "→" in first  # and how to mend it


def test_every_bad_row_is_told():
    found = problems(table(treatment=[0, 2, 3, 0, 0], x=[1, np.nan, 3, 4, 5]))
    assert len(found) == 3


def test_missing_columns_are_told_with_what_is_like_them():
    with pytest.raises(DataError) as told:
        person_periods(table(), treatment="treatmnt", covariates=["y"], place="a.csv")
    first, second = map(str, told.value.problems)
    assert "column treatmnt: there is no such column → did you mean treatment?" in first
    assert "column y: there is no such column → name one of:" in second


def test_no_rows():
    assert "the table has no rows" in problems(table().iloc[:0])[0]


def test_nobody_eligible_and_one_group_alone():
    with pytest.raises(StudyError, match="nobody is eligible in any period"):
        trial_sequence(read(table(eligible=0)))
    with pytest.raises(
        StudyError, match="all eligible periods have the treatment 0: the other group is empty"
    ):
        trial_sequence(read(table(eligible=[1, 0, 0, 1, 0])))


def test_gaps_end_follow_up_or_stay():
    frame = table(period=[0, 1, 4, 0, 1])
    assert read(frame, gaps="keep").rows == 5
    short = read(frame, gaps="end follow-up")
    assert short.rows == 4
    assert short.notes == ("<5 rows after a gap are left out",)


def test_missing_values_are_carried_forward_within_a_person():
    found = read(table(x=[1, np.nan, np.nan, 4, 5]), missing="carry forward")
    assert found.covariates.columns["x"].tolist() == [1, 1, 1, 4, 5]
    assert found.notes == ("<5 missing values are carried forward from the period before",)
    assert (
        "no earlier value to carry forward"
        in problems(table(x=[1, 2, 3, np.nan, 5]), missing="carry forward")[0]
    )


def test_rows_after_the_outcome_or_loss_are_left_out():
    found = read(table(outcome=[0, 1, 0, 0, 0]))
    assert found.rows == 4
    assert found.notes == ("<5 rows after the outcome are left out",)
    lost = read(table(lost=[1, 0, 0, 0, 0], outcome=0), censored="lost")
    assert lost.rows == 3
    assert lost.notes == ("<5 rows after the person was lost are left out",)


def test_words_are_categories_and_declared_numbers_too():
    found = read(table(x=["b", "a", "b", "a", "c"]))
    assert found.covariates.levels == {"x": ("a", "b", "c")}
    found = read(table(x=[10, 9, 10, 9, 9]), categorical=["x"])
    assert found.covariates.levels == {"x": ("9", "10")}  # by size, not by spelling
    assert "the category has one level, 1" in problems(table(x=1), categorical=["x"])[0]


def test_persons_may_be_words():
    found = read(table(id=["Anna", "Anna", "Anna", "Bo", "Bo"]))
    assert (found.persons, found.rows) == (2, 5)
