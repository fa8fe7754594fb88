"""build_cohort: each key of a definition, by hand."""

from datetime import date

import pytest
from pydantic import ValidationError
from small_cdm import (
    CHILD,
    COMPARATOR,
    LAB,
    OUTCOME,
    TARGET,
    base,
    condition,
    death,
    era,
    exposure,
    measured,
    observed,
    person,
    write_cdm,
)

from understudy.causal.cdm import ConceptSet, open_cdm
from understudy.causal.cohorts import CohortDefinition, build_cohort
from understudy.core.errors import StudyError

ERA = {"table": "drug_era", "concepts": TARGET}


def _cohort(folder, tables, **definition):
    with open_cdm(write_cdm(folder, base(1, 2, 3) | tables)) as cdm:
        return build_cohort(cdm, CohortDefinition(**({"name": "c", "entry": [ERA]} | definition)))


def _rows(folder, tables, **definition):
    found = _cohort(folder, tables, **definition).rows
    return [
        (number, str(start.date()), str(end.date())) for number, start, end in found.itertuples(index=False)
    ]


TWICE = {"drug_era": [era(1, TARGET, "2001-01-01", "2001-01-31"), era(1, TARGET, "2003-01-01", "2003-01-31")]}


def test_every_era_is_an_entry_until_its_end(tmp_path):
    assert _rows(tmp_path, TWICE) == [(1, "2001-01-01", "2001-01-31"), (1, "2003-01-01", "2003-01-31")]


@pytest.mark.parametrize(("limit", "day"), [("first", "2001-01-01"), ("last", "2003-01-01")])
def test_limits(tmp_path, limit, day):
    for key in ("entry_limit", "limit"):
        assert [row[1] for row in _rows(tmp_path / key, TWICE, **{key: limit})] == [day]


def test_the_first_event_is_found_before_anything_else_is_asked(tmp_path):
    tables = TWICE | {"observation_period": [observed(1, "2002-01-01")]}
    assert _rows(tmp_path / "a", tables, entry_limit="first") == [(1, "2003-01-01", "2003-01-31")]
    with_first = {**ERA, "first": True}
    assert _rows(tmp_path / "b", tables, entry=[with_first]) == []
    old = {**with_first, "starts": {"on_or_after": date(2002, 1, 1)}}
    assert _rows(tmp_path / "c", TWICE, entry=[old]) == []


@pytest.mark.parametrize(
    ("prior", "post", "entered"), [(365, 0, True), (366, 0, False), (0, 364, True), (0, 365, False)]
)
def test_days_of_observation_are_counted_from_the_event(tmp_path, prior, post, entered):
    tables = {
        "drug_era": [era(1, TARGET, "2001-01-01")],
        "observation_period": [observed(1, "2000-01-02", "2001-12-31")],
    }
    found = _rows(tmp_path, tables, prior_observation=prior, post_observation=post)
    assert bool(found) == entered


def test_events_outside_observation_enter_only_if_that_is_said(tmp_path):
    tables = {
        "drug_era": [era(1, TARGET, "1999-01-01", "2005-01-01"), era(2, TARGET, "2020-06-01", "2021-06-01")]
    }
    assert _rows(tmp_path / "a", tables) == [(2, "2020-06-01", "2020-12-31")]
    assert _rows(tmp_path / "b", tables, observed=False) == [
        (1, "1999-01-01", "2005-01-01"),
        (2, "2020-06-01", "2021-06-01"),
    ]


def test_several_periods_each_count_for_their_own_events(tmp_path):
    tables = TWICE | {
        "observation_period": [
            observed(1, "2000-01-01", "2002-01-01"),
            observed(1, "2002-12-30", "2003-01-15"),
        ]
    }
    assert _rows(tmp_path / "a", tables) == [(1, "2001-01-01", "2001-01-31"), (1, "2003-01-01", "2003-01-15")]
    assert [row[1] for row in _rows(tmp_path / "b", tables, prior_observation=10)] == ["2001-01-01"]


