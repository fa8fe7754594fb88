"""Tables of lesions: words among the sizes, several sizes a day, errors."""

import pandas as pd
import pytest

from understudy.core.errors import DataError
from understudy.trials.tumour import LesionRules, read_lesions

FRAME = pd.DataFrame(
    {
        "study": ["A", "A", "A", "B", "B", "B"],
        "patient": ["1", "1", "1", "1", "1", "1"],
        "day": [40, 0, 0, 0, 30, 60],
        "size": ["1.5", "20", "22", "15", "not evaluable", "Too small to measure"],
    }
)


def test_words_floors_and_days_with_two_sizes():
    found = read_lesions(FRAME, patient=("study", "patient"))
    assert found.table.to_numpy().tolist() == [
        ["A 1", 0.0, 21.0],
        ["A 1", 40.0, 2.0],
        ["B 1", 0.0, 15.0],
        ["B 1", 60.0, 2.0],
    ]
    assert (found.too_small, found.missing, found.raised, found.merged) == (1, 1, 1, 1)
    assert "2 patients, 4 patient-days" in repr(found)


def test_rules_are_options():
    found = read_lesions(FRAME, patient=("study", "patient"), rules=LesionRules(too_small=5.0, floor=1.0))
    assert found.table["size"].tolist() == [21.0, 1.5, 15.0, 5.0]
    assert found.raised == 0


def test_a_file_is_read_as_its_table(tmp_path):
    path = tmp_path / "lesions.csv"
    FRAME.to_csv(path, index=False)
    assert read_lesions(path, patient=("study", "patient")).table.equals(
        read_lesions(FRAME, patient=("study", "patient")).table
    )


def test_records_count_from_the_first_visit():
    found = read_lesions(FRAME.assign(day=FRAME["day"] - 7), patient=("study", "patient"))
    records = found.records()
    assert records.table["time"].tolist() == [0.0, 40.0, 0.0, 60.0]
    assert (records.units["time"], records.units["dv"]) == ("day", "mm")


def test_patients_and_visits_are_chosen():
    found = read_lesions(FRAME, patient=("study", "patient"))
    assert found.select(["B 1"]).patients == ("B 1",)
    assert len(found.first_visits(1).table) == 2
    assert found.with_visits(3).patients == ()
    with pytest.raises(DataError, match="no such patient"):
        found.select(["C 1"])


def test_every_bad_cell_is_told_with_its_line():
    bad = FRAME.assign(size=["x", "20", "-3", "15", "", "inf"])
    with pytest.raises(DataError) as caught:
        read_lesions(bad)
    assert [each.row for each in caught.value.problems] == [2, 4, 7]
    with pytest.raises(DataError, match="no such column"):
        read_lesions(FRAME, size="diameter")
    with pytest.raises(DataError, match="no size in the table"):
        read_lesions(FRAME.assign(size=""))
