"""The likelihood by importance sampling, where it is known exactly, and Louis's information beside it."""

import numpy as np
import pytest
from simulated_data import measured, straight_lines

from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.conditional import subject_values
from understudy.inference.estimation.importance_objective import importance_objective
from understudy.inference.estimation.louis_information import louis_information
from understudy.inference.estimation.method import Task
from understudy.inference.predictor import Predictor


@pytest.fixture(scope="module")
def task() -> Task:
    return Task(Predictor(straight_lines(), measured(straight_lines(), 8)))


def posterior(likelihood) -> tuple[np.ndarray, np.ndarray]:
    """Exact means and covariances of the random effects: the joint density is normal."""
    at = likelihood.slopes(likelihood.zero)
    curvature = likelihood.expected_curvature(at)[0]
    gradient = likelihood.gradient(likelihood.zero, at)[0]
    return -np.linalg.solve(curvature, gradient[..., None])[..., 0], np.linalg.inv(curvature)


def exact(task: Task, vector: np.ndarray) -> float:
    """Minus twice the log-likelihood, for which FOCEI's is exact here."""
    likelihood = task.likelihood(vector)
    return float(subject_values(likelihood, posterior(likelihood)[0]).sum())


def sample(task: Task, samples: int, seed: int = 0):
    """Proposals that are half a standard deviation off and too wide."""
    likelihood = task.likelihood(task.start)
    means, covariances = posterior(likelihood)
    off = 0.5 * np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    return importance_objective(likelihood, means + off, 1.5 * covariances, samples, seed)


def test_the_error_is_honest(task):
    found = [sample(task, 1000, seed) for seed in range(40)]
    scores = np.array([(each.objective - exact(task, task.start)) / each.error for each in found])
    # Forty standard normal numbers: their mean and standard deviation within four of theirs.
    assert abs(scores.mean()) < 4 / np.sqrt(40)
    assert 0.55 < scores.std() < 1.45


def test_more_draws_are_more_exact(task):
    few, many = sample(task, 500), sample(task, 20_000)
    # By the square root of forty; the error's own error is a few per cent.
    assert many.error == pytest.approx(few.error / np.sqrt(40), rel=0.2)
    assert many.objective == pytest.approx(exact(task, task.start), abs=4 * many.error)
    assert many.error < 0.06


def test_conditional_moments_are_the_exact_posterior(task):
    found, likelihood = sample(task, 20_000), task.likelihood(task.start)
    means, covariances = posterior(likelihood)
    spread = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    # Five standard errors of a mean; of a covariance some more.
    assert np.abs((found.means - means) / spread).max() < 5 / np.sqrt(found.effective.min())
    scaled = (found.covariances - covariances) / (spread[:, :, None] * spread[:, None])
    assert np.abs(scaled).max() < 8 / np.sqrt(found.effective.min())


def test_information_is_that_of_the_exact_likelihood(task):
    # At a point that is no maximum: the score too is compared.
    known = louis_information(CompleteData(task), task.start, sample(task, 8000))
    # Central differences of the closed-form marginal likelihood.
    size, step = task.start.size, 1e-3
    wanted = np.empty((size, size))
    units = step * np.eye(size)
    for i in range(size):
        for j in range(i + 1):
            ends = [exact(task, task.start + a * units[i] + b * units[j]) for a in (1, -1) for b in (1, -1)]
            wanted[i, j] = wanted[j, i] = (ends[0] - ends[1] - ends[2] + ends[3]) / (8 * step**2)
    sizes = np.sqrt(np.diag(wanted))
    # What 8,000 draws' covariance of the score leaves uncertain.
    np.testing.assert_allclose(
        known.hessian / np.outer(sizes, sizes), wanted / np.outer(sizes, sizes), atol=0.05
    )
    slope = np.array([exact(task, task.start + u) - exact(task, task.start - u) for u in units]) / (2 * step)
    promised = 0.25 * slope @ np.linalg.solve(wanted, slope)
    assert known.promise == pytest.approx(promised, rel=0.1)
