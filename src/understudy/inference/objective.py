"""objective: the FOCEI and Laplacian objective functions of a population model at given parameters.

FOCEI: first-order conditional estimation with interaction, as NONMEM computes it; see Wang 2007,
doi:10.1007/s10928-007-9060-6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.likelihood import Likelihood
from understudy.inference.modes import find_modes
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records


def objective(
    model: PopulationModel, records: Records, method: Literal["focei", "laplace"] = "focei", *, jobs: int = 1
) -> float:
    """Minus twice the approximate log-likelihood at the model's parameters, on NONMEM's scale (no terms in 2 pi).

    Priors are in it, as in NONMEM's.

    Parameters
    ----------
    model : PopulationModel
    records : Records
    method : {"focei", "laplace"}
        The curvature at the mode: expected (FOCEI) or observed (Laplace).
    jobs : int
        Threads.

    Raises
    ------
    SimulationError
        If a patient's mode cannot be found, naming the patients; for FOCEI of censored measurements.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> round(objective(load_model("phenobarbital_neonates"), records), 3)
    586.276
    """
    likelihood = Likelihood(Predictor(model, records, jobs=jobs))
    if method == "focei" and likelihood.predictor.not_normal:
        raise SimulationError(
            f"FOCEI is not defined for {likelihood.predictor.not_normal}",
            place=model.name,
            repair='use method="laplace"',
        )
    modes, failed = find_modes(likelihood)
    if failed.any():
        names = ", ".join(np.array(likelihood.predictor.patients)[failed][:10])
        raise SimulationError(
            "the objective function is undefined", place=f"patients {names}", repair="check the data"
        )
    at = likelihood.slopes(modes[None])
    curvature = (
        likelihood.expected_curvature(at)[0] if method == "focei" else likelihood.observed_curvature(modes)
    )
    joint = likelihood.data_term(at.prediction, at.variance)[0] + likelihood.prior_term(modes[None])[0]
    sizes = _log_determinants(likelihood.omega[None], likelihood) + _log_determinants(curvature, likelihood)
    seen = np.bincount(likelihood.predictor.patient, minlength=likelihood.count) > 0
    # A patient without an observation contributes nothing: omega's and the curvature's terms cancel.
    return float(np.where(seen, joint + sizes, 0.0).sum()) + model.penalty


def _log_determinants(matrices: np.ndarray, likelihood: Likelihood) -> np.ndarray:
    return np.linalg.slogdet(matrices)[1] if likelihood.active.size else np.zeros(likelihood.count)
