"""simulate: the verb of the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from understudy.core import units
from understudy.core.content import content_hash
from understudy.core.errors import SimulationError
from understudy.core.record import Record, Stopwatch
from understudy.core.result import Outcome
from understudy.data.compatibility import check_against, output_name
from understudy.engine.dispatch.footprint import Footprint
from understudy.engine.dispatch.patient_source import PatientSource, RecordsSource, TableSource, is_records
from understudy.engine.dispatch.run import Question, run
from understudy.engine.dispatch.settings import Dispatch, as_dispatch
from understudy.engine.parameters import measured_columns, parameter_rows, structural
from understudy.engine.problem import COUNTED, LARGEST, Tolerances
from understudy.engine.schedule import Schedule, find_inputs, from_doses, from_records
from understudy.engine.sensitivity.asked_sensitivities import (
    AskedSensitivities,
    derivative_outputs,
    output_units,
)
from understudy.engine.solve import EXACT_ENGINES, Answer, default_tolerances, solve
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from distributed import Client

    from understudy.data.records import Records


def simulate(
    model: Model | PopulationModel,
    patients: pd.DataFrame | Records | PatientSource | None = None,
    regimen: Regimen | str | None = None,
    times: Sequence[float] | np.ndarray | None = None,
    *,
    outputs: Iterable[str] | None = None,
    sensitivities: Iterable[str] = (),
    before_dose: bool = False,
    weight: str = "WT",
    surface: str = "BSA",
    engine: str = "auto",
    tolerances: Tolerances | None = None,
    jobs: int = 1,
    dispatch: Dispatch | str | Client | None = None,
    to: str | Path | None = None,
    progress: Callable[[str, float], None] | bool = False,
) -> Outcome:
    """Simulate what a regimen does in each patient.

    Parameters
    ----------
    model : Model or PopulationModel
    patients : DataFrame, Records or VirtualPopulation, optional
        One row a patient, the index their identifiers (or patient and draw, for several draws of each); columns are
        covariates, random effects or parameters, each in the model's unit. Records bring their own doses and times
        where no regimen is given. None: one typical patient.
    regimen : Regimen or str, optional
        Doses, such as ``"100 mg every 24 h for 7 doses"``. None with a table of patients: no dose.
    times : array of float, shape (m,), optional
        Observation times in the model's time unit. None: 201 times from the start to one interval past the last dose.
    outputs : iterable of str, optional
        Names of outputs; all of them where None.
    sensitivities : iterable of str
        What the outputs' derivatives are wanted by: parameters, and for a population its effects and covariates;
        ``central(0)`` for the initial value of a state, ``lag(oral)``, ``bioavailability(oral)``, ``rate(oral)`` and
        ``duration(oral)`` for properties of a route, ``dose(oral)`` for all its amounts by one factor. The derivative
        of ``C`` by ``CL`` is the output ``dC_dCL``.
    before_dose : bool
        Whether an observation at the very time of a dose sees the state before it (a trough) or after it.
    weight, surface : str
        Columns for doses per kg and per m².
    engine : {"auto", "closed_form", "matrix_exponential", "kernel", "cuda", "cuda_float32", "jax", "reference"}
    tolerances : Tolerances, optional
    jobs : int
        Threads, 0 for one per core. What a patient's numbers are does not depend on it.
    dispatch : Dispatch, {"serial", "threads", "dask"} or distributed.Client, optional
        Work through the patients in chunks, within a bound on memory. None, without `to` or `progress`: all at once.
    to : path, optional
        A folder ending in ``.zarr``. Outcomes are written there as they come and stay there; the same call again goes
        on where a run was broken off, or gives what is done.
    progress : callable or bool
        Called with what is done and the fraction of it; True for a bar.

    Returns
    -------
    Outcome
        Shape (patients, times), or (patients, times, draws). A patient whose integration fails has a status and a
        sentence; the others stand.

    Raises
    ------
    SimulationError, RegimenError, UnitError
        Where the question cannot be put to the model.
    MissingExtraError
        For `to` without zarr, or Dask that is not installed.

    Examples
    --------
    >>> decay = Model(
    ...     "decay", "h", {"k": (0.1, "1/h"), "V": (10, "L")}, {"A": "mg"}, {"A": "-k * A"},
    ...     outputs={"C": ("A / V", "mg/L")},
    ... )
    >>> outcome = simulate(decay, regimen="100 mg", times=[0, 10])
    >>> outcome["C"].values.round(3)
    array([[10.   ,  3.679]])
    >>> outcome = simulate(decay, regimen="100 mg", times=[0, 10], sensitivities=["k"])
    >>> outcome["dC_dk"].values.round(3)
    array([[  0.   , -36.788]])
    """
    watch = Stopwatch()
    base = structural(model)
    names = tuple(outputs) if outputs is not None else base.output_names
    if not names:
        raise SimulationError(
            f"{base.name} has no outputs", repair="declare what is observed in the model's outputs"
        )
    wanted = tuple(sensitivities)
    if dispatch is not None or to is not None or progress:
        options = {"before_dose": before_dose, "weight": weight, "surface": surface, "engine": engine}
        options |= {"outputs": names, "tolerances": tolerances, "sensitivities": wanted}
        question = _question(model, patients, regimen, times, options)
        return run(question, as_dispatch(dispatch), jobs, to, progress)
    labels = output_units(model, names, wanted)
    if regimen is None and is_records(patients):
        schedule, columns = record_schedule(patients, model)
        answer = _solve(model, schedule, columns, names, wanted, (engine, tolerances, jobs))
        record = _record(model, answer, watch, {"records": patients.hash}, tolerances)
        return _ragged(schedule, answer, labels, base.time_unit, record)
    table = _patient_table(patients, model)
    doses = _doses(regimen, table, times, base, weight, surface)
    grid = default_times(doses) if times is None else _asked_times(times)
    schedule = from_doses(doses, _names(table), grid, np.array(before_dose), base)
    columns = {str(name): table[name].to_numpy(float) for name in table.columns}
    answer = _solve(model, schedule, columns, names, wanted, (engine, tolerances, jobs))
    inputs = {
        "regimen": Regimen.parse(regimen).hash if isinstance(regimen, str) else getattr(regimen, "hash", "")
    }
    record = _record(model, answer, watch, inputs, tolerances)
    return _rectangular(table, grid, answer, labels, base.time_unit, record)


def _solve(model, schedule: Schedule, columns: dict, outputs: tuple, by: tuple, how: tuple) -> Answer:
    """The answer, derivatives among its outputs."""
    asked = AskedSensitivities.of(model, by, columns)
    rows = parameter_rows(asked.model, schedule, columns)
    answer = solve(schedule, rows, outputs, *how, directions=asked.directions(rows))
    return replace(answer, outputs={**answer.outputs, **derivative_outputs(answer, asked.names)})


def _question(model, patients, regimen, times, options: dict) -> Question:
    """The same question for every chunk, whatever patients are in it."""
    base = structural(model)
    directions = len(options["sensitivities"])
    values = len(options["outputs"]) * (1 + directions)
    if regimen is None and is_records(patients):
        most = int(np.unique(patients.table["id"], return_counts=True)[1].max())
        footprint = Footprint.of(base, most, 0, values, steady=True, directions=directions)
        asked = partial(simulate, model, **options)
        return Question(asked, RecordsSource(patients), footprint, {"model": model, **options})
    source = patients if isinstance(patients, PatientSource) else TableSource(_patient_table(patients, model))
    first = source.table(0, 1)
    plan = Regimen.parse(regimen) if isinstance(regimen, str) else regimen
    doses = _doses(plan, first.iloc[:1], times, base, options["weight"], options["surface"])
    grid = default_times(doses) if times is None else _asked_times(times)
    given = int((doses["addl"] + 1).sum()) * max([1, *Counter(entry.name for entry in base.doses).values()])
    return Question(
        partial(simulate, model, regimen=plan, times=grid, **options),
        source,
        Footprint.of(base, grid.size, given, values, len(first), bool((doses["ss"] > 0).any()), directions),
        {"model": model, "regimen": str(plan or ""), "times": content_hash(grid.tolist()), **options},
    )


def record_schedule(
    records: Records, model: Model | PopulationModel
) -> tuple[Schedule, dict[str, np.ndarray]]:
    """Schedule of a table in the model's units, and its covariate columns at every schedule row.

    A population takes its own covariates from the table and leaves other columns alone; a mechanism takes every column
    that has a parameter's name.
    """
    check_against(records, model)
    fitted = in_model_units(records, model)
    schedule = from_records(fitted, structural(model))
    wanted = model.covariate_names if isinstance(model, PopulationModel) else model.parameter_names
    names = [name for name in fitted.covariates if name in wanted]
    table = fitted.table
    return schedule, {name: table[name].to_numpy(float)[schedule.record] for name in names}


def in_model_units(records: Records, model: Model | PopulationModel) -> Records:
    """Records converted to the units of a model, where both say theirs."""
    base = structural(model)
    covariates = {c.name: c.unit for c in model.covariates} if isinstance(model, PopulationModel) else {}
    wanted = {"time": base.time_unit} | covariates
    for column in records.units:
        kind, _, label = column.partition(":")
        if kind == "amt":
            wanted[column] = _state_unit(label, base)
        elif kind == "dv" and (seen := output_name(model, label)):
            wanted[column] = base.output(seen).unit
    return records.convert({name: unit for name, unit in wanted.items() if name in records.units})


def _state_unit(route: str, model: Model) -> str:
    state = model.doses[find_inputs(route, model)[0]].state
    return next(item.unit for item in model.states if item.name == state)


def _patient_table(patients: pd.DataFrame | Records | None, model: Model | PopulationModel) -> pd.DataFrame:
    import pandas as pd

    if patients is None:
        covariates = model.covariates if isinstance(model, PopulationModel) else ()
        typical = {item.name: item.reference for item in covariates if item.reference is not None}
        return pd.DataFrame(typical, index=pd.Index(["typical"]))
    if isinstance(patients, PatientSource):
        table = patients.table(0, patients.count)
    elif not is_records(patients):
        table = patients
    else:
        table = patients.baseline()
        table = table[measured_columns(table.columns, model)]
    if not len(table):
        raise SimulationError("there is no patient to simulate", repair="give at least one row")
    return table


def _doses(regimen, table: pd.DataFrame, times, model: Model, weight: str, surface: str) -> pd.DataFrame:
    """Doses of every patient in the model's units; patients by their position."""
    import pandas as pd

    if regimen is None:
        return pd.DataFrame({n: [] for n in ("id", "time", "amt", "rate", "ii", "addl", "ss", "route")})
    plan = Regimen.parse(regimen) if isinstance(regimen, str) else regimen
    plan = plan.in_time_unit(model.time_unit)
    until = float(np.max(times)) if times is not None and len(times) and plan.is_open else None
    if plan.is_open and until is None:
        raise SimulationError(
            "the regimen has no end", place=str(plan), repair="say for how long, or give observation times"
        )
    flat = table.set_axis(_names(table))
    doses = plan.events(flat, until=until, weight=weight, surface=surface)
    factors = np.ones(len(doses))
    for (unit, route), rows in doses.groupby(["unit", "route"]).indices.items():
        factors[rows] = _dose_factor(unit, route, model)
    return doses.assign(amt=doses["amt"] * factors, rate=doses["rate"] * factors)


