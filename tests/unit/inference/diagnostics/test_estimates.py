"""Models with other estimates, and with drawn ones."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, SIGMA2, THETA, measured, normal_population

from understudy import load_model
from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.diagnostics.estimates import drawn_models, fitted_model, with_estimates
from understudy.inference.diagnostics.npde import prediction_distribution_errors
from understudy.inference.diagnostics.numerical_check import numerical_check
from understudy.inference.diagnostics.predictive_check import predictive_check
from understudy.inference.diagnostics.replicates import replicate
from understudy.inference.diagnostics.visual_check import visual_predictive_check
from understudy.inference.fit import Fit
from understudy.model.parts import Parameter
from understudy.model.population_model import PopulationModel, RandomEffects


@dataclass(frozen=True, eq=False, repr=False)
class Fitted(Fit):
    """A fit that holds its model."""

    model: PopulationModel | None = None


def fit_of(model, errors, **estimates):
    names = list(errors)
    covariance = pd.DataFrame(np.diag(np.square(list(errors.values()))), index=names, columns=names)
    return Fitted("FOCEI", 0.0, estimates, covariance=covariance, model=model)


TWO = normal_population(
    individual={"base": "theta + eta + other"},
    random=(RandomEffects(("eta", "other"), ((0.5, 0.1), (0.1, 0.3))),),
)


def test_estimates_are_put_in_by_name_and_by_number():
    changed = with_estimates(
        TWO, {"theta": 6.0, "omega(eta)": 0.6, "OMEGA(2,1)": 0.2, "omega(other, other)": 0.4}
    )
    assert changed.fixed_values["theta"] == 6.0
    np.testing.assert_allclose(changed.omega, [[0.6, 0.2], [0.2, 0.4]])
    assert TWO.omega[0, 0] == 0.5


@pytest.mark.parametrize("name", ["thera", "omega(eta_3)", "OMEGA(3,1)", "OMEGA(0)"])
def test_unknown_parameters_are_named(name):
    with pytest.raises(SimulationError, match="is no parameter of the model"):
        with_estimates(TWO, {name: 1.0})


def test_the_model_of_a_fit():
    assert fitted_model(TWO) is TWO
    assert fitted_model(fit_of(TWO, {"theta": 0.1}, theta=5.0)) is TWO
    with pytest.raises(SimulationError, match="without a population model"):
        fitted_model(load_model("phenobarbital_neonates").structural)


def test_draws_have_the_covariance_of_the_estimates():
    fit = fit_of(TWO, {"theta": 0.3, "omega(eta)": 0.05}, theta=THETA, **{"omega(eta)": 0.5})
    drawn = drawn_models(fit, 2000, seed=4)
    theta = np.array([m.fixed_values["theta"] for m in drawn])
    omega = np.array([m.omega[0, 0] for m in drawn])
    # 2,000 draws: five standard errors of a mean, and of a standard deviation.
    assert theta.mean() == pytest.approx(THETA, abs=5 * 0.3 / np.sqrt(2000))
    assert theta.std() == pytest.approx(0.3, rel=5 / np.sqrt(4000))
    assert omega.std() == pytest.approx(0.05, rel=5 / np.sqrt(4000))


def test_every_draw_is_within_the_limits_of_its_parameter():
    limited = replace(TWO, fixed=(Parameter("theta", THETA, lower=THETA - 0.1),))
    drawn = drawn_models(fit_of(limited, {"theta": 0.1}, theta=THETA), 400, seed=1)
    theta = np.array([m.fixed_values["theta"] for m in drawn])
    assert theta.min() > THETA - 0.1
    # The logarithm of the distance from the limit has a standard deviation of error over distance, one here; 400
    # draws tell it to a twentieth.
    assert np.log(theta - THETA + 0.1).std() == pytest.approx(1.0, rel=0.15)


def test_correlated_estimates_are_drawn_together():
    names = ["omega(eta)", "omega(other,eta)", "omega(other)", "theta"]
    root = np.array([[0.04, 0, 0, 0], [0.01, 0.02, 0, 0], [0, 0.01, 0.03, 0], [0.2, 0, 0.1, 0.2]])
    covariance = pd.DataFrame(root @ root.T, index=names, columns=names)
    values = dict(zip(names, (0.5, 0.1, 0.3, THETA), strict=True))
    drawn = drawn_models(Fitted("FOCEI", 0.0, values, covariance=covariance, model=TWO), 4000, seed=2)
    found = np.array([[m.omega[0, 0], m.omega[0, 1], m.omega[1, 1], m.fixed_values["theta"]] for m in drawn])
    # To first order the draws have this covariance; errors of 8 % of a variance bend the scale by less than that, and
    # 4,000 draws tell a correlation to 0.016.
    np.testing.assert_allclose(np.cov(found.T).diagonal(), np.diag(covariance), rtol=0.15)
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(np.corrcoef(found.T), covariance / np.outer(spread, spread), atol=0.06)


def test_a_draw_does_not_depend_on_how_many_there_are():
    fit = fit_of(TWO, {"theta": 0.3, "omega(eta)": 0.05}, theta=THETA, **{"omega(eta)": 0.5})
    assert drawn_models(fit, 5, seed=3) == drawn_models(fit, 9, seed=3)[:5]
    assert drawn_models(fit, 2, seed=3) != drawn_models(fit, 2, seed=4)


def test_draws_that_a_method_kept_are_taken():
    kept = {"theta": [4.0, 6.0], "omega(eta)": [0.4, 0.6]}
    fit = Fitted("Bayes", 0.0, {"theta": 5.0, "omega(eta)": 0.5}, model=TWO, details={"draws": kept})
    found = {(m.fixed_values["theta"], m.omega[0, 0]) for m in drawn_models(fit, 40, seed=1)}
    assert found == {(4.0, 0.4), (6.0, 0.6)}


def test_what_cannot_be_drawn_is_refused():
    never = fit_of(TWO, {"omega(eta)": 1e-3}, **{"omega(eta)": -5.0})
    with pytest.raises(SimulationError, match="no covariance matrix"):
        drawn_models(never, 10, seed=1)
    bounded = replace(TWO, fixed=(Parameter("theta", THETA, lower=THETA),))
    with pytest.raises(SimulationError, match="not inside of its bounds"):
        drawn_models(fit_of(bounded, {"theta": 0.1}, theta=THETA), 10, seed=1)
    with pytest.raises(SimulationError, match="no covariance"):
        drawn_models(Fitted("FOCEI", 0.0, {"theta": 5.0}, model=TWO), 10, seed=1)


def test_parameter_uncertainty_widens_what_is_simulated_by_as_much():
    records = measured({str(k): [5.0] for k in range(40)})
    fit = fit_of(normal_population(), {"theta": 1.5}, theta=THETA)
    certain = replicate(fit, records, 400, seed=2)
    uncertain = replicate(fit, records, 400, seed=2, uncertainty=True)
    # Variance of a study's mean: of 40 patients, and of theta, which has one value in all of them.
    assert certain.values.mean(axis=1).var() == pytest.approx((OMEGA + SIGMA2) / 40, rel=0.4)
    # 100 sets of parameters: the variance among them is known to a seventh.
    assert uncertain.values.mean(axis=1).var() == pytest.approx(1.5**2, rel=0.5)


def test_copies_do_not_depend_on_how_many_there_are():
    records = measured({"a": [5.0, 6.0], "b": [4.0]})
    few, many = (replicate(normal_population(), records, count, seed=2).values for count in (3, 9))
    np.testing.assert_array_equal(few, many[:3])


def test_studies_that_cannot_be_computed_are_refused():
    model = normal_population(residual={"y": "y - 5"})
    with pytest.raises(SimulationError, match="most simulated studies could not be computed"):
        replicate(model, measured({"a": [5.0] * 8, "b": [6.0] * 8}), 50)


def test_a_patient_whom_the_model_cannot_compute_is_left_out_and_the_others_stand():
    model = normal_population(
        residual={"y": f"where(BAD > 0.5, log(-1 * BAD), {SIGMA2})"}, covariates={"BAD": "1"}
    )
    rows = [
        {"ID": k, "TIME": t, "DV": 5.0 + 0.1 * k, "BAD": float(k == 3)} for k in range(30) for t in (1.0, 2.0)
    ]
    records = Records.from_frame(pd.DataFrame(rows))
    copies = replicate(model, records, 40)
    assert len(copies.values) == 40
    assert (~copies.computed).sum() == 2
    assert visual_predictive_check(model, records, replicates=40, bins=1).left_out == 2
    assert np.isnan(prediction_distribution_errors(copies)[1]).sum() == 2
    assert (numerical_check(copies)["n"] == 58).all()
    table = predictive_check(model, records, replicates=40).table.set_index("statistic")
    assert table.loc["maximum", "n"] == 29
    assert np.isfinite(table.loc["maximum", "p"])
