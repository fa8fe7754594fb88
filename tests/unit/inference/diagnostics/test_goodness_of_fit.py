"""Predictions, residuals and shrinkage, where all densities are normal and every number has an exact answer."""

import numpy as np
import pandas as pd
import pytest
from normal_model import LEVEL, OMEGA, SIGMA2, THETA, measured, normal_population, posterior
from scipy import linalg

from understudy import load_model
from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.diagnostics.goodness_of_fit import goodness_of_fit
from understudy.inference.diagnostics.linearisation import Linearisation
from understudy.inference.diagnostics.npde import prediction_distribution_errors
from understudy.inference.diagnostics.replicates import replicate
from understudy.inference.diagnostics.shrinkage import effect_shrinkage
from understudy.inference.fit import Fit
from understudy.inference.likelihood import Likelihood
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel, RandomEffects, Residual

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0, 3.5], "c": [5.2]}
COUNT = sum(map(len, VALUES.values()))


@pytest.fixture(scope="module")
def found():
    return goodness_of_fit(normal_population(), measured(VALUES, AGE=40.0), replicates=4000, seed=3)


def test_one_row_a_measurement_under_names_of_nonmem(found):
    table = found.table
    names = "ID ROW TIME TAD DVID DV CENS PRED RES WRES EPRED IPRED IRES IWRES CWRES CWRESI NPD NPDE AGE"
    assert list(table) == names.split()
    assert table["ID"].tolist() == list("aaabbc")
    np.testing.assert_array_equal(table["PRED"], THETA)
    np.testing.assert_allclose(table["RES"], table["DV"] - THETA)
    individual = np.concatenate([[THETA + posterior(own)[0]] * len(own) for own in VALUES.values()])
    np.testing.assert_allclose(table["IPRED"], individual, rtol=1e-7)
    np.testing.assert_allclose(
        table["IWRES"], (table["DV"] - individual) / np.sqrt(SIGMA2), rtol=1e-6, atol=1e-7
    )
    # Of 4,000 copies with a standard deviation of one: five standard errors.
    np.testing.assert_allclose(table["EPRED"], THETA, atol=5 * np.sqrt((OMEGA + SIGMA2) / 4000))


def whitened(root):
    """Residuals of each patient, times the inverse of a root of their covariance."""
    parts = []
    for own in VALUES.values():
        covariance = OMEGA * np.ones((len(own), len(own))) + SIGMA2 * np.eye(len(own))
        parts.append(np.linalg.solve(root(covariance), np.array(own) - THETA))
    return np.concatenate(parts)


@pytest.mark.parametrize("name", ["WRES", "CWRES", "CWRESI"])
def test_weighted_residuals_of_a_linear_model_are_exact(found, name):
    np.testing.assert_allclose(found.table[name], whitened(lambda v: linalg.sqrtm(v).real), rtol=1e-6)


def test_distribution_errors_of_a_normal_model_are_the_cholesky_whitened_residuals(found):
    # 4,000 copies know a quantile near 2 standard deviations to 0.04; four times that.
    np.testing.assert_allclose(found.table["NPDE"], whitened(np.linalg.cholesky), atol=0.17)
    np.testing.assert_allclose(found.table["NPD"], found.table["RES"] / np.sqrt(OMEGA + SIGMA2), atol=0.17)


def test_shrinkage_is_one_minus_the_spread_of_the_modes(found):
    modes = [posterior(own)[0] for own in VALUES.values()]
    row = found.shrinkage.set_index("name").loc["eta"]
    assert row["n"] == 3
    assert row["mean"] == pytest.approx(np.mean(modes))
    assert row["shrinkage_sd"] == pytest.approx(1 - np.std(modes, ddof=1) / np.sqrt(OMEGA))
    assert row["shrinkage_var"] == pytest.approx(1 - np.var(modes, ddof=1) / OMEGA)
    residual = found.shrinkage.set_index("name").loc["eps(y)"]
    assert residual["shrinkage_sd"] == pytest.approx(1 - found.table["IWRES"].std(ddof=1))


def test_repr_tells_the_main_numbers(found):
    assert "6 measurements of 3 patients" in repr(found)
    assert "NPDE of y" in repr(found)


def test_interaction_takes_the_residual_variance_at_the_mode():
    model = normal_population(residual={"y": "(0.2 * y) ** 2"})
    records = measured({"a": [7.0, 7.4], "b": [5.0]})
    found = goodness_of_fit(model, records, replicates=20).table
    likelihood = Likelihood(Predictor(model, records))
    first = found[found["ID"] == "a"]
    mode = first["IPRED"].iloc[0] - THETA
    for name, level in (("CWRES", THETA), ("CWRESI", THETA + mode)):
        covariance = OMEGA * np.ones((2, 2)) + (0.2 * level) ** 2 * np.eye(2)
        # The linear model's mean is theta again: the prediction is linear in eta.
        wanted = np.linalg.solve(linalg.sqrtm(covariance).real, first["DV"].to_numpy() - THETA)
        np.testing.assert_allclose(first[name], wanted, rtol=1e-5)
    assert likelihood.count == 2