@pytest.mark.parametrize(
    ("event", "numbers"),
    [
        ({**ERA, "age": {"at_least": 50}}, [2]),
        ({**ERA, "age": {"below": 50}}, [1, 3]),
        ({**ERA, "gender": ["female"]}, [3]),
        ({**ERA, "gender": [8507]}, [1, 2]),
        ({**ERA, "length": {"at_least": 30}}, [1]),
        ({**ERA, "starts": {"before": date(2001, 1, 2)}}, [1]),
        ({**ERA, "starts": {"outside": (date(2001, 1, 1), date(2001, 1, 1))}}, [2, 3]),
        ({**ERA, "ends": {"on_or_after": date(2001, 1, 31)}}, [1, 2, 3]),
        ({**ERA, "occurrences": {"above": 1}}, [3]),
        ({"table": "drug_era", "concepts": [TARGET, COMPARATOR]}, [1, 2, 3]),
        ({"table": "drug_era"}, [1, 2, 3]),
    ],
)
def test_what_an_event_may_be_asked(tmp_path, event, numbers):
    last = era(3, TARGET, "2001-03-01") | {"drug_exposure_count": 2}
    tables = {
        "drug_era": [era(1, TARGET, "2001-01-01", "2001-01-31"), era(2, TARGET, "2001-02-01"), last],
        "person": [person(1, "1960-01-01"), person(2, "1951-12-31"), person(3, "1970-01-01", 8532)],
    }
    assert sorted({row[0] for row in _rows(tmp_path, tables, entry=[event])}) == numbers


LABS = {
    "measurement": [
        measured(1, LAB, "2001-01-01", 7.0),
        measured(2, LAB, "2001-01-01", 3.0),
        measured(3, LAB, "2001-01-01", None, value_as_concept_id=4155142),
    ]
}


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"value": {"at_least": 3.0, "below": 7.0}}, [2]),
        ({"value": {"outside": (3.0, 6.0)}}, [1]),
        ({"ratio_to_high": {"above": 1}}, [1]),
        ({"ratio_to_low": {"at_most": 3}}, [2]),
        ({"range_low": {"at_least": 1.0}}, [1, 2, 3]),
        ({"abnormal": True}, [1, 3]),
        ({"values": [4155142]}, [3]),
        ({"units": [8840]}, [1, 2, 3]),
        ({"units": [1]}, []),
    ],
)
def test_values_of_measurements(tmp_path, asked, numbers):
    entry = [{"table": "measurement", "concepts": LAB, **asked}]
    found = _rows(tmp_path, LABS, entry=entry)
    assert [row[0] for row in found] == numbers
    assert all(row[1:] == ("2001-01-01", "2001-01-02") for row in found)


def test_types_statuses_and_visits(tmp_path):
    more = {"condition_type_concept_id": 32020, "condition_status_concept_id": 7, "visit_occurrence_id": 5}
    visit = {
        "visit_occurrence_id": 5, "person_id": 1, "visit_concept_id": 9201, "visit_start_date": "2001-01-01",
        "visit_end_date": "2001-01-09",
    }  # fmt: skip
    other = more | {
        "condition_type_concept_id": 1,
        "condition_status_concept_id": 1,
        "visit_occurrence_id": 6,
    }
    tables = {
        "condition_occurrence": [
            condition(1, OUTCOME, "2001-01-01", **more),
            condition(2, CHILD, "2001-01-01", **other),
        ],
        "visit_occurrence": [visit],
    }
    asked = ({"types": [32020]}, {"statuses": [7]}, {"visits": [9201]}, {"not_types": [1]})
    for k, each in enumerate(asked):
        entry = [{"table": "condition_occurrence", "concepts": OUTCOME, **each}]
        assert [row[0] for row in _rows(tmp_path / str(k), tables, entry=entry)] == [1]
    entry = [{"table": "visit_occurrence", "concepts": [{"id": 9201}], "length": {"at_least": 8}}]
    tables |= {"concept": [*base(1)["concept"], {"concept_id": 9201, "concept_name": "inpatient"}]}
    assert _rows(tmp_path / "visit", tables, entry=entry) == [(1, "2001-01-01", "2001-01-09")]


def test_ends_that_are_not_recorded(tmp_path):
    tables = {
        "drug_exposure": [exposure(1, TARGET, "2001-01-01", days=10), exposure(2, TARGET, "2001-01-01")],
        "condition_occurrence": [condition(3, CHILD, "2001-01-01")],
    }
    entry = [
        {"table": "drug_exposure", "concepts": TARGET},
        {"table": "condition_occurrence", "concepts": OUTCOME},
    ]
    assert _rows(tmp_path, tables, entry=entry) == [
        (1, "2001-01-01", "2001-01-11"),
        (2, "2001-01-01", "2001-01-02"),
        (3, "2001-01-01", "2001-01-02"),
    ]


BLEEDS = {
    "drug_era": [era(each, TARGET, "2005-01-01", "2005-01-31") for each in (1, 2, 3)],
    "condition_occurrence": [
        condition(1, CHILD, "2004-12-31"),
        condition(2, CHILD, "2005-01-01"),
        condition(2, OUTCOME, "2004-01-02"),
        condition(3, CHILD, "2003-12-31"),
    ],
}
BLEED = {"table": "condition_occurrence", "concepts": OUTCOME}


