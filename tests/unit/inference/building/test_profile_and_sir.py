"""Likelihood profiles and sampling importance resampling, against what is known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from small_study import lines, study

from understudy import fit
from understudy.core.errors import SimulationError
from understudy.inference.building.likelihood_profile import held, profile
from understudy.inference.building.objective_values import open_objective
from understudy.inference.building.sir import sir
from understudy.inference.estimation.fo import FO
from understudy.model.population_model import RandomEffects


@pytest.fixture(scope="module")
def records():
    return study(20)


@pytest.fixture(scope="module")
def found(records):
    return fit(lines(), records, "fo", covariance="R")


def test_ends_are_where_the_objective_has_risen_by_3_84(found, records):
    made = profile(found, records, "theta_base", method="fo")
    for end in made.interval:
        at = fit(held(found.model, "theta_base", end), records, "fo", covariance=None)
        # What the search stops at.
        assert at.objective - found.objective == pytest.approx(3.841, abs=0.02)
    assert made.low < found.estimates["theta_base"] < made.high


def test_a_parabola_gives_the_standard_errors_interval(found, records):
    # The slope of straight lines: its profile is a parabola but for the variances' own uncertainty, some 1/60.
    made = profile(found, records, "theta_slope", method="fo")
    assert made.interval == pytest.approx(found.interval("theta_slope"), rel=0.02)


def test_a_variance_is_profiled_and_skewed(found, records):
    made = profile(found, records, "omega(eta_base)", method="fo")
    estimate = found.estimates["omega(eta_base)"]
    assert made.low > 0
    assert made.high - estimate > estimate - made.low
    assert made.table()["value"].is_monotonic_increasing


def test_a_side_on_which_the_objective_does_not_rise_enough_ends_at_the_bound(found, records):
    # Of the estimate 5.15 with a standard error of 0.27 the bound is one error away: a rise of about one.
    bounded = tuple(replace(p, lower=4.9) if p.name == "theta_base" else p for p in found.model.fixed)
    near = replace(found, model=replace(found.model, fixed=bounded))
    made = profile(near, records, "theta_base", method="fo")
    assert made.low == 4.9
    assert made.high == pytest.approx(profile(found, records, "theta_base", method="fo").high, rel=1e-3)


def test_one_of_a_block_cannot_be_held():
    two = replace(
        lines(),
        individual=(
            *lines().individual[:1],
            replace(lines().individual[1], expression="theta_slope + eta_slope"),
        ),
        random=(RandomEffects(("eta_base", "eta_slope"), ((1.0, 0.1), (0.1, 0.2))),),
    )
    with pytest.raises(SimulationError, match="block of several"):
        held(two, "omega(eta_base)", 2.0)


def test_what_was_not_estimated_is_refused(found, records):
    with pytest.raises(SimulationError, match="ka was not estimated"):
        profile(found, records, "ka", method="fo")


def test_the_objective_is_that_of_the_fit(found, records):
    with open_objective(found.model, records, FO(), 1) as objective:
        start = objective.task.space.start
        moved = start + np.array([0.1, 0.0, 0.0, 0.0])
        values = objective.at(np.array([start, moved, np.full(4, np.nan)]))
    assert values[0] == pytest.approx(found.objective, abs=1e-8)
    assert values[1] > values[0]
    assert values[2] == np.inf


def test_resamples_follow_the_likelihood(found, records):
    made = sir(found, records, samples=[150, 200], resamples=[60, 100], method="fo")
    table = made.diagnostics()
    # Four parameters: the mean rise is near 4, its own error 0.3; flat priors of variances add a little.
    assert 2.8 < table["resampled"].iloc[-1] < 5.5
    low, high = made.interval("theta_slope")
    error = found.standard_errors["theta_slope"]
    # An end of 100 draws has an error of some 0.27 of the standard error.
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1.0, abs=0.4)
    assert len(made.estimates()) == 100
    assert len(made.estimates().drop_duplicates()) == 100


def test_a_covariance_that_is_too_wide_is_put_right(found, records):
    wide = replace(found, covariance=4.0 * found.covariance)
    made = sir(wide, records, samples=[150] * 3, resamples=[40] * 3, method="fo")
    table = made.diagnostics()
    # Proposals of four times the variance lie four times as high; after two iterations they are the likelihood's.
    assert table["proposed"].iloc[0] > 10.0
    assert table["proposed"].iloc[-1] < 7.0
    assert table["resampled"].iloc[-1] < 6.0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"samples": [10], "resamples": [8]}, "8 resamples of 10"),
        ({"samples": [50, 50], "resamples": [20]}, "must be as many"),
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(found, records, settings, told):
    with pytest.raises(SimulationError, match=told):
        sir(found, records, method="fo", **settings)


def test_without_a_covariance_there_is_nothing_to_begin_from(found, records):
    with pytest.raises(SimulationError, match="no covariance"):
        sir(replace(found, covariance=None), records, method="fo")
