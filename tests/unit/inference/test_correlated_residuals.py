"""Residual errors that go together: the joint density written out, FOCEI with whole blocks, draws, recovery."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from understudy.core.errors import ModelError, SimulationError
from understudy.data.records import Records
from understudy.inference.diagnose import measurement_draws
from understudy.inference.diagnostics.replicates import prior_vectors
from understudy.inference.estimation.conditional_search import ConditionalObjective
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.method import Task
from understudy.inference.likelihood import Likelihood
from understudy.inference.modes import find_modes
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel, RandomEffects, Residual, ResidualCorrelation

BASE = Model(
    "two", "h", {"k": 0.2, "E0": 3.0}, {"A": "1"}, {"A": "-k * A"}, outputs={"C": "A", "E": "E0 + 0.5 * A"}
)  # fmt: skip
EFFECTS = (RandomEffects(("eta_k", "eta_E"), ((0.1, 0.02), (0.02, 0.2))),)


def pairs(**changes) -> PopulationModel:
    parts = {
        "individual": {"k": "theta_k * exp(eta_k)", "E0": "theta_E + eta_E"},
        "fixed": {"theta_k": 0.2, "theta_E": 3.0, "prop": 0.2, "add": 0.3, "rho": 0.6},
        "random": EFFECTS,
        "residual": {"C": "(prop * C) ** 2", "E": "(add + 0.05 * E) ** 2"},
        "correlations": (ResidualCorrelation(("C", "E"), "rho"),),
    }
    return PopulationModel("pairs", BASE, **(parts | changes))


def over_time(**changes) -> PopulationModel:
    residual = (Residual("C", "(prop * C) ** 2", autocorrelation="half"),)
    fixed = {"theta_k": 0.2, "prop": 0.2, "half": 3.0}
    individual = {"k": "theta_k * exp(eta_k)", "E0": "3 + eta_E"}
    return pairs(residual=residual, correlations=(), fixed=fixed, individual=individual, **changes)


def records(model: PopulationModel, patients: int, seed: int = 1) -> Records:
    rows = []
    for n in range(patients):
        rows.append({"ID": n + 1, "TIME": 0.0, "AMT": 10.0 + n % 3, "DV": None, "DVID": "C"})
        for t in (0.5, 1.0, 2.0, 4.0, 8.0):
            rows += [{"ID": n + 1, "TIME": t, "AMT": 0.0, "DV": 1.0, "DVID": o} for o in model.output_names]
        # One that stands alone.
        rows.append({"ID": n + 1, "TIME": 9.0, "AMT": 0.0, "DV": 1.0, "DVID": model.output_names[-1]})
    frame = pd.DataFrame(rows)
    predictor = Predictor(model, Records.from_frame(frame))
    frame.loc[frame["AMT"] == 0, "DV"] = measurement_draws(
        predictor, prior_vectors(predictor, 1, seed), seed
    )[0]
    return Records.from_frame(frame)


def moments(predictor: Predictor, vectors: np.ndarray):
    """Predictions and the whole covariance of one patient's measurements, written out."""
    prediction, variance = predictor.apart(predictor.natural(vectors), vectors)
    mine = predictor.patient == 0
    time, output = predictor.time[mine], predictor.output[mine]
    if predictor.model.correlations:
        same = (time[:, None] == time) & (output[:, None] != output)
        correlation = np.where(same, 0.6, np.eye(mine.sum()))
    else:
        correlation = 0.5 ** (np.abs(time[:, None] - time) / 3.0)
    deviation = np.sqrt(variance[0, mine])
    return prediction[0, mine], correlation * np.outer(deviation, deviation)


@pytest.mark.parametrize("make", [pairs, over_time])
def test_the_joint_density_is_that_of_the_whole_covariance(make):
    predictor = Predictor(make(), records(make(), 3))
    vectors = np.full((1, 3, 2), 0.2)
    likelihood = Likelihood(predictor)
    mean, covariance = moments(predictor, vectors)
    measured = predictor.measured[predictor.patient == 0]
    wanted = -2 * multivariate_normal(mean, covariance).logpdf(measured) - measured.size * np.log(2 * np.pi)
    found = likelihood.value(vectors)[0, 0] - likelihood.prior_term(vectors)[0, 0]
    assert found == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("make", [pairs, over_time])
