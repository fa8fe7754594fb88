"""Priors in estimation: exact gradients, what they pull estimates to, what they add to standard errors."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_data import measured, straight_lines
from test_outcomes_in_fits import drawn, outcome

from understudy.inference.estimation.conditional_search import ConditionalObjective
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.gauss_hermite import GaussHermite
from understudy.inference.estimation.impmap import IMPMAP
from understudy.inference.estimation.importance_sampling import ImportanceSampling
from understudy.inference.estimation.its import ITS
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.saem import SAEM
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


@pytest.fixture(scope="module")
def told():
    """Records, and what FOCEI finds with priors: for straight lines that is the exact mode of the posterior."""
    data = measured(MODEL, 12)
    return data, fit(with_priors(), data, covariance="R")


@pytest.mark.parametrize(
    "method",
    [
        ITS(),
        ImportanceSampling(sobol=True),
        IMPMAP(sobol=True),
        pytest.param(SAEM(samples=1000), marks=pytest.mark.slow),
    ],
    ids=["ITS", "IMP", "IMPMAP", "SAEM"],
)
def test_methods_of_expectation_and_maximisation_find_the_same_mode(method, told):
    data, exact = told
    plain = fit(MODEL, data, covariance=None)
    found = fit(with_priors(), data, method, covariance="R", seed=1)
    assert found.succeeded, found.status
    assert found.details["penalty"] == pytest.approx(found.model.penalty)
    # Sobol's points and the two-stage method err by thousandths of a standard error; SAEM's averages by hundredths.
    near = 0.1 if method.name == "SAEM" else 0.02
    for name, value in exact.estimates.items():
        error = exact.standard_errors[name]
        assert found.estimates[name] == pytest.approx(value, abs=near * error), name
        assert found.standard_errors[name] == pytest.approx(error, rel=0.03), name
    assert abs(found.objective - exact.objective) < 4 * found.objective_error + 0.02
    # The priors do pull: without them the estimates are others.
    for name in ("add", "theta_base"):
        assert abs(plain.estimates[name] - exact.estimates[name]) > 0.2 * exact.standard_errors[name], name


@pytest.mark.parametrize("scale", ["identity", "log"])
def test_the_scale_of_a_residual_error_with_a_sure_prior_is_that_of_the_prior(scale):
    data = measured(MODEL, 12)
    mean = np.log(0.7) if scale == "log" else 0.7
    model = replace(MODEL, priors=(NormalPrior("add", mean, 1e-8, scale),))
    # Standard deviation of 1e-4; 72 residuals move it by some 1e-5.
    assert fit(model, data, ITS(), covariance=None).estimates["add"] == pytest.approx(0.7, abs=5e-4)


def test_parameters_that_take_newton_steps_have_priors_too():
    told = replace(outcome("poisson"), priors=(NormalPrior(("theta", "theta_slope"), (0.2, 0.6),
                                                           ((0.04, 0.01), (0.01, 0.02))),))  # fmt: skip
    data = drawn(outcome("poisson"), 20, 1)
    exact = fit(told, data, GaussHermite(points=9), covariance="R")
    found = fit(told, data, ImportanceSampling(sobol=True), covariance="R")
    assert found.succeeded, found.status
    for name, value in exact.estimates.items():
        # Averages over a window that may rise by half a percent; Monte Carlo error is less.
        error = exact.standard_errors[name]
        assert found.estimates[name] == pytest.approx(value, abs=0.05 * error + 0.005 * abs(value)), name
    assert abs(found.objective - exact.objective) < 4 * found.objective_error + 0.02


def test_curvature_of_the_penalty_is_that_of_differences():
    task = Task(Predictor(with_priors(), measured(MODEL, 4)))
    vector, step = task.start + 0.1, 1e-3
    found, units = task.space.penalty_curvature(vector), step * np.eye(task.start.size)
    for i, a in enumerate(units):
        for j, b in enumerate(units):
            four = [task.space.penalty(vector + p * a + q * b) * p * q for p in (1, -1) for q in (1, -1)]
            # Second differences of values of some 100 over 1e-3 err by 1e-8 / 1e-6, and by curvature's own change.
            assert found[i, j] == pytest.approx(sum(four) / (4 * step**2), rel=1e-4, abs=2e-2)
