"""Intervals of estimates on the scale on which these were estimated."""

from __future__ import annotations

import numpy as np
import pytest

from understudy import PopulationModel, load_model
from understudy.inference.estimate_interval import estimate_interval
from understudy.inference.fit import Fit
from understudy.model.parts import Parameter

# By hand: on the scale of the estimation the interval is even, and its half width is 1.96 errors times the slope there.
CASES = [
    (2.0, 0.5, -np.inf, np.inf, lambda x: x, 1.0),
    (2.0, 0.5, 0.0, np.inf, np.log, 1 / 2.0),
    (2.0, 0.5, 1.5, np.inf, lambda x: np.log(x - 1.5), 1 / 0.5),
    (2.0, 0.5, -np.inf, 3.0, lambda x: -np.log(3.0 - x), 1 / 1.0),
    (0.3, 0.1, 0.0, 1.0, lambda x: np.log(x / (1 - x)), 1 / 0.3 + 1 / 0.7),
]


@pytest.mark.parametrize(("value", "error", "lower", "upper", "scale", "slope"), CASES)
def test_interval_is_even_on_its_scale(value, error, lower, upper, scale, slope):
    low, high = estimate_interval(value, error, lower, upper)
    assert scale(high) - scale(value) == pytest.approx(1.96 * error * slope)
    assert scale(value) - scale(low) == pytest.approx(1.96 * error * slope)


def test_estimate_on_its_bound_has_no_interval():
    assert np.isnan(estimate_interval(0.0, 0.1, lower=0.0)).all()


def test_fit_takes_bounds_from_its_model():
    model: PopulationModel = load_model("phenobarbital_neonates")
    fixed = tuple(
        Parameter(p.name, p.value, p.unit, lower=0.0) if p.name == "sigma2" else p for p in model.fixed
    )
    model = PopulationModel(
        model.name, model.structural, model.individual, fixed, model.random, model.residual, model.covariates
    )
    estimates = {"theta_CL": 0.005, "sigma2": 0.02, "omega(eta_CL)": 0.05}
    errors = {"theta_CL": 0.001, "sigma2": 0.005, "omega(eta_CL)": 0.02}
    fit = Fit("FOCEI", 1.0, estimates, errors, model=model)
    assert fit.interval("theta_CL") == pytest.approx((0.00304, 0.00696))
    assert fit.interval("sigma2") == pytest.approx(estimate_interval(0.02, 0.005, 0.0))
    assert fit.interval("omega(eta_CL)") == pytest.approx(estimate_interval(0.05, 0.02, 0.0))
    assert Fit("FOCEI", 1.0, estimates, errors).interval("sigma2") == pytest.approx((0.0102, 0.0298))