def test_on_the_scale_of_logarithms_residuals_are_weighted_there_and_predictions_are_not():
    model = PopulationModel(
        "log", LEVEL, {"base": "theta * exp(eta)"}, {"theta": THETA}, {"eta": 0.09},
        residual=(Residual("y", "0.04", scale="log"),),
    )  # fmt: skip
    found = goodness_of_fit(model, measured({"a": [5.5], "b": [3.0]}), replicates=50).table
    np.testing.assert_allclose(found["PRED"], THETA)
    np.testing.assert_allclose(found["WRES"], np.log(found["DV"] / THETA) / np.sqrt(0.09 + 0.04), rtol=1e-6)


def test_measurements_beyond_the_limit_have_imputed_distribution_errors_only():
    model = normal_population(residual=(Residual("y", str(SIGMA2), lower_limit=4.0),))
    found = goodness_of_fit(model, measured({"a": [2.0, 5.0], "b": [6.0]}), replicates=500).table
    assert found["CENS"].tolist() == [1, 0, 0]
    below = found.iloc[0]
    assert np.isnan(below[["RES", "WRES", "IRES", "IWRES", "CWRES", "CWRESI"]].to_numpy(float)).all()
    limit = (4.0 - THETA) / np.sqrt(OMEGA + SIGMA2)
    # At most the limit's own place, which 500 copies know to a tenth.
    assert below["NPD"] < limit + 0.3
    assert found["CWRESI"].notna().tolist() == [False, True, True]


def test_a_measurement_that_cannot_vary_has_no_weighted_residual():
    model = load_model("phenobarbital_neonates")
    rows = [
        {"ID": 1, "TIME": 0.0, "EVID": 0, "DV": 0.0, "WT": 1.4, "APGR": 7},
        {"ID": 1, "TIME": 1.0, "AMT": 25.0, "EVID": 1, "WT": 1.4, "APGR": 7},
        {"ID": 1, "TIME": 3.0, "EVID": 0, "DV": 17.0, "WT": 1.4, "APGR": 7},
        {"ID": 2, "TIME": 1.0, "AMT": 25.0, "EVID": 1, "WT": 1.4, "APGR": 7},
        {"ID": 2, "TIME": 3.0, "EVID": 0, "DV": 19.0, "WT": 1.4, "APGR": 7},
    ]
    # The proportional error of a level of zero is zero.
    copies = replicate(model, Records.from_frame(pd.DataFrame(rows)), 50)
    for values in prediction_distribution_errors(copies):
        assert np.isnan(values).tolist() == [True, False, False]
    still = Linearisation(
        np.zeros(2), np.array([0.0, 1.0]), np.zeros((2, 1)), np.eye(1), np.zeros(2, dtype=int)
    )
    np.testing.assert_array_equal(still.weighted(np.array([1.0, 2.0])), [np.nan, 2.0])


def test_effects_of_occasions_are_of_those_that_a_patient_had():
    model = normal_population(
        individual={"base": "theta + eta + kappa"},
        random=(RandomEffects(("eta",), ((OMEGA,),)), RandomEffects(("kappa",), ((0.2,),), level="occasion")),
    )
    rows = [{"ID": "a", "TIME": t, "DV": 5.0 + t, "OCC": o} for t, o in ((1.0, 1), (2.0, 2), (3.0, 3))]
    rows += [{"ID": "b", "TIME": 1.0, "DV": 4.0, "OCC": 1}]
    found = goodness_of_fit(model, Records.from_frame(pd.DataFrame(rows)), replicates=50)
    kappa = found.effects[found.effects["effect"] == "kappa"]
    assert list(zip(kappa["ID"], kappa["occasion"], strict=True)) == [("a", 1), ("b", 1), ("a", 2), ("a", 3)]
    assert found.shrinkage.set_index("name").loc["kappa", "n"] == 4


def test_patients_without_a_measurement_do_not_shrink():
    records = measured({"a": [5.5, 6.1], "b": [3.0], "c": [9.0]})
    held = records.without_observations(records.table["row"].iloc[[3]])
    found = goodness_of_fit(normal_population(), held, replicates=50)
    assert found.effects["ID"].tolist() == ["a", "b"]
    assert effect_shrinkage(found.effects)["n"].tolist() == [2]


def test_questions_without_an_answer():
    records = measured(VALUES)
    with pytest.raises(SimulationError, match="no measurement"):
        goodness_of_fit(normal_population(), records.without_observations(records.table["row"]))
    with pytest.raises(SimulationError, match="5 replicates are too few for patients with 3"):
        goodness_of_fit(normal_population(), records, replicates=5)
    with pytest.raises(SimulationError, match="a Fit without a population model"):
        goodness_of_fit(Fit("FOCEI", 1.0, {"theta": 5.0}), records)
