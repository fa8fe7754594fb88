"""Recovery designs: populations and sampling schemes from which data are simulated and estimated again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from understudy.core.random import normals, uniforms
from understudy.data.records import Records
from understudy.inference.diagnose import natural_scale
from understudy.inference.diagnostics.replicates import prior_vectors
from understudy.inference.predictor import Predictor
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual


@dataclass(frozen=True)
class RecoveryDesign:
    """A study that is simulated and estimated many times.

    Parameters
    ----------
    name, told : str
        What it is, in a word and in a sentence.
    model : PopulationModel
        The truth.
    begin : mapping of str to float
        Initial estimates of fixed effects; variances begin at twice the truth.
    method : str
    table : function of a seed to DataFrame
        Patients, doses and times; every replicate has its own.
    """

    name: str
    told: str
    model: PopulationModel
    begin: dict[str, float]
    method: str
    table: Callable[[int], pd.DataFrame]

    def records(self, seed: int) -> Records:
        """One replicate's data."""
        frame, covariates = self.table(seed), list(self.model.covariate_names)
        empty = Records.from_frame(frame, covariates=covariates)
        predictor = Predictor(self.model, empty)
        prediction, variance = predictor.predict(prior_vectors(predictor, 1, seed))
        z = normals(seed, "measurements", np.arange(1), prediction.shape[1])
        drawn = natural_scale(predictor, prediction + z * np.sqrt(variance))[0]
        frame.loc[frame["EVID"] == 0, "DV"] = drawn
        return Records.from_frame(frame, covariates=covariates)


def _rows(patient: int, dose: float, times: dict[str, tuple[float, ...]], **columns: float) -> list[dict]:
    told = {"ID": patient, **columns}
    rows = [told | {"TIME": 0.0, "AMT": dose, "EVID": 1, "DV": np.nan, "DVID": ""}]
    for output, moments in times.items():
        rows += [told | {"TIME": t, "AMT": 0.0, "EVID": 0, "DV": 1.0, "DVID": output} for t in moments]
    return sorted(rows, key=lambda row: (row["TIME"], -row["EVID"]))


def _deviation(value: float) -> tuple:
    """A residual standard deviation: without a bound its sign would be anybody's guess."""
    unit, description, error, source, lower = "1", "", None, None, 0.0
    return value, unit, description, error, source, lower


def _rich(seed: int) -> pd.DataFrame:
    times = (0.25, 0.75, 1.5, 3.0, 6.0, 10.0, 16.0, 24.0)
    return pd.DataFrame([row for k in range(50) for row in _rows(k + 1, 100.0, {"Cp": times})])


RICH = RecoveryDesign(
    "rich",
    "50 patients with 8 levels each after one oral dose; correlated clearance and volume; combined error; FOCEI",
    PopulationModel(
        "rich",
        compartments(1, "first_order", apparent=True),
        {"ka": "theta_ka * exp(eta_ka)", "CL": "theta_CL * exp(eta_CL)", "V": "theta_V * exp(eta_V)"},
        {
            "theta_ka": 1.2,
            "theta_CL": 4.0,
            "theta_V": 40.0,
            "prop": _deviation(0.15),
            "add": _deviation(0.1),
        },
        (
            RandomEffects(("eta_ka",), ((0.25,),)),
            RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.04), (0.04, 0.06))),
        ),
        {"Cp": "add ** 2 + (prop * Cp) ** 2"},
    ),
    {"theta_ka": 0.8, "theta_CL": 5.0, "theta_V": 30.0, "prop": 0.25, "add": 0.2},
    "focei",
    _rich,
)


def _sparse(seed: int) -> pd.DataFrame:
    count = 120
    z, u = normals(seed, "weights", np.arange(count), 1)[:, 0], uniforms(seed, "design", np.arange(count), 4)
    rows = []
    for k in range(count):
        weight, sex = 70.0 * np.exp(0.2 * z[k]), float(u[k, 0] < 0.5)
        times = (0.5 + 3.0 * u[k, 1], 6.0 + 6.0 * u[k, 2], 18.0 + 6.0 * u[k, 3])
        rows += _rows(k + 1, 200.0, {"Cp": times}, WT=weight, SEX=sex)
    return pd.DataFrame(rows)


