"""Importance sampling EM and the iterative two-stage method: where everything is normal, they find what is known."""

from dataclasses import replace

import pytest
from exact_likelihood import exact_objective
from simulated_data import combined, measured, oral, straight_lines

from understudy.core.errors import SimulationError
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.gauss_hermite import GaussHermite
from understudy.inference.estimation.impmap import IMPMAP
from understudy.inference.estimation.importance_sampling import ImportanceSampling
from understudy.inference.estimation.its import ITS
from understudy.inference.estimation.method import Task
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor

LINES = straight_lines()
RECORDS = measured(LINES, 12)


def lines_task() -> Task:
    return Task(Predictor(LINES, RECORDS))


@pytest.mark.parametrize("method", [ImportanceSampling(), ImportanceSampling(sobol=True), IMPMAP()], ids=repr)
def test_a_linear_model_has_its_marginal_likelihood(method):
    task = lines_task()
    found, exact = method.evaluate(task), exact_objective(task, task.start)
    assert 0.0 < found.objective_error < 0.2
    # Chance exceeds four standard errors once in 16,000.
    assert abs(found.objective - exact) < 4 * found.objective_error


def test_the_two_stage_method_has_the_marginal_likelihood_of_a_linear_model():
    task = lines_task()
    # Exact but for rounding and differences of derivatives.
    assert ITS().evaluate(task).objective == pytest.approx(exact_objective(task, task.start), rel=1e-8)


@pytest.fixture(scope="module")
def best():
    """The maximum likelihood estimates of the straight lines, by a method that is exact for them."""
    return fit(LINES, RECORDS, "focei", covariance="R")


@pytest.mark.parametrize("method", [ITS(), ImportanceSampling(sobol=True), IMPMAP(samples=500)], ids=repr)
def test_a_linear_model_is_fitted_by_maximum_likelihood(method, best):
    start = LINES.with_values(theta_base=4.0, theta_slope=0.8, add=0.8)
    found = fit(start, RECORDS, method, covariance="R")
    assert found.succeeded, found.status
    # The search may leave half of a percent, and Monte Carlo error a tenth of a standard error.
    for name, wanted in best.estimates.items():
        error = best.standard_errors[name]
        assert abs(found.estimates[name] - wanted) < 0.15 * error + 0.005 * abs(wanted), name
        assert found.standard_errors[name] == pytest.approx(error, rel=0.15), name
    # Where the estimates are off by a tenth of a standard error, the objective is by some hundredths.
    assert abs(found.objective - best.objective) < 4 * found.objective_error + 0.05


def test_parameters_without_a_random_effect_are_estimated_too():
    model = combined()
    records = measured(model, 30)
    fixed = tuple(replace(p, fixed=p.name in {"by_sex", "add"}) for p in model.fixed)
    model = replace(model, fixed=fixed, random=model.random[:2], residual=oral_error())
    exact = fit(model, records, GaussHermite(points=5), covariance="S")
    start = model.with_values(theta_CL=3.0, theta_V=50.0, theta_ka=1.0, prop=0.2)
    found = fit(start, records, ImportanceSampling(sobol=True), covariance=None)
    assert found.succeeded, found.status
    assert "prop" not in found.details["closed_form"]
    for name in ("theta_CL", "theta_V", "theta_ka", "prop"):
        assert abs(found.estimates[name] - exact.estimates[name]) < 0.2 * exact.standard_errors[name], name


def oral_error():
    """A residual error whose scale no one parameter is."""
    return (replace(oral().residual[0], variance="0.05 ** 2 + (prop * Cp) ** 2"),)


def test_zero_iterations_evaluate():
    model = oral()
    records = measured(model, 5)
    found = fit(model, records, ImportanceSampling(iterations=0, sobol=True), covariance=None)
    assert found.status.startswith("evaluated")
    assert not found.succeeded
    assert found.estimates["theta_CL"] == pytest.approx(model.fixed_values["theta_CL"], rel=1e-12)
    exact = objective(model, records, GaussHermite(points=9))
    # Nine points err by some thousandths.
    assert abs(found.objective - exact) < 4 * found.objective_error + 5e-3


def test_few_iterations_are_no_success():
    found = fit(LINES, RECORDS, ImportanceSampling(iterations=15), covariance=None)
    assert not found.succeeded
    assert "too few" in found.status


def test_what_still_drifts_is_named():
    start = LINES.with_values(add=8.0)
    found = fit(start, RECORDS, ITS(iterations=20, window=10, tolerance=1e-8), covariance=None)
    assert not found.succeeded
    assert "drifted" in found.status
    assert "theta_base" in found.status


def test_an_interrupted_estimation_goes_on_as_if_nothing_had_been(tmp_path):
    method, path = ImportanceSampling(samples=50, objective_samples=100), tmp_path / "fit.part.json"
    whole = fit(LINES, RECORDS, method, covariance=None)

    def interrupt(step):
        if step.number == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(LINES, RECORDS, method, covariance=None, checkpoint=path, watch=interrupt)
    again = fit(LINES, RECORDS, method, covariance=None, checkpoint=path)
    assert again.iterations == whole.iterations
    assert dict(again.estimates) == dict(whole.estimates)


def test_the_seed_decides():
    found = [
        fit(LINES, RECORDS, ImportanceSampling(iterations=0), covariance=None, seed=seed).objective
        for seed in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]


def test_without_random_effects_there_is_nothing_to_expect():
    model = replace(LINES, random=(), individual={"base": "theta_base", "slope": "theta_slope"})
    with pytest.raises(SimulationError, match="needs random effects"):
        objective(model, RECORDS, "imp")


def test_a_window_without_a_trend_is_refused():
    with pytest.raises(SimulationError, match="window"):
        ITS(window=5)
