"""Newton's steps, where the likelihood's top is known."""

import numpy as np
import pytest
from simulated_data import measured, straight_lines

from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.importance_objective import importance_objective
from understudy.inference.estimation.likelihood_steps import LikelihoodSteps
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.normal_posterior import normal_posterior
from understudy.inference.estimation.proposal import Proposal
from understudy.inference.predictor import Predictor

MODEL = straight_lines()
RECORDS = measured(MODEL, 25, seed=3)


@pytest.fixture(scope="module")
def exact():
    return fit(MODEL, RECORDS, "focei", covariance="R")


def steps(most: int):
    """Steps, from the model's own values, which are some standard error away from the estimates."""
    task = Task(Predictor(MODEL, RECORDS))

    def sampler(vector, means, covariances):
        return importance_objective(
            task.likelihood(vector), means, 1.3 * covariances, 1024, 1, Proposal(sobol=True)
        )

    begin = normal_posterior(task.likelihood(task.start))
    sample = sampler(task.start, begin.means, begin.covariances)
    return task, LikelihoodSteps(CompleteData(task), sampler, most).begun(task.start, sample)


def test_they_lead_to_the_top(exact):
    task, found = steps(8)
    values = dict(zip(task.space.names, task.space.named(task.space.values(found.vector)), strict=True))
    assert found.steps > 0
    assert found.promise < 0.05
    for name, value in exact.estimates.items():
        # A gain of 0.05 is two tenths of a standard error in the worst direction.
        assert values[name] == pytest.approx(value, abs=0.25 * exact.standard_errors[name]), name
    assert found.sample.objective == pytest.approx(exact.objective, abs=4 * found.sample.error + 0.05)


def test_each_lowers_the_objective():
    _, none = steps(0)
    _, one = steps(1)
    assert none.steps == 0
    assert one.steps == 1
    assert one.sample.objective < none.sample.objective
    assert np.isfinite(none.promise)
    assert one.promise < none.promise
