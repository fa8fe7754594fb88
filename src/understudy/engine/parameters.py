"""Individual parameters: from effects and covariates to the numbers a mechanism needs, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.schedule import Schedule
from understudy.model.model import Model
from understudy.model.parts import Assignment
from understudy.model.population_model import PopulationModel


@dataclass(frozen=True, eq=False)
class ParameterRows:
    """Parameter values and which of them hold when.

    Parameters
    ----------
    model : Model
        The mechanism that `table` belongs to.
    table : float array, shape (rows, parameters)
    point_row, interval_row : int arrays, shape (schedule rows,)
        Row of `table` at each schedule row, and from there to the next.
    """

    model: Model
    table: np.ndarray
    point_row: np.ndarray
    interval_row: np.ndarray

    def carried(self, origin: np.ndarray, is_new: np.ndarray) -> ParameterRows:
        """Rows of a schedule with rows added between the old ones: those take what holds in the interval."""
        point = np.where(is_new, self.interval_row[origin], self.point_row[origin])
        return replace(self, point_row=point, interval_row=self.interval_row[origin])


def structural(model: Model | PopulationModel) -> Model:
    """The mechanism of either kind of model."""
    return model.structural if isinstance(model, PopulationModel) else model


def individual_values(model: Model | PopulationModel, columns: Mapping[str, np.ndarray], rows: int) -> dict:
    """Every named value of the individuals: fixed and random effects, covariates, individual parameters.

    A column overrides what the model gives for its name; random effects are zero and covariates at their reference
    value where no column is given.

    Raises
    ------
    SimulationError
        For a covariate that has neither a column nor a reference value.
    """
    if isinstance(model, Model):
        values: dict = {p.name: p.value for p in model.parameters}
        return _wide(values | {k: v for k, v in columns.items() if k in values}, rows)
    values = dict(model.fixed_values) | dict.fromkeys(model.eta_names, 0.0) | _covariates(model, columns)
    values |= {name: column for name, column in columns.items() if name in values}
    for item in model.ordered_individual:
        values[item.name] = columns[item.name] if item.name in columns else item.expression.evaluate(values)
    defaults = {p.name: p.value for p in model.structural.parameters}
    defaults |= {name: columns[name] for name in defaults if name in columns}
    return _wide(defaults | values, rows)


def measured_columns(columns: Iterable[str], model: Model | PopulationModel) -> list[str]:
    """Columns of a table of measurements that say something about a patient.

    A population computes its parameters itself: a column that merely bears the name of one (``CL``, ``V``) is left out.

    Examples
    --------
    >>> iv = Model("iv", "h", {"k": (1, "1/h")}, {"A": "mg"}, {"A": "-k * A"})
    >>> population = PopulationModel("p", iv, {"k": "theta * WT"}, {"theta": 2}, covariates={"WT": "kg"})
    >>> measured_columns(["WT", "k", "SEX"], population)
    ['WT', 'SEX']
    """
    if isinstance(model, Model):
        return list(columns)
    computed = {item.name for item in (*model.fixed, *model.individual, *model.structural.parameters)}
    computed = {*computed, *model.eta_names} - {*model.covariate_names}
    return [name for name in columns if name not in computed]


def _wide(values: Mapping, rows: int) -> dict:
    return {name: np.broadcast_to(np.asarray(value, dtype=float), rows) for name, value in values.items()}


def _covariates(model: PopulationModel, columns: Mapping[str, np.ndarray]) -> dict:
    values = {}
    for covariate in model.covariates:
        if covariate.name not in columns and covariate.reference is None:
            raise SimulationError(
                f"no value for the covariate {covariate.name}",
                place=model.name,
                repair=f"give a column {covariate.name} in {covariate.unit}",
            )
        values[covariate.name] = columns.get(covariate.name, covariate.reference)
    return values


def parameter_table(
    model: Model | PopulationModel, columns: Mapping[str, np.ndarray], rows: int
) -> np.ndarray:
    """Structural parameters, shape (rows, parameters)."""
    values = individual_values(model, columns, rows)
    names = structural(model).parameter_names
    return np.stack([values[name] for name in names], axis=1) if names else np.zeros((rows, 0))


def parameter_rows(
    model: Model | PopulationModel, schedule: Schedule, columns: Mapping[str, np.ndarray]
) -> ParameterRows:
    """Parameter values over time.

    Parameters
    ----------
    model : Model or PopulationModel
    schedule : Schedule
    columns : mapping of name to float array, shape (patients,) or (schedule rows,)
        Covariates, random effects or parameters; those that change within a patient are carried between rows as
        their `Covariate` says (last value carried forward where it says nothing).
    """
    patient, count = schedule.patient, len(schedule.patients)
    firsts = schedule.start[:-1]
    varying = {n: v for n, v in columns.items() if len(v) != count and (v != v[firsts][patient]).any()}
    constant = {n: v if len(v) == count else v[firsts] for n, v in columns.items() if n not in varying}
    if not varying:
        return ParameterRows(structural(model), parameter_table(model, constant, count), patient, patient)
    spread = {name: values[patient] for name, values in constant.items()} | varying
    how = _interpolation(model)
    following = _following(schedule)
    if any(how.get(name) == "linear" for name in varying):
        model, spread, ahead = _linear(model, schedule, spread, varying, how, following)
    else:
        ahead = {n: v[following] if n in varying and how.get(n) == "nocb" else v for n, v in spread.items()}
    return _two_tables(model, spread, ahead, patient.size)


def _two_tables(model, at: Mapping, ahead: Mapping, rows: int) -> ParameterRows:
    """Rows for the instants, and rows for the intervals after them where they differ."""
    point = np.arange(rows)
    table = parameter_table(model, at, rows)
    if all(ahead[name] is at[name] for name in at):
        return ParameterRows(structural(model), table, point, point)
    both = np.vstack([table, parameter_table(model, ahead, rows)])
    return ParameterRows(structural(model), both, point, point + rows)


def _interpolation(model: Model | PopulationModel) -> dict[str, str]:
    if not isinstance(model, PopulationModel):
        return {}
    drawn = {name: block.interpolation for block in model.random for name in block.names}
    return drawn | {c.name: c.interpolation for c in model.covariates}


def _following(schedule: Schedule) -> np.ndarray:
    """Index of each row's successor within the patient, of itself for the last."""
    following = np.arange(schedule.time.size) + 1
    following[schedule.start[1:] - 1] -= 1
    return following


