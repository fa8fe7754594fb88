"""Simulate, then recover: target doses of MCP-Mod, and how often their intervals have the true one."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.trials.designs import mcp_mod
from understudy.trials.designs.dose_response import emax, linear

SHAPES = {"linear": linear(), "emax1": emax(0.05), "emax2": emax(0.2)}


@pytest.mark.slow
def test_interval_of_the_target_covers():
    """Emax with 0.8 d / (0.25 + d): the effect of 0.5 is at 0.4167."""
    dose, error = np.array([0, 0.15, 0.5, 0.8, 1.0]), 0.06
    truth = 0.8 * dose / (0.25 + dose)
    means = truth + error * np.random.default_rng(4).normal(size=(250, 5))
    target = 0.5 * 0.25 / 0.3
    found = [mcp_mod(dose, each, [error**2] * 5, SHAPES, effect=0.5, draws=400) for each in means]
    covered = np.mean([each.low <= target <= each.high for each in found])
    # Standard error 0.014; shares of draws are no exact method, and the models compete: 4 of them, one-sided.
    assert covered > 0.95 - 4 * 0.014
    assert np.nanmedian([each.target for each in found]) == pytest.approx(target, abs=0.05)
