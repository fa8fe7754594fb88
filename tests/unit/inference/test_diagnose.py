"""Measurements beside predictions, and the curves through them."""

import numpy as np
import pytest
from normal_model import SIGMA2, THETA, measured, normal_population, posterior
from scipy import stats

from understudy.inference.diagnose import central, diagnose, tails
from understudy.inference.individualise import individualise
from understudy.model.population_model import Residual

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0, 3.5]}


@pytest.fixture(scope="module")
def found():
    return diagnose(individualise(normal_population(), measured(VALUES)), draws=4000, points=5)


def test_one_row_a_measurement(found):
    table = found.observations
    assert table["id"].tolist() == list("aaabb")
    assert table["row"].tolist() == [2, 3, 4, 5, 6]
    assert table["observed"].tolist() == [5.5, 6.1, 4.9, 3.0, 3.5]
    np.testing.assert_array_equal(table["population"], THETA)


def test_individual_predictions_and_weighted_residuals(found):
    table = found.observations
    individual = np.repeat([THETA + posterior(own)[0] for own in VALUES.values()], [3, 2])
    np.testing.assert_allclose(table["individual"], individual, rtol=1e-7)
    wanted = (table["observed"] - individual) / np.sqrt(SIGMA2)
    np.testing.assert_allclose(table["iwres"], wanted, rtol=1e-6, atol=1e-7)


def test_intervals_are_those_of_a_repeated_measurement(found):
    table, z = found.observations, stats.norm.ppf(0.95)
    for name, own in VALUES.items():
        spread = np.sqrt(posterior(own)[1] + SIGMA2)
        width = (table["upper"] - table["lower"])[table["id"] == name]
        np.testing.assert_allclose(width, 2 * z * spread, rtol=0.1)


def test_curves_are_of_the_true_value(found):
    curves, z = found.curves, stats.norm.ppf(0.95)
    assert curves.groupby("id", sort=False).size().tolist() == [5, 5]
    first = curves[curves["id"] == "a"]
    assert first["time"].tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]
    mean, variance = posterior(VALUES["a"])
    np.testing.assert_allclose(first["median"], THETA + mean, atol=0.05 * np.sqrt(variance))
    np.testing.assert_allclose(first["upper"] - first["lower"], 2 * z * np.sqrt(variance), rtol=0.1)
    np.testing.assert_array_equal(first["population"], THETA)


def test_values_come_back_from_the_scale_of_logarithms():
    model = normal_population(residual=(Residual("y", "0.04", scale="log"),))
    table = diagnose(individualise(model, measured(VALUES)), draws=50).observations
    np.testing.assert_allclose(table["population"], THETA)
    wanted = (np.log(table["observed"]) - np.log(table["individual"])) / 0.2
    np.testing.assert_allclose(table["iwres"], wanted, rtol=1e-9)


def test_bounds_of_an_interval():
    np.testing.assert_allclose(tails(0.5), (0.25, 0.75))
    np.testing.assert_allclose(central(np.arange(101.0)[:, None], 0.9), [[5], [95]])
    assert central(np.empty((0, 3)), 0.9).shape == (2, 3)
