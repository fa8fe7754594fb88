"""Subgroups: the endpoint's usual measures, as its estimators give them."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.survival.cox import cox
from understudy.biostatistics.two_proportions import risk_difference
from understudy.core.random import uniforms
from understudy.trials.responders.arms import arms_of
from understudy.trials.responders.outcome import Outcome
from understudy.trials.responders.subgroups import subgroup

COUNT = 120
U = uniforms(1, "subgroups", np.arange(COUNT), 3)
TREATED, MEMBER = np.arange(COUNT) % 2 == 0, U[:, 0] < 0.4
EVENT = (U[:, 1] < 0.6).astype(int)


def outcome(kind: str, value: np.ndarray, event: np.ndarray = EVENT) -> Outcome:
    names = np.arange(COUNT).astype(str)
    return Outcome(names, arms_of(TREATED, None), kind, "", 1.0, value, event, None, np.inf, ())


def test_hazard_ratio_is_coxs():
    time = np.ceil(20 * U[:, 2])
    found = subgroup(outcome("survival", time), MEMBER, U[:, 0])
    fit = cox(time[MEMBER], EVENT[MEMBER], {"arm": TREATED[MEMBER].astype(float)}).table().iloc[0]
    told = [found[name] for name in ("hazard_ratio", "hazard_low", "hazard_high")]
    assert told == pytest.approx([fit["hazard_ratio"], fit["low"], fit["high"]])
    assert found["treated"] + found["control"] == MEMBER.sum()
    assert found["treated_events"] == EVENT[MEMBER & TREATED].sum()
    assert found["effect"] == pytest.approx(U[MEMBER, 0].mean())


def test_difference_of_risks_is_newcombes():
    found = subgroup(outcome("binary", EVENT.astype(float)), MEMBER, U[:, 0])
    counts = [EVENT[MEMBER & TREATED].sum(), (MEMBER & TREATED).sum(), EVENT[MEMBER & ~TREATED].sum(),
              (MEMBER & ~TREATED).sum()]  # fmt: skip
    made = risk_difference(*map(int, counts))
    assert [found["risk_difference"], found["risk_low"], found["risk_high"]] == [
        made.value,
        made.low,
        made.high,
    ]


def test_means_of_measurements():
    found = subgroup(outcome("continuous", U[:, 2]), MEMBER, U[:, 0])
    assert found["treated_mean"] == pytest.approx(U[MEMBER & TREATED, 2].mean())
    assert found["control_mean"] == pytest.approx(U[MEMBER & ~TREATED, 2].mean())


def test_without_events_or_an_arm_there_is_no_ratio():
    time = np.ceil(20 * U[:, 2])
    none = subgroup(outcome("survival", time, np.zeros(COUNT, dtype=int)), MEMBER, U[:, 0])
    one = subgroup(outcome("survival", time), MEMBER & TREATED, U[:, 0])
    assert np.isnan([none["hazard_ratio"], one["hazard_ratio"]]).all()
    assert np.isnan(subgroup(outcome("binary", U[:, 1]), MEMBER & TREATED, U[:, 0])["risk_low"])


def test_an_arm_without_events_has_a_ratio_of_zero_with_profile_limits():
    time = np.ceil(20 * U[:, 2])
    found = subgroup(outcome("survival", time, np.where(TREATED, 0, 1)), MEMBER, U[:, 0])
    assert found["hazard_ratio"] == 0.0
    assert 0 < found["hazard_high"] < 1
