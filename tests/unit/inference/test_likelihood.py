"""Densities, slopes and curvatures against values written out by hand and differences."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, SIGMA2, THETA, measured, normal_population

from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.likelihood import Likelihood
from understudy.inference.predictor import Predictor
from understudy.library.pk import compartments
from understudy.model.population_model import PopulationModel, RandomEffects

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0], "c": [7.2, 7.0]}


def curved() -> Likelihood:
    """One compartment, oral, log-normal parameters, combined error with a random effect in it."""
    model = PopulationModel(
        "oral",
        compartments(1, "first_order", apparent=True),
        {"ka": "1.1 * exp(e1)", "CL": "4 * exp(e2)", "V": "40 * exp(e3)"},
        {"add": 0.2, "prop": 0.15},
        (
            RandomEffects(("e1", "e2"), ((0.3, 0.05), (0.05, 0.1))),
            RandomEffects(("e3",), ((0.08,),)),
            RandomEffects(("e4",), ((0.04,),)),
        ),
        {"Cp": "(add ** 2 + (prop * Cp) ** 2) * exp(2 * e4)"},
    )
    rows = []
    for k, name in enumerate("abcde"):
        rows.append({"ID": name, "TIME": 0.0, "AMT": 100.0 + 20 * k, "EVID": 1})
        rows += [
            {"ID": name, "TIME": t, "EVID": 0, "DV": 2.5 * np.exp(-0.1 * t) + 0.1 * k}
            for t in (1.0, 3.0, 8.0, 20.0)
        ]
    frame = pd.DataFrame(rows).fillna({"AMT": 0})
    return Likelihood(Predictor(model, Records.from_frame(frame)))


@pytest.fixture(scope="module")
def likelihood():
    return curved()


def somewhere(likelihood: Likelihood, copies: int = 3) -> np.ndarray:
    rng = np.random.default_rng(4)
    return 0.3 * rng.standard_normal((copies, likelihood.count, likelihood.omega.shape[0]))


def test_the_joint_density_written_out():
    likelihood = Likelihood(Predictor(normal_population(), measured(VALUES)))
    eta = np.array([0.3, -1.0, 2.0])
    found = likelihood.value(eta.reshape(1, 3, 1))[0]
    wanted = [
        sum((y - THETA - e) ** 2 / SIGMA2 + np.log(SIGMA2) for y in own) + e**2 / OMEGA
        for e, own in zip(eta, VALUES.values(), strict=True)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_copies_are_independent(likelihood):
    vectors = somewhere(likelihood)
    together = likelihood.value(vectors)
    for k in range(3):
        np.testing.assert_array_equal(likelihood.value(vectors[[k]])[0], together[k])


def test_the_gradient_is_the_slope_of_half_the_value(likelihood):
    vectors, h = somewhere(likelihood), 1e-5
    found = likelihood.gradient(vectors, likelihood.slopes(vectors))
    for k in range(vectors.shape[-1]):
        shift = np.zeros(vectors.shape[-1])
        shift[k] = h
        slope = (likelihood.value(vectors + shift) - likelihood.value(vectors - shift)) / (4 * h)
        np.testing.assert_allclose(found[..., k], slope, rtol=1e-5, atol=1e-6)


def test_the_observed_curvature_is_the_second_difference_of_half_the_value(likelihood):
    modes, h = somewhere(likelihood)[0], 1e-3
    found = likelihood.observed_curvature(modes)
    size = modes.shape[-1]
    for i in range(size):
        for j in range(size):
            a, b = h * np.eye(size)[i], h * np.eye(size)[j]
            corners = [likelihood.value((modes + s * a + t * b)[None])[0] for s in (1, -1) for t in (1, -1)]
            second = (corners[0] - corners[1] - corners[2] + corners[3]) / (8 * h * h)
            np.testing.assert_allclose(found[:, i, j], second, rtol=2e-4, atol=2e-3)


def test_the_expected_curvature_is_the_mean_of_the_observed_one(likelihood):
    """Over data drawn from the model at fixed random effects the two agree."""
    modes = somewhere(likelihood)[0]
    at = likelihood.slopes(modes[None])
    expected = likelihood.expected_curvature(at)[0]
    rng, original, total, draws = np.random.default_rng(1), likelihood.predictor.measured, 0.0, 400
    for _ in range(draws):
        noise = rng.standard_normal(original.size)
        likelihood.predictor.measured = at.prediction[0] + noise * np.sqrt(at.variance[0])
        total = total + likelihood.observed_curvature(modes)
    likelihood.predictor.measured = original
    # Six standard errors of some 20 % of an element's scale over 400 draws.
    scale = np.sqrt(np.einsum("nii,njj->nij", expected, expected))
    assert np.abs((total / draws - expected) / scale).max() < 0.06


def test_an_undefined_prediction_makes_the_value_infinite():
    model = normal_population(individual={"base": "theta + log(eta + 1)"})
    likelihood = Likelihood(Predictor(model, measured(VALUES)))
    found = likelihood.value(np.array([0.0, -2.0, 0.0]).reshape(1, 3, 1))[0]
    assert np.isfinite(found[[0, 2]]).all()
    assert found[1] == np.inf


def test_effects_that_do_not_vary_take_no_part():
    model = normal_population(individual={"base": "theta + eta + idle"}, random={"eta": OMEGA, "idle": 0.0})
    likelihood = Likelihood(Predictor(model, measured(VALUES)))
    np.testing.assert_array_equal(likelihood.active, [0])
    assert likelihood.precision.shape == (1, 1)


def test_effects_that_others_determine_are_refused():
    block = RandomEffects(("eta", "same"), ((1.0, 1.0), (1.0, 1.0)))
    model = normal_population(random=(block,))
    with pytest.raises(SimulationError, match="omega is singular"):
        Likelihood(Predictor(model, measured(VALUES)))
