"""Laplace and adaptive Gauss-Hermite quadrature: gradients against differences, values against known integrals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from exact_likelihood import exact_objective
from scipy.integrate import quad
from scipy.stats import poisson
from simulated_data import between_occasions, combined, measured, oral, straight_lines

from understudy.core.errors import SimulationError
from understudy.core.random import normals, uniforms
from understudy.data.records import Records
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.focei import FOCEI
from understudy.inference.estimation.gauss_hermite import GaussHermite
from understudy.inference.estimation.importance_sampling import ImportanceSampling
from understudy.inference.estimation.laplace import Laplace
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.quadrature import Nodes
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor
from understudy.model.distribution import Distribution
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel, Residual

# Central differences over 1e-3 of values whose modes are exact to 1e-8 err by some 1e-6 of the third derivatives.
RELATIVE, STEP = 2e-5, 1e-3


def censored() -> PopulationModel:
    """Levels below 0.6 mg/L, about a fifth of all, are only known to be so."""
    return oral(residual=(Residual("Cp", "(prop * Cp) ** 2", lower_limit=0.6),))


def task_of(model: PopulationModel, patients: int = 6, occasions: int = 1) -> Task:
    return Task(Predictor(model, measured(model, patients, occasions)))


CASES = {
    "oral": (oral(), 1),
    "censored": (censored(), 1),
    "between occasions": (between_occasions(), 2),
    "combined": (combined(), 1),
}


@pytest.mark.parametrize("method", [Laplace(), GaussHermite(points=2)], ids=["one node", "two points"])
@pytest.mark.parametrize("name", CASES)
def test_gradients_against_differences(name, method):
    model, occasions = CASES[name]
    task = task_of(model, occasions=occasions)
    assert (name == "censored") == task.predictor.censoring.censored.any()
    function = method.objective(task)
    vector = task.start + 0.05 * np.sin(np.arange(task.start.size) + 1.0)
    at = function.point(vector, None)
    for k in range(vector.size):
        moved = [function.point(vector + sign * STEP * np.eye(vector.size)[k], at).value for sign in (1, -1)]
        wanted = (moved[0] - moved[1]) / (2 * STEP)
        # Differences of a smooth function of size one err by its third derivative times 1e-6 / 6.
        assert at.gradient[k] == pytest.approx(wanted, rel=RELATIVE, abs=2e-3), task.space.names[k]


def test_with_the_expected_curvature_the_gradient_is_another():
    task = task_of(oral())
    laplace, focei = (method.objective(task).point(task.start, None) for method in (Laplace(), FOCEI()))
    assert np.abs(laplace.gradient - focei.gradient).max() > 0.05


@pytest.mark.parametrize("method", [Laplace(), GaussHermite(points=1), GaussHermite(points=3)], ids=repr)
def test_a_linear_model_has_its_marginal_likelihood(method):
    task = task_of(straight_lines(), 8)
    # Exact but for rounding and differences of derivatives, in which a quadratic has no error.
    assert method.evaluate(task).objective == pytest.approx(exact_objective(task, task.start), rel=1e-9)


def test_one_point_is_laplace():
    model = oral()
    records = measured(model, 6)
    one, several = (objective(model, records, GaussHermite(points=k)) for k in (1, 4))
    assert one == objective(model, records, "laplace")
    assert abs(one - several) > 0.01


def test_more_points_come_nearer_to_the_integral():
    model = oral(
        random={"eta_CL": 0.5}, individual={"ka": "theta_ka", "CL": "theta_CL * exp(eta_CL)", "V": "theta_V"}
    )
    records = measured(model, 2, times=(12.0, 24.0))
    likelihood = Task(Predictor(model, records)).likelihood(Task(Predictor(model, records)).start)

    def density(eta: float, patient: int) -> float:
        joint = likelihood.value(np.full((1, 2, 1), eta))[0, patient]
        return float(np.exp(-0.5 * joint) / np.sqrt(2 * np.pi * 0.5))

    exact = -2 * sum(np.log(quad(density, -4, 4, args=(k,), limit=100)[0]) for k in range(2))
    errors = [abs(objective(model, records, GaussHermite(points=k)) - exact) for k in (1, 5, 9, 25)]
    # A skewed posterior: each line is some ten times better than the one before, about twice what was found.
    assert errors[0] > 0.1
    assert errors[1] < 0.05
    assert errors[2] < 5e-3
    assert errors[3] < 5e-5


def test_nodes_have_the_moments_of_the_normal_distribution():
    nodes = Nodes.product(4, 2)
    first, second = nodes.places.T
    for function, wanted in ((first**0, 1), (first**2, 1), (first**4 * second**2, 3), (first**3 * second, 0)):
        assert nodes.weights @ function == pytest.approx(wanted, abs=1e-12)


def test_too_many_nodes_are_refused():
    model = between_occasions()
    with pytest.raises(
        SimulationError, match=r"(?s)10 points along each of 5 random effects.*at most points=6"
    ):
        objective(model, measured(model, 3, 3), GaussHermite(points=10))
    with pytest.raises(SimulationError, match="points=0"):
        objective(model, measured(model, 3), GaussHermite(points=0))


def test_an_estimate_is_where_differences_of_the_objective_vanish():
    model = oral()
    task = task_of(replace(model, random=model.random[1:], individual=_without_eta_ka()), 12)
    found = Laplace().estimate(task)
    assert found.succeeded
    function = Laplace().objective(task)
    at = function.at(found.vector, found.effects)
    for k in range(found.vector.size):
        moved = [
            function.point(found.vector + s * STEP * np.eye(found.vector.size)[k], at).value for s in (1, -1)
        ]
        # The search ends where the objective promises to fall by 1e-6, a gradient of some 0.01.
        assert (moved[0] - moved[1]) / (2 * STEP) == pytest.approx(0.0, abs=0.03)


def _without_eta_ka() -> dict:
    return {
        "ka": "theta_ka",
        "CL": "theta_CL * (WT / 70[kg]) ** 0.75 * exp(eta_CL)",
        "V": "theta_V * exp(eta_V)",
    }


def counts() -> tuple[PopulationModel, Records]:
    """Counts whose mean falls over time, and forty patients' of them."""
    base = Model(
        "seizures", "week", {"level": 1.0, "change": 0.0}, {"A": "1"}, {"A": "0"},
        outputs={"mean": "exp(level + change * t)"},
    )  # fmt: skip
    model = PopulationModel(
        "seizures", base, {"level": "theta + eta_level", "change": "trend"}, {"theta": 1.0, "trend": -0.1},
        {"eta_level": 0.3}, distributions=(Distribution("mean", "poisson", {}),),
    )  # fmt: skip
    z = normals(1, "levels", np.arange(40), 1)[:, 0]
    week = np.tile(np.arange(1.0, 5.0), 40)
    mean = np.exp(1.0 + np.sqrt(0.3) * np.repeat(z, 4) - 0.1 * week)
    drawn = poisson.ppf(uniforms(1, "counts", np.arange(1), week.size)[0], mean)
    frame = pd.DataFrame({"ID": np.repeat(np.arange(40) + 1, 4), "TIME": week, "DV": drawn})
    return model, Records.from_frame(frame)


def test_counts_are_fitted_by_every_method():
    model, records = counts()
    start = model.with_values(theta=0.7, trend=-0.02)
    exact = fit(start, records, GaussHermite(points=15), covariance="R")
    assert exact.succeeded
    # The values that they were drawn with, within three standard errors.
    for name, value in {"theta": 1.0, "trend": -0.1, "omega(eta_level)": 0.3}.items():
        assert abs(exact.estimates[name] - value) < 3 * exact.standard_errors[name]
    for method in (Laplace(), ImportanceSampling(samples=128, objective_samples=1000, sobol=True)):
        found = fit(start, records, method, covariance="R")
        assert found.succeeded, found.status
        for name, value in exact.estimates.items():
            # Laplace's bias in variances of random effects by few counts is a tenth of their standard errors.
            assert abs(found.estimates[name] - value) < 0.15 * exact.standard_errors[name], (
                method.name,
                name,
            )
            assert found.standard_errors[name] == pytest.approx(exact.standard_errors[name], rel=0.1)
