"""Draws of twins with the population's parameters drawn too, against the exact answer of a normal population."""

import numpy as np
import pytest
from normal_model import SIGMA2, THETA, measured, normal_population, posterior
from scipy import stats

from understudy.inference.individualise import individualise
from understudy.inference.twins.uncertain_draws import uncertain_draws

VALUES = {"a": [5.5, 6.1], "b": [3.0], "c": [7.2, 7.0, 6.9, 7.1]}


def test_the_posterior_is_that_with_the_parameters_integrated_out():
    error, count, model = 1.5, 8000, normal_population()
    z = stats.norm.ppf((np.arange(24) + 0.5) / 24)
    drawn = [model.with_values(theta=value) for value in THETA + error * z / z.std()]
    table, failures = uncertain_draws(individualise(model, measured(VALUES)), drawn, count, seed=3)
    assert not failures
    assert list(table.index.get_level_values("patient").unique()) == ["a", "b", "c"]
    for name, own in VALUES.items():
        base = (table.loc[name, "theta"] + table.loc[name, "eta"]).to_numpy()
        left = 1 - posterior(own)[1] * len(own) / SIGMA2
        # 8,000 draws: a mean is known to 1.1 % of the spread, a standard deviation to 0.8 %; four of those.
        spread = np.sqrt(posterior(own)[1] + left**2 * error**2)
        assert base.mean() == pytest.approx(THETA + posterior(own)[0], abs=0.045 * spread)
        assert base.std() == pytest.approx(spread, rel=0.035)


def test_one_set_of_parameters_gives_the_twins_own_draws():
    twins = individualise(normal_population(), measured(VALUES))
    table, _ = uncertain_draws(twins, [twins.model], 5, seed=1)
    np.testing.assert_array_equal(table["eta"], twins.draws(5, 1)["eta"])


def test_patients_without_a_twin_under_some_parameters_are_named():
    model = normal_population(
        residual={"y": f"where(theta > 6, log(0 - LIGHT), {SIGMA2})"}, covariates={"LIGHT": "1"}
    )
    records = measured(VALUES, LIGHT=1.0)
    table, failures = uncertain_draws(
        individualise(model, records), [model, model.with_values(theta=7.0)], 4, seed=1
    )
    assert set(failures) == {"a", "b", "c"}
    assert not len(table)
