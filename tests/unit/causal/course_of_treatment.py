"""Courses of treatment whose truth is known: treatment changes a covariate that decides on later treatment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import expit

PERIODS = 5


def course_of_treatment(
    persons: int, seed: int, rule: Callable | None = None, *, effect: float = -0.6, on_x: float = -0.8
) -> tuple[pd.DataFrame, float]:
    """A table with a row a person and period, and the incidence at the end.

    Who is ill (x high) is treated more often and has the outcome more often; treatment lowers the next x by `on_x`.
    `rule` (x, time, chosen, ever treated) -> treatment replaces what was chosen.
    """
    draw = np.random.default_rng(seed)
    x, before, ever = draw.normal(size=persons), np.zeros(persons), np.zeros(persons)
    free, rows = np.ones(persons, dtype=bool), []
    for time in range(PERIODS):
        if time:
            x = 0.6 * x + on_x * before + 0.7 * draw.normal(size=persons)
        chosen = (draw.random(persons) < expit(-0.8 + 0.7 * x + 1.2 * before)).astype(float)
        own = (
            chosen
            if rule is None
            else np.broadcast_to(np.asarray(rule(x, time, chosen, ever), float), x.shape)
        )
        outcome = (draw.random(persons) < expit(-2.6 + 0.8 * x + effect * own)) & free
        frame = pd.DataFrame(
            {"id": np.arange(persons) * 7 + 13, "period": time, "treatment": own.astype(int)}
        )
        rows.append(frame.assign(x=x, outcome=outcome.astype(int))[free])
        free, before, ever = free & ~outcome, np.array(own), np.maximum(ever, own)
    return pd.concat(rows, ignore_index=True), float(1 - free.mean())
