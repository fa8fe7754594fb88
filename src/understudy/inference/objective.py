"""objective: the objective function of a population model at given parameters, as each method of estimation has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from understudy.core.errors import SimulationError
from understudy.inference.estimation.fitting import task_of
from understudy.inference.estimation.method import Method
from understudy.inference.estimation.methods import method_of
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records


def objective(
    model: PopulationModel, records: Records, method: str | Method = "focei", *, seed: int = 0, jobs: int = 1
) -> float:
    """Minus twice the log-likelihood at the model's parameters, on NONMEM's scale (no terms in 2 pi).

    Priors are in it, as in NONMEM's.

    Parameters
    ----------
    model : PopulationModel
    records : Records
    method : str or Method
        How it is approximated: ``"fo"``, ``"foce"``, ``"focei"``, ``"laplace"``, ``"agq"`` (adaptive Gauss-Hermite
        quadrature), ``"imp"`` (importance sampling), another of `METHODS` that has an objective of its own, or a
        method with settings.
    seed : int
        Of methods that draw. ``fit(model, records, methods.ImportanceSampling(iterations=0))`` also gives the Monte
        Carlo standard error.
    jobs : int
        Threads.

    Raises
    ------
    SimulationError
        If it is undefined, naming patients; where the method is not defined for such data, as FOCEI for censored
        measurements.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> model = load_model("phenobarbital_neonates")
    >>> round(objective(model, records), 3), round(objective(model, records, "agq"), 3)
    (586.276, 586.298)
    """
    chosen = method_of(method)
    if not hasattr(chosen, "evaluate"):
        raise SimulationError(
            f"{chosen.name} has no objective function of its own", repair='method="imp": importance sampling'
        )
    return chosen.evaluate(task_of(_held(model), records, chosen, seed, ("auto", jobs))).objective


def _held(model: PopulationModel) -> PopulationModel:
    """The model with nothing to be estimated: no derivatives are needed, and values may lie on their bounds."""
    fixed = tuple(replace(parameter, fixed=True) for parameter in model.fixed)
    return replace(model, fixed=fixed, random=tuple(replace(block, fixed=True) for block in model.random))
