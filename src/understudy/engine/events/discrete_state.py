"""Discrete states: parameters that events change, written as states that stand still between executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.expression import Expression
from understudy.engine.parameters import ParameterRows
from understudy.engine.schedule import Schedule
from understudy.model.model import Model
from understudy.model.parts import State


def with_discrete_states(rows: ParameterRows, schedule: Schedule) -> ParameterRows:
    """The same patients, with the parameters that events change among the states.

    Raises
    ------
    SimulationError
        Where such a parameter also changes between a patient's records: which value would hold?
    """
    model = rows.model
    if not model.changed_parameters:
        return rows
    first = rows.interval_row[schedule.start[:-1]][schedule.patient]
    for name in model.changed_parameters:
        values = rows.table[:, model.parameter_names.index(name)]
        moved = np.flatnonzero(
            (values[rows.interval_row] != values[first]) | (values[rows.point_row] != values[first])
        )
        if moved.size:
            raise SimulationError(
                f"{name} changes by an event and between records",
                place=f"patient {schedule.patients[schedule.patient[moved[0]]]}, time {schedule.time[moved[0]]:g}",
                repair="let the event change a factor of its own",
            )
    return replace(rows, model=separated(model))


@lru_cache(maxsize=128)
def separated(model: Model) -> Model:
    """A model in which events change states only.

    A changed parameter ``k`` becomes a state ``k`` without a rate; its value at the start is the parameter ``k_start``.

    Examples
    --------
    >>> tank = Model(
    ...     "tank", "h", {"k": (1, "1/h"), "A0": (5, "mg")}, {"A": ("mg", "A0")}, {"A": "-k * A"},
    ...     events={"stop": ("A < 1", {"k": 0})},
    ... )
    >>> found = separated(tank)
    >>> found.parameter_names, found.state_names, found.rate("k"), found.states[1].initial
    (('k_start', 'A0'), ('A', 'k'), Expression('0'), Expression('k_start'))
    """
    starts = start_names(model)
    parameters = tuple(replace(p, name=starts.get(p.name, p.name)) for p in model.parameters)
    states = [replace(state, initial=_at_start(state.initial, model, starts)) for state in model.states]
    added = [
        State(name, model.parameter(name).unit, Expression(start), model.parameter(name).description)
        for name, start in starts.items()
    ]
    rates = (*model.rates, *[Expression(0)] * len(added))
    # What can be dosed stays what it was: states that stand for parameters take no doses.
    return replace(model, parameters=parameters, states=(*states, *added), rates=rates, inputs=model.doses)


def start_names(model: Model) -> dict[str, str]:
    """Parameters that events change, and what their values at the start are called."""
    return {name: _free(f"{name}_start", model) for name in model.changed_parameters}


def _free(name: str, model: Model) -> str:
    """A name like this one that the model does not use."""
    taken = {*model.parameter_names, *model.state_names, *(item.name for item in model.assignments)}
    while name in taken:
        name += "_"
    return name


def _at_start(expression: Expression, model: Model, starts: Mapping[str, str]) -> Expression:
    """An initial value with the assignments written out that changed parameters enter."""
    for item in reversed(model.ordered_assignments):
        expression = expression.substitute({item.name: item.expression})
    return expression.substitute(starts)
