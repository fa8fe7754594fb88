"""forecast: what a regimen would do in each twin, with the uncertainty about that patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.core.result import Outcome
from understudy.engine.parameters import individual_values
from understudy.engine.simulate import simulate
from understudy.inference.diagnose import scatter
from understudy.inference.distributions import FAMILIES
from understudy.inference.individualise import Twins
from understudy.model.distribution import Distribution
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
        Add the scatter of a measurement to each value (of outputs that have a residual error), and draw outcomes that
        are no levels. Errors of different times and outputs are drawn apart, correlated or not.
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
    """Add residual error to an outcome of shape (patients, times, draws), and draw what is no level."""
    dataset = outcome.dataset.copy()
    columns = {str(name): table[name].to_numpy(float) for name in table.columns}
    values = individual_values(model, columns, len(table))
    for residual in model.residual:
        if residual.output in outcome.outputs:
            drawn = scattered(outcome[residual.output].values, model, residual.output, values, seed)
            dataset[residual.output] = (("patient", "time", "draw"), drawn, outcome[residual.output].attrs)
    for item in model.distributions:
        if item.output in outcome.outputs:
            drawn = _drawn(outcome, item, values, seed)
            dataset[item.output] = (("patient", "time", "draw"), drawn, outcome[item.output].attrs)
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
    u = uniforms(seed, f"residual {output}", np.arange(patients), times * draws).reshape(prediction.shape)
    variance = residual.variance.evaluate(known | {output: prediction})
    spread = scatter(u, prediction, variance, residual.blq == "M4")
    return prediction * np.exp(spread) if residual.scale == "log" else prediction + spread


def _drawn(outcome: Outcome, item: Distribution, values: dict, seed: int) -> np.ndarray:
    """Outcomes that are no levels, shape (patients, times, draws)."""
    shape = outcome[item.output].shape
    if item.kind in ("time_to_event", "log_likelihood"):
        raise SimulationError(
            f"{item.output} ({item.kind}) cannot be drawn time by time",
            place=item.output,
            repair="leave it out: outputs=[...], measured=True; draw events with simulate_events"
            if item.kind == "time_to_event"
            else "leave it out: outputs=[...]",
        )
    missing = sorted(item.names - values.keys() - set(outcome.outputs))
    if missing:
        raise SimulationError(
            f"{item.output} depends on {missing[0]}, which is not among the outputs",
            place=item.output,
            repair=f"add it: outputs=[..., {missing[0]!r}]",
        )
    known = {name: value.reshape(shape[0], 1, shape[2]) for name, value in values.items()}
    known |= {name: outcome[name].values for name in item.names & set(outcome.outputs)}
    given = {
        name: np.broadcast_to(item.equation(name).evaluate(known), shape) for name in item.parameter_names
    }
    u = uniforms(seed, f"outcome {item.output}", np.arange(shape[0]), shape[1] * shape[2]).reshape(shape)
    flat = {name: value.reshape(shape[0], -1) for name, value in given.items()}
    return FAMILIES[item.kind].draws(u.reshape(shape[0], -1), flat).reshape(shape)
