"""Twins by each method: exact where densities are normal, alike where they are not."""

import dataclasses

import numpy as np
import pytest
from normal_model import OMEGA, SIGMA2, marginal, measured, normal_population, posterior

from understudy.core.errors import ModelError, SimulationError
from understudy.inference.fit import Fit
from understudy.inference.forecast import forecast
from understudy.inference.individualise import individualise
from understudy.model.population_model import PopulationModel

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0], "c": [7.2, 7.0]}
DRAWS = 1000


@pytest.fixture(scope="module", params=["sir", "nuts"])
def drawn(request):
    return individualise(normal_population(), measured(VALUES), method=request.param, draws=DRAWS)


def test_draws_have_the_exact_mean_and_variance(drawn):
    wanted = np.array([posterior(own) for own in VALUES.values()])
    samples = drawn.samples[:, :, 0]
    assert samples.shape == (DRAWS, 3)
    # Draws are worth a third of their number at least.
    error = 4 / np.sqrt(DRAWS / 3)
    assert (np.abs(samples.mean(axis=0) - wanted[:, 0]) < error * np.sqrt(wanted[:, 1])).all()
    np.testing.assert_allclose(samples.var(axis=0), wanted[:, 1], rtol=error * np.sqrt(2))
    np.testing.assert_allclose(drawn.covariances[:, 0, 0], samples.var(axis=0, ddof=1), rtol=1e-9)


def test_the_mode_stays_the_mode(drawn):
    wanted = [posterior(own)[0] for own in VALUES.values()]
    np.testing.assert_allclose(drawn.modes[:, 0], wanted, rtol=1e-7)


def test_nothing_is_in_doubt_where_all_is_normal(drawn):
    assert drawn.doubts == {}
    assert list(drawn.sampling.index) == ["a", "b", "c"]
    assert "doubt" not in repr(drawn)


def test_forecasts_are_made_of_the_draws(drawn):
    found = forecast(drawn, None, [1.0], draws=DRAWS)["y"].values[:, 0]
    np.testing.assert_allclose(np.sort(found), np.sort(5.0 + drawn.samples[:, :, 0].T), rtol=1e-12)


def test_more_draws_leave_the_first_as_they_were(drawn):
    few, many = drawn.vectors(10, seed=1), drawn.vectors(50, seed=1)
    np.testing.assert_array_equal(few, many[:10])
    # More than there are: again from the first.
    again = drawn.vectors(DRAWS + 10, seed=1)
    np.testing.assert_array_equal(again[DRAWS:], few)


@pytest.mark.parametrize("method", ["laplace", "sir"])
def test_the_marginal_likelihood_is_exact(method):
    found = individualise(normal_population(), measured(VALUES), method=method, draws=DRAWS)
    # Laplace's approximation is exact here, up to differences; 10,000 proposals leave 2 * 0.004.
    tolerance = 1e-6 if method == "laplace" else 0.03
    np.testing.assert_allclose(found.marginal, [marginal(own) for own in VALUES.values()], atol=tolerance)


def test_the_mode_alone_is_taken_for_the_truth():
    found = individualise(normal_population(), measured(VALUES), method="map")
    levels = forecast(found, None, [1.0], draws=50)["y"].values
    assert (np.ptp(levels, axis=2) == 0).all()
    scattered = forecast(found, None, [1.0], draws=20_000, measured=True)["y"].values[:, 0]
    np.testing.assert_allclose(scattered.var(axis=1), SIGMA2, rtol=0.06)
    wanted = np.sqrt([posterior(own)[1] for own in VALUES.values()])
    np.testing.assert_allclose(found.table["se_eta"], wanted, rtol=1e-6)


def test_a_patients_draws_are_the_same_alone(drawn):
    alone = drawn.select(["c"])
    np.testing.assert_array_equal(alone.vectors(7, seed=2)[:, 0], drawn.vectors(7, seed=2)[:, 2])
    assert list(alone.sampling.index) == ["c"]


def test_selected_twins_keep_their_random_numbers():
    twins = individualise(normal_population(), measured(VALUES))
    alone = forecast(twins.select(["c"]), None, [1.0], draws=5, measured=True)["y"].values
    together = forecast(twins, None, [1.0], draws=5, measured=True)["y"].values
    np.testing.assert_array_equal(alone[0], together[2])
    with pytest.raises(SimulationError, match="no twin of 'd'"):
        twins.select(["d"])


def skewed(sigma2: float = 4.0) -> PopulationModel:
    """A positive level, seen once and far below the typical one."""
    return normal_population(individual={"base": "theta * exp(eta)"}, residual={"y": str(sigma2)})


