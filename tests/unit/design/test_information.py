"""Expected information: closed forms, what follows from it, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from warfarin_study import OMEGA, ORAL, SIGMA2, STUDY, TIMES, linear, warfarin

from understudy import (
    Covariate,
    Model,
    PopulationModel,
    RandomEffects,
    Residual,
    SimulationError,
)
from understudy.design import Design, expected_information

EXACT = 1e-9  # linear algebra, derivatives by sensitivities of a linear model
N, SAMPLES = 10, 4


def both_sexes(**more):
    return [{"patients": N, "regimen": "", "times": [1, 2, 3, 4], "covariates": {"SEX": [0, 1]}} | more]


def in_closed_form(patients: int, samples: int) -> np.ndarray:
    """Of intercept, variance and residual variance: the covariance is omega J + sigma2 I."""
    whole = SIGMA2 + samples * OMEGA
    by_sigma = 0.5 * ((samples - 1) / SIGMA2**2 + 1 / whole**2)
    lower = [[by_sigma, 0.5 * samples / whole**2], [0.5 * samples / whole**2, 0.5 * (samples / whole) ** 2]]
    matrix = np.zeros((3, 3))
    matrix[0, 0], matrix[1:, 1:] = samples / whole, lower
    return patients * matrix


def intercept_only(**changes):
    return linear(
        individual={"base": "theta + eta"}, fixed={"theta": 5.0, "sigma2": SIGMA2}, covariates={}, **changes
    )


@pytest.mark.parametrize("how", [{}, {"matrix": "full"}, {"method": "foce", "draws": 3}], ids=str)
def test_a_linear_mixed_model_has_its_closed_form(how):
    found = expected_information(intercept_only(), both_sexes(covariates={}), **how)
    assert found.names == ("theta", "sigma2", "omega(eta)")
    np.testing.assert_allclose(found.matrix, in_closed_form(N, SAMPLES), rtol=EXACT, atol=1e-12)


def test_a_covariate_effect_has_its_closed_form():
    found = expected_information(linear(), both_sexes())
    each = OMEGA + SIGMA2 / SAMPLES
    assert found.standard_errors["beta"] == pytest.approx(np.sqrt(each * (2 / N + 2 / N)), rel=EXACT)
    apart = [{**both_sexes()[0], "patients": N / 2, "covariates": {"SEX": sex}} for sex in (0, 1)]
    np.testing.assert_allclose(
        expected_information(linear(), apart).matrix, found.matrix, rtol=EXACT, atol=1e-12
    )


def test_occasions_are_as_many_subjects_for_an_effect_between_them():
    effects = (RandomEffects(("eta",), ((OMEGA,),), level="occasion"),)
    found = expected_information(
        intercept_only(random=effects), both_sexes(covariates={}, occasions=[0, 2.5])
    )
    np.testing.assert_allclose(found.matrix, in_closed_form(2 * N, SAMPLES // 2), rtol=EXACT, atol=1e-12)


def test_a_block_has_its_covariance_and_a_second_block_can_be_the_same():
    block = RandomEffects(("eta_CL", "eta_V"), ((0.07, 0.01), (0.01, 0.02)))
    same = (RandomEffects(("eta_ka",), ((0.6,),)), block)
    found = expected_information(warfarin(random=same), STUDY)
    assert found.names[-3:] == ("omega(eta_CL)", "omega(eta_V,eta_CL)", "omega(eta_V)")
    # By differences of half the log-likelihood's expectation: the information of a covariance is that of its entries.
    alone = expected_information(warfarin(), STUDY)
    assert found.standard_errors["omega(eta_V)"] == pytest.approx(
        alone.standard_errors["omega(eta_V)"], rel=0.05
    )


def test_a_model_without_states_or_doses_has_its_closed_form():
    # Ten patients at each end of a straight line, without random effects: least squares.
    line = Model("line", "h", {"a": 1.0, "b": 2.0, "x": 0.0}, {}, {}, outputs={"y": "a + b * x"})
    individual = {"a": "theta_a", "b": "theta_b", "x": "X"}
    fixed = {"theta_a": 1.0, "theta_b": 2.0, "sigma2": SIGMA2}
    population = PopulationModel("line", line, individual, fixed, {}, {"y": "sigma2"}, covariates={"X": "1"})
    found = expected_information(
        population, [{"patients": 20, "regimen": "", "times": [1], "covariates": {"X": [-1, 1]}}]
    )
    # Derivatives are differences of second order here, exact for a line but for rounding of 1e-12 in steps of 1e-4.
    np.testing.assert_allclose(np.diag(found.matrix), [20 / SIGMA2, 20 / SIGMA2, 10 / SIGMA2**2], rtol=1e-7)


def test_a_scatter_of_logarithms_is_a_proportional_one():
    # To first order in the residual error, which is all that the block-diagonal matrix sees.
    logs = (Residual("C", "sigma2", scale="log"),)
    found = [expected_information(warfarin(**more), STUDY).matrix for more in ({}, {"residual": logs})]
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-9)


def test_power_is_that_of_the_wald_test_and_patients_reach_it():
    found = expected_information(linear(), both_sexes())
    # Of a normal variable with this mean and deviation 1, the probability to be beyond 1.96 on either side.
    from scipy.stats import norm

    mean = 0.5 / found.standard_errors["beta"]
    assert found.power("beta") == pytest.approx(
        norm.sf(1.959964 - mean) + norm.cdf(-1.959964 - mean), rel=1e-5
    )
    fewest = found.patients_for_power("beta", 0.9)
    reached = [
        expected_information(linear(), both_sexes(patients=n)).power("beta") for n in (fewest - 1, fewest)
    ]
    assert reached[0] < 0.9 <= reached[1]


def test_patients_for_a_relative_error_reach_it():
    found = expected_information(linear(), both_sexes())
    fewest = found.patients_for_error("beta", 0.3)
    reached = [
        expected_information(linear(), both_sexes(patients=n)).relative["beta"] for n in (fewest - 1, fewest)
    ]
    assert reached[0] > 0.3 >= reached[1]


def test_a_prior_of_the_same_study_halves_the_variances():
    first = expected_information(warfarin(), STUDY)
    second = expected_information(warfarin(), STUDY, prior=first)
    assert second.standard_errors["theta_ka"] == pytest.approx(first.standard_errors["theta_ka"] / np.sqrt(2))
    with pytest.raises(SimulationError, match="other parameters"):
        expected_information(linear(), both_sexes(), prior=first)


def test_what_is_held_is_known():
    held = tuple(replaced(p) for p in warfarin().fixed)
    found = expected_information(warfarin(fixed=held), STUDY)
    assert "theta_ka" not in found.names


def replaced(parameter):
    from dataclasses import replace

    return replace(parameter, fixed=parameter.name == "theta_ka")


def test_a_sample_at_a_dose_is_a_trough_and_units_of_doses_are_the_models():
    study = [{"patients": 8, "regimen": "70 mg every 24 h for 3 doses", "times": [1, 24, 25, 30]}]
    grams = [{**study[0], "regimen": "0.07 g every 24 h for 3 doses", "times": [1, 24 - 1e-9, 25, 30]}]
    found = [expected_information(warfarin(), each).matrix for each in (study, grams)]
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_fewer_samples_than_parameters_are_told_with_the_direction():
    with pytest.raises(SimulationError, match=r"singular in 5 directions: .*eta_ka.* move together") as told:
        expected_information(warfarin(), [{**STUDY[0], "times": [24]}])
    assert "at most 1 a patient now, for 7 parameters" in told.value.repair


def test_what_no_sample_depends_on_is_named():
    with pytest.raises(SimulationError, match="no sample of the design depends on beta"):
        expected_information(linear(), both_sexes(covariates={"SEX": 0}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [-1, 2]}, "before the regimen begins"),
        ({"times": []}, "no sample is taken"),
        ({"times": ["soon"]}, "no list of finite numbers"),
        ({"times": [0, 2]}, "C at 0 has no scatter"),
        ({"times": {"effect": [1]}}, "no output 'effect' is measured"),
        ({"patients": 0}, "no number of patients"),
        ({"covariates": {"WTT": 70}}, "no covariate 'WTT'"),
        ({"dose": 3}, "a group has no 'dose'"),
        ({"regimen": "70 mgg"}, "mgg"),
    ],
    ids=str,
)
def test_bad_groups_are_refused(change, message):
    from understudy import UnderstudyError

    with pytest.raises(UnderstudyError, match=message):
        expected_information(warfarin(), [{**STUDY[0], **change}])


def test_covariates_need_values_and_near_names_are_told():
    with pytest.raises(SimulationError, match="needs the covariate SEX"):
        expected_information(linear(), both_sexes(covariates={}))
    with pytest.raises(SimulationError, match="'SEXX'") as told:
        expected_information(linear(), both_sexes(covariates={"SEXX": 1}))
    assert told.value.repair == "did you mean SEX?"
    with pytest.raises(SimulationError, match="different numbers"):
        Design(both_sexes(covariates={"SEX": [0, 1], "AGE": [1, 2, 3]}))


@pytest.mark.parametrize(
    ("how", "message"),
    [({"method": "laplace"}, "unknown method"), ({"matrix": "diagonal"}, "unknown matrix")],
)
def test_unknown_ways_are_refused(how, message):
    with pytest.raises(SimulationError, match=message):
        expected_information(warfarin(), STUDY, **how)


def test_an_output_may_be_named_and_a_covariate_has_its_reference():
    two = PopulationModel(
        "two", ORAL, {n: f"theta_{n} * exp(eta_{n})" for n in ("CL", "V", "ka")},
        {"theta_CL": 0.15, "theta_V": 8.0, "theta_ka": 1.0, "sigma2": 0.01},
        {"eta_CL": 0.07, "eta_V": 0.02, "eta_ka": 0.6}, {"C": "sigma2 * C ** 2"},
        covariates=(Covariate("AGE", "1", reference=40.0),),
    )  # fmt: skip
    named = expected_information(two, [{**STUDY[0], "times": {"C": TIMES}}])
    np.testing.assert_allclose(
        named.matrix, expected_information(warfarin(), STUDY).matrix, rtol=EXACT, atol=1e-9
    )


def test_designs_go_through_json_and_say_what_they_are():
    design = Design(both_sexes(name="women and men"))
    assert repr(Design(design.to_json())) == repr(design)
    assert "women and men: 10 patients" in repr(design)
    assert design.table()["time"].tolist() == [1, 2, 3, 4]
