"""Shapes of random effects against their distributions."""

import numpy as np
import pytest
from scipy import stats

from understudy.model.effect_shape import box_cox_effect, t_effect


@pytest.mark.parametrize("nu", [5.0, 10.0, 40.0])
def test_quantiles_are_those_of_the_t_distribution(nu):
    p = np.array([0.01, 0.1, 0.5, 0.8, 0.975])
    found = t_effect("eta", "nu").evaluate({"eta": stats.norm.ppf(p), "nu": nu})
    # What is left out goes with the fourth power of one over the degrees, by 5.7 and more at the outermost one.
    np.testing.assert_allclose(found, stats.t.ppf(p, nu), atol=8.0 / nu**4)


@pytest.mark.parametrize("shape", [-0.7, 0.4, 1.0])
def test_box_cox_is_the_inverse_of_scipys(shape):
    eta = np.array([-1.0, -0.1, 0.0, 0.8])
    found = box_cox_effect("eta", "shape").evaluate({"eta": eta, "shape": shape})
    np.testing.assert_allclose(found, (np.exp(eta) ** shape - 1) / shape, rtol=1e-12)


def test_at_and_near_zero_the_effect_is_normal():
    eta = np.array([-1.0, 0.0, 0.8])
    equation = box_cox_effect("eta", "shape")
    np.testing.assert_array_equal(equation.evaluate({"eta": eta, "shape": 0.0}), eta)
    for shape in (0.999e-6, 1.001e-6):
        np.testing.assert_allclose(
            equation.evaluate({"eta": eta, "shape": shape}), eta + shape * eta**2 / 2, atol=1e-11
        )
