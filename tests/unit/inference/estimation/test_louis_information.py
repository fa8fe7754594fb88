"""Louis's matrix beside second derivatives of the likelihood by quadrature."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_data import LEVEL, measured, straight_lines

from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.gauss_hermite import GaussHermite
from understudy.inference.estimation.importance_objective import importance_objective
from understudy.inference.estimation.louis_information import louis_information
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.normal_posterior import normal_posterior
from understudy.inference.estimation.proposal import Proposal
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel, RandomEffects, Residual


def seen_through_logarithms() -> PopulationModel:
    """A level that falls in a straight line: with a random effect far below zero it has no logarithm."""
    return PopulationModel(
        "falling", LEVEL, {"base": "theta * exp(eta)", "slope": "-theta_slope"},
        {"theta": 5.0, "theta_slope": 0.3, "add": 0.15}, (RandomEffects(("eta",), ((0.09,),)),),
        (Residual("Y", "add ** 2", scale="log"),),
    )  # fmt: skip


def information(model, records, samples):
    task = Task(Predictor(model, records))
    likelihood = task.likelihood(task.start)
    near = normal_posterior(likelihood)
    with np.errstate(all="ignore"):
        sample = importance_objective(
            likelihood, near.means, 2.0 * near.covariances, samples, 1, Proposal(sobol=True)
        )
    return task, sample, louis_information(CompleteData(task), task.start, sample)


@pytest.mark.parametrize(
    ("model", "times"), [(straight_lines(), None), (seen_through_logarithms(), (1.0, 2.0, 4.0, 8.0))]
)
def test_it_is_the_curvature_of_the_likelihood(model, times):
    records = measured(model, 25, **({"times": times} if times else {}))
    exact = fit(model, records, GaussHermite(points=7), covariance="R")
    task, _, found = information(exact.model, records, 4096)
    jacobian = task.space.jacobian(task.start)
    errors = np.sqrt(np.diag(jacobian @ found.covariance("R") @ jacobian.T))
    # 4,096 draws of each of 25 subjects; along the ridge of the second model they tell least.
    assert errors == pytest.approx([exact.standard_errors[n] for n in task.space.names], rel=0.05)


def test_draws_that_cannot_be_are_among_them():
    model = seen_through_logarithms()
    # So few and early levels that many a height would leave the last one below zero.
    _, sample, found = information(
        replace(model, random=(RandomEffects(("eta",), ((1.0,),)),)),
        measured(model, 25, times=(4.0, 8.0)),
        4096,
    )
    assert (sample.weights == 0).any()
    assert np.isfinite(found.hessian).all()
    assert np.isfinite(found.score).all()
