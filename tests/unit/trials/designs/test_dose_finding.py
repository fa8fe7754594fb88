"""Dose finding: published boundaries and contrasts, exact probabilities, behaviour of simulated trials."""

from __future__ import annotations

import numpy as np
import pytest

from understudy import trials
from understudy.core.errors import SimulationError
from understudy.trials.designs import (
    BinaryPatients,
    Boin,
    ContinualReassessment,
    ContinuousPatients,
    DoseEscalation,
    ThreePlusThree,
    contrast_test,
    optimal_contrasts,
    skeleton,
)
from understudy.trials.designs.dose_escalation import STOP, isotonic
from understudy.trials.designs.dose_response import emax, exponential, linear, quadratic
from understudy.trials.designs.mcp_mod import critical_value

STEEP = BinaryPatients(
    {f"dose {number}": p for number, p in enumerate((0.05, 0.12, 0.27, 0.45, 0.6), start=1)}
)


def test_boin_boundaries_of_liu_and_yuan():
    """J R Stat Soc C 64, 507 (2015), table 1; the last digit is at times cut off there (0.3585 is given as 0.358)."""
    table = {
        0.15: (0.118, 0.179),
        0.20: (0.157, 0.238),
        0.25: (0.197, 0.298),
        0.30: (0.236, 0.358),
        0.35: (0.276, 0.419),
        0.40: (0.316, 0.479),
    }
    for target, (low, high) in table.items():
        rule = Boin(target)
        assert (rule.escalate, rule.de_escalate) == pytest.approx((low, high), abs=0.9e-3)


def test_boin_moves_and_gives_doses_up():
    rule, at = Boin(0.3), np.array([1] * 4)
    toxic = np.array([[0, 0, 0], [0, 1, 0], [0, 2, 0], [0, 3, 0]])
    treated = np.array([[3, 3, 0]] * 4)
    assert rule.next_dose(toxic, treated, at).tolist() == [2, 1, 0, 0]
    assert rule.next_dose(np.array([[3, 0, 0]]), np.array([[3, 0, 0]]), np.array([0])).tolist() == [STOP]
    # Three of three are too toxic for good: no way back to the second dose.
    assert rule.next_dose(np.array([[0, 3, 0]]), np.array([[6, 3, 0]]), np.array([0])).tolist() == [0]


def test_isotonic_is_that_of_scikit_learn():
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(1)
    values, weights = rng.random((20, 6)), rng.integers(1, 9, (20, 6)).astype(float)
    for row, weight, found in zip(values, weights, isotonic(values, weights), strict=True):
        assert found == pytest.approx(
            IsotonicRegression().fit(np.arange(6), row, weight).predict(np.arange(6))
        )


def test_three_plus_three_by_exact_probabilities():
    """One dose: six are treated unless it is too toxic, and it is chosen with at most one toxicity (Storer 1989)."""
    p = 0.25
    found = trials.simulate_trials(
        DoseEscalation(ThreePlusThree()), {"one": BinaryPatients({"only": p})}, trials=5000, seed=1
    )
    none, one = (1 - p) ** 3, 3 * p * (1 - p) ** 2
    chosen = none * ((1 - p) ** 3 + 3 * p * (1 - p) ** 2) + one * (1 - p) ** 3
    share, error = found.rejection("one")
    assert share == pytest.approx(chosen, abs=4 * error)


def test_three_plus_three_path():
    rule = ThreePlusThree()
    toxic = np.array([[0, 2], [0, 2], [1, 0], [2, 0], [0, 0]])
    treated = np.array([[3, 3], [6, 6], [3, 0], [6, 0], [3, 6]])
    dose = np.array([1, 1, 0, 0, 1])
    assert rule.next_dose(toxic, treated, dose).tolist() == [0, STOP, 0, STOP, STOP]
    assert rule.select(toxic, treated).tolist() == [STOP, 0, STOP, STOP, 1]


def test_skeleton_has_its_indifference_intervals():
    """Lee and Cheung 2009: where dose k has target + δ, dose k - 1 has target - δ, whatever k."""
    rates = np.array(skeleton(0.06, 0.25, guess=3, doses=5))
    assert rates[2] == pytest.approx(0.25)
    for k in range(1, 5):
        power = np.log(0.31) / np.log(rates[k])
        assert rates[k - 1] ** power == pytest.approx(0.19)


