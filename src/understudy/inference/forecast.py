"""forecast: what a regimen would do in each twin, with the uncertainty about that patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.random import normals
from understudy.core.result import Outcome
from understudy.engine.parameters import individual_values
from understudy.engine.simulate import simulate
from understudy.inference.individualise import Twins
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd


def forecast(
    twins: Twins,
    regimen: Regimen | str,
    times: Sequence[float] | np.ndarray | None = None,
    *,
    draws: int = 200,
    seed: int = 0,
    measured: bool = False,
    before_dose: bool = False,
    outputs: Sequence[str] | None = None,
    engine: str = "auto",
    jobs: int = 1,
) -> Outcome:
    """Simulate a regimen in every twin, for draws from each one's posterior.

    Parameters
    ----------
    twins : Twins
    regimen : Regimen or str
    times : array of float, shape (m,), optional
        In the model's time unit.
    draws : int
        Draws from each twin's posterior.
    seed : int
    measured : bool
        Add the scatter of a measurement to each value (of outputs that have a residual error).
    before_dose, outputs, engine, jobs
        As for `simulate`.

    Returns
    -------
    Outcome
        Shape (patients, times, draws).

    Examples
    --------
    >>> from understudy import Records, individualise, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> twins = individualise(load_model("phenobarbital_neonates"), records.select(["1", "2"]))
    >>> forecast(twins, "2.5 mg/kg every 12 h for 5 days", [120.0], draws=100)["Cp"].shape
    (2, 1, 100)
    """
    table = twins.draws(draws, seed)
    outcome = simulate(
        twins.model, table, regimen, times, outputs=outputs, before_dose=before_dose, engine=engine, jobs=jobs
    )
    return with_scatter(outcome, twins.model, table, seed) if measured else outcome


def with_scatter(outcome: Outcome, model: PopulationModel, table: pd.DataFrame, seed: int) -> Outcome:
    """Add residual error to an outcome of shape (patients, times, draws)."""
    dataset = outcome.dataset.copy()
    columns = {str(name): table[name].to_numpy(float) for name in table.columns}
    values = individual_values(model, columns, len(table))
    for residual in model.residual:
        if residual.output in outcome.outputs:
            drawn = scattered(outcome[residual.output].values, model, residual.output, values, seed)
            dataset[residual.output] = (("patient", "time", "draw"), drawn, outcome[residual.output].attrs)
    return Outcome(dataset)


def scattered(
    prediction: np.ndarray, model: PopulationModel, output: str, values: dict, seed: int
) -> np.ndarray:
    """Measurements around predictions of shape (patients, times, draws).

    Parameters
    ----------
    values : mapping of name to float array, shape (patients * draws,)
        Every value the residual variance may use.
    """
    residual = model.residual_of(output)
    patients, times, draws = prediction.shape
    known = {name: value.reshape(patients, 1, draws) for name, value in values.items()}
    z = normals(seed, f"residual {output}", np.arange(patients), times * draws).reshape(prediction.shape)
    spread = z * np.sqrt(residual.variance.evaluate(known | {output: prediction}))
    return prediction * np.exp(spread) if residual.scale == "log" else prediction + spread
