"""Model averaging: exact weights where densities are normal, and mixtures of forecasts."""

import numpy as np
import pytest
from normal_model import OMEGA, SIGMA2, marginal, measured, normal_population, posterior

from understudy.core.errors import SimulationError
from understudy.inference.forecast import forecast
from understudy.inference.individualise import individualise
from understudy.inference.twins.model_average import average_models
from understudy.model.model import Model
from understudy.model.population_model import Residual

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0], "c": [7.2, 7.0]}
SHIFT = 1.5


def both(**options):
    """Twins by the true population and by one whose mean is too low."""
    records = measured(VALUES)
    lower = normal_population(fixed={"theta": 5.0 - SHIFT})
    return {
        "right": individualise(normal_population(), records, **options),
        "low": individualise(lower, records, **options),
    }


def shifted(values):
    """What the lower population sees is what the right one would of higher values."""
    return [value + SHIFT for value in values]


@pytest.fixture(scope="module")
def average():
    return average_models(both())


def softmax(right, low):
    return 1 / (1 + np.exp(-0.5 * (np.array(low) - np.array(right))))


def test_weights_are_the_posterior_probabilities_of_the_models(average):
    wanted = softmax([marginal(v) for v in VALUES.values()], [marginal(shifted(v)) for v in VALUES.values()])
    np.testing.assert_allclose(average.weights["right"], wanted, rtol=1e-6)
    np.testing.assert_allclose(average.weights.sum(axis=1), 1.0)


def test_weights_by_importance_sampling_are_near():
    sampled = average_models(both(method="sir", draws=1000)).weights
    np.testing.assert_allclose(sampled, average_models(both()).weights, atol=0.02)


def test_prior_probabilities_count(average):
    biased = average_models(average.twins, prior={"right": 1, "low": 3}).weights
    odds = average.weights["low"] / average.weights["right"]
    np.testing.assert_allclose(biased["low"] / biased["right"], 3 * odds, rtol=1e-9)


def test_bic_and_objective_by_hand(average):
    def terms(values):
        eta = posterior(values)[0]
        fit = sum((v - 5 - eta) ** 2 / SIGMA2 + np.log(SIGMA2) for v in values)
        return fit + np.log(len(values)), fit + eta**2 / OMEGA

    right = np.array([terms(v) for v in VALUES.values()]).T
    low = np.array([terms(shifted(v)) for v in VALUES.values()]).T
    for k, basis in enumerate(("bic", "objective")):
        found = average_models(average.twins, basis).weights
        np.testing.assert_allclose(found["right"], softmax(right[k], low[k]), rtol=1e-6)


def test_forecasts_are_mixtures(average):
    draws = 20_000
    drawn = forecast(average, None, [1.0], draws=draws)["y"].values[:, 0]
    for k, values in enumerate(VALUES.values()):
        weight = average.weights["right"].iloc[k]
        means = np.array([5 + posterior(values)[0], 5 - SHIFT + posterior(shifted(values))[0]])
        share = np.array([weight, 1 - weight])
        mean = share @ means
        variance = posterior(values)[1] + share @ (means - mean) ** 2
        assert drawn[k].mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / draws))
        assert drawn[k].var() == pytest.approx(variance, rel=0.06)


def test_selection_takes_the_best_alone(average):
    chosen = average.selected()
    assert ((chosen.weights == 0) | (chosen.weights == 1)).all().all()
    assert (chosen.weights.idxmax(axis=1) == average.weights.idxmax(axis=1)).all()
    drawn = forecast(chosen, None, [1.0], draws=9)["y"].values
    best = average.weights["right"] > 0.5
    right = forecast(average.twins["right"], None, [1.0], draws=9)["y"].values
    np.testing.assert_array_equal(drawn[best.to_numpy()], right[best.to_numpy()])


def test_some_of_the_patients(average):
    alone = average.select(["c"])
    assert alone.patients == ("c",)
    assert list(alone.weights.index) == ["c"]
    assert repr(average).startswith("ModelAverage of 3 patients by marginal:")


def test_a_residual_on_the_logarithm_is_compared_as_a_density_of_the_level():
    """Of one level m without random effects: normal density of m against lognormal density, by hand."""
    still = {"individual": {"base": "theta"}, "random": {}}
    plain = normal_population(**still)
    logs = normal_population(**still, residual=(Residual("y", "0.04", scale="log"),))
    records = measured({"a": [5.8]})
    found = average_models({"plain": individualise(plain, records), "logs": individualise(logs, records)})
    normal = np.exp(-0.5 * (0.8**2 / SIGMA2)) / np.sqrt(SIGMA2)
    lognormal = np.exp(-0.5 * np.log(5.8 / 5) ** 2 / 0.04) / 0.2 / 5.8
    assert found.weights.loc["a", "plain"] == pytest.approx(normal / (normal + lognormal), rel=1e-9)


def test_models_in_other_units_are_compared_and_mixed_in_the_first_ones():
    def level(unit, factor):
        structural = Model(
            "level", "h", {"base": (1.0, unit)}, {"A": "1"}, {"A": "-A"}, outputs={"y": ("base", unit)}
        )
        return normal_population(
            structural=structural,
            individual={"base": f"theta + {factor} * eta"},
            fixed={"theta": 5.0 * factor},
            residual={"y": str(SIGMA2 * factor**2)},
        )

    records = measured({"a": [5.5, 6.0]})
    declared = type(records).from_frame(
        records.table.drop(columns="row").rename(columns=str.upper), units={"TIME": "h", "DV": "mg/L"}
    )
    twins = {
        name: individualise(level(*of), declared)
        for name, of in [("mg", ("mg/L", 1)), ("ug", ("ug/L", 1000))]
    }
    found = average_models(twins)
    # The same model in other words: both are as probable.
    np.testing.assert_allclose(found.weights, 0.5, rtol=1e-6)
    drawn = forecast(found, None, [1.0], draws=100)
    assert drawn.units == {"y": "mg/L"}
    assert 4 < drawn["y"].values.min() < drawn["y"].values.max() < 8


def test_impossible_averages(average):
    other = individualise(normal_population(), measured({"a": [5.0]}))
    with pytest.raises(SimulationError, match="different measurements"):
        average_models({"a": average.twins["right"], "b": other})
    with pytest.raises(SimulationError, match="marginal, bic, objective"):
        average_models(average.twins, "aic")
    with pytest.raises(SimulationError, match="no model to average"):
        average_models({})
    with pytest.raises(SimulationError, match="no model explains"):
        average_models(average.twins, prior={})
    named = individualise(
        normal_population(
            structural=Model("level", "h", {"base": 1.0}, {"A": "1"}, {"A": "-A"}, outputs={"z": "base"}),
            residual={"z": str(SIGMA2)},
        ),
        measured(VALUES),
    )
    with pytest.raises(SimulationError, match="no output in common"):
        forecast(average_models({"y": average.twins["right"], "z": named}), None, [1.0], draws=4)