SPARSE = RecoveryDesign(
    "sparse",
    "120 patients with 3 levels each at random times; weight on clearance and volume, sex on clearance; adaptive "
    "Gauss-Hermite quadrature",
    PopulationModel(
        "sparse",
        compartments(1, "iv"),
        {
            "CL": "theta_CL * (WT / 70) ** by_WT * exp(by_SEX * SEX + eta_CL)",
            "V": "theta_V * (WT / 70) * exp(eta_V)",
        },
        {"theta_CL": 5.0, "theta_V": 50.0, "by_WT": 0.75, "by_SEX": -0.25, "prop": _deviation(0.2)},
        (RandomEffects(("eta_CL",), ((0.08,),)), RandomEffects(("eta_V",), ((0.04,),))),
        {"Cp": "(prop * Cp) ** 2"},
        (Covariate("WT"), Covariate("SEX")),
    ),
    {"theta_CL": 7.0, "theta_V": 35.0, "by_WT": 1.0, "by_SEX": -0.05, "prop": 0.3},
    "agq",
    _sparse,
)
# What the linearisation costs where data are sparse: the same studies.
SPARSE_FOCEI = replace(
    SPARSE, name="sparse_focei", told=SPARSE.told.partition("; adaptive")[0] + "; FOCEI", method="focei"
)


def _with_effect() -> Model:
    """One compartment, and an effect that follows its concentration at once."""
    return Model(
        "concentration and effect",
        "h",
        {"CL": (5.0, "L/h"), "V": (50.0, "L"), "E0": 10.0, "Emax": 40.0, "EC50": (1.0, "mg/L")},
        {"A": "mg"},
        {"A": "-CL / V * A"},
        outputs={"C": ("A / V", "mg/L"), "E": ("E0 + Emax * (A / V) / (EC50 + A / V)", "1")},
    )


def _censored(seed: int) -> pd.DataFrame:
    levels, effects = (0.5, 2.0, 6.0, 12.0, 24.0, 36.0), (1.0, 4.0, 8.0, 16.0, 30.0)
    doses = (50.0, 150.0, 300.0)
    return pd.DataFrame(
        [row for k in range(60) for row in _rows(k + 1, doses[k % 3], {"C": levels, "E": effects})]
    )


CENSORED = RecoveryDesign(
    "censored",
    "60 patients on three doses with 6 levels and 5 effects each; levels below the limit of quantification by M3; "
    "Laplace",
    PopulationModel(
        "censored",
        _with_effect(),
        {
            "CL": "theta_CL * exp(eta_CL)",
            "V": "theta_V * exp(eta_V)",
            "E0": "theta_E0",
            "Emax": "theta_Emax",
            "EC50": "theta_EC50 * exp(eta_EC50)",
        },
        {"theta_CL": 5.0, "theta_V": 50.0, "theta_E0": 10.0, "theta_Emax": 40.0, "theta_EC50": 1.0,
         "prop": _deviation(0.15), "add": _deviation(2.0)},
        (
            RandomEffects(("eta_CL",), ((0.09,),)),
            RandomEffects(("eta_V",), ((0.05,),)),
            RandomEffects(("eta_EC50",), ((0.15,),)),
        ),
        (Residual("C", "(prop * C) ** 2 + 0.001", lower_limit=0.1), Residual("E", "add ** 2")),
    ),
    {"theta_CL": 7.0, "theta_V": 35.0, "theta_E0": 8.0, "theta_Emax": 50.0, "theta_EC50": 1.5, "prop": 0.25,
     "add": 3.0},
    "laplace",
    _censored,
)  # fmt: skip

DESIGNS = {design.name: design for design in (RICH, SPARSE, SPARSE_FOCEI, CENSORED)}
