"""Observations at the very time of a dose: before it where asked, whatever the engine and the kind of dose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy import Model, simulate

K, V = 0.1, 50.0
MODEL = Model(
    "iv",
    "h",
    {"k": (K, "1/h"), "V": (V, "L")},
    {"A": "mg"},
    {"A": "-k * A"},
    {"iv": "A"},
    {"C": ("A / V", "mg/L")},
)


@pytest.mark.parametrize("engine", ["closed_form", "kernel", "reference"])
@pytest.mark.parametrize(
    "sentence", ["100 mg every 12 h for 4 doses", "100 mg then 100 mg every 12 h for 3 doses"]
)
def test_levels_before_and_after_each_dose(engine, sentence):
    times = np.array([0.0, 12.0, 24.0, 36.0])
    before, after = (
        simulate(MODEL, None, sentence, times, before_dose=flag, engine=engine)["C"].values[0]
        for flag in (True, False)
    )
    # Bolus doses of 2 mg/L each: what is left of the earlier ones, with and without the one at that time.
    left = [sum(100 / V * math.exp(-K * (time - dose)) for dose in times if dose < time) for time in times]
    assert before == pytest.approx(left, rel=1e-7, abs=1e-12)
    assert after == pytest.approx(np.add(left, 100 / V), rel=1e-7)


@pytest.mark.parametrize("engine", ["closed_form", "kernel", "reference"])
def test_trough_at_steady_state(engine):
    outcome = simulate(
        MODEL,
        None,
        "100 mg every 12 h for 3 doses at steady state",
        [12.0, 24.0],
        before_dose=True,
        engine=engine,
    )
    share = math.exp(-K * 12)
    assert outcome["C"].values[0] == pytest.approx(100 / V * share / (1 - share), rel=1e-7)


def test_infusions_are_whole_whether_looked_at_before_or_after():
    times = np.arange(0.5, 48.0, 1.0)
    ask = (MODEL, None, "100 mg over 2 h every 12 h for 4 doses", times)
    first, second = (simulate(*ask, before_dose=flag)["C"].values for flag in (True, False))
    assert first == pytest.approx(second, rel=1e-9)
