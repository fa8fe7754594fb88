"""Mixtures: the exact marginal likelihood of normal ones, gradients, recovery, who belongs where, what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from simulated_data import LEVEL

from understudy.core.errors import ModelError, SimulationError
from understudy.core.random import normals
from understudy.data.records import Records
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.focei import FOCEI
from understudy.inference.estimation.method import Task
from understudy.inference.individualise import individualise
from understudy.inference.predictor import Predictor
from understudy.model.mixture import Mixture
from understudy.model.parts import Parameter
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects
from understudy.population.virtual import virtual_patients

TIMES = np.array([0.0, 1.0, 2.0, 3.0])


def lines(**changes) -> PopulationModel:
    """Straight lines that rise in one subpopulation and hardly do in the other."""
    parts = {
        "individual": {
            "base": "theta_base + eta_base",
            "slope": "where(GROUP == 1, theta_low, theta_high) + eta_slope",
        },
        "fixed": (
            Parameter("theta_base", 5.0), Parameter("theta_low", 0.2), Parameter("theta_high", 1.5),
            Parameter("low", 0.35, lower=0.0, upper=1.0), Parameter("add", 0.4),
        ),
        "random": (RandomEffects(("eta_base", "eta_slope"), ((0.5, 0.05), (0.05, 0.06))),),
        "residual": {"Y": "add ** 2"},
        "covariates": (Covariate("GROUP"),),
        "mixture": Mixture("GROUP", ("low", "1 - low")),
    }  # fmt: skip
    return PopulationModel("lines", LEVEL, **(parts | changes))


def drawn(count: int, seed: int) -> tuple[Records, np.ndarray]:
    """Records and the subpopulation that each patient was drawn from."""
    model = lines()
    patients = virtual_patients(model, count=count, seed=seed)
    group = patients["GROUP"].to_numpy()
    slope = np.where(group == 1, 0.2, 1.5) + patients["eta_slope"].to_numpy()
    level = 5.0 + patients["eta_base"].to_numpy()[:, None] + slope[:, None] * TIMES
    level += 0.4 * normals(seed, "measured", range(count), len(TIMES))
    frame = pd.DataFrame(
        {
            "ID": np.repeat(np.arange(1, count + 1), len(TIMES)),
            "TIME": np.tile(TIMES, count),
            "DV": level.ravel(),
        }
    )
    return Records.from_frame(frame), group


def classes(data: Records) -> np.ndarray:
    """Minus half of each patient's term in each subpopulation, with its probability."""
    level = data.table["dv"].to_numpy().reshape(-1, len(TIMES))
    design = np.stack([np.ones_like(TIMES), TIMES], axis=1)
    covariance = design @ np.array([[0.5, 0.05], [0.05, 0.06]]) @ design.T + 0.16 * np.eye(4)
    found = []
    for share, slope in ((0.35, 0.2), (0.65, 1.5)):
        scipy = multivariate_normal(5.0 + slope * TIMES, covariance)
        found.append(np.log(share) + scipy.logpdf(level) + 2.0 * np.log(2 * np.pi))
    return np.array(found)


def objective_of(data: Records):
    method, model = FOCEI(), lines()
    parts = tuple(Predictor(model.of_class(k), data) for k in (1, 2))
    task = Task(parts[0], whole=model, classes=parts)
    return method.objective(task), task


def test_the_objective_is_the_exact_marginal_likelihood():
    data, _ = drawn(20, 1)
    search, task = objective_of(data)
    found, logs = search.point(task.start, None), classes(data)
    assert found.value == pytest.approx(-2 * logsumexp(logs, axis=0).sum(), rel=1e-8)
    np.testing.assert_allclose(
        search.probabilities(found).T, np.exp(logs - logsumexp(logs, axis=0)), atol=1e-7
    )


def test_gradients_are_exact():
    search, task = objective_of(drawn(10, 2)[0])
    vector, step = task.start + 0.1, 1e-4
    at = search.point(vector, None)
    for k in range(vector.size):
        ahead, behind = (
            search.point(vector + sign * step * np.eye(vector.size)[k], at).value for sign in (1, -1)
        )
        assert at.gradient[k] == pytest.approx((ahead - behind) / (2 * step), rel=1e-5, abs=1e-4)


def test_shares_and_members_are_found_again():
    data, group = drawn(150, 3)
    begin = lines().with_values(theta_low=0.5, theta_high=1.2, low=0.5)
    found = fit(begin, data, covariance="R")
    assert found.succeeded
    for name, value in lines().fixed_values.items():
        assert abs(found.estimates[name] - value) < 4 * found.standard_errors[name]
    told = np.array(list(found.details["class_probabilities"].values()))
    np.testing.assert_allclose(told.sum(axis=1), 1)
    # Slopes of the two differ by four standard deviations of what four measurements leave open.
    assert (told.argmax(axis=1) + 1 == group).mean() > 0.93
    assert found.model.mixture == begin.mixture
    assert len(found.effects) == 150


def test_virtual_patients_come_in_their_shares():
    group = virtual_patients(lines(), count=4000, seed=5)["GROUP"]
    # Four standard errors.
    assert (group == 1).mean() == pytest.approx(0.35, abs=4 * np.sqrt(0.35 * 0.65 / 4000))
    assert set(group) == {1.0, 2.0}


def test_what_cannot_be_is_refused():
    data, _ = drawn(3, 1)
    with pytest.raises(SimulationError, match="is a mixture"):
        individualise(lines(), data)
    assert individualise(lines().of_class(2), data).modes.shape == (3, 2)
    with pytest.raises(ModelError, match="no subpopulation 3"):
        lines().of_class(3)
    with pytest.raises(ModelError, match="at least two"):
        Mixture("GROUP", ("1",))
    with pytest.raises(ModelError, match="GROUP"):
        lines(covariates=(Covariate("OTHER"),), individual={})
    with pytest.raises(ModelError, match="undefined name"):
        lines(mixture=Mixture("GROUP", ("eta_base", "1 - eta_base")))
    with pytest.raises(SimulationError, match="sum to one"):
        virtual_patients(lines(mixture=Mixture("GROUP", ("low", "low"))), count=2)


def test_the_content_goes_through_json():
    assert PopulationModel.from_json(lines().to_json()) == lines()
