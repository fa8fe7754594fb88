"""Contrasts made of forecasts."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.twins import contrast_measured, contrast_regimens
from understudy.core.errors import SimulationError
from understudy.core.result import Outcome


def outcome(values, patients=("ann", "bob")) -> Outcome:
    values = np.asarray(values, float)
    return Outcome.build(patients, np.arange(values.shape[1], dtype=float), {"y": (values, "mg/L")}, "day")


@pytest.fixture
def draws():
    return np.random.default_rng(1).lognormal(1.0, 0.5, (2, 3, 200))


def test_draw_by_draw(draws):
    found = contrast_regimens(outcome(draws), outcome(draws * 2 + 1), "y", measure="difference")
    difference = draws + 1
    assert found.estimate == pytest.approx(difference.mean(axis=2).ravel())
    assert found.standard_error == pytest.approx(difference.std(axis=2, ddof=1).ravel())
    assert found.name[0] == "twin 1, y at 0"
    assert not any("ann" in name for name in found.name)
    assert not found.null.any()


def test_ratios(draws):
    found = contrast_regimens(outcome(draws), outcome(draws**2), "y", null=True, label="week 1")
    assert found.estimate == pytest.approx(np.log(draws).mean(axis=2).ravel())
    assert found.null.all()
    assert found.name[-1] == "week 1: twin 2, y at 2"


def test_what_is_not_positive_is_left_out(draws):
    some = draws.copy()
    some[1, 2, 0] = 0.0
    assert len(contrast_regimens(outcome(draws), outcome(some), "y").name) == 5


def test_measured(draws):
    seen = np.array([[2.0, np.nan, 3.0], [1.0, 4.0, np.nan]])
    found = contrast_measured(outcome(draws), seen, "y")
    assert len(found.name) == 4
    expected = np.log(2.0) - np.log(draws[0, 0]).mean()
    assert found.estimate[0] == pytest.approx(expected)
    assert found.null.all()


def test_other_shapes_are_refused(draws):
    with pytest.raises(SimulationError, match="or of other twins"):
        contrast_regimens(outcome(draws), outcome(draws[:, :2]), "y")
    with pytest.raises(SimulationError, match="or of other twins"):
        contrast_regimens(outcome(draws), outcome(draws, ("ann", "eve")), "y")
    with pytest.raises(SimulationError, match="measurements of shape"):
        contrast_measured(outcome(draws), [1.0], "y")
    with pytest.raises(SimulationError, match="needs draws"):
        contrast_regimens(outcome(draws[..., 0]), outcome(draws[..., 0]), "y")
