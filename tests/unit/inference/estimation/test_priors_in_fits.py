"""Priors in estimation: exact gradients, what they pull estimates to, what they add to standard errors."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_data import measured, straight_lines

from understudy.inference.estimation.conditional_search import ConditionalObjective
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.method import Task
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor
from understudy.model.prior import InverseWishart, NormalPrior

MODEL = straight_lines()


def with_priors(variance: float = 0.04, degrees: float = 25.0):
    block = replace(MODEL.random[0], prior=InverseWishart(((0.6, 0.0), (0.0, 0.1)), degrees))
    priors = (
        NormalPrior(
            ("theta_base", "theta_slope"),
            (4.5, 0.7),
            ((variance, 0.3 * variance), (0.3 * variance, variance)),
        ),
        NormalPrior("add", np.log(0.5), variance, "log"),
    )
    return replace(MODEL, random=(block,), priors=priors)


def test_the_gradient_is_that_of_differences():
    task = Task(Predictor(with_priors(), measured(MODEL, 8)))
    search, vector, step = ConditionalObjective(task, "interaction"), task.start + 0.1, 1e-4
    at = search.point(vector, None)
    for k in range(vector.size):
        ahead, behind = (
            search.point(vector + sign * step * np.eye(vector.size)[k], at).value for sign in (1, -1)
        )
        # Central differences err by 1e-8 of values of about 100.
        assert at.gradient[k] == pytest.approx((ahead - behind) / (2 * step), abs=2e-4, rel=1e-6)


def test_the_objective_has_the_penalty_in_it():
    data, model = measured(MODEL, 8), with_priors()
    assert objective(model, data) == pytest.approx(objective(MODEL, data) + model.penalty, abs=1e-8)
    found = fit(model, data, covariance=None)
    assert found.objective == pytest.approx(objective(found.model, data), abs=1e-6)
    assert found.details["penalty"] == pytest.approx(found.model.penalty)


def test_sure_priors_decide_and_vague_ones_do_not():
    data = measured(MODEL, 12)
    plain, sure = fit(MODEL, data, covariance=None), fit(with_priors(1e-8, 1e7), data, covariance=None)
    # With standard deviations of 1e-4 the data move nothing by more than some of them.
    assert sure.estimates["theta_base"] == pytest.approx(4.5, abs=1e-3)
    assert sure.estimates["add"] == pytest.approx(0.5, abs=1e-3)
    assert sure.estimates["omega(eta_base)"] == pytest.approx(0.6, abs=1e-3)
    vague = with_priors(1e8)
    vague = fit(replace(vague, random=MODEL.random), data, covariance=None)
    for name, value in plain.estimates.items():
        assert vague.estimates[name] == pytest.approx(value, rel=1e-3)


def test_a_prior_counts_as_data_in_standard_errors():
    data = measured(MODEL, 12)
    plain = fit(MODEL, data, covariance="R")
    told = replace(MODEL, priors=(NormalPrior("theta_base", plain.estimates["theta_base"], 0.05**2),))
    for kind in ("R", "sandwich"):
        found = fit(told, data, covariance=kind)
        both = found.standard_errors["theta_base"]
        # A normal prior where the data are: precisions add; correlated parameters and the search give some per cent.
        alone = fit(MODEL, data, covariance=kind).standard_errors["theta_base"]
        wanted = (0.05**-2 + alone**-2) ** -0.5
        assert both == pytest.approx(wanted, rel=0.05)