def _names(table: pd.DataFrame) -> list[str]:
    """What messages call the patients: as the table does, or by their place where a name is not theirs alone."""
    names = [str(name) for name in table.index]
    return names if len(set(names)) == len(names) else [str(k) for k in range(len(names))]


def _dose_factor(unit: str, route: str, model: Model) -> float:
    return units.factor(unit, _state_unit(route, model))


def default_times(doses: pd.DataFrame) -> np.ndarray:
    """201 times from zero to one interval past the last dose (a day's worth where there is no interval)."""
    if not len(doses):
        return np.linspace(0.0, 24.0, 201)
    interval = doses["ii"].where(doses["ii"] > 0, 24.0)
    end = (doses["time"] + doses["ii"] * doses["addl"] + interval).max()
    return np.linspace(0.0, float(end), 201)


def _asked_times(times: Sequence[float] | np.ndarray) -> np.ndarray:
    grid = np.asarray(times, dtype=float)
    if grid.ndim != 1 or not grid.size or not np.isfinite(grid).all():
        raise SimulationError(
            "the observation times are no list of finite numbers",
            place=str(times)[:80],
            repair="give at least one number",
        )
    return grid


def _rectangular(
    table: pd.DataFrame, grid: np.ndarray, answer: Answer, labels: dict, time_unit: str, record: Record
) -> Outcome:
    shape, place = (len(table), len(grid)), np.argsort(np.argsort(grid, kind="stable"))
    status, messages = answer.solution.status, answer.solution.messages
    # They were solved in order of time.
    arrays = {name: values.reshape(shape)[:, place] for name, values in answer.outputs.items()}
    patients = table.index
    if table.index.nlevels == 2:
        patients, arrays, status, messages = by_draw(table, arrays, status, messages)
    outputs = {name: (values, labels[name]) for name, values in arrays.items()}
    return Outcome.build(list(patients), grid, outputs, time_unit, status, messages, record)


