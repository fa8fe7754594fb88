"""Simulated data for the tests of estimation: models with everything that analyses need, and measurements of them."""

import numpy as np
import pandas as pd

from understudy.core.random import normals
from understudy.data.records import Records
from understudy.inference.diagnose import natural_scale
from understudy.inference.diagnostics.replicates import prior_vectors
from understudy.inference.predictor import Predictor
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects

ORAL = compartments(1, "first_order", apparent=True)
TIMES = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0)


def oral(**changes) -> PopulationModel:
    """One compartment with first-order absorption, log-normal parameters, proportional error."""
    parts = {
        "individual": {
            "ka": "theta_ka * exp(eta_ka)",
            "CL": "theta_CL * (WT / 70[kg]) ** 0.75 * exp(eta_CL)",
            "V": "theta_V * exp(eta_V)",
        },
        "fixed": {"theta_ka": (1.2, "1/h"), "theta_CL": (4.0, "L/h"), "theta_V": (40.0, "L"), "prop": 0.15},
        "random": (
            RandomEffects(("eta_ka",), ((0.2,),)),
            RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.03), (0.03, 0.06))),
        ),
        "residual": {"Cp": "(prop * Cp) ** 2"},
        "covariates": {"WT": "kg"},
    }
    return PopulationModel("oral", ORAL, **(parts | changes))


def between_occasions() -> PopulationModel:
    """Clearance differs between occasions too, and weight changes from one to the next."""
    individual = {
        "ka": "theta_ka",
        "CL": "theta_CL * (WT / 70[kg]) ** 0.75 * exp(eta_CL + iov_CL)",
        "V": "theta_V * exp(eta_V)",
    }
    random = (
        RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.03), (0.03, 0.06))),
        RandomEffects(("iov_CL",), ((0.03,),), level="occasion"),
    )
    return oral(individual=individual, random=random)


def combined() -> PopulationModel:
    """Combined error that differs between individuals and with a covariate."""
    fixed = {"theta_ka": 1.2, "theta_CL": 4.0, "theta_V": 40.0, "prop": 0.12, "add": 0.05, "by_sex": 1.3}
    random = (
        RandomEffects(("eta_ka",), ((0.2,),)),
        RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.03), (0.03, 0.06))),
        RandomEffects(("eta_eps",), ((0.05,),)),
    )
    covariates = (Covariate("WT", "kg"), Covariate("SEX"))
    residual = {"Cp": "(add ** 2 + (prop * Cp) ** 2) * by_sex ** SEX * exp(2 * eta_eps)"}
    return oral(fixed=fixed, random=random, covariates=covariates, residual=residual)


def saturable() -> PopulationModel:
    """Michaelis-Menten elimination: no closed form."""
    return PopulationModel(
        "saturable",
        compartments(1, "first_order", "michaelis_menten", apparent=True),
        {
            "ka": "theta_ka",
            "Vmax": "theta_Vmax * exp(eta_Vmax)",
            "Km": "theta_Km",
            "V": "theta_V * exp(eta_V)",
        },
        {"theta_ka": 1.2, "theta_Vmax": 8.0, "theta_Km": 1.5, "theta_V": 40.0, "add": 0.1},
        {"eta_Vmax": 0.08, "eta_V": 0.05},
        {"Cp": "add ** 2"},
    )


LEVEL = Model(
    "level", "h", {"base": 1.0, "slope": 0.0}, {"A": "1"}, {"A": "0"}, outputs={"Y": "base + slope * t"}
)


def straight_lines() -> PopulationModel:
    """Straight lines with normal intercepts and slopes and additive error: its marginal likelihood is known."""
    return PopulationModel(
        "lines",
        LEVEL,
        {"base": "theta_base + eta_base", "slope": "theta_slope + eta_slope"},
        {"theta_base": 5.0, "theta_slope": 0.5, "add": 0.4},
        (RandomEffects(("eta_base", "eta_slope"), ((1.0, 0.1), (0.1, 0.05))),),
        {"Y": "add ** 2"},
    )


def design(model: PopulationModel, patients: int, occasions: int = 1, times=TIMES) -> pd.DataFrame:
    """Doses and times of measurements; measurements are to be drawn yet."""
    rows = []
    for k in range(patients):
        for occasion in range(occasions):
            begin = 24.0 * occasion
            told = {"ID": k + 1, "OCC": occasion + 1, "WT": 55.0 + 7 * (k % 6) + 4 * occasion, "SEX": k % 2}
            if model.structural.inputs or model.structural.doses:
                rows.append(told | {"TIME": begin, "AMT": 100.0 + 20 * (k % 3), "EVID": 1, "DV": np.nan})
            rows += [
                told | {"TIME": begin + t - (t == 24.0) * 0.5, "AMT": 0.0, "EVID": 0, "DV": 1.0}
                for t in times
            ]
    frame = pd.DataFrame(rows)
    kept = [name for name in ("WT", "SEX") if name not in model.covariate_names]
    return frame.drop(columns=kept)


def measured(
    model: PopulationModel, patients: int, occasions: int = 1, seed: int = 1, times=TIMES
) -> Records:
    """Records of a design with measurements drawn from the model."""
    frame = design(model, patients, occasions, times)
    covariates = list(model.covariate_names)
    predictor = Predictor(model, Records.from_frame(frame, covariates=covariates))
    prediction, variance = predictor.predict(prior_vectors(predictor, 1, seed))
    z = normals(seed, "measurements", np.arange(1), prediction.shape[1])
    frame.loc[frame["EVID"] == 0, "DV"] = natural_scale(predictor, prediction + z * np.sqrt(variance))[0]
    return Records.from_frame(frame, covariates=covariates)
