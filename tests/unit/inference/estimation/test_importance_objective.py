"""The likelihood by importance sampling, where it is known exactly, and Louis's information beside it."""

import numpy as np
import pytest
from simulated_data import measured, straight_lines

from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.importance_objective import importance_objective
from understudy.inference.estimation.louis_information import louis_information
from understudy.inference.estimation.method import Task
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor


@pytest.fixture(scope="module")
def task() -> Task:
    return Task(Predictor(straight_lines(), measured(straight_lines(), 8)))


@pytest.fixture(scope="module")
def exact(task) -> float:
    return objective(task.predictor.model, task.predictor.records)


def sample(task: Task, samples: int, seed: int = 0):
    likelihood = task.likelihood(task.start)
    wide = np.broadcast_to(0.3 * likelihood.omega, (likelihood.count, 2, 2))
    return importance_objective(likelihood, np.zeros((likelihood.count, 2)), wide, samples, seed)


def test_the_error_is_honest(task, exact):
    found = [sample(task, 1000, seed) for seed in range(40)]
    scores = np.array([(each.objective - exact) / each.error for each in found])
    # Forty standard normal numbers: their mean and standard deviation within four of theirs.
    assert abs(scores.mean()) < 4 / np.sqrt(40)
    assert 0.55 < scores.std() < 1.45


def test_more_draws_are_more_exact(task, exact):
    few, many = sample(task, 500), sample(task, 20_000)
    assert many.error < 0.3 * few.error
    assert many.objective == pytest.approx(exact, abs=5 * many.error)
    assert many.error < 0.1


def test_conditional_moments_are_the_exact_posterior(task):
    found, likelihood = sample(task, 20_000), task.likelihood(task.start)
    at = likelihood.slopes(likelihood.zero)
    curvature = likelihood.expected_curvature(at)[0]
    means = -np.linalg.solve(curvature, likelihood.gradient(likelihood.zero, at)[0][..., None])[..., 0]
    exact = np.linalg.inv(curvature)
    spread = np.sqrt(np.diagonal(exact, axis1=1, axis2=2))
    # Some 3,000 effective draws: five standard errors of a mean, and of a covariance.
    assert np.abs((found.means - means) / spread).max() < 5 / np.sqrt(found.effective.min())
    scaled = (found.covariances - exact) / (spread[:, :, None] * spread[:, None])
    assert np.abs(scaled).max() < 8 / np.sqrt(found.effective.min())


def test_information_is_that_of_the_exact_likelihood(task):
    # At a point that is no maximum: the score too is compared.
    space = task.space
    known = louis_information(CompleteData(task), task.start, sample(task, 8000))

    def exact(vector: np.ndarray) -> float:
        return objective(space.with_values(space.values(vector)), task.predictor.records)

    # Central differences of the closed-form marginal likelihood.
    size, step = task.start.size, 1e-3
    wanted = np.empty((size, size))
    units = step * np.eye(size)
    for i in range(size):
        for j in range(i + 1):
            ends = [exact(task.start + a * units[i] + b * units[j]) for a in (1, -1) for b in (1, -1)]
            wanted[i, j] = wanted[j, i] = (ends[0] - ends[1] - ends[2] + ends[3]) / (8 * step**2)
    sizes = np.sqrt(np.diag(wanted))
    np.testing.assert_allclose(known.hessian / np.outer(sizes, sizes), wanted / np.outer(sizes, sizes), atol=0.1)
