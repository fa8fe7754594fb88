"""Cohorts of negative controls: many at once, with descendants, first or all; none that is the outcome."""

import pytest
from small_cdm import CHILD, LAB, OUTCOME, TARGET, base, condition, era, measured, write_cdm

from understudy.causal.cdm import ConceptSet, open_cdm
from understudy.causal.cohorts import CohortDefinition, control_cohorts
from understudy.core.errors import StudyError


@pytest.fixture
def cdm(tmp_path):
    tables = base(1, 2) | {
        "condition_occurrence": [
            condition(1, CHILD, "2005-01-01", "2005-02-01"), condition(1, OUTCOME, "2004-01-01"),
            condition(1, OUTCOME, "2004-01-01"), condition(2, CHILD, "1990-01-01"),
        ],
        "measurement": [measured(1, LAB, "2005-01-01")],
        "drug_era": [era(1, TARGET, "2005-01-01")],
    }  # fmt: skip
    with open_cdm(write_cdm(tmp_path, tables)) as found:
        yield found


def _days(cohort):
    return [(n, str(start.date()), str(end.date())) for n, start, end in cohort.rows.itertuples(index=False)]


def test_days_of_controls_come_with_descendants_each_day_once(cdm):
    found = control_cohorts(cdm, [CHILD, OUTCOME, TARGET])
    assert list(found) == [CHILD, OUTCOME, TARGET]
    assert _days(found[OUTCOME]) == [
        (1, "2004-01-01", "2004-01-01"), (1, "2005-01-01", "2005-01-01"), (2, "1990-01-01", "1990-01-01"),
    ]  # fmt: skip
    assert _days(found[CHILD]) == [(1, "2005-01-01", "2005-01-01"), (2, "1990-01-01", "1990-01-01")]
    assert found[OUTCOME].name == f"concept {OUTCOME}"
    assert found[TARGET].persons == 0


def test_only_the_first_day_and_no_descendants(cdm):
    assert _days(control_cohorts(cdm, [OUTCOME], first=True)[OUTCOME])[0] == (1, "2004-01-01", "2004-01-01")
    assert len(control_cohorts(cdm, [OUTCOME], first=True)[OUTCOME].rows) == 2
    assert _days(control_cohorts(cdm, [OUTCOME], descendants=False)[OUTCOME]) == [
        (1, "2004-01-01", "2004-01-01")
    ]


def test_another_table(cdm):
    assert control_cohorts(cdm, [LAB], table="measurement")[LAB].persons == 1
    for table in ("person", "observation_period", "x; DROP TABLE person"):
        with pytest.raises(StudyError, match="no table of events"):
            control_cohorts(cdm, [LAB], table=table)
    with pytest.raises(StudyError, match="no table procedure_occurrence"):
        control_cohorts(cdm, [LAB], table="procedure_occurrence")


@pytest.mark.parametrize("control", [OUTCOME, CHILD])
def test_a_control_that_is_the_outcome_is_an_error(cdm, control):
    outcome = CohortDefinition(
        name="o", entry=[{"table": "condition_occurrence", "concepts": "b"}], concept_sets={"b": OUTCOME}
    )
    with pytest.raises(StudyError, match=f"negative control {control} is the outcome"):
        control_cohorts(cdm, [LAB, control], outcome=outcome)


def test_a_control_above_the_outcome_is_an_error_too(cdm):
    with pytest.raises(StudyError, match=f"negative control {OUTCOME} is the outcome"):
        control_cohorts(cdm, [OUTCOME], outcome=ConceptSet(concepts=CHILD))
    assert control_cohorts(cdm, [LAB], outcome=ConceptSet(concepts=CHILD))


def test_controls_that_match_nothing_or_are_given_twice(cdm):
    with pytest.raises(StudyError, match="negative controls match nothing: 998, 999"):
        control_cohorts(cdm, [LAB, 999, 998])
    with pytest.raises(StudyError, match="given twice"):
        control_cohorts(cdm, [LAB, LAB])