@pytest.mark.parametrize("model", ["power", "logistic"])
def test_continual_reassessment_posterior_by_integration(model):
    from scipy.integrate import quad

    rule = ContinualReassessment((0.05, 0.1, 0.2, 0.35), 0.2, model=model)
    toxic, treated = np.array([[0, 0, 2, 1]]), np.array([[3, 3, 6, 3]])

    def posterior(beta):
        rates = rule.rates(np.array([beta]))[0]
        return np.prod(rates**toxic * (1 - rates) ** (treated - toxic)) * np.exp(-0.5 * (beta / 1.34) ** 2)

    mass, first = quad(posterior, -8, 6)[0], quad(lambda beta: beta * posterior(beta), -8, 6)[0]
    # The grid of 101 points has a step of 0.16; a density this smooth is summed to far more digits than that.
    assert rule.estimate(toxic, treated)[0] == pytest.approx(first / mass, abs=1e-6)


def test_continual_reassessment_skips_no_dose_and_stops():
    rule = ContinualReassessment(skeleton(0.05, 0.25, guess=4, doses=5), 0.25)
    none = np.zeros((1, 5), dtype=int)
    assert rule.next_dose(none, np.array([[3, 0, 0, 0, 0]]), np.array([0])).tolist() == [1]
    assert rule.next_dose(
        np.array([[6, 0, 0, 0, 0]]), np.array([[6, 0, 0, 0, 0]]), np.array([0])
    ).tolist() == [STOP]
    with pytest.raises(SimulationError, match="one rate for each dose"):
        rule.next_dose(np.zeros((1, 3)), np.ones((1, 3)), np.array([0]))


@pytest.mark.parametrize(
    "rule",
    [Boin(0.3), ContinualReassessment(skeleton(0.05, 0.3, guess=3, doses=5), 0.3)],
    ids=["boin", "crm"],
)
def test_model_based_rules_find_the_dose(rule):
    found = trials.simulate_trials(DoseEscalation(rule), {"steep": STEEP}, trials=800, seed=1)
    chosen = [found.rejection("steep", f"select dose {number}")[0] for number in range(1, 6)]
    assert int(np.argmax(chosen)) == 2
    assert chosen[2] > 0.5
    assert "null" not in found.runs


# MCP-Mod.


def test_optimal_contrasts_of_the_biom_example():
    """Five doses of 20 patients: contrasts printed by Bornkamp, Pinheiro and Bretz, J Stat Softw 29 (7), 2009."""
    shapes = {"linear": linear(), "emax": emax(0.2), "quadratic": quadratic(-0.854)}
    found = optimal_contrasts([0, 0.05, 0.2, 0.6, 1], shapes, [1 / 20] * 5)
    assert found[0] == pytest.approx([-0.437, -0.643, -0.574], abs=0.6e-3)
    assert found[:, 1] == pytest.approx([-0.643, -0.361, 0.061, 0.413, 0.530], abs=0.6e-3)
    assert np.allclose(found.sum(axis=0), 0)
    assert np.allclose((found**2).sum(axis=0), 1)


def test_critical_values_of_dunnett():
    correlation = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    # 2.3490 for the normal and 2.19 for 20 degrees of freedom at 5 %; the lattice is good to 0.002.
    assert critical_value(correlation) == pytest.approx(2.3490, abs=3e-3)
    assert critical_value(correlation, freedom=20, alpha=0.05) == pytest.approx(2.19, abs=6e-3)
    # Shapes that are the same are one test.
    assert critical_value(np.ones((4, 4))) == pytest.approx(1.95996, abs=3e-3)


def test_contrast_test_keeps_its_error_and_finds_the_shape():
    doses, n = [0, 0.05, 0.2, 0.6, 1], 20
    shapes = {
        "linear": linear(),
        "emax": emax(0.2),
        "exponential": exponential(0.279),
        "quadratic": quadratic(-0.854),
    }
    found = contrast_test(doses, emax(0.2)(np.array(doses)), [0.02] * 5, shapes, freedom=95)
    assert found.best == "emax"
    assert found.p_value.min() < 0.001
    assert "best emax" in repr(found)
    means = np.random.default_rng(1).normal(0, np.sqrt(1 / n), (20_000, 5))
    known = contrast_test(doses, means[0], [1 / n] * 5, shapes)
    largest = (means @ known.contrasts * np.sqrt(n)).max(axis=1)
    # Standard error 0.0011.
    assert (largest > known.critical).mean() == pytest.approx(0.025, abs=0.0044)
    with pytest.raises(SimulationError, match="shape flat"):
        optimal_contrasts(doses, {"flat": lambda dose: 0 * dose}, [1] * 5)


def test_doses_must_be_binary():
    with pytest.raises(SimulationError, match="binary"):
        trials.simulate_trials(
            DoseEscalation(Boin(0.3)), ContinuousPatients({"a": 1.0, "b": 2.0}), trials=2, seed=1
        )
