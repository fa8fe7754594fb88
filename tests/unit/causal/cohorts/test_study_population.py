"""study_population: each setting by hand, and all of them against a plain loop over persons written apart."""

from datetime import date, timedelta
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from small_cdm import base, observed, write_cdm

from understudy.causal import Cohort
from understudy.causal.cdm import open_cdm
from understudy.causal.cohorts import PopulationSettings, comparison, population, study_population
from understudy.core.errors import StudyError

PLAIN = {
    "both_cohorts": "keep all", "first_exposure_only": False, "washout": 0, "common_period": False,
    "no_prior_outcome": False,
}  # fmt: skip


def cohort(name, *rows):
    frame = pd.DataFrame(
        [(number, pd.Timestamp(start), pd.Timestamp(end)) for number, start, end in rows],
        columns=["person_id", "start", "end"],
    )
    return Cohort(
        name, frame.astype({"person_id": "int64", "start": "datetime64[us]", "end": "datetime64[us]"})
    )


def days(start, length=30, number=1):
    first = date.fromisoformat(start)
    return number, first, first + timedelta(days=length)


@pytest.fixture
def cdm(tmp_path):
    with open_cdm(write_cdm(tmp_path, base(1, 2, 3, 4, 5))) as found:
        yield found


def _population(cdm, target, comparator, outcome=(), **settings):
    return study_population(
        cdm,
        cohort("T", *target),
        cohort("C", *comparator),
        cohort("O", *outcome),
        PopulationSettings(**(PLAIN | settings)),
    )


def _rows(found, *columns):
    return [tuple(row) for row in found.rows[list(columns)].itertuples(index=False)]


ONE_EACH = ([days("2005-01-01", 30, 1)], [days("2005-02-01", 30, 2)])


def test_both_ends_of_the_time_at_risk_count(cdm):
    outcome = [days("2005-01-31", 0, 1), days("2005-02-01", 0, 1), days("2005-02-01", 0, 2)]
    found = _population(cdm, *ONE_EACH, outcome)
    assert _rows(found, "person_id", "treatment", "days_at_risk", "events", "days_to_event", "time") == [
        (1, 1, 31, 1, 30.0, 31),
        (2, 0, 31, 1, 0.0, 1),
    ]
    assert list(found.event) == [True, True]
    assert list(found.treatment) == [1, 0]


def test_every_day_with_an_outcome_counts_once_and_the_first_ends_the_time(cdm):
    outcome = [days("2005-01-05", 0, 1), days("2005-01-05", 3, 1), days("2005-01-20", 0, 1)]
    found = _population(cdm, *ONE_EACH, outcome)
    assert _rows(found, "events", "time")[0] == (2, 5)


@pytest.mark.parametrize(
    ("settings", "first", "last"),
    [
        ({}, "2005-01-01", "2005-01-31"),
        ({"risk_start": 1, "risk_end": 10}, "2005-01-02", "2005-02-10"),
        ({"risk_end": 364, "risk_end_anchor": "cohort start"}, "2005-01-01", "2005-12-31"),
        ({"risk_start": 1, "risk_start_anchor": "cohort end", "risk_end": 90}, "2005-02-01", "2005-05-01"),
        ({"risk_end": 99999}, "2005-01-01", "2020-12-31"),
        ({"max_days_at_risk": 7}, "2005-01-01", "2005-01-07"),
        ({"risk_end": 99999, "study_end": date(2006, 6, 30)}, "2005-01-01", "2006-06-30"),
    ],
)
def test_the_time_at_risk_and_its_anchors(cdm, settings, first, last):
    found = _population(cdm, *ONE_EACH, **settings).rows.iloc[0]
    assert (str(found["risk_start"].date()), str(found["risk_end"].date())) == (first, last)
    assert found["days_at_risk"] == (date.fromisoformat(last) - date.fromisoformat(first)).days + 1


def test_a_stay_that_ends_before_it_starts_is_at_risk_for_what_its_anchors_leave(cdm):
    odd = [days("2005-01-10", -5, 1)]
    with pytest.raises(
        StudyError, match="target cohort 'T' has nobody left after: At risk for at least 1 day"
    ):
        _population(cdm, odd, ONE_EACH[1])
    found = _population(cdm, odd, ONE_EACH[1], risk_end=30)
    assert found.rows["days_at_risk"].iloc[0] == 26


