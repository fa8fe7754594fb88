"""Twins of tumours: the same as the engine makes, and right where they can be known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from growth_model import growth_model, growth_records

from understudy import individualise
from understudy.causal.twins.tumour_correction import learn_correction, real_plans
from understudy.causal.twins.tumour_counterfactuals import later_days, next_day, sliding_plans
from understudy.causal.twins.tumour_forecast import forecast_tumours
from understudy.causal.twins.tumour_simulator import draw_patients, simulate_courses
from understudy.causal.twins.tumour_twin import (
    Mechanism,
    TumourTwins,
    learn_population,
    make_twins,
    prior_twins,
)
from understudy.core.errors import SimulationError

DAY = 15


@pytest.fixture(scope="module")
def population():
    return learn_population(simulate_courses(draw_patients(range(600), 1), 1.0, seed=1))


@pytest.fixture(scope="module")
def courses():
    return simulate_courses(draw_patients(range(1000, 1040), 1), 1.0, days=20, seed=1)


def test_twins_are_those_of_the_engine(population, courses):
    few = simulate_courses(courses.patients.take(range(6)), 1.0, days=20, seed=1)
    own = make_twins(population, few)
    engine = individualise(growth_model(population), growth_records(few, population, DAY))
    effects = own.mean[:, DAY] - population.mean[few.patients.kind - 1]
    # The posterior is normal: the search for its mode and the curvature there have no error but rounding.
    assert effects == pytest.approx(engine.modes, rel=1e-6, abs=1e-9)
    assert own.covariance[:, DAY] == pytest.approx(engine.covariances, rel=1e-6)


def test_the_population_learnt_is_that_of_highest_likelihood():
    train = simulate_courses(draw_patients(range(40), 1), 1.0, days=12, seed=1)
    best = learn_population(train)

    def misfit(population):
        twins = individualise(growth_model(population), growth_records(train, population, 11))
        return twins.marginal.sum()

    top = misfit(best)
    spread = np.sqrt(np.diag(best.covariance))
    for other in (
        replace(best, noise=1.05 * best.noise),
        replace(best, noise=0.95 * best.noise),
        replace(best, covariance=1.2 * best.covariance),
        replace(best, covariance=0.8 * best.covariance),
        replace(best, mean=best.mean + 0.2 * spread),
        replace(best, mean=best.mean - 0.2 * spread),
    ):
        assert misfit(other) > top + 0.05


def test_a_twin_begins_as_the_typical_patient(population, courses):
    own, prior = make_twins(population, courses), prior_twins(population, courses)
    assert own.mean[:, 0] == pytest.approx(prior.mean[:, 0])
    assert own.covariance[:, 0] == pytest.approx(prior.covariance[:, 0])


def test_a_twin_does_not_see_ahead(population, courses):
    changed = replace(courses, volume=courses.volume.copy(), radiotherapy=courses.radiotherapy.copy())
    changed.volume[:, 11:] *= 0.5
    changed.radiotherapy[:, 10:] ^= True
    before, after = make_twins(population, courses), make_twins(population, changed)
    assert np.array_equal(before.mean[:, :11], after.mean[:, :11])
    assert not np.array_equal(before.mean[:, 12], after.mean[:, 12])


def test_a_twin_that_knows_all_forecasts_what_happens(population, courses):
    people = courses.patients
    rates = np.stack([people.growth, people.drug_effect, people.radiosensitivity], axis=-1)
    shape = courses.watched.shape
    certain = TumourTwins(
        replace(population, noise=1e-12),
        np.broadcast_to(rates[:, None], (*shape, 3)),
        np.broadcast_to(1e-24 * np.eye(3), (*shape, 3, 3)),
    )
    quiet = replace(courses, noise=np.zeros_like(courses.noise))
    mean, spread = certain.next_day(courses)
    real = (2 * courses.chemotherapy + courses.radiotherapy)[..., None] == np.arange(4)
    expected = next_day(quiet)
    others = np.isfinite(expected) & ~real  # the real treatment's volume is cut off at both limits
    assert mean[others] == pytest.approx(expected[others], rel=1e-9, abs=1e-12)
    assert spread[others].max() < 1e-6
    plans = sliding_plans(courses)
    # Tomorrow's volume has the real noise, so the comparison begins on a course without any.
    undisturbed = simulate_courses(people, 1.0, days=20, seed=1)
    undisturbed = replace(undisturbed, noise=np.zeros_like(courses.noise))
    tomorrow = np.take_along_axis(expected, real.argmax(-1)[..., None], axis=2)[..., 0]
    smooth = replace(undisturbed, volume=np.concatenate([courses.volume[:, :1], tomorrow], axis=1))
    truth = later_days(smooth, plans)
    found = forecast_tumours(certain, courses, plans, draws=3)
    known = np.isfinite(truth) & (truth > 0)
    assert found.mean[known] == pytest.approx(truth[known], rel=1e-6, abs=1e-9)


def test_intervals_hold_the_truth(population):
    people = simulate_courses(draw_patients(range(2000, 2150), 1), 1.0, seed=1)
    twins = make_twins(population, people)
    plans = sliding_plans(people)
    truth = later_days(people, plans)
    found = forecast_tumours(twins, people, plans, truth, draws=39)
    covered = found.covered()[np.isfinite(truth)].mean()
    # 150 patients, whose days are far from independent: some two standard errors either way.
    assert 0.92 < covered < 0.98
    wrong = make_twins(
        learn_population(
            simulate_courses(draw_patients(range(600), 1), 1.0, seed=1), Mechanism("exponential", 3.0)
        ),
        people,
    )
    assert forecast_tumours(wrong, people, plans, truth, draws=39).covered()[np.isfinite(truth)].mean() < 0.85


def test_draws_do_not_depend_on_other_patients(population, courses):
    plans = sliding_plans(courses)
    all_of_them = forecast_tumours(make_twins(population, courses), courses, plans, draws=9)
    alone = simulate_courses(courses.patients.take([5]), 1.0, days=20, seed=1)
    one = forecast_tumours(make_twins(population, alone), alone, plans, draws=9)
    assert np.array_equal(one.mean[0], all_of_them.mean[5], equal_nan=True)


def test_a_missing_type_is_told():
    people = draw_patients(range(50), 1)
    same = people.take(np.flatnonzero(people.kind == 2))
    with pytest.raises(SimulationError, match="type of patient is missing"):
        learn_population(simulate_courses(same, 0.0))


def test_a_correction_mends_a_wrong_mechanism():
    train = simulate_courses(draw_patients(range(150), 1), 0.0, seed=1)
    validation = simulate_courses(draw_patients(range(5000, 5060), 1), 0.0, seed=1)
    test = simulate_courses(draw_patients(range(9000, 9100), 1), 0.0, seed=1)
    wrong = learn_population(train, Mechanism("exponential", 3.0))
    correction = learn_correction(
        (make_twins(wrong, train), train), (make_twins(wrong, validation), validation), ahead=(6,)
    )
    twins, plans = make_twins(wrong, test), sliding_plans(test)
    truth = later_days(test, plans)[..., -1]
    forecast = forecast_tumours(twins, test, plans, draws=19).mean[..., -1]
    now = np.broadcast_to(real_plans(test, 1), (*truth.shape, 1, 2))
    whole = np.concatenate([now, np.broadcast_to(plans, (*truth.shape, 5, 2))], axis=3)
    mended = correction.corrected(twins, test, forecast, whole)
    # Six days ahead, on patients that nothing was learnt from: 1.0 against 1.9 per cent with many more of them.
    assert np.nanmean((mended - truth) ** 2) < 0.7 * np.nanmean((forecast - truth) ** 2)
