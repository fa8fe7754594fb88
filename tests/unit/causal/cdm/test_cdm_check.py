"""check: every planted fault is found, counted, and told without a person."""

import json

import pytest
from small_cdm import (
    COMPARATOR,
    OUTCOME,
    TARGET,
    base,
    condition,
    death,
    era,
    observed,
    person,
    write_cdm,
)

from understudy.causal.cdm import check, open_cdm
from understudy.core.errors import StudyError


def _faults(folder, tables):
    found = check(write_cdm(folder, tables))
    return {(each.severity, each.table, each.cause): each.rows for each in found.faults}, found


def test_a_sound_cdm_has_no_fault_in_its_rows(tmp_path):
    tables = base(1, 2) | {"drug_era": [era(1, TARGET, "2005-01-01")], "death": [death(2, "2020-12-31")]}
    faults, found = _faults(tmp_path, tables)
    assert found.ok
    assert not [key for key, rows in faults.items() if rows]
    assert found.persons == 2
    assert [str(day) for day in found.observed] == ["2000-01-01", "2020-12-31"]


PLANTED = {
    ("error", "observation_period", "ends before it starts"): {
        "observation_period": [observed(1, "2010-01-01", "2009-01-01"), observed(2)]
    },
    ("error", "observation_period", "overlaps an earlier one of its person"): {
        "observation_period": [
            observed(1, "2000-01-01", "2010-01-01"), observed(1, "2010-01-01", "2011-01-01"), observed(2),
        ]
    },
    ("error", "observation_period", "without a person, a start or an end"): {
        "observation_period": [observed(1, end=None), observed(2)]
    },
    ("warning", "observation_period", "of a person who is not in person"): {
        "observation_period": [observed(1), observed(2), observed(77)]
    },
    ("warning", "person", "never observed"): {"observation_period": [observed(1)]},
    ("error", "person", "a person_id again"): {"person": [person(1), person(1), person(2)]},
    ("error", "drug_era", "of a person who is not in person"): {"drug_era": [era(77, TARGET, "2005-01-01")]},
    ("error", "drug_era", "ends before it starts"): {"drug_era": [era(1, TARGET, "2005-01-02", "2005-01-01")]},
    ("error", "drug_era", "no first day"): {"drug_era": [era(1, TARGET, None)]},
    ("warning", "drug_era", "begins outside its person's observation"): {"drug_era": [era(1, TARGET, "1999-12-31")]},
    ("warning", "condition_occurrence", "condition_concept_id is not in concept"): {
        "condition_occurrence": [condition(1, 999, "2005-01-01"), condition(1, 0, "2005-01-01")]
    },
    ("error", "death", "death before birth"): {"death": [death(1, "1950-06-14")]},
    ("error", "death", "a person's death again"): {"death": [death(1, "2010-01-01"), death(1, "2010-01-01")]},
    ("warning", "observation_period", "begins more than 60 days after its person's death"): {
        "death": [death(1, "1999-01-01")]
    },
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED, ids=lambda fault: f"{fault[1]}: {fault[2]}")
def test_a_planted_fault_is_found_once(tmp_path, fault):
    faults, found = _faults(tmp_path, base(1, 2) | PLANTED[fault])
    assert faults[fault] == 1
    assert found.ok == (fault[0] == "warning")
    told = next(str(each) for each in found.faults if each.cause == fault[2])
    assert "<5 rows" in told


def test_a_death_on_the_day_of_birth_or_in_a_year_known_alone_is_no_fault(tmp_path):
    tables = base(1, 2) | {"death": [death(1, "1950-06-15"), death(2, "1950-01-01")]}
    tables["person"][1] |= {"month_of_birth": None, "day_of_birth": None}
    faults, _ = _faults(tmp_path, tables)
    assert ("error", "death", "death before birth") not in faults


def test_an_impossible_day_of_birth_stops_nothing(tmp_path):
    tables = base(1) | {"death": [death(1, "1950-03-01")], "person": [person(1, "1950-02-31")]}
    faults, _ = _faults(tmp_path, tables)
    assert faults[("warning", "person", "no such day of birth")] == 1


def test_what_open_cdm_refuses_is_told_with_all_else(tmp_path):
    tables = base(1, 2) | {"drug_era": [era(1, TARGET, "2005-01-01"), era(2, COMPARATOR, "20050101")]}
    tables["condition_occurrence"] = [{"person_id": 1, "condition_concept_id": OUTCOME}]
    folder = write_cdm(tmp_path, tables)
    (folder / "observation_period.csv").unlink()
    found = check(folder)
    told = "\n".join(map(str, found.errors))
    assert "mixed date formats" in told
    assert "condition_start_date" in told
    assert "observation_period: not there: no study is possible" in told
    assert "drug_era: not there" not in told
    assert not found.ok


def test_nothing_personal_is_shown(tmp_path):
    tables = base(123456789) | {"drug_era": [era(987654321, TARGET, "2005-01-02", "2005-01-01")]}
    found = check(write_cdm(tmp_path, tables))
    shown = json.dumps(found.to_json()) + repr(found) + "".join(map(str, found.faults))
    shown += "".join(frame.to_string() for frame in found.tables().values())
    assert "123456789" not in shown
    assert "987654321" not in shown
    assert found.to_json()["persons"] == "<5"
    assert found.to_json()["rows"]["drug_era"] == "<5"
    assert found.to_json()["rows"]["concept"] == str(found.rows["concept"])


def test_an_open_cdm_may_be_checked_too(tmp_path):
    with open_cdm(write_cdm(tmp_path, base(1, 2))) as cdm:
        assert check(cdm).persons == 2


def test_where_nothing_is_nothing_is_checked(tmp_path):
    with pytest.raises(StudyError, match="no such file"):
        check(tmp_path / "nowhere")