@pytest.mark.parametrize(
    ("lookback", "start", "kept"),
    [
        (99999, "2000-01-01", False),  # the first day of observation
        (99999, "1999-12-31", True),  # before it: not seen
        (30, "2004-12-03", False),
        (30, "2004-12-02", True),  # day -30 is not within the 30 days
        (0, "2004-12-31", True),
        (30, "2005-01-01", True),  # at risk already: an event
    ],
)
def test_prior_outcomes(cdm, lookback, start, kept):
    settings = {"no_prior_outcome": True, "prior_outcome_lookback": lookback}
    both = ([*ONE_EACH[0], days("2005-01-01", 30, 3)], ONE_EACH[1])
    found = _population(cdm, *both, [days(start, 0, 1)], **settings)
    assert (1 in set(found.rows["person_id"])) == kept


def test_an_outcome_between_entry_and_a_later_risk_is_prior(cdm):
    both = ([*ONE_EACH[0], days("2005-01-01", 30, 3)], ONE_EACH[1])
    found = _population(cdm, *both, [days("2005-01-04", 0, 1)], no_prior_outcome=True, risk_start=5)
    assert list(found.rows["person_id"]) == [2, 3]


BOTH = (
    [
        days("2005-01-01", 30, 1),
        days("2005-01-01", 30, 2),
        days("2005-03-01", 30, 3),
        days("2005-01-01", 0, 4),
    ],
    [
        days("2005-01-01", 30, 1),
        days("2005-01-15", 30, 2),
        days("2005-02-01", 60, 3),
        days("2005-01-01", 0, 5),
    ],
)


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        (
            "keep all",
            [(1, 0, 31), (1, 1, 31), (2, 1, 31), (2, 0, 31), (3, 0, 61), (3, 1, 31), (4, 1, 1), (5, 0, 1)],
        ),
        ("remove all", [(4, 1, 1), (5, 0, 1)]),
        ("keep first", [(2, 1, 31), (3, 0, 61), (4, 1, 1), (5, 0, 1)]),
        ("keep first, truncate to second", [(2, 1, 14), (3, 0, 28), (4, 1, 1), (5, 0, 1)]),
    ],
)
def test_persons_in_both_cohorts(cdm, choice, kept):
    found = _population(cdm, *BOTH, both_cohorts=choice)
    assert _rows(found, "person_id", "treatment", "days_at_risk") == kept


def test_keeping_the_first_drops_later_entries_of_the_same_cohort_too(cdm):
    target = [days("2005-01-01", 10, 1), days("2006-01-01", 10, 1)]
    found = _population(cdm, target, ONE_EACH[1], both_cohorts="keep first")
    assert _rows(found, "person_id", "treatment") == [(1, 1), (2, 0)]
    assert len(_population(cdm, target, ONE_EACH[1]).rows) == 3


@pytest.mark.parametrize(
    ("periods", "washout", "kept"),
    [
        ([observed(1, "2004-01-02")], 365, True),
        ([observed(1, "2004-01-03")], 365, False),
        ([observed(1, "2000-01-01", "2004-12-31")], 0, False),
        ([observed(1, "2000-01-01", "2003-01-01"), observed(1, "2004-12-31")], 365, False),
        ([observed(1, "2000-01-01", "2003-01-01"), observed(1, "2004-12-31")], 1, True),
        ([observed(1, "2005-01-01", "2005-01-01")], 0, True),
    ],
)
def test_washout_and_nested_periods(tmp_path, periods, washout, kept):
    tables = base(1, 2, 3) | {"observation_period": [*periods, observed(2), observed(3)]}
    with open_cdm(write_cdm(tmp_path, tables)) as cdm:
        target = [*ONE_EACH[0], days("2005-01-01", 30, 3)]
        found = _population(cdm, target, ONE_EACH[1], washout=washout)
    assert (1 in set(found.rows["person_id"])) == kept


def test_the_common_period_is_that_of_the_raw_cohorts(tmp_path):
    # the comparator's first entry is unobserved: it still begins the common period
    tables = base(1, 2, 3, 4) | {
        "observation_period": [observed(1), observed(2), observed(3), observed(4, "2019-01-01")]
    }
    target = [days("2001-06-01", 9, 1), days("2004-01-01", 9, 2)]
    comparator = [days("2001-01-01", 9, 4), days("2005-01-01", 9, 3)]
    with open_cdm(write_cdm(tmp_path, tables)) as cdm:
        found = _population(cdm, target, [*comparator, days("2003-01-01", 9, 1)], common_period=True)
    assert _rows(found, "person_id", "treatment") == [(1, 1), (1, 0), (2, 1)]


def test_the_studys_period(cdm):
    target = [days("2001-01-01", 9, 1), days("2005-01-01", 9, 3)]
    found = _population(cdm, target, ONE_EACH[1], study_start=date(2005, 1, 1), study_end=date(2005, 2, 1))
    assert _rows(found, "person_id", "days_at_risk") == [(2, 1), (3, 10)]
    steps = [step.rule for step in found.attrition.steps]
    assert steps[-2:] == ["Entered in the study's period", "At risk for at least 1 day"]


