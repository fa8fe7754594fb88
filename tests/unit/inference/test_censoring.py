"""Measurements beyond a limit of quantification: their probability, its slope, and the whole marginal likelihood."""

import numpy as np
import pytest
from normal_model import OMEGA, SIGMA2, THETA, measured, normal_population
from scipy.integrate import quad
from scipy.stats import norm

from understudy.core.errors import SimulationError
from understudy.inference.censoring import Censoring
from understudy.inference.likelihood import Likelihood
from understudy.inference.modes import find_modes
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor
from understudy.model.population_model import Residual

VALUES = {"a": [5.5, 1.0, 4.9], "b": [1.0], "c": [7.2, 9.9], "d": [1.0, 1.0, 6.0]}
LOW, HIGH = 4.0, 8.0


def likelihood() -> Likelihood:
    limited = normal_population(residual=(Residual("y", str(SIGMA2), lower_limit=LOW, upper_limit=HIGH),))
    return Likelihood(Predictor(limited, measured(VALUES)))


def density(values: list[float], eta: float) -> float:
    """Of a patient's data at a random effect, written out; normal densities without their 2 pi."""
    level, sd, found = THETA + eta, np.sqrt(SIGMA2), 1.0
    for value in values:
        if value < LOW:
            found *= norm.cdf((LOW - level) / sd)
        elif value > HIGH:
            found *= norm.sf((HIGH - level) / sd)
        else:
            found *= np.exp(-0.5 * (value - level) ** 2 / SIGMA2) / sd
    return found


def test_the_joint_density_written_out():
    eta = np.array([0.3, -1.0, 2.0, -0.5])
    found = likelihood().value(eta.reshape(1, 4, 1))[0]
    wanted = [
        -2 * np.log(density(own, e)) + e**2 / OMEGA for e, own in zip(eta, VALUES.values(), strict=True)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_the_slope_is_that_of_the_value():
    at, step = likelihood(), 1e-5
    eta = np.array([0.3, -1.0, 2.0, -0.5]).reshape(1, 4, 1)
    found = at.gradient(eta, at.slopes(eta))[0, :, 0]
    wanted = (at.value(eta + step) - at.value(eta - step))[0] / (4 * step)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_modes_are_where_the_slope_is_zero():
    at = likelihood()
    modes, failed = find_modes(at)
    assert not failed.any()
    assert np.abs(at.gradient(modes[None], at.slopes(modes[None]))).max() < 1e-4


def test_laplace_is_near_the_integral():
    limited = normal_population(residual=(Residual("y", str(SIGMA2), lower_limit=LOW, upper_limit=HIGH),))
    found = objective(limited, measured(VALUES), method="laplace")
    wanted = 0.0
    for own in VALUES.values():
        whole, _ = quad(
            lambda e, own=own: density(own, e) * np.exp(-0.5 * e**2 / OMEGA), -10, 10, points=[-1, 0, 1]
        )
        # On NONMEM's scale, without the terms in 2 pi, those of the integral among them.
        wanted += -2 * np.log(whole / np.sqrt(2 * np.pi * OMEGA))
    # Laplace's approximation of one patient with nothing but a censored level is off by some hundredths.
    assert found == pytest.approx(wanted, abs=0.1)
    plain = objective(normal_population(), measured(VALUES), method="laplace")
    assert abs(plain - wanted) > 10


def test_focei_is_refused():
    limited = normal_population(residual=(Residual("y", str(SIGMA2), lower_limit=LOW),))
    with pytest.raises(SimulationError, match="FOCEI is not defined"):
        objective(limited, measured(VALUES))


def test_far_beyond_the_limit_the_slope_stays_finite():
    below = Censoring(np.ones(1), np.zeros(1))
    by_prediction, by_variance = below.slopes(np.array([[1e3]]), np.array([[1.0]]))
    # So far out the hazard is the distance itself.
    assert by_prediction[0, 0] == pytest.approx(1e3, rel=1e-5)
    assert np.isfinite(by_variance).all()