@pytest.mark.parametrize(
    ("rule", "numbers"),
    [
        ({"window": {"start": -365, "end": -1}}, [1, 2]),
        ({"window": {"start": -366, "end": -1}, "exactly": 0}, [3]),
        ({"window": {"start": -365, "end": -1}, "at_most": 0}, [3]),
        ({"window": {"end": 0}, "at_least": 2}, [2]),
        ({"window": {"end": 0}, "at_most": 1}, [1, 3]),
        ({"at_least": 2, "distinct": "concepts"}, [2]),
        ({"at_least": 2, "distinct": "days"}, [2]),
        ({"window": {"start": 0, "end": 0}}, [2]),
        ({"window": {"start": -30, "end": -30, "index": "end"}}, [2]),
        ({"window": {"start": 0, "end": 0, "event": "end"}}, [1]),
        ({"window": {"end": 0}, "end_window": {"start": 1, "event": "end"}}, [2]),
        ({"at_least": 0}, [1, 2, 3]),
    ],
)
def test_windows_and_counts(tmp_path, rule, numbers):
    inclusion = [{"name": "bleeds", "events": [{**BLEED, **rule}]}]
    assert [row[0] for row in _rows(tmp_path, BLEEDS, inclusion=inclusion)] == numbers


def test_an_event_in_another_period_of_observation_counts_only_if_that_is_said(tmp_path):
    tables = BLEEDS | {
        "observation_period": [observed(1, "2000-01-01", "2004-12-31"), observed(1, "2005-01-01")]
    }
    for said, numbers in ((True, []), (False, [1])):
        inclusion = [
            {"name": "bleeds", "events": [{**BLEED, "window": {"start": -9, "end": -1}, "observed": said}]}
        ]
        assert [row[0] for row in _rows(tmp_path / str(said), tables, inclusion=inclusion)] == numbers


@pytest.mark.parametrize(
    ("group", "numbers"),
    [
        ({"require": "all"}, [2]),
        ({"require": "any"}, [1, 2]),
        ({"at_least": 2}, [2]),
        ({"at_most": 1}, [1, 3]),
        ({"at_most": 0}, [3]),
    ],
)
def test_groups(tmp_path, group, numbers):
    year = {**BLEED, "window": {"start": -365, "end": -1}}
    day = {**BLEED, "window": {"start": 0, "end": 0}}
    rule = {"name": "r", **group, "events": [year], "groups": [{"events": [day]}]}
    assert [row[0] for row in _rows(tmp_path, BLEEDS, inclusion=[rule])] == numbers


def test_what_a_person_must_be(tmp_path):
    tables = BLEEDS | {
        "person": [person(1, "1960-05-05"), person(2, "1970-05-05", 8532), person(3, "1990-05-05")]
    }
    for k, (people, numbers) in enumerate(
        (
            ({"age": {"at_least": 35}}, [1, 2]),
            ({"gender": ["female"]}, [2]),
            ({"race": [8527]}, [1, 2, 3]),
            ({"ethnicity": [5]}, []),
            ({"starts": {"before": date(2005, 1, 1)}}, []),
        )
    ):
        rule = {"name": "r", "people": [people]}
        assert [row[0] for row in _rows(tmp_path / str(k), tables, inclusion=[rule])] == numbers


def test_an_event_may_need_another_one_around_it(tmp_path):
    tables = TWICE | {"condition_occurrence": [condition(1, OUTCOME, "2003-01-02")]}
    entry = [{**ERA, "given": {"events": [{**BLEED, "window": {"start": 0, "end": 5}}]}}]
    assert _rows(tmp_path, tables, entry=entry) == [(1, "2003-01-01", "2003-01-31")]


def test_rules_around_the_event_come_before_its_limit(tmp_path):
    tables = TWICE | {"condition_occurrence": [condition(1, OUTCOME, "2002-01-01")]}
    found = _cohort(
        tmp_path,
        tables,
        given={"events": [{**BLEED, "window": {"end": 0}}]},
        given_limit="first",
        limit="first",
    )
    assert [str(day.date()) for day in found.rows["start"]] == ["2003-01-01"]
    assert [step for step, _ in found.attrition.steps] == [
        "Any entry event", "Observed at the event", "Rules around the event",
    ]  # fmt: skip