def by_quadrature(value: float, sigma2: float) -> tuple[float, float, float]:
    """Mean and variance of the random effect, and minus twice the log of the integral, on a fine grid."""
    eta = np.linspace(-8, 4, 200_001)
    density = np.exp(-0.5 * ((value - 5 * np.exp(eta)) ** 2 / sigma2 + np.log(sigma2) + eta**2 / OMEGA))
    total = np.trapezoid(density, eta)
    mean = np.trapezoid(eta * density, eta) / total
    variance = np.trapezoid((eta - mean) ** 2 * density, eta) / total
    return mean, variance, -2 * np.log(total) + np.log(2 * np.pi * OMEGA)


@pytest.mark.parametrize(("method", "draws"), [("sir", 4000), ("nuts", 1000)])
def test_a_skewed_posterior_is_that_of_quadrature(method, draws):
    twins = individualise(skewed(), measured({"a": [1.0]}), method=method, draws=draws)
    mean, variance, evidence = by_quadrature(1.0, 4.0)
    # Draws are worth a third of their number at least; a variance has an error of sqrt(2 / n), here of twice the
    # kurtosis.
    assert twins.samples.mean() == pytest.approx(mean, abs=4 * np.sqrt(3 * variance / draws))
    assert twins.samples.var() == pytest.approx(variance, rel=4 * np.sqrt(2 * 2 * 3 / draws))
    # The mode is not the mean: the normal approximation is off by more than the draws' own error.
    assert abs(twins.modes[0, 0] - mean) > 0.1 * np.sqrt(variance)
    if method == "sir":
        assert twins.marginal[0] == pytest.approx(evidence, abs=0.02)


def test_too_few_effective_draws_are_told():
    # Only a thin bent line of the two effects fits the level: a normal distribution lies across it.
    bent = normal_population(
        individual={"base": "theta + e1 - 3 * e2 ** 2"}, random={"e1": 1.0, "e2": 1.0}, residual={"y": "1e-4"}
    )
    missed = individualise(bent, measured({"a": [5.0]}), method="sir", draws=200)
    chains = individualise(normal_population(), measured({"a": [5.0]}), method="nuts", draws=20)
    assert missed.sampling.loc["a", "ess"] < 60
    assert "weighted proposals are worth" in missed.doubts["a"]
    assert "worth" in chains.doubts["a"]
    assert "1 in doubt" in repr(chains)


def test_parameters_have_intervals(drawn):
    table = drawn.parameters(interval=0.9)
    assert list(table.columns) == ["patient", "parameter", "mode", "median", "lower", "upper"]
    mean, variance = posterior(VALUES["b"])
    row = table.set_index("patient").loc["b"]
    np.testing.assert_allclose(
        [row["mode"], row["median"], row["lower"], row["upper"]],
        5 + mean + np.sqrt(variance) * np.array([0, 0, -1.645, 1.645]),
        atol=0.15 * np.sqrt(variance),
    )


def test_a_patient_without_a_measurement_is_drawn_from_the_population():
    records = measured({"a": [1.0]})
    twins = individualise(normal_population(), records.without_observations([2]), method="sir", draws=DRAWS)
    assert twins.samples[:, 0, 0].var() == pytest.approx(OMEGA, rel=0.15)
    assert twins.marginal[0] == pytest.approx(0.0, abs=0.03)


def test_a_failure_stays_a_failure():
    model = normal_population(
        individual={"base": "where(BAD > 0, log(-1), theta + eta)"}, covariates={"BAD": "1"}
    )
    records = measured(VALUES, BAD=[0, 0, 0, 1, 0, 0])
    found = individualise(model, records, method="sir", draws=100)
    assert list(found.failures) == ["b"]
    assert "b" not in found.doubts
    assert found.succeeded().samples.shape == (100, 2, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"method": "mcmc"}, "map, laplace, sir, nuts"), ({"draws": 0}, "at least one draw")],
)
def test_impossible_settings(options, words):
    with pytest.raises(SimulationError, match=words):
        individualise(normal_population(), measured(VALUES), **options)


def test_a_fit_stands_for_its_model():
    if "model" not in {item.name for item in dataclasses.fields(Fit)}:
        pytest.skip("a Fit of this version holds no model")
    fit = Fit("FOCEI", 0.0, {"theta": 5.0}, model=normal_population())
    np.testing.assert_array_equal(
        individualise(fit, measured(VALUES)).modes, individualise(normal_population(), measured(VALUES)).modes
    )


def test_a_fit_without_a_model_is_refused():
    if "model" not in {item.name for item in dataclasses.fields(Fit)}:
        pytest.skip("a Fit of this version holds no model")
    with pytest.raises(ModelError, match="no model"):
        individualise(Fit("FOCEI", 0.0, {}, source="run.ext"), measured(VALUES))


def test_a_mechanism_without_a_population_is_refused():
    with pytest.raises(ModelError, match="no random effects"):
        individualise(normal_population().structural, measured(VALUES))
