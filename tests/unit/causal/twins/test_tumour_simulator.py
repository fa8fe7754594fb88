"""The simulator of tumours: its numbers by hand, and what they depend on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from understudy.causal.twins.tumour_counterfactuals import (
    CHOICES,
    crossed_courses,
    later_days,
    next_day,
    random_plans,
    sliding_plans,
)
from understudy.causal.twins.tumour_simulator import (
    CAPACITY,
    LARGEST,
    TumourPatients,
    diameter_of,
    draw_patients,
    simulate_courses,
    volume_of,
)
from understudy.core.errors import SimulationError


@pytest.fixture(scope="module")
def people():
    return draw_patients(range(400), seed=3)


def one(volume=100.0, growth=0.01, effect=0.03, alpha=0.2) -> TumourPatients:
    arrays = (np.array([each]) for each in (volume, growth, effect, alpha))
    return TumourPatients(np.array([0]), np.array([2]), *arrays)


def test_a_day_by_hand():
    # 100 (1 + 0.01 ln(14137.1669 / 100) - 0.03 · 7.5 - (0.2 · 2 + 0.02 · 4) + 0.005)
    found = one().next_volume(np.array([100.0]), 7.5, 2.0, 0.005)
    assert found[0] == pytest.approx(100 * (1 + 0.01 * np.log(141.371669) - 0.225 - 0.48 + 0.005), rel=1e-9)


def test_spheres():
    assert pytest.approx(4 / 3 * np.pi * 6.5**3) == LARGEST
    assert pytest.approx(4 / 3 * np.pi * 15**3) == CAPACITY
    assert diameter_of(volume_of(3.7)) == pytest.approx(3.7)


def test_population_is_the_published_one():
    people = draw_patients(range(20_000), seed=1)
    assert people.growth.min() > 0
    assert people.radiosensitivity.min() > 0
    # Four standard errors of means of 20,000 / 3 patients.
    for kind, effect in ((1, 0.028), (2, 0.028), (3, 0.0308)):
        assert people.drug_effect[people.kind == kind].mean() == pytest.approx(effect, abs=4 * 0.0007 / 80)
    mean, correlation = positive_moments()
    typical = people.kind != 1  # the first type is more sensitive
    # Four standard errors of 13,000 patients.
    assert people.growth.mean() == pytest.approx(mean[0], abs=4 * 0.0043 / 141)
    assert people.radiosensitivity[typical].mean() == pytest.approx(mean[1], abs=4 * 0.106 / 115)
    found = np.corrcoef(people.growth[typical], people.radiosensitivity[typical])[0, 1]
    assert found == pytest.approx(correlation, abs=0.02)
    assert np.bincount(people.kind)[1:] == pytest.approx([6667] * 3, abs=4 * 67)
    assert diameter_of(people.volume).max() <= 13.0
    assert diameter_of(people.volume).min() >= 0.3


def positive_moments():
    """Means and correlation of the published normal pair, given that both are positive, on a grid."""
    x, y = np.meshgrid(np.linspace(0, 0.045, 1501)[1:], np.linspace(0, 1.1, 1501)[1:], indexing="ij")
    a, b = (x - 7e-5) / 7.23e-3, (y - 0.0398) / 0.168
    density = np.exp(-(a * a - 2 * 0.87 * a * b + b * b) / (2 * (1 - 0.87**2)))
    density /= density.sum()
    mean = np.array([(density * x).sum(), (density * y).sum()])
    p, q = x - mean[0], y - mean[1]
    moments = [(density * each).sum() for each in (p * q, p * p, q * q)]
    return mean, moments[0] / np.sqrt(moments[1] * moments[2])


def test_a_patient_does_not_depend_on_others(people):
    alone = simulate_courses(people.take([17]), gamma=2.0, seed=5)
    together = simulate_courses(people, gamma=2.0, seed=5)
    assert np.array_equal(alone.volume[0], together.volume[17], equal_nan=True)
    assert np.array_equal(alone.chemotherapy[0], together.chemotherapy[17])


def test_larger_tumours_are_treated_more_often(people):
    courses = simulate_courses(people, gamma=4.0, seed=5)
    large = diameter_of(courses.volume[:, 0]) > 8
    assert courses.radiotherapy[large, 0].mean() > courses.radiotherapy[~large, 0].mean() + 0.15
    tossed = simulate_courses(people, gamma=0.0, seed=5)
    assert tossed.radiotherapy[tossed.watched].mean() == pytest.approx(0.5, abs=0.02)


def test_courses_end(people):
    courses = simulate_courses(people, gamma=0.0, seed=5)
    last = courses.watched.sum(axis=1)
    ends = courses.volume[np.arange(len(people)), last]
    early = last < 59
    assert early.any()
    # Who is not watched to the end died or recovered.
    assert ((ends[early] == LARGEST) | (ends[early] < 1e-6)).all()
    assert not courses.chemotherapy[~courses.watched].any()


def test_the_drug_is_halved_a_day():
    still = replace(one(), drug_effect=np.array([0.0]), growth=np.array([0.0]), radiosensitivity=np.zeros(1))
    courses = simulate_courses(still, gamma=0.0, days=10, seed=2)
    expected = 0.0
    for day in range(9):
        expected = expected / 2 + 5 * courses.chemotherapy[0, day]
        assert courses.concentration[0, day] == pytest.approx(expected)


def test_the_real_treatment_is_among_the_counterfactual_ones(people):
    courses = simulate_courses(people, gamma=1.0, seed=5)
    found = next_day(courses)
    given = (2 * courses.chemotherapy + courses.radiotherapy)[..., None]
    real = np.take_along_axis(found, given, axis=2)[..., 0]
    assert np.array_equal(real[courses.watched], courses.volume[:, 1:][courses.watched])
    assert CHOICES.tolist() == [[False, False], [False, True], [True, False], [True, True]]


def test_days_ahead_are_days_one_after_another(people):
    courses = simulate_courses(people.take(range(20)), gamma=1.0, seed=5)
    plans = np.zeros((1, 1, 1, 3, 2), bool)
    plans[0, 0, 0, 1] = True
    found = later_days(courses, plans, from_today=True)[4, 7, 0]
    person, volume, drug = people.take([4]), courses.volume[4, 7:8], courses.carried[4, 7]
    for k, given in enumerate((0, 1, 0)):
        drug = (drug if k == 0 else drug / 2) + 5 * given
        volume = person.next_volume(volume, drug, 2.0 * given, courses.noise[4, 8 + k])
        assert found[k] == pytest.approx(volume[0], rel=1e-12)


def test_a_plan_begins_a_day_after_the_real_treatment(people):
    courses = simulate_courses(people.take(range(20)), gamma=1.0, seed=5)
    later = later_days(courses, sliding_plans(courses))
    today = later_days(courses, sliding_plans(courses), from_today=True)
    # What begins a day after day 6, begins on day 7 itself: the drug that is left, and the noise, are the same.
    assert later[:, 6] == pytest.approx(today[:, 7], rel=1e-12, nan_ok=True)


def test_plans():
    courses = simulate_courses(draw_patients(range(30), seed=1), gamma=0.0, days=12)
    sliding = sliding_plans(courses)
    assert sliding.sum(axis=(3, 4)).tolist() == [[[1] * 10]]
    random = random_plans(courses, seed=1)
    assert random.shape == (30, 11, 10, 5, 2)
    # 33,000 tosses, four standard errors.
    assert random.mean() == pytest.approx(0.5, abs=0.011)


def test_a_tumour_that_falls_below_zero_is_left_out():
    patient = one(alpha=0.6)
    courses = simulate_courses(patient, gamma=0.0, days=2, seed=1)
    plans = np.zeros((1, 1, 1, 2, 2), bool)
    plans[..., 0, 1] = True
    assert np.isnan(later_days(courses, plans, from_today=True)).all()


def test_crossed_courses_differ_from_own_ones_by_the_treatment(people):
    few = people.take(range(60))
    own, crossed = simulate_courses(few, 4.0, seed=5), crossed_courses(few, 4.0, "next_day", seed=5)
    large = diameter_of(few.volume) > 8
    assert np.array_equal(own.noise, crossed.noise)
    assert crossed.radiotherapy[large, 0].mean() < own.radiotherapy[large, 0].mean()


@pytest.mark.parametrize("kind", ["next_day", "later_days"])
def test_crossed_courses_by_the_table_row_by_row(people, kind):
    few = people.take(range(30))
    found = crossed_courses(few, 3.0, kind, days=15, seed=5)
    # The row that decides on patient 1 is the first patient's second: his first day, under another choice.
    first = simulate_courses(few.take([0]), 3.0, days=15, seed=5, deciding=_row(few, kind))
    assert np.array_equal(first.chemotherapy[0], found.chemotherapy[0])


def _row(few, kind):
    """The first patient's first row: he is treated by the volumes of the days that are in it."""
    row = np.zeros((1, 15))
    first = simulate_courses(few.take([0]), 3.0, days=15, seed=5, deciding=row)
    row[0, 1] = first.volume[0, 1]
    if kind == "later_days":
        row[0, 2:7] = later_days(first, sliding_plans(first))[0, 0, 0]
    return row


@pytest.mark.parametrize(("gamma", "days"), [(np.nan, 60), (1.0, 1)])
def test_bad_settings(people, gamma, days):
    with pytest.raises(SimulationError):
        simulate_courses(people, gamma, days)