def test_attrition_counts_rules_one_by_one(tmp_path):
    inclusion = [
        {
            "name": "no bleed the year before",
            "events": [{**BLEED, "window": {"start": -365, "end": -1}, "at_most": 0}],
        },
        {"name": "never a bleed", "events": [{**BLEED, "at_most": 0}]},
    ]
    found = _cohort(tmp_path, BLEEDS, inclusion=inclusion)
    assert found.attrition.steps == (
        ("Any entry event", 3), ("Observed at the event", 3), ("no bleed the year before", 1), ("never a bleed", 0),
    )  # fmt: skip
    assert list(found.attrition.table()["persons"]) == ["<5", "<5", "<5", "0"]
    assert repr(found) == "Cohort 'c': 0 persons"


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        ({"at": "event start"}, "2001-01-01"),
        ({"at": "event start", "days": 7}, "2001-01-08"),
        ({"at": "event end", "days": -5}, "2001-01-26"),
        ({"at": "event end", "days": 40000}, "2020-12-31"),
        ({"at": "end of observation"}, "2020-12-31"),
    ],
)
def test_exits(tmp_path, rule, end):
    tables = {"drug_era": [era(1, TARGET, "2001-01-01", "2001-01-31")]}
    assert _rows(tmp_path, tables, exit=rule) == [(1, "2001-01-01", end)]


def test_an_exit_before_the_entry_leaves_the_entry_out_and_is_counted(tmp_path):
    tables = {"drug_era": [era(1, TARGET, "2001-01-02", "2001-01-01"), era(2, TARGET, "2001-01-02")]}
    found = _cohort(tmp_path, tables)
    assert list(found.rows["person_id"]) == [2]
    assert found.attrition.steps[-1] == ("Exit on or after entry", 1)


@pytest.mark.parametrize(
    ("more", "end"),
    [
        ({}, "2001-03-12"),
        ({"gap": 29}, "2001-01-10"),
        ({"gap": 29, "surveillance": 1}, "2001-03-13"),
        ({"surveillance": 30}, "2001-05-30"),
        ({"days_supply": 30}, "2001-05-20"),
    ],
)
def test_the_end_of_exposure_bridges_gaps_and_adds_surveillance(tmp_path, more, end):
    # 30 days from the end of the first to the second, 0 to the third, 39 to the last
    tables = {
        "drug_era": [era(1, TARGET, "2001-01-01")],
        "drug_exposure": [
            exposure(1, TARGET, "2001-01-01", "2001-01-10"),
            exposure(1, TARGET, "2001-02-09", "2001-02-20"),
            exposure(1, TARGET, "2001-02-20", days=20),
            exposure(1, TARGET, "2001-04-20", "2001-04-30"),
        ],
    }
    rule = {"at": "end of exposure", "exposure": TARGET, "gap": 30, **more}
    assert _rows(tmp_path, tables, exit=rule) == [(1, "2001-01-01", end)]


def test_an_event_outside_exposure_stays_to_the_end_of_observation(tmp_path):
    tables = {
        "drug_era": [era(1, TARGET, "2001-01-01")],
        "drug_exposure": [exposure(1, TARGET, "2002-01-01", days=9)],
    }
    rule = {"at": "end of exposure", "exposure": TARGET}
    assert _rows(tmp_path, tables, exit=rule) == [(1, "2001-01-01", "2020-12-31")]


def test_censoring_ends_a_stay_on_its_day(tmp_path):
    tables = {
        "drug_era": [era(1, TARGET, "2001-01-01", "2001-06-01"), era(2, TARGET, "2001-01-01", "2001-06-01")],
        "death": [death(1, "2001-03-03"), death(2, "2000-03-03")],
    }
    censoring = [{"table": "death"}]
    assert _rows(tmp_path, tables, censoring=censoring) == [
        (1, "2001-01-01", "2001-03-03"),
        (2, "2001-01-01", "2001-06-01"),
    ]


@pytest.mark.parametrize(("gap", "stays"), [(0, 3), (9, 3), (10, 2), (400, 1)])
def test_stays_that_lie_close_become_one(tmp_path, gap, stays):
    tables = {
        "drug_era": [
            era(1, TARGET, "2001-01-01", "2001-01-31"),
            era(1, TARGET, "2001-01-10", "2001-01-20"),
            era(1, TARGET, "2001-02-10", "2001-02-20"),
            era(1, TARGET, "2001-12-01", "2001-12-02"),
        ]
    }
    found = _rows(tmp_path, tables, collapse_gap=gap)
    assert len(found) == stays
    assert found[0][1] == "2001-01-01"
    assert found[-1][2] == "2001-12-02"


