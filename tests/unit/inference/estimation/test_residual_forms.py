"""Every form of residual error is simulated and found again, with the coverage that its standard errors promise."""

import numpy as np
import pytest
from simulated_data import measured, oral

from understudy.inference.estimation.conditional_search import ConditionalObjective
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.method import Task
from understudy.inference.predictor import Predictor
from understudy.model.population_model import RandomEffects, Residual

THETAS = {"theta_ka": (1.2, "1/h"), "theta_CL": (4.0, "L/h"), "theta_V": (40.0, "L")}
BLOCKS = (
    RandomEffects(("eta_ka",), ((0.1,),)),
    RandomEffects(("eta_CL", "eta_V"), ((0.06, 0.02), (0.02, 0.05))),
)
ON_EPS = (*BLOCKS, RandomEffects(("eta_eps",), ((0.08,),)))
# Name: residual, its parameters, random effects.
FORMS = {
    "additive": ({"Cp": "add ** 2"}, {"add": 0.15}, BLOCKS),
    "proportional": ({"Cp": "(prop * Cp) ** 2"}, {"prop": 0.15}, BLOCKS),
    "combined, variances": ({"Cp": "add ** 2 + (prop * Cp) ** 2"}, {"add": 0.08, "prop": 0.12}, BLOCKS),
    "combined, deviations": ({"Cp": "(add + prop * Cp) ** 2"}, {"add": 0.06, "prop": 0.1}, BLOCKS),
    "power": ({"Cp": "(scale * Cp ** power) ** 2"}, {"scale": 0.15, "power": 0.7}, BLOCKS),
    "both sides logarithms": ((Residual("Cp", "add ** 2", scale="log"),), {"add": 0.2}, BLOCKS),
    "both sides, more at low levels": (
        (Residual("Cp", "prop ** 2 + (add / Cp) ** 2", scale="log"),), {"prop": 0.12, "add": 0.05}, BLOCKS,
    ),
    "differs between individuals": ({"Cp": "(prop * Cp * exp(eta_eps)) ** 2"}, {"prop": 0.15}, ON_EPS),
}  # fmt: skip


def model_of(form: str):
    residual, parameters, random = FORMS[form]
    return oral(residual=residual, fixed=THETAS | parameters, random=random)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_each_is_found_again(form):
    truth = model_of(form)
    begin = truth.with_values(**{name: 1.3 * value for name, value in FORMS[form][1].items()})
    found = fit(begin, measured(truth, 50, seed=11), covariance="R")
    assert found.succeeded
    for name, value in (truth.fixed_values).items():
        # Of some forty intervals of four standard errors none misses by chance; log-scale parameters are skewed.
        assert abs(found.estimates[name] - value) < 4 * found.standard_errors[name], (form, name)
        assert found.standard_errors[name] < abs(value)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_exact(form):
    truth = model_of(form)
    task = Task(Predictor(truth, measured(truth, 4, seed=3)))
    search, vector, step = ConditionalObjective(task, "interaction"), task.start + 0.05, 2e-4
    at = search.point(vector, None)
    for k in range(vector.size):
        ahead, behind = (
            search.point(vector + sign * step * np.eye(vector.size)[k], at).value for sign in (1, -1)
        )
        assert at.gradient[k] == pytest.approx((ahead - behind) / (2 * step), rel=2e-5, abs=2e-4)