def test_time_at_risk_is_censored_where_the_next_begins(cdm):
    target = [days("2005-01-01", 30, 1), days("2005-01-20", 5, 1), days("2005-01-20", 90, 1)]
    found = _population(cdm, target, ONE_EACH[1], censor_at_new_risk=True)
    assert _rows(found, "person_id", "days_at_risk") == [(1, 19), (1, 91), (2, 31)]


def test_steps_are_told_in_their_order_and_masked(cdm):
    everything = PopulationSettings(washout=183, censor_at_new_risk=True, both_cohorts="remove all")
    found = study_population(
        cdm,
        cohort("T", *ONE_EACH[0], days("2005-02-01", 1, 3)),
        cohort("C", *ONE_EACH[1]),
        cohort("O"),
        everything,
    )
    assert [step.rule for step in found.attrition.steps] == [
        "Entered a cohort",
        "In one of the cohorts only",
        "First entry of each person",
        "Observed for 183 days before entry",
        "Entered in the period common to both cohorts",
        "No outcome before the time at risk",
        "Censored where a new time at risk begins",
        "At risk for at least 1 day",
    ]
    assert set(found.attrition.table()["target"]) == {"<5"}
    assert repr(found.attrition).startswith("Entered a cohort: <5 and <5\n")
    assert repr(found) == "StudyPopulation: <5 and <5 persons, 0 with the outcome"
    assert list(found.table()["events"]) == ["0", "0"]
    assert list(found.follow_up()["minimum"]) == [2, 31]


@pytest.mark.parametrize(
    ("target", "comparator", "side"), [((), ONE_EACH[1], "target"), (ONE_EACH[0], (), "comparator")]
)
def test_a_side_with_nobody_is_an_error(cdm, target, comparator, side):
    with pytest.raises(StudyError, match=f"the {side} cohort '{side[0].upper()}' has nobody"):
        _population(cdm, target, comparator)
    with pytest.raises(StudyError, match="has nobody"):
        _population(cdm, (), ())


def test_a_side_that_loses_everybody_is_told_with_the_step_and_masked_counts(cdm):
    with pytest.raises(StudyError, match="comparator cohort 'C' has nobody left after: Observed") as caught:
        _population(cdm, ONE_EACH[0], [days("1999-01-01", 9, 2)])
    assert "<5" in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"risk_end": -1, "risk_end_anchor": "cohort start"},
        {"washout": -1},
        {"min_days_at_risk": 0},
        {"min_days_at_risk": 9, "max_days_at_risk": 8},
        {"study_start": date(2005, 1, 1), "study_end": date(2004, 1, 1)},
        {"both_cohorts": "drop"},
        {"unknown": 1},
    ],
)
def test_settings_that_contradict_themselves(settings):
    with pytest.raises(ValidationError):
        PopulationSettings(**settings)


def test_many_outcomes_share_one_comparison(cdm):
    settings = PopulationSettings(**PLAIN)
    compared = comparison(cdm, cohort("T", *ONE_EACH[0]), cohort("C", *ONE_EACH[1]), settings)
    for outcome in (cohort("O"), cohort("P", days("2005-01-05", 0, 1))):
        found = population(compared, outcome, settings)
        one = _population(cdm, *ONE_EACH, [tuple(row) for row in outcome.rows.itertuples(index=False)])
        assert found.rows.equals(one.rows)
    assert repr(compared) == "Comparison of 'T' and 'C': <5 and <5 persons"


# ---- a plain loop over persons, from CohortMethod's documentation, to compare with


