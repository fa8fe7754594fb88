"""Simulate, then recover: adjusted effects keep their level and cover, with good scores and with bad ones."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics import adjusted_log_rank
from understudy.core.random import normals, uniforms
from understudy.trials.prognosis.simulated_procova import simulate_procova

TRIALS = 1000


def times(purpose: str, patients: int, effect: float, seed: int = 1):
    """Times whose marginal hazards are proportional: a positive stable frailty keeps them so.

    With exp(frailty) positive stable of index a, conditional log hazard ratios shrink by the factor a (Hougaard 1986,
    doi:10.1093/biomet/73.2.387); drawn as by Chambers, Mallows & Stuck 1976, doi:10.1080/01621459.1976.10480344.
    """
    a, u = 0.6, uniforms(seed, purpose, [0], 3 * patients)[0].reshape(3, patients)
    angle, w = np.pi * u[0], -np.log(u[1])
    frailty = np.sin(a * angle) / np.sin(angle) ** (1 / a) * (np.sin((1 - a) * angle) / w) ** ((1 - a) / a)
    arm = np.argsort(np.argsort(normals(seed, purpose, [1], patients)[0])) % 2
    moment = -np.log(u[2]) / (frailty * np.exp(effect / a * arm))
    end = 1.5
    return np.minimum(moment, end), moment <= end, arm, np.log(frailty)


@pytest.mark.parametrize("effect", [0.0, -0.5])
def test_marginal_hazard_ratios_cover(effect):
    found = []
    for k in range(TRIALS):
        time, event, arm, prognosis = times(f"trial {k}", 200, effect)
        score = prognosis + normals(2, "error of the score", [k], 200)[0]
        found.append(adjusted_log_rank(time, event, arm, score))
    low, high = np.array([(each.low, each.high) for each in found]).T
    covered = np.mean((np.log(low) <= effect) & (effect <= np.log(high)))
    # 1,000 trials: a standard error of 0.7 points; 3.3 of them and a point for samples of this size.
    assert covered == pytest.approx(0.95, abs=0.033)
    # Bias below a tenth of the standard error.
    values = np.array([each.log_hazard_ratio for each in found])
    assert values.mean() == pytest.approx(
        effect, abs=0.1 * values.std() + 3.3 * values.std() / np.sqrt(TRIALS)
    )


@pytest.mark.parametrize("kind", ["good", "noise", "wrong way", "heavy tails"])
def test_type_one_error_whatever_the_score(kind):
    z = normals(4, "people", np.arange(400), 3)
    y = np.exp(z[:, 0]) if kind == "heavy tails" else z[:, 0] + z[:, 1]
    score = {"good": z[:, 0], "noise": z[:, 2], "wrong way": -z[:, 0], "heavy tails": z[:, 0]}[kind]
    found = simulate_procova(y, {"nothing": None, "score": score}, trials=5000, size=150)
    # 5,000 trials: a Monte Carlo error of 0.31 points, 3.3 of them; half a point for outcomes that are not normal.
    assert found["rejected"].to_numpy() == pytest.approx(0.05, abs=0.015)
