"""Forecasts: draws pushed through a regimen, and the scatter of a measurement on top."""

import numpy as np
import pytest
from normal_model import SIGMA2, measured, normal_population, posterior

from understudy.core.errors import RegimenError
from understudy.engine.simulate import simulate
from understudy.inference.forecast import forecast
from understudy.inference.individualise import individualise
from understudy.model.population_model import Residual

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0]}
DRAWS = 20_000


@pytest.fixture(scope="module")
def twins():
    return individualise(normal_population(), measured(VALUES))


def test_a_forecast_is_the_simulation_of_every_draw(twins):
    found = forecast(twins, None, [1.0, 2.0], draws=5, seed=3)
    wanted = simulate(twins.model, twins.draws(5, 3), None, [1.0, 2.0])
    assert found["y"].shape == (2, 2, 5)
    np.testing.assert_array_equal(found["y"].values, wanted["y"].values)


def test_the_spread_is_that_of_the_posterior(twins):
    drawn = forecast(twins, None, [1.0], draws=DRAWS)["y"].values[:, 0]
    for own, values in zip(drawn, VALUES.values(), strict=True):
        mean, variance = posterior(values)
        assert own.mean() == pytest.approx(5 + mean, abs=5 * np.sqrt(variance / DRAWS))
        assert own.var() == pytest.approx(variance, rel=0.05)


def test_a_measurement_scatters_besides(twins):
    drawn = forecast(twins, None, [1.0, 2.0], draws=DRAWS, measured=True)["y"].values
    for own, values in zip(drawn, VALUES.values(), strict=True):
        assert own[0].var() == pytest.approx(posterior(values)[1] + SIGMA2, rel=0.05)
    # The scatter of two times is not the same: only the posterior is common to them.
    common = np.corrcoef(drawn[0])[0, 1]
    variance = posterior(VALUES["a"])[1]
    assert common == pytest.approx(variance / (variance + SIGMA2), abs=0.03)


def test_scatter_on_the_scale_of_logarithms():
    model = normal_population(residual=(Residual("y", "0.04", scale="log"),))
    found = individualise(model, measured(VALUES))
    plain = forecast(found, None, [1.0], draws=DRAWS, seed=1)["y"].values
    scattered = forecast(found, None, [1.0], draws=DRAWS, seed=1, measured=True)["y"].values
    ratio = np.log(scattered / plain)
    assert ratio.mean() == pytest.approx(0.0, abs=5 * 0.2 / np.sqrt(2 * DRAWS))
    assert ratio.std() == pytest.approx(0.2, rel=0.03)


def test_outputs_without_residual_error_do_not_scatter(twins):
    plain = forecast(twins, None, [1.0], draws=4, seed=1)
    scattered = forecast(twins, None, [1.0], draws=4, seed=1, measured=True)
    np.testing.assert_array_equal(plain["twice"].values, scattered["twice"].values)
    assert (plain["y"].values != scattered["y"].values).all()


def test_the_same_seed_gives_the_same_forecast(twins):
    first, second = (forecast(twins, None, [1.0], draws=9, seed=7, measured=True) for _ in range(2))
    np.testing.assert_array_equal(first["y"].values, second["y"].values)


def test_a_regimen_that_cannot_be_read_is_an_error(twins):
    with pytest.raises(RegimenError):
        forecast(twins, "5 mg evry day", [1.0])
