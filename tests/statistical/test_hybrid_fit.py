"""Neural terms fitted with random effects: what made the data is found, and helps where a mechanism is wrong."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("jax", reason="needs pip install 'understudy[jax]'")
pytest.importorskip("diffrax", reason="needs pip install 'understudy[jax]'")
pytest.importorskip("equinox", reason="needs pip install 'understudy[jax]'")

from understudy import Model, PopulationModel, Records, simulate
from understudy.core.random import normals
from understudy.inference.hybrid.comparison import compare
from understudy.inference.hybrid.fit_hybrid import fit_hybrid
from understudy.inference.hybrid.levels import Levels

pytestmark = pytest.mark.slow  # each model is compiled by JAX

SIGMA, OMEGA, VMAX, KM = 0.1, 0.04, 8.0, 1.5
TIMES = [0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0]
VOLUME, PARTS = (
    {"V": "theta_V * exp(eta_V)"},
    {"random": {"eta_V": OMEGA}, "residual": {"C": "(sigma * C) ** 2"}},
)
FIXED = {"theta_V": (20, "L"), "sigma": (SIGMA, "1")}


def mechanism(name, rate, parameters=(), **more):
    return Model(
        name, "h", {"V": (20, "L"), **dict(parameters)}, {"A": "mg"}, {"A": rate}, inputs={"iv": "A"},
        outputs={"C": ("A / V", "mg/L")}, **more,
    )  # fmt: skip


TRUTH = mechanism("saturable", "-Vm * (A / V) / (Km + A / V)", {"Vm": (VMAX, "mg/h"), "Km": (KM, "mg/L")})
NETWORK = {"clearance": (1, 3, 1, "tanh", "softplus", "L/h")}
HYBRID = PopulationModel(
    "hybrid",
    mechanism("learnt", "-clearance(A / V / scale) * A / V", {"scale": (4, "mg/L")}, networks=NETWORK),
    VOLUME, FIXED, **PARTS,
)  # fmt: skip
LINEAR = PopulationModel(
    "linear", mechanism("first order", "-CL * A / V", {"CL": (2, "L/h")}), VOLUME | {"CL": "theta_CL"},
    FIXED | {"theta_CL": (2, "L/h")}, **PARTS,
)  # fmt: skip


@pytest.fixture(scope="module")
def records():
    """Sixteen patients, four each of four doses, whose elimination saturates."""
    eta = OMEGA**0.5 * normals(5, "eta", range(16), 1)[:, 0]
    noise = SIGMA * normals(5, "epsilon", range(16), len(TIMES))
    rows = []
    for k, dose in enumerate(np.repeat([25.0, 50.0, 100.0, 200.0], 4)):
        volume = pd.DataFrame({"V": [20 * np.exp(eta[k])]})
        levels = simulate(TRUTH, volume, f"{dose} mg", TIMES)["C"].values[0] * (1 + noise[k])
        rows.append({"ID": k, "TIME": 0.0, "AMT": dose, "EVID": 1, "MDV": 1, "DV": np.nan})
        seen = zip(TIMES, levels, strict=True)
        rows += [{"ID": k, "TIME": t, "AMT": 0.0, "EVID": 0, "MDV": 0, "DV": c} for t, c in seen]
    return Records.from_frame(pd.DataFrame(rows))


def test_what_made_the_data_is_found_where_it_was_seen(records):
    fit = fit_hybrid(HYBRID, records, weight_sd=2.0)
    assert fit.converged
    right = simulate(TRUTH, None, "75 mg", TIMES)["C"].values
    found = simulate(
        fit.model.structural.with_values(V=fit.model.fixed_values["theta_V"]), None, "75 mg", TIMES
    )
    # 112 levels with an error of 10 %: a curve of some five parameters is known to a few percent; the last levels, a
    # tenth of the first, the least.
    assert np.abs(found["C"].values / right - 1).max() < 0.15
    # 16 patients give a variance to a factor of 2 (chi-square, 16 degrees of freedom, 95 %).
    assert OMEGA / 2.5 < fit.model.omega[0, 0] < 2.5 * OMEGA
    # 112 residuals give their standard deviation to 13 % (95 %).
    assert 0.8 * SIGMA < fit.model.fixed_values["sigma"] < 1.2 * SIGMA
    assert fit.check(regimen="75 mg", times=TIMES).outside == ()
    assert "dose iv" in fit.check(regimen="500 mg", times=TIMES).outside


def test_a_wrong_mechanism_loses_on_patients_whom_neither_has_seen(records):
    found = compare(HYBRID, LINEAR, records, folds=3, weight_sd=2.0, draws=400)
    assert found.density[1] > 0
    # Errors in mg/L are those of the four patients of the highest dose: too few to tell, and the interval says so.
    assert found.rmse[1] < found.rmse[0] < found.rmse[2]
    assert "The neural term helped" in repr(found)
    assert len(found.table) == 16


def test_derivatives_are_those_of_differences(records):
    levels = Levels.of(HYBRID, records.select(["0", "12"]))
    effects = np.array([[0.1], [-0.2]])
    at = levels.linear(levels.start, effects)
    step = 1e-4
    for k in range(len(levels.common)):
        shift = np.eye(len(levels.common))[k] * step * max(1.0, abs(levels.start[k]))
        above, below = (levels.linear(levels.start + way * shift, effects).value for way in (1, -1))
        # Tolerances of 1e-7 over twice the step; the differences' own error is smaller.
        np.testing.assert_allclose(at.by_common[:, k], (above - below) / (2 * shift[k]), atol=2e-3)
    above, below = (levels.linear(levels.start, effects + way * step).value for way in (1, -1))
    np.testing.assert_allclose(at.by_effects[:, 0], (above - below) / (2 * step), atol=2e-3)
