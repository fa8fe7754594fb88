"""forecast: what a regimen would do in each twin, with the uncertainty about that patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.core.result import Outcome
from understudy.engine.parameters import individual_values, structural
from understudy.engine.simulate import default_times, simulate
from understudy.inference.diagnose import scatter
from understudy.inference.distributions import FAMILIES
from understudy.inference.twins.continuation import Continuation, Since
from understudy.inference.twins.model_average import ModelAverage, mix
from understudy.inference.twins.twins import Twins
from understudy.model.distribution import Distribution
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd


def forecast(
    twins: Twins | ModelAverage,
    regimen: Regimen | str | None,
    times: Sequence[float] | np.ndarray | None = None,
    *,
    since: Since | None = None,
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
    twins : Twins or ModelAverage
    regimen : Regimen, str or None
        None: no dose, with `since` from then on.
    times : array of float, shape (m,), optional
        In the model's time unit, counted from the regimen's start.
    since : float or "last", optional
        None: the patient is without drug when the regimen begins. A time on the records' clock: doses recorded before
        it are given as recorded, and the regimen in the place of all that were recorded from then on; where that time
        is past, this is what would have been under other doses. ``"last"``: the regimen begins at each patient's last
        record.
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

    Raises
    ------
    SimulationError
        For neither regimen nor times with `since`.

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
    >>> without = forecast(twins, None, [24.0], since="last", draws=100)
    >>> more = forecast(twins, "5 mg/kg every 12 h for 2 doses", [24.0], since="last", draws=100)
    >>> bool((more["Cp"] > without["Cp"]).all())
    True
    """
    how = {
        "measured": measured,
        "before_dose": before_dose,
        "outputs": outputs,
        "engine": engine,
        "jobs": jobs,
    }
    if isinstance(twins, ModelAverage):
        parts = {
            name: forecast(part, regimen, times, since=since, draws=draws, seed=seed, **how)
            for name, part in twins.twins.items()
        }
        return mix(parts, twins.weights, seed)
    if since is not None:
        return _continued(twins, regimen, times, since, draws, seed, measured, before_dose, outputs, jobs)
    table = twins.draws(draws, seed)
    outcome = simulate(
        twins.model, table, regimen, times, outputs=outputs, before_dose=before_dose, engine=engine, jobs=jobs
    )
    return with_scatter(outcome, twins.model, table, seed, twins.places) if measured else outcome


def _continued(
    twins: Twins, regimen, times, since: Since, draws: int, seed: int, measured: bool, before_dose: bool, outputs,
    jobs: int,
) -> Outcome:  # fmt: skip
    base = structural(twins.model)
    grid = _grid(times, regimen, base.time_unit)
    going = Continuation.of(twins, regimen, since, float(grid.max()), jobs)
    vectors = going.vectors(draws, seed)
    found = {}
    for name in tuple(outputs) if outputs is not None else base.output_names:
        levels = going.levels(vectors, grid, name, before_dose)
        if measured and name in twins.model.output_names:
            levels = _measured(going, levels, vectors, name, seed)
        found[name] = (np.moveaxis(levels, 0, -1), base.output(name).unit)
    undefined = np.any([~np.isfinite(values).all(axis=(1, 2)) for values, _ in found.values()], axis=0)
    told = ["the levels of a draw are undefined" if bad else "" for bad in undefined]
    return Outcome.build(twins.patients, grid, found, base.time_unit, undefined.astype(int), told)


def _grid(times, regimen, time_unit: str) -> np.ndarray:
    if times is not None:
        return np.asarray(times, dtype=float)
    if regimen is None:
        raise SimulationError("when is not said", place="times", repair="give the times to look at")
    import pandas as pd

    plan = (Regimen.parse(regimen) if isinstance(regimen, str) else regimen).in_time_unit(time_unit)
    one = pd.DataFrame({"WT": [1.0], "BSA": [1.0]}, index=["one"])
    return default_times(plan.events(one))


def _measured(
    going: Continuation, levels: np.ndarray, vectors: np.ndarray, output: str, seed: int
) -> np.ndarray:
    """Levels with the scatter of a measurement, shape (draws, N, m)."""
    draws, count, times = levels.shape
    residual = going.twins.model.residual_of(output)
    u = uniforms(seed, f"residual {output}", going.twins.places, draws * times)
    drawn = np.moveaxis(u.reshape(count, times, draws), -1, 0)
    spread = scatter(drawn, levels, going.variances(levels, vectors, output), residual.blq == "M4")
    return levels * np.exp(spread) if residual.scale == "log" else levels + spread


def with_scatter(
    outcome: Outcome, model: PopulationModel, table: pd.DataFrame, seed: int, places: np.ndarray | None = None
) -> Outcome:
    """Add residual error to an outcome of shape (patients, times, draws), and draw what is no level.

    `places` key the patients' numbers.
    """
    dataset = outcome.dataset.copy()
    columns = {str(name): table[name].to_numpy(float) for name in table.columns}
    values = individual_values(model, columns, len(table))
    for residual in model.residual:
        if residual.output in outcome.outputs:
            drawn = scattered(outcome[residual.output].values, model, residual.output, values, seed, places)
            dataset[residual.output] = (("patient", "time", "draw"), drawn, outcome[residual.output].attrs)
    for item in model.distributions:
        if item.output in outcome.outputs:
            drawn = _drawn(outcome, item, values, seed)
            dataset[item.output] = (("patient", "time", "draw"), drawn, outcome[item.output].attrs)
    return Outcome(dataset)


def scattered(
    prediction: np.ndarray,
    model: PopulationModel,
    output: str,
    values: dict,
    seed: int,
    places: np.ndarray | None = None,
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
    keys = np.arange(patients) if places is None else places
    u = uniforms(seed, f"residual {output}", keys, times * draws).reshape(prediction.shape)
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
