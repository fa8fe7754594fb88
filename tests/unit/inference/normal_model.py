"""A population whose every density is normal, so that all of inference has an exact answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from understudy.data.records import Records
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

THETA, OMEGA, SIGMA2 = 5.0, 0.8, 0.3
LEVEL = Model(
    "level", "h", {"base": 1.0}, {"A": "1"}, {"A": "-A"}, outputs={"y": "base", "twice": "2 * base"}
)


def normal_population(**changes: object) -> PopulationModel:
    """Measurements ``theta + eta + epsilon``."""
    parts: dict = {
        "name": "normal",
        "structural": LEVEL,
        "individual": {"base": "theta + eta"},
        "fixed": {"theta": THETA},
        "random": {"eta": OMEGA},
        "residual": {"y": str(SIGMA2)},
    }
    return PopulationModel(**parts | changes)


def measured(values: Mapping[str, list[float]], **columns: object) -> Records:
    """Measurements of patients, an hour apart."""
    rows = [{"ID": name, "TIME": k + 1.0, "DV": v} for name, own in values.items() for k, v in enumerate(own)]
    return Records.from_frame(pd.DataFrame(rows).assign(**columns))


def posterior(values: list[float]) -> tuple[float, float]:
    """Exact mean and variance of a patient's random effect."""
    precision = 1 / OMEGA + len(values) / SIGMA2
    return float(np.sum(np.array(values) - THETA) / SIGMA2 / precision), 1 / precision


def marginal(values: list[float]) -> float:
    """Exact minus two log-likelihoods of a patient's measurements, without the terms in 2 pi."""
    size = len(values)
    covariance = OMEGA * np.ones((size, size)) + SIGMA2 * np.eye(size)
    residual = np.array(values) - THETA
    return float(np.linalg.slogdet(covariance)[1] + residual @ np.linalg.solve(covariance, residual))