def test_the_period_cuts_stays_and_leaves_out_what_lies_outside(tmp_path):
    found = _rows(tmp_path, TWICE, period_start=date(2001, 1, 15), period_end=date(2002, 1, 1))
    assert found == [(1, "2001-01-15", "2001-01-31")]


def test_named_concept_sets_and_their_hashes(tmp_path):
    sets = {"bleed": ConceptSet(concepts=OUTCOME)}
    found = _cohort(tmp_path, BLEEDS, entry=[{**BLEED, "concepts": "bleed"}], concept_sets=sets)
    other = _cohort(tmp_path / "b", BLEEDS, entry=[{**BLEED, "concepts": [CHILD, OUTCOME]}])
    assert found.concept_hashes["bleed"] == next(iter(other.concept_hashes.values()))
    assert found.rows.equals(other.rows)
    with pytest.raises(StudyError, match="there is no concept set 'blood'"):
        _cohort(tmp_path / "c", BLEEDS, entry=[{**BLEED, "concepts": "blood"}], concept_sets=sets)


def test_sql_in_a_name_is_only_a_name(tmp_path):
    evil = "x'); DROP TABLE person; --"
    found = _cohort(
        tmp_path,
        BLEEDS,
        name=evil,
        entry=[{**BLEED, "concepts": evil}],
        concept_sets={evil: ConceptSet(concepts=OUTCOME)},
        inclusion=[{"name": evil, "people": [{"age": {"above": 1}}]}],
    )
    assert found.persons == 3
    assert found.name == evil


@pytest.mark.parametrize(
    ("definition", "cause"),
    [
        ({"entry": [{"table": "person; DROP TABLE person"}]}, "Input should be 'drug_era'"),
        ({"entry": [{"table": "drug_era", "value": {"above": 1}}]}, "drug_era has no value"),
        ({"entry": [{"table": "observation_period", "concepts": 1}]}, "has no concepts"),
        ({"entry": [{**ERA, "age": {}}]}, "a range without limits"),
        ({"entry": [ERA], "given": {"events": [{**BLEED, "at_least": 1, "at_most": 2}]}}, "two numbers"),
        ({"entry": [ERA], "exit": {"at": "end of exposure"}}, "needs the exposure"),
        ({"entry": [ERA], "exit": {"at": "end of observation", "days": 3}}, "days after the end of observation"),
        ({"entry": [ERA], "observed": False, "prior_observation": 3}, "outside observation"),
        ({"entry": [ERA], "observed": False, "exit": {"at": "end of observation"}}, "outside observation"),
        ({"entry": [ERA], "given": {"events": [{**BLEED, "window": {"start": 3, "end": 1}}]}}, "earlier day"),
        ({"entry": []}, "at least 1"),
        ({"entry": [ERA], "wash": 3}, "Extra inputs"),
    ],
)  # fmt: skip
def test_definitions_that_contradict_themselves(definition, cause):
    with pytest.raises(ValidationError) as caught:
        CohortDefinition(name="c", **definition)
    told = str(caught.value) + str([error.get("ctx") for error in caught.value.errors()])
    assert cause in told


def test_what_the_cdm_lacks_is_told_not_passed_over(tmp_path):
    with pytest.raises(StudyError, match="no table measurement, needed for the cohort 'c'"):
        _cohort(tmp_path / "a", BLEEDS, inclusion=[{"name": "r", "events": [{"table": "measurement"}]}])
    with pytest.raises(StudyError, match="no column condition_status_concept_id"):
        _cohort(tmp_path / "b", BLEEDS, entry=[{**BLEED, "statuses": [1]}])
    with pytest.raises(StudyError, match="matches nothing"):
        _cohort(tmp_path / "c", BLEEDS, entry=[{**BLEED, "concepts": 999}])


@pytest.mark.parametrize(
    ("periods", "cause"),
    [
        ([observed(1, "2000-01-01", "2006-01-01"), observed(1, "2005-06-01", "2007-01-01")], "that overlap"),
        ([observed(1, "2000-01-01", "2010-01-01"), observed(1, "2001-01-01", "2002-01-01"),
          observed(1, "2003-01-01", "2004-01-01")], "that overlap"),
        ([observed(1, "2007-01-01", "2006-01-01")], "that end before they start"),
        ([observed(1, end=None)], "without a start, an end"),
    ],
)  # fmt: skip
def test_periods_that_contradict_each_other_stop_it(tmp_path, periods, cause):
    with pytest.raises(StudyError, match=cause) as caught:
        _cohort(tmp_path, BLEEDS | {"observation_period": periods})
    assert "<5" in str(caught.value)