def _by_hand(periods, target, comparator, outcome, s):
    raw = sorted([(p, a, 1 - t, b, t) for rows, t in ((target, 1), (comparator, 0)) for p, a, b in rows])
    raw = [(p, a, b, t) for p, a, _, b, t in raw]
    low = max(min(a for _, a, _, t in raw if t == side) for side in (0, 1))
    high = min(max(a for _, a, _, t in raw if t == side) for side in (0, 1))
    found = []
    for number in sorted({row[0] for row in raw}):
        mine = sorted([row for row in raw if row[0] == number], key=lambda row: (row[1], row[3]))
        sides = {row[3] for row in mine}
        if s.both_cohorts == "remove all" and len(sides) == 2:
            continue
        if s.both_cohorts.startswith("keep first"):
            first = mine[0]
            if any(row[1] == first[1] and row[3] != first[3] for row in mine):
                continue
            later = [row[1] for row in mine if row[3] != first[3]]
            end = first[2]
            if "truncate" in s.both_cohorts and later and min(later) < end:
                end = min(later) - timedelta(days=1)
            mine = [(number, first[1], end, first[3])]
        if s.first_exposure_only:
            mine = [next(row for row in mine if row[3] == side) for side in sorted({row[3] for row in mine})]
        entries = []
        for _, a, b, t in mine:
            period = [(x, y) for p, x, y in periods if p == number and x <= a <= y]
            if (
                not period
                or (a - period[0][0]).days < s.washout
                or (s.common_period and not low <= a <= high)
            ):
                continue
            start, stop = period[0]
            seen = sorted({d for p, d, _ in outcome if p == number and start <= d <= stop})
            anchors = {"cohort start": a, "cohort end": b}
            risk = anchors[s.risk_start_anchor] + timedelta(days=s.risk_start)
            until = anchors[s.risk_end_anchor] + timedelta(days=s.risk_end)
            if s.no_prior_outcome and any(
                -s.prior_outcome_lookback < (d - a).days and d < risk for d in seen
            ):
                continue
            until = min(until, stop, risk + timedelta(days=s.max_days_at_risk - 1))
            entries.append([a, t, risk, until, seen])
        if s.censor_at_new_risk:
            entries.sort(key=lambda row: (row[2], row[1]))
            for row, following in pairwise(entries):
                row[3] = min(row[3], following[2] - timedelta(days=1))
        for a, t, risk, until, seen in sorted(entries, key=lambda row: (row[0], row[1])):
            length = (until - risk).days + 1
            if length < s.min_days_at_risk:
                continue
            hits = [d for d in seen if risk <= d <= until]
            time = (hits[0] - risk).days + 1 if hits else length
            found.append((number, t, a, length, len(hits), time))
    return found


def _random_rows(rng, persons, most, span, length):
    return [
        (
            number,
            date(2000, 1, 1) + timedelta(days=int(start)),
            date(2000, 1, 1) + timedelta(days=int(start + stay)),
        )
        for number in range(1, persons + 1)
        for start, stay in zip(
            rng.integers(-60, span, size=rng.integers(0, most + 1)),
            rng.integers(-3, length, size=most),
            strict=False,
        )
    ]


def _random_periods(rng, persons):
    rows = []
    for number in range(1, persons + 1):
        cuts = np.sort(rng.choice(np.arange(-50, 400), size=4, replace=False))
        rows += [(number, cuts[0], cuts[1]), (number, cuts[2], cuts[3])][: rng.integers(1, 3)]
    first = date(2000, 1, 1)
    return [(n, first + timedelta(days=int(a)), first + timedelta(days=int(b))) for n, a, b in rows]


SETTINGS = [
    PopulationSettings(
        both_cohorts=both, first_exposure_only=first, washout=washout, common_period=common, no_prior_outcome=prior,
        prior_outcome_lookback=lookback, risk_start=start, risk_start_anchor=anchor, risk_end=40,
        censor_at_new_risk=censor, min_days_at_risk=shortest, max_days_at_risk=longest,
    )
    for k, (both, first, (washout, common), (prior, lookback), (start, anchor), censor, (shortest, longest))
    in enumerate(
        product(
            ("keep all", "keep first", "keep first, truncate to second", "remove all"), (True, False),
            ((0, False), (20, True)), ((True, 99999), (True, 30), (False, 1)),
            ((0, "cohort start"), (3, "cohort end")), (True, False), ((1, 99999), (5, 25)),
        )
    )
    if k % 11 == 0
]  # fmt: skip


def test_all_settings_agree_with_a_plain_loop_over_persons(tmp_path):
    rng = np.random.default_rng(20)
    persons = 100
    periods = _random_periods(rng, persons)
    target, comparator = (_random_rows(rng, persons, 2, 350, 60) for _ in range(2))
    outcome = _random_rows(rng, persons, 12, 400, 1)
    tables = base(*range(1, persons + 1)) | {
        "observation_period": [observed(n, str(a), str(b)) for n, a, b in periods]
    }
    cohorts = cohort("T", *target), cohort("C", *comparator), cohort("O", *outcome)
    events = 0
    with open_cdm(write_cdm(tmp_path, tables)) as cdm:
        for settings in SETTINGS:
            found = study_population(cdm, *cohorts, settings).rows
            rows = [
                (p, t, a.date(), length, hits, time)
                for p, t, a, length, hits, time in found[
                    ["person_id", "treatment", "start", "days_at_risk", "events", "time"]
                ].itertuples(index=False)
            ]
            expected = _by_hand(periods, target, comparator, outcome, settings)
            assert rows == expected, settings
            events += sum(row[4] for row in rows)
    assert len(SETTINGS) > 30
    assert events > 100  # or nothing would have been tested
