"""The chains reach the posterior that is known exactly, whatever they are proposed by."""

import numpy as np
import pytest
from simulated_data import measured, straight_lines

from understudy.inference.estimation.markov_chain import Chains, begin, move
from understudy.inference.estimation.method import Task
from understudy.inference.predictor import Predictor


@pytest.fixture(scope="module")
def likelihood():
    task = Task(Predictor(straight_lines(), measured(straight_lines(), 6, times=(1.0, 4.0))))
    return task.likelihood(task.start)


@pytest.fixture(scope="module")
def visited(likelihood) -> np.ndarray:
    chains, kept = begin(likelihood, 30, seed=5), []
    for k in range(200):
        chains = move(likelihood, chains, 5, k + 1, 1.0 if k < 60 else 1.0 / (k - 59))
        kept += [chains.effects] if k >= 60 else []
    return np.array(kept)


def test_moments_are_the_exact_posterior(likelihood, visited):
    at = likelihood.slopes(likelihood.zero)
    curvature = likelihood.expected_curvature(at)[0]
    means = -np.linalg.solve(curvature, likelihood.gradient(likelihood.zero, at)[0][..., None])[..., 0]
    spread = np.sqrt(np.diagonal(np.linalg.inv(curvature), axis1=1, axis2=2))
    flat = visited.reshape(-1, *visited.shape[2:])
    # 140 iterations of 30 chains, of which one in three at least is independent: five standard errors.
    tolerance = 5 / np.sqrt(len(flat) / 3)
    assert np.abs((flat.mean(axis=0) - means) / spread).max() < tolerance
    assert np.abs(flat.std(axis=0) / spread - 1).max() < tolerance


def test_each_subjects_chains_depend_on_no_other(likelihood):
    one = begin(likelihood, 3, seed=1)
    moved = move(likelihood, one, 1, 1)
    elsewhere = Chains(**{**vars(one), "effects": one.effects.copy()})
    elsewhere.effects[:, 0] += 0.3
    plain = likelihood.predictor.natural(elsewhere.effects, likelihood.fixed)
    other = move(likelihood, Chains(**{**vars(elsewhere), "plain": plain}), 1, 1)
    # The walks' lengths are common to all; with the same lengths in the first walk the others go where they went.
    assert not np.array_equal(other.effects[:, 0], moved.effects[:, 0])
    same = (other.effects[:, 1:] == moved.effects[:, 1:]).all(axis=-1)
    assert same.mean() > 0.5


def test_arrays_bring_the_chains_back(likelihood):
    chains = move(likelihood, begin(likelihood, 2, seed=1), 1, 1)
    again = Chains.of_arrays(chains.arrays())
    one, two = (move(likelihood, each, 1, 2) for each in (chains, again))
    np.testing.assert_array_equal(one.effects, two.effects)
    assert again.moves == 1
