"""Expected standard errors against those that a fit of simulated records has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from understudy import Model, PopulationModel, Records, fit
from understudy.core.random import normals
from understudy.design import expected_information

PATIENTS, TIMES = 60, np.array([0.5, 2, 6, 12, 24])
# Observed information scatters about the expected one, less where the values are the estimates: by about 1 % here.
NEAR = 0.03


def bolus() -> PopulationModel:
    mechanism = Model(
        "iv",
        "h",
        {"CL": (2, "L/h"), "V": (20, "L")},
        {"A": "mg"},
        {"A": "-CL / V * A"},
        outputs={"C": ("A / V", "mg/L")},
    )
    fixed = {"theta_CL": (2, "L/h"), "theta_V": (20, "L"), "sigma2": (0.01, "1")}
    individual = {"CL": "theta_CL * exp(eta_CL)", "V": "theta_V * exp(eta_V)"}
    return PopulationModel(
        "iv", mechanism, individual, fixed, {"eta_CL": 0.09, "eta_V": 0.05}, {"C": "sigma2 * C ** 2"}
    )


def simulated() -> Records:
    z = normals(5, "a study", np.arange(PATIENTS), 2 + TIMES.size)
    clearance, volume = 2 * np.exp(0.3 * z[:, :1]), 20 * np.exp(np.sqrt(0.05) * z[:, 1:2])
    levels = 100 / volume * np.exp(-clearance / volume * TIMES) * (1 + 0.1 * z[:, 2:])
    rows = []
    for k, own in enumerate(levels, start=1):
        rows.append({"ID": k, "TIME": 0, "AMT": 100, "DV": np.nan})
        rows += [{"ID": k, "TIME": t, "AMT": 0, "DV": c} for t, c in zip(TIMES, own, strict=True)]
    return Records.from_frame(pd.DataFrame(rows))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fo", "foce"])
def test_a_fit_has_the_standard_errors_that_its_design_promised(method):
    found = fit(bolus(), simulated(), "focei", covariance="R")
    promised = expected_information(
        found.model, [{"patients": PATIENTS, "regimen": "100 mg", "times": TIMES}], method
    )
    ratios = [promised.standard_errors[name] / found.standard_errors[name] for name in promised.names]
    np.testing.assert_allclose(ratios, 1.0, atol=NEAR)
