"""Skewed random effects are simulated and their shape is found again."""

import numpy as np
import pytest
from simulated_data import measured, oral

from understudy.inference.estimation.conditional_search import ConditionalObjective
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.method import Task
from understudy.inference.predictor import Predictor
from understudy.model.effect_shape import box_cox_effect, t_effect
from understudy.model.population_model import RandomEffects

FIXED = {
    "theta_ka": (1.2, "1/h"),
    "theta_CL": (4.0, "L/h"),
    "theta_V": (40.0, "L"),
    "prop": 0.1,
    "shape": 0.8,
}


def skewed():
    return oral(
        individual={"ka": "theta_ka", "CL": f"theta_CL * exp({box_cox_effect('eta_CL', 'shape')})", "V": "theta_V"},
        fixed=FIXED, random=(RandomEffects(("eta_CL",), ((0.25,),)),), covariates={},
        residual={"Cp": "(prop * Cp) ** 2 + 1e-3"},
    )  # fmt: skip


HEAVY = t_effect("eta_CL", "4 + shape")


def heavy():
    return oral(
        individual={"ka": "theta_ka", "CL": f"theta_CL * exp(0.3 * ({HEAVY}))", "V": "theta_V"},
        fixed=FIXED, random=(RandomEffects(("eta_CL",), ((1.0,),), fixed=True),), covariates={},
    )  # fmt: skip


@pytest.mark.parametrize("make", [skewed, heavy])
def test_gradients_are_exact(make):
    task = Task(Predictor(make(), measured(make(), 5, seed=2)))
    search, vector, step = ConditionalObjective(task, "interaction"), task.start + 0.02, 2e-4
    at = search.point(vector, None)
    for k in range(vector.size):
        ahead, behind = (
            search.point(vector + sign * step * np.eye(vector.size)[k], at).value for sign in (1, -1)
        )
        assert at.gradient[k] == pytest.approx((ahead - behind) / (2 * step), rel=2e-5, abs=2e-4)


@pytest.mark.slow
def test_the_shape_is_found_again():
    found = fit(skewed().with_values(shape=0.0), measured(skewed(), 120, seed=4), covariance="R")
    assert found.succeeded
    assert abs(found.estimates["shape"] - 0.8) < 4 * found.standard_errors["shape"]
    # The data show that it is not zero.
    assert found.estimates["shape"] > 2 * found.standard_errors["shape"]