def by_draw(table: pd.DataFrame, arrays: dict, status: np.ndarray, messages: list[str]):
    """Fold (patient, draw) rows into patients with a last axis of draws; one failed draw fails the patient."""
    patients = table.index.get_level_values(0).unique()
    draws = len(table) // len(patients)
    if (
        len(table) != len(patients) * draws
        or (table.index.get_level_values(0) != np.repeat(patients, draws)).any()
    ):
        raise SimulationError(
            "the draws are uneven", repair="give every patient the same number of draws, in a row"
        )
    folded = {n: v.reshape(len(patients), draws, -1).transpose(0, 2, 1) for n, v in arrays.items()}
    worst = status.reshape(len(patients), draws).argmax(axis=1)
    chosen = np.arange(len(patients)) * draws + worst
    return patients, folded, status[chosen], [messages[k] for k in chosen]


def _ragged(schedule: Schedule, answer: Answer, labels: dict, time_unit: str, record: Record) -> Outcome:
    """Each patient's own observation records, filled up with not-a-number to the longest."""
    seen = schedule.event[answer.row] == 0
    row = answer.row[seen]
    patient = schedule.patient[row]
    counts = np.bincount(patient, minlength=len(schedule.patients))
    place = np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (len(schedule.patients), int(counts.max(initial=0)))

    def spread(values: np.ndarray) -> np.ndarray:
        table = np.full(shape, np.nan)
        table[patient, place] = values
        return table

    outputs = {name: (spread(values[seen]), labels[name]) for name, values in answer.outputs.items()}
    solution = answer.solution
    return Outcome.build(
        schedule.patients,
        spread(schedule.time[row]),
        outputs,
        time_unit,
        solution.status,
        solution.messages,
        record,
    )


def _record(model, answer: Answer, watch: Stopwatch, inputs: dict, tolerances: Tolerances | None) -> Record:
    used = tolerances or default_tolerances(answer.engine)
    settings = {"relative_tolerance": used.relative, "absolute_tolerance": used.absolute}
    settings |= {f"{COUNTED}{name} method": count for name, count in answer.solution.methods.items()}
    if answer.solution.rounding is not None:
        settings[f"{LARGEST}difference of 32 bits from 64 in a sample"] = answer.solution.rounding
    return Record.make(
        "simulate",
        stopwatch=watch,
        inputs={name: value for name, value in inputs.items() if value},
        model=model.hash,
        method=answer.engine,
        settings={} if answer.engine in EXACT_ENGINES else settings,
        citations=tuple(str(source) for source in model.sources),
    )
