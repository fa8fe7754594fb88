"""Twins of a wrong mechanism: null contrasts reveal it, calibrated intervals hold the effects that raw ones miss."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.twins import calibrate_twins
from understudy.causal.twins.tumour_effects import treated_windows, untreated_windows
from understudy.causal.twins.tumour_simulator import draw_patients, simulate_courses
from understudy.causal.twins.tumour_twin import Mechanism, learn_population, make_twins

WRONG = Mechanism("exponential", 3.0)


def calibrated(mechanism: Mechanism, gamma: float):
    train, others, test = (
        simulate_courses(draw_patients(range(first, first + count), 7), gamma, seed=7)
        for first, count in ((0, 800), (10_000, 300), (20_000, 400))
    )
    population = learn_population(train, mechanism)
    controls = untreated_windows(make_twins(population, others), others, seed=7)
    effects, truth = treated_windows(make_twins(population, test), test, seed=7)
    found = calibrate_twins(controls.joined(effects), threshold=10.0)
    table = found.table()
    inside = {
        head: float(np.mean((table[f"{head}low"] <= truth) & (truth <= table[f"{head}high"])))
        for head in ("", "calibrated_")
    }
    width = (table["calibrated_high"] - table["calibrated_low"]) / (table["high"] - table["low"])
    return found, inside, float(np.median(width))


@pytest.mark.parametrize("gamma", [0.0, 2.0, 4.0])
def test_a_wrong_twin_fails_until_it_is_calibrated(gamma):
    found, inside, _ = calibrated(WRONG, gamma)
    assert found.ease > 0.03
    assert inside[""] < 0.88
    # 95 per cent intended; a standard error of one percentage point with 400 patients.
    assert 0.90 <= inside["calibrated_"] <= 0.98
    assert found.check["raw"] < 0.88
    assert found.check["leave one out"] > 0.90


@pytest.mark.parametrize("gamma", [0.0, 4.0])
def test_a_right_twin_is_hardly_widened(gamma):
    found, inside, width = calibrated(Mechanism(), gamma)
    assert found.ease < 0.02
    assert 0.92 <= inside[""] <= 0.98
    assert 0.92 <= inside["calibrated_"] <= 0.985
    assert width < 1.2


def test_estimates_of_many_studies():
    """30 null contrasts each: a normal bias of twins is found again, and calibrated intervals hold the effect."""
    rng = np.random.default_rng(11)
    raw = kept = 0
    studies, nulls = 100, 30
    for _ in range(studies):
        error = rng.uniform(0.05, 0.2, nulls + 1)
        truth = np.where(np.arange(nulls + 1) < nulls, 0.0, -0.4)
        estimate = truth + rng.normal(0.1, 0.15, nulls + 1) + rng.normal(0, error)
        columns = {
            "name": range(nulls + 1),
            "estimate": estimate,
            "standard_error": error,
            "null": truth == 0,
        }
        told = calibrate_twins(columns, threshold=10.0).table().iloc[0]
        raw += told["low"] <= -0.4 <= told["high"]
        kept += told["calibrated_low"] <= -0.4 <= told["calibrated_high"]
    # Standard error 2.2 percentage points; that of the null's own mean and spread is not counted in, a point or so.
    assert raw / studies < 0.8
    assert 0.90 <= kept / studies <= 0.98
