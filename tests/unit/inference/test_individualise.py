"""Twins: exact posteriors where they are known, modes against an optimiser, draws and tables."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, measured, normal_population, posterior
from scipy.optimize import minimize

from understudy.data.records import Records
from understudy.inference.individualise import find_modes, individualise, prior_twins
from understudy.inference.likelihood import Likelihood
from understudy.inference.predictor import Predictor
from understudy.library.pk import compartments
from understudy.model.population_model import PopulationModel, RandomEffects

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0], "c": [7.2, 7.0]}


@pytest.fixture(scope="module")
def twins():
    return individualise(normal_population(), measured(VALUES))


def test_normal_posteriors_are_exact(twins):
    wanted = np.array([posterior(own) for own in VALUES.values()])
    np.testing.assert_allclose(twins.modes[:, 0], wanted[:, 0], rtol=1e-7)
    np.testing.assert_allclose(twins.covariances[:, 0, 0], wanted[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(twins.observations, [3, 1, 2])
    assert twins.status == ("", "", "")


def test_a_patient_without_a_measurement_has_the_populations_distribution():
    records = measured(VALUES | {"d": [1.0]})
    found = individualise(
        normal_population(), records.without_observations([int(records.table["row"].iloc[-1])])
    )
    assert found.modes[3, 0] == pytest.approx(0.0, abs=1e-9)
    assert found.covariances[3, 0, 0] == pytest.approx(OMEGA, rel=1e-6)
    assert found.observations[3] == 0


def test_prior_twins_know_only_the_population():
    found = prior_twins(normal_population(), measured(VALUES))
    np.testing.assert_array_equal(found.modes, 0.0)
    np.testing.assert_array_equal(found.covariances[:, 0, 0], OMEGA)
    assert found.observations.sum() == 0


def test_shrinkage_is_what_the_modes_lack_of_omega(twins):
    wanted = 1 - twins.modes[:, 0].std(ddof=1) / np.sqrt(OMEGA)
    assert twins.shrinkage == {"eta": pytest.approx(wanted)}


def oral() -> PopulationModel:
    return PopulationModel(
        "oral",
        compartments(1, "lagged", apparent=True),
        {"ka": "1.1 * exp(e1)", "CL": "4 * exp(e2)", "V": "40 * exp(e3)", "tlag": "0.7 * exp(e4)"},
        {"prop": 0.1, "add": 0.05},
        (RandomEffects(("e1", "e2"), ((0.4, 0.1), (0.1, 0.2))), *map(single, (("e3", 0.1), ("e4", 0.3)))),
        {"Cp": "add ** 2 + (prop * Cp) ** 2"},
    )


def single(pair):
    return RandomEffects((pair[0],), ((pair[1],),))


@pytest.fixture(scope="module")
def oral_records():
    """Ten patients whose levels are those of other parameters than the typical ones, with scatter."""
    rng, rows = np.random.default_rng(12), []
    for k in range(10):
        ka, cl, v, lag = np.array([1.1, 4.0, 40.0, 0.7]) * np.exp(0.5 * rng.standard_normal(4))
        rows.append({"ID": f"p{k}", "TIME": 0.0, "AMT": 100.0, "EVID": 1})
        for t in (0.5, 1.0, 1.5, 3.0, 6.0, 14.0):
            s = max(t - lag, 0)
            level = 100 * ka / v / (ka - cl / v) * (np.exp(-cl / v * s) - np.exp(-ka * s))
            rows.append(
                {
                    "ID": f"p{k}",
                    "TIME": t,
                    "EVID": 0,
                    "DV": max(level * (1 + 0.1 * rng.standard_normal()), 0.01),
                }
            )
    return Records.from_frame(pd.DataFrame(rows).fillna({"AMT": 0}))


@pytest.fixture(scope="module")
def oral_likelihood(oral_records):
    return Likelihood(Predictor(oral(), oral_records))


def test_no_optimiser_from_anywhere_finds_a_better_mode(oral_likelihood):
    modes, failed = find_modes(oral_likelihood)
    assert not failed.any()
    value = oral_likelihood.value(modes[None])[0]
    rng, spread = np.random.default_rng(0), np.sqrt(np.diag(oral_likelihood.omega))
    for patient in (7,):

        def own(vector, patient=patient):
            vectors = modes.copy()
            vectors[patient] = vector
            return oral_likelihood.value(vectors[None])[0, patient]

        for start in [np.zeros(4), *(spread * rng.standard_normal((2, 4)))]:
            found = minimize(
                own, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-8, "maxiter": 4000}
            )
            assert found.fun >= value[patient] - 1e-5


def test_a_start_far_away_does_not_matter(oral_likelihood):
    modes, _ = find_modes(oral_likelihood)
    value = oral_likelihood.value(modes[None])[0]
    again, failed = find_modes(oral_likelihood, modes + 0.2)
    assert not failed.any()
    assert (oral_likelihood.value(again[None])[0] >= value - 1e-6).all()


def test_a_patient_is_the_same_alone_and_among_others(oral_records):
    together = individualise(oral(), oral_records)
    alone = individualise(oral(), oral_records.select(["p3"]))
    # Stopping depends on the patient alone, so nothing but rounding is left.
    np.testing.assert_allclose(alone.modes[0], together.modes[3], rtol=1e-7, atol=1e-9)


def test_a_posterior_that_is_no_maximum_is_a_status_of_that_patient():
    model = normal_population(
        individual={"base": "where(BAD > 0, log(-1), theta + eta)"}, covariates={"BAD": "1"}
    )
    records = measured(VALUES, BAD=[0, 0, 0, 1, 0, 0])
    found = individualise(model, records)
    assert list(found.failures) == ["b"]
    assert found.failures["b"]
    good = found.succeeded()
    assert good.patients == ("a", "c")
    wanted = [posterior(VALUES[name])[0] for name in ("a", "c")]
    np.testing.assert_allclose(good.modes[:, 0], wanted, rtol=1e-7)
    assert np.isfinite(found.covariances).all()


def test_draws_have_the_posterior_mean_and_variance(twins):
    drawn = twins.vectors(20_000, seed=3)[:, :, 0]
    np.testing.assert_allclose(drawn.mean(axis=0), twins.modes[:, 0], atol=5 * np.sqrt(OMEGA / 20_000))
    np.testing.assert_allclose(drawn.var(axis=0), twins.covariances[:, 0, 0], rtol=0.06)


def test_draws_repeat_and_more_of_them_leave_the_first_as_they_were(twins):
    few, many = twins.vectors(10, seed=1), twins.vectors(50, seed=1)
    np.testing.assert_array_equal(few, many[:10])
    assert (few != twins.vectors(10, seed=2)).all()


def test_the_table_of_draws_is_what_simulate_takes(twins):
    table = twins.draws(4, seed=1)
    assert table.index.names == ["patient", "draw"]
    assert len(table) == 12
    vectors = twins.vectors(4, seed=1)
    np.testing.assert_array_equal(table["eta"].to_numpy().reshape(3, 4), vectors[:, :, 0].T)


def test_a_future_occasion_is_unknown():
    model = normal_population(
        individual={"base": "theta + eta + kappa"},
        random=(RandomEffects(("eta",), ((OMEGA,),)), RandomEffects(("kappa",), ((0.5,),), level="occasion")),
    )
    found = individualise(model, measured({"a": [5.0, 6.0], "b": [4.0, 4.5]}, OCC=[1, 2, 1, 2]))
    assert found.effects.names == ("eta", "kappa_1", "kappa_2")
    table = found.draws(4000, seed=2)
    assert set(table.columns) == {"eta", "kappa"}
    kappa = table["kappa"].to_numpy()
    assert abs(kappa.mean()) < 5 * np.sqrt(0.5 / kappa.size)
    assert kappa.var() == pytest.approx(0.5, rel=0.1)


def test_the_table_of_twins(twins):
    table = twins.table
    assert list(table.columns) == ["base", "eta", "se_eta", "observations"]
    np.testing.assert_allclose(table["base"], 5.0 + twins.modes[:, 0])
    np.testing.assert_allclose(table["se_eta"], np.sqrt(twins.covariances[:, 0, 0]))


def test_some_of_the_twins(twins):
    chosen = twins.select(["c", "a"])
    assert chosen.patients == ("c", "a")
    np.testing.assert_array_equal(chosen.modes, twins.modes[[2, 0]])
    assert list(chosen.table.index) == ["c", "a"]


def test_what_a_reader_sees(twins):
    assert (
        repr(twins)
        == f"Twins: 3 patients, 6 observations; shrinkage eta {100 * twins.shrinkage['eta']:.0f} %"
    )


def test_a_model_without_random_effects():
    found = individualise(normal_population(individual={"base": "theta"}, random={}), measured(VALUES))
    assert found.modes.shape == (3, 0)
    assert not found.failures
    assert found.draws(2, seed=0).shape == (6, 0)
    assert repr(found) == "Twins: 3 patients, 6 observations"
