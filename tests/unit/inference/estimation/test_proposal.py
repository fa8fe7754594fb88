"""Draws of importance samples: their moments, their densities, and the error that is claimed for their means."""

import numpy as np
import pytest
from exact_likelihood import exact_objective
from simulated_data import measured, straight_lines

from understudy.core.errors import SimulationError
from understudy.inference.estimation.importance_objective import importance_objective
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.normal_posterior import normal_posterior
from understudy.inference.estimation.proposal import Proposal
from understudy.inference.predictor import Predictor

PROPOSALS = [
    Proposal(),
    Proposal(freedom=None, scale=1.5),
    Proposal(freedom=8.0, scale=2.0),
    Proposal(sobol=True),
    Proposal(freedom=None, scale=1.5, sobol=True),
]


@pytest.mark.parametrize("proposal", PROPOSALS, ids=repr)
def test_weights_make_a_normal_distribution_of_draws(proposal):
    places, density = proposal.draws(3, 2, proposal.samples(20_000), seed=3)
    weights = np.exp(-0.5 * (places**2).sum(axis=-1) - np.log(2 * np.pi) - density)
    # Means of 20,000: weights of a size of one scatter by 0.007 at most, squares by twice that; four of these.
    assert weights.mean(axis=0) == pytest.approx(np.ones(3), abs=0.03)
    assert (weights[..., None] * places**2).mean(axis=0) == pytest.approx(np.ones((3, 2)), abs=0.06)
    assert (weights * places[..., 0] * places[..., 1]).mean(axis=0) == pytest.approx(np.zeros(3), abs=0.06)


def test_a_patient_has_numbers_of_its_own_whoever_else_there_is():
    for proposal in (Proposal(), Proposal(sobol=True)):
        few, many = (proposal.draws(count, 2, 64, seed=1)[0] for count in (2, 5))
        assert (few == many[:, :2]).all()
        assert not (many[:, 0] == many[:, 1]).any()
        assert not (proposal.draws(2, 2, 64, 1, "other")[0] == few).any()


@pytest.mark.parametrize("sobol", [False, True])
def test_the_claimed_error_is_that_of_repetitions(sobol):
    model = straight_lines()
    task = Task(Predictor(model, measured(model, 6)))
    likelihood, exact = task.likelihood(task.start), exact_objective(task, task.start)
    about, proposal = normal_posterior(likelihood), Proposal(sobol=sobol)
    found = [
        importance_objective(likelihood, about.means, about.covariances, 256, seed, proposal)
        for seed in range(40)
    ]
    values, claimed = np.array([each.objective for each in found]), np.array([each.error for each in found])
    scatter = values.std(ddof=1)
    # Forty repetitions know their scatter to a ninth; claims from eight shifts of six patients vary by a tenth each.
    assert np.sqrt((claimed**2).mean()) == pytest.approx(scatter, rel=0.35)
    assert abs(values.mean() - exact) < 4 * scatter / np.sqrt(40) + 0.01 * scatter


def test_the_sequence_scatters_less():
    places = [p.draws(20, 2, 512, seed=5)[0] for p in (Proposal(None), Proposal(None, sobol=True))]
    scatter = [np.exp(each[..., 0]).mean(axis=0).std() for each in places]
    # Found: a third. Each of the eight shifts has 64 points only.
    assert scatter[1] < 0.5 * scatter[0]


def test_what_is_no_distribution_is_refused():
    for wrong in ({"scale": 0.0}, {"freedom": -1.0}):
        with pytest.raises(SimulationError, match="no distribution"):
            Proposal(**wrong)