def _linear(model, schedule: Schedule, spread: dict, varying: Mapping, how: Mapping, following: np.ndarray):
    """Covariates that change along straight lines become part of the mechanism: level + slope * t."""
    flat = flatten(model)
    at, ahead, replacements = {}, {}, {}
    for name, value in spread.items():
        carried = value[following] if name in varying and how.get(name) == "nocb" else value
        if name not in varying or how.get(name) != "linear":
            at[name], ahead[name] = value, carried
            continue
        span = schedule.time[following] - schedule.time
        slope = np.divide(value[following] - value, span, out=np.zeros_like(value), where=span > 0)
        level, rise = f"{name}_level", f"{name}_slope"
        replacements[name] = f"{level} + {rise} * t"
        ahead |= {level: value - slope * schedule.time, rise: slope}
        at |= {level: value, rise: np.zeros_like(value)}
    return _with_lines(flat, replacements), at, ahead


def _with_lines(model: Model, replacements: Mapping[str, str]) -> Model:
    lines = tuple(Assignment(name, text) for name, text in replacements.items())
    kept = {p.name: (p.value, p.unit) for p in model.parameters if p.name not in replacements}
    added = {f"{name}_{part}": (0.0,) for name in replacements for part in ("level", "slope")}
    return replace(model, parameters={**kept, **added}, assignments=(*lines, *model.assignments))


def flatten(model: Model | PopulationModel) -> Model:
    """A population model as one mechanism whose parameters are its effects and covariates.

    Examples
    --------
    >>> iv = Model("iv", "h", {"k": (1, "1/h")}, {"A": "mg"}, {"A": "-k * A"})
    >>> flatten(PopulationModel("p", iv, {"k": "theta * exp(eta)"}, {"theta": 2}, {"eta": 0.1})).parameter_names
    ('theta', 'eta')
    """
    if isinstance(model, Model):
        return model
    values: dict = dict(model.fixed_values) | dict.fromkeys(model.eta_names, 0.0)
    values |= {c.name: c.reference or 0.0 for c in model.covariates}
    individual = {item.name for item in model.individual}
    base = model.structural
    values |= {p.name: p.value for p in base.parameters if p.name not in individual and p.name not in values}
    parameters = {name: (float(value),) for name, value in values.items()}
    return replace(base, parameters=parameters, assignments=(*model.individual, *base.assignments))
