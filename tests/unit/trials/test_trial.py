"""Trials from their tables, and what is wrong with tables."""

from __future__ import annotations

import pytest
from small_trial import PROTOCOL, ROWS, changed, small_trial

from understudy.core.errors import DataError, StudyError
from understudy.trials import Condition, load_trial


def test_trial_has_its_subjects_arms_and_outcomes(tmp_path):
    trial = small_trial(tmp_path)
    assert trial.arms == ("placebo", "drug")
    assert trial.table["time"].tolist() == [10.0, 32.0, 25.0, 60.0]
    assert trial.table["event"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert trial.covariates == ("AGE", "SEX")
    assert trial.categorical == ("SEX",)
    assert trial.warnings[0] == "1 rows of other arms are left out: screen failure 1"
    assert trial.flow["rows of the subjects' table"] == 5
    assert trial.flow["in the arms compared"] == 4


def test_published_example_is_read():
    trial = load_trial("examples/leukaemia/trial.toml")
    events = trial.table.groupby("arm", observed=True)["event"].sum()
    assert events.to_dict() == {"placebo": 21.0, "6-MP": 9.0}


def test_hash_follows_the_tables(tmp_path):
    first = small_trial(tmp_path).hash
    assert small_trial(tmp_path).hash == first
    assert small_trial(tmp_path, changed(1, "a,placebo,61,f,11,0,71.5")).hash != first


@pytest.mark.parametrize(
    ("row", "text", "words"),
    [
        (1, "a,placebo,61,f,-3,0,71.5", "row 2, column DAYS: before randomisation .value '-3'."),
        (1, "a,placebo,61,f,soon,0,71.5", "row 2, column DAYS: not a number .value 'soon'."),
        (2, "a,placebo,44,m,32,1,80", "row 3, column USUBJID: a second row of the same subject .value 'a'."),
    ],
)
def test_bad_rows_are_named(tmp_path, row, text, words):
    with pytest.raises(DataError, match=words):
        small_trial(tmp_path, changed(row, text))


def test_arm_without_subjects_is_refused_with_the_column_s_arms(tmp_path):
    with pytest.raises(DataError, match=r"ARM: the arm verum has no subjects(.|\n)*placebo 2, drug 2"):
        small_trial(tmp_path, protocol=PROTOCOL.replace('["drug"]', '["drug", "verum"]'))


def test_arm_without_outcomes_is_refused(tmp_path):
    rows = (*ROWS[:3], "c,drug,52,f,,0,66", "d,drug,70,m,,1,")
    with pytest.raises(DataError, match="no subject of the arm drug has a known outcome"):
        small_trial(tmp_path, rows)


def test_missing_outcome_and_few_events_are_told(tmp_path):
    trial = small_trial(tmp_path, changed(1, "a,placebo,61,f,,0,71.5"))
    assert "1 of 4 subjects have no known outcome: placebo 1" in trial.warnings
    assert any("few events: placebo 0, drug 1" in told for told in trial.warnings)


def test_all_problems_of_a_protocol_are_told_with_their_lines(tmp_path):
    spoiled = PROTOCOL.replace('arm = "ARM"', 'arms = "ARM"').replace(
        'kind = "survival"', 'kind = "surviving"'
    )
    with pytest.raises(StudyError) as told:
        small_trial(tmp_path, protocol=spoiled)
    text = str(told.value)
    assert "unknown key 'arms'" in text
    assert "line 5" in text
    assert "surviving" in text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('time = "DAYS"\n', "", "a survival endpoint needs time"),
        ('treated = ["drug"]', 'treated = ["placebo"]', "the arm 'placebo' is given twice"),
        ("{ CNSR = 0 }", "{ CNSR = { equals = 0 } }", "unknown comparison 'equals'"),
    ],
)
def test_contradictions_are_refused(tmp_path, old, new, words):
    with pytest.raises(StudyError, match=words):
        small_trial(tmp_path, protocol=PROTOCOL.replace(old, new))


def test_keep_that_selects_nobody_names_the_clause(tmp_path):
    narrow = PROTOCOL.replace('arm = "ARM"', 'arm = "ARM"\nkeep = { SEX = ["f", "m"], ARM = "Placebo" }')
    with pytest.raises(
        DataError, match=r"no row has ARM = Placebo.*the column has drug, placebo, screen failure"
    ):
        small_trial(tmp_path, protocol=narrow)


def test_eligibility_by_what_came_later_is_refused(tmp_path):
    late = PROTOCOL + 'after = ["WEIGHT"]\n[[criteria]]\nname = "heavy"\nrule = { WEIGHT = { above = 70 } }\n'
    with pytest.raises(StudyError, match="measured after randomisation"):
        small_trial(tmp_path, protocol=late)
    trial = small_trial(tmp_path, protocol=PROTOCOL + 'after = ["WEIGHT"]\n')
    with pytest.raises(StudyError, match="measured after randomisation"):
        trial.only(Condition.of({"WEIGHT": {"above": 70}}))


def test_subjects_are_selected_by_a_condition(tmp_path):
    trial = small_trial(tmp_path).only(Condition.of({"SEX": "f"}))
    assert trial.subjects.index.tolist() == ["a", "c"]
    with pytest.raises(StudyError, match="no subject of the arm drug is left"):
        trial.only(Condition.of({"AGE": {"above": 60}}))


def test_transport_file_is_read_as_its_csv(tmp_path):
    xport = pytest.importorskip(
        "pyreadstat", reason="pyreadstat, which writes SAS transport files, is not installed"
    )
    import pandas as pd

    from understudy.trials.tables import read_table

    frame = pd.DataFrame({"USUBJID": ["a", "b"], "AVAL": [0.0, 2.5], "AGE": [61.0, None]})
    xport.write_xport(frame, tmp_path / "adsl.xpt", file_format_version=5)
    read = read_table(tmp_path / "adsl.xpt")
    assert read["USUBJID"].tolist() == ["a", "b"]
    assert read["AVAL"].tolist() == [0.0, 2.5]
    assert read["AGE"].isna().tolist() == [False, True]
