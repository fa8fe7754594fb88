"""Power over effects and sizes, and the limits of looks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from understudy.trials import load_trial, simulate_new_trial
from understudy.trials.design_section import DesignSection
from understudy.trials.designs.response_patients import ContinuousPatients
from understudy.trials.power_curve import effect_grid, power_curve, resized

LEUKAEMIA = "examples/leukaemia/trial.toml"
TRIALS = 2000


@pytest.fixture(scope="module")
def curve():
    design = DesignSection(patients=120, enrolment=10.0)
    return power_curve(
        design, "continuous", lambda each: ContinuousPatients({"control": 0.0, "treated": each}, sd=1.0),
        effect_grid(0.8, ratio=False), trials=TRIALS, seed=3,
    )  # fmt: skip


def test_power_is_that_of_the_z_test(curve):
    """Against the normal formula of two means with equal arms, one-sided 2.5 %."""
    root = np.sqrt(curve["patients"] / 4)
    theory = norm.sf(norm.isf(0.025) - curve["effect"] * root)
    error = np.sqrt(theory * (1 - theory) / TRIALS)
    # Four Monte Carlo errors, and one point since the spread is estimated from 60 patients at least.
    assert np.all(np.abs(curve["power"] - theory) < 4 * error + 0.01)


def test_power_grows_with_effects_and_sizes(curve):
    wide = curve.pivot(index="effect", columns="patients", values="power")
    assert list(wide.columns) == [60, 120, 180]
    assert np.all(np.diff(wide.to_numpy(), axis=0) >= 0)
    # But for no effect, where all have the level.
    assert np.all(np.diff(wide.to_numpy()[1:], axis=1) >= 0)


def test_intervals_hold_the_power(curve):
    # A last bit, where all trials are significant.
    assert np.all((curve["lower"] <= curve["power"]) & (curve["power"] <= curve["upper"] + 1e-12))


def test_sizes_are_whole_blocks():
    design = DesignSection(patients=61, events=50, allocation=(1, 2), enrolment=1.0)
    halved = resized(design, 0.5)
    assert halved.patients == 33
    assert halved.events == 25
    assert resized(design, 0.01).patients == 6


def test_events_are_never_more_than_patients():
    design = DesignSection(patients=10, events=10, enrolment=1.0)
    assert resized(design, 0.1).events <= resized(design, 0.1).patients


@pytest.fixture(scope="module")
def leukaemia():
    return simulate_new_trial(load_trial(LEUKAEMIA), trials=400, curve=400)


def test_the_curve_goes_through_the_scenarios(leukaemia):
    """Its patients are those of the scenarios, trial by trial, so that no error is allowed for."""
    planned = leukaemia.curve[leukaemia.curve["patients"] == 60].set_index("effect")["power"]
    assert planned.iloc[0] == leukaemia.characteristics.rejection("null")[0]
    assert planned.iloc[-1] == leukaemia.characteristics.rejection("as seen")[0]


def test_no_curve_unless_asked():
    found = simulate_new_trial(load_trial(LEUKAEMIA), trials=100)
    assert found.curve is None
    assert "power" not in found.tables()


def test_limits_are_those_of_the_spending(leukaemia):
    """O'Brien and Fleming's spending, two looks, one-sided 2.5 %: 2.963 and 1.969 (Jennison and Turnbull 2000)."""
    assert leukaemia.limits["upper"].round(3).tolist() == [2.963, 1.969]
    assert leukaemia.limits["size"].tolist() == [20, 40]


def test_one_look_has_no_limits(tmp_path):
    for name in ("trial.toml", "remission.csv"):
        with open(f"examples/leukaemia/{name}", encoding="utf-8") as file:
            (tmp_path / name).write_text(file.read().replace("looks = 2", "looks = 1"), encoding="utf-8")
    from understudy.dossier.simulate_report import chapter

    found = simulate_new_trial(load_trial(tmp_path / "trial.toml"), trials=100, curve=100)
    assert found.limits is None
    told = chapter(found)
    assert list(told.charts) == ["power"]
    assert "When it stops" not in told.html()