def test_the_expected_curvature_is_that_of_whole_blocks(make):
    predictor = Predictor(make(), records(make(), 3))
    likelihood, vectors, step = Likelihood(predictor), np.full((1, 3, 2), 0.2), 1e-5
    mean_slopes, covariance_slopes = [], []
    for k in range(2):
        ahead, behind = (moments(predictor, vectors + sign * step * np.eye(2)[k]) for sign in (1, -1))
        mean_slopes.append((ahead[0] - behind[0]) / (2 * step))
        covariance_slopes.append((ahead[1] - behind[1]) / (2 * step))
    precision = np.linalg.inv(moments(predictor, vectors)[1])
    wanted = likelihood.precision.copy()
    for i in range(2):
        for j in range(2):
            crossed = precision @ covariance_slopes[i] @ precision @ covariance_slopes[j]
            wanted[i, j] += mean_slopes[i] @ precision @ mean_slopes[j] + 0.5 * np.trace(crossed)
    found = likelihood.expected_curvature(likelihood.slopes(vectors))[0, 0]
    # Differences of 1e-5 err by some 1e-9 of the numbers.
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("make", [pairs, over_time])
def test_gradients_are_exact(make):
    task = Task(Predictor(make(), records(make(), 4)))
    search, vector, step = ConditionalObjective(task, "interaction"), task.start + 0.05, 2e-4
    at = search.point(vector, None)
    for k in range(vector.size):
        ahead, behind = (
            search.point(vector + sign * step * np.eye(vector.size)[k], at).value for sign in (1, -1)
        )
        assert at.gradient[k] == pytest.approx((ahead - behind) / (2 * step), rel=2e-5, abs=2e-4)


def test_without_correlation_nothing_changes():
    data = records(pairs(), 4)
    apart, none = pairs(correlations=()), pairs().with_values(rho=0.0)
    assert objective(none, data) == pytest.approx(objective(apart, data), abs=1e-8)
    assert abs(objective(pairs(), data) - objective(apart, data)) > 1


@pytest.mark.parametrize("make", [pairs, over_time])
def test_draws_go_together(make):
    predictor = Predictor(make(), records(make(), 1))
    zero = np.zeros((20_000, 1, 2))
    drawn = measurement_draws(predictor, zero, 2)
    mean, covariance = moments(predictor, zero[:1])
    deviation = np.sqrt(np.diag(covariance))
    # Standard errors of 20,000 draws: of means 0.007 deviations, of correlations 0.007.
    assert np.abs((drawn.mean(0) - mean) / deviation).max() < 0.03
    np.testing.assert_allclose(np.corrcoef(drawn.T), covariance / np.outer(deviation, deviation), atol=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "name"), [(pairs, "rho"), (over_time, "half")])
def test_correlations_are_found_again(make, name):
    truth = make()
    data, begin = records(truth, 40, 5), truth.with_values(**{name: 0.5 * truth.fixed_values[name]})
    if name == "half":
        # Only the first output is measured: the other's random effect is not to be estimated.
        alone = (RandomEffects(("eta_k",), ((0.1,),)),)
        begin = replace(begin, random=alone, individual={"k": "theta_k * exp(eta_k)"})
    found = fit(begin, data, covariance="R")
    assert found.succeeded
    for each, value in truth.fixed_values.items():
        assert abs(found.estimates[each] - value) < 4 * found.standard_errors[each]
    assert found.standard_errors[name] < 0.5 * truth.fixed_values[name]


def test_modes_are_found():
    likelihood = Likelihood(Predictor(pairs(), records(pairs(), 3)))
    modes, failed = find_modes(likelihood)
    assert not failed.any()
    assert np.abs(likelihood.gradient(modes[None], likelihood.slopes(modes[None]))).max() < 1e-4


def test_what_cannot_be_is_refused():
    data = records(pairs(), 2)
    for method in ("fo", "foce"):
        with pytest.raises(SimulationError, match="interaction"):
            fit(pairs(), data, method)
    limited = (Residual("C", "1", lower_limit=100.0), Residual("E", "1"))
    with pytest.raises(SimulationError, match="limit of quantification"):
        Predictor(pairs(residual=limited), data)
    with pytest.raises(ModelError, match="correlated in more than one way"):
        pairs(residual=(Residual("C", "1", autocorrelation="rho"), Residual("E", "1")))
    with pytest.raises(ModelError, match="undefined name"):
        pairs(correlations=(ResidualCorrelation(("C", "E"), "eta_k"),))
    twice = data.table
    twice.loc[twice["time"] == 1.0, "time"] = 0.5
    with pytest.raises(SimulationError, match="measured twice"):
        Predictor(pairs(), Records.from_frame(twice.drop(columns="row")))


def test_a_correlation_beyond_one_has_no_likelihood():
    likelihood = Likelihood(Predictor(pairs().with_values(rho=1.2), records(pairs(), 2)))
    assert np.isinf(likelihood.value(likelihood.zero)).all()
    bounded = replace(pairs().fixed[-1], lower=-1.0, upper=1.0)
    assert bounded.upper == 1.0
