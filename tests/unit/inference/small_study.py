"""A study so small that it is estimated in a fraction of a second: straight lines whose intercept depends on weight."""

import numpy as np
import pandas as pd

from understudy.core.random import normals
from understudy.data.records import Records
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

LEVEL = Model(
    "level",
    "h",
    {"base": 1.0, "slope": (0.0, "1/h")},
    {"A": "1"},
    {"A": "0"},
    outputs={"Y": "base + slope * t"},
)
TIMES = (0.0, 2.0, 4.0)


def lines() -> PopulationModel:
    """Normal intercepts, one slope, additive error: FO is exact for it."""
    return PopulationModel(
        "lines",
        LEVEL,
        {"base": "theta_base + eta_base", "slope": "theta_slope"},
        {"theta_base": 5.0, "theta_slope": (0.5, "1/h"), "add2": 0.16},
        {"eta_base": 1.0},
        {"Y": "add2"},
    )


def study(patients: int = 20, power: float = 0.0, factor: float = 0.0, seed: int = 1) -> Records:
    """Measurements of the lines; intercepts grow with weight to a power, and by a factor with a sex of 1."""
    z = normals(seed, "study", np.arange(patients), 4 + len(TIMES))
    rows = []
    for k, drawn in enumerate(z):
        weight, noise, sex = (
            round(70.0 * float(np.exp(0.25 * drawn[0])), 3),
            round(float(drawn[1]), 3),
            k % 3 // 2,
        )
        base = 5.0 * (weight / 70.0) ** power * (1.0 + factor * sex) + drawn[2]
        rows += [
            {"ID": k + 1, "TIME": t, "DV": base + 0.5 * t + 0.4 * e, "WT": weight, "NOISE": noise, "SEX": sex}
            for t, e in zip(TIMES, drawn[4:], strict=True)
        ]
    frame = pd.DataFrame(rows).assign(AMT=0.0, EVID=0)
    return Records.from_frame(frame, units={"TIME": "h", "DV": "1", "WT": "kg"})
