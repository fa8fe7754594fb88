"""Proof that the units of every equation of a model fit together, in dimension and in scale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from understudy.core.errors import UnitError
from understudy.core.expression import TIME, Expression
from understudy.core.inferred_unit import infer
from understudy.core.units import UNKNOWN, mismatch, unit, unit_factor
from understudy.model.distribution import MEASURED, Distribution
from understudy.model.event import Event
from understudy.model.model import TIME_AFTER_DOSE, Model
from understudy.model.parts import Assignment, Input
from understudy.model.population_model import PopulationModel, Residual

if TYPE_CHECKING:
    import pint

Units = dict[str, "pint.Unit | None"]


def check_model(model: Model) -> None:
    """Check every equation of a model.

    A rate must be in the state's unit per time unit, an initial value in the state's unit, an output and an
    assignment in the declared one. Of an input, lag and duration must be in the time unit, the
    bioavailability without unit, the rate in the state's unit per time unit, the profile per time unit. Of an event,
    the delay must be in the time unit, trigger and priority without unit, a new value in its target's unit. Nothing is
    proved of a model some of whose units its source does not say (``"?"``): its numbers carry units that nobody knows.

    Raises
    ------
    UnitError
        Naming the equation, the unit it has, the unit it should have and a repair.

    Examples
    --------
    >>> wrong = Model(
    ...     "iv", "h", {"CL": (2, "L/h"), "V": (20, "L")}, {"A": "mg"}, {"A": "-CL / V * A"},
    ...     outputs={"C": ("A / V", "ng/mL")},
    ... )
    >>> check_model(wrong)
    Traceback (most recent call last):
    ...
    understudy.core.errors.UnitError: output C is in mg/L, should be in ng/mL
      where: iv, output C: A / V
      repair: multiply by 1000[ng/mL/(mg/L)]
    """
    if _is_unknown(model):
        return
    time = _declared(model.time_unit, f"{model.name}, time unit")
    units: Units = {p.name: _declared(p.unit, f"{model.name}, parameter {p.name}") for p in model.parameters}
    units |= {s.name: _declared(s.unit, f"{model.name}, state {s.name}") for s in model.states}
    units[TIME] = time
    if model.units_are_labels:
        _check_labels(model)
        return
    _add_assignments(model.ordered_assignments, units, model.name)
    for state, rate in zip(model.states, model.rates, strict=True):
        wanted = units[state.name]
        _require(rate, units, wanted / time, f"rate of {state.name}", model.name)
        _require(state.initial, units, wanted, f"initial value of {state.name}", model.name)
    for output in model.outputs:
        wanted = _declared(output.unit, f"{model.name}, output {output.name}")
        _require(output.expression, units, wanted, f"output {output.name}", model.name)
    for entry in model.inputs:
        _check_input(entry, units, time, model.name)
    for event in model.events:
        _check_event(event, units, time, model.name)


def _is_unknown(model: Model) -> bool:
    parts = (*model.parameters, *model.states, *model.outputs)
    return UNKNOWN in {model.time_unit, *(part.unit for part in parts)}


def _check_labels(model: Model) -> None:
    for output in model.outputs:
        _declared(output.unit, f"{model.name}, output {output.name}")


def check_population(model: PopulationModel) -> None:
    """Check every equation of a population model, its structural model included.

    An individual equation that replaces a structural parameter must have that parameter's unit; random
    effects have none; a residual variance must be in the square of the output's unit, or without unit
    where the scatter is on the logarithm.

    Raises
    ------
    UnitError
        Naming the equation, the unit it has, the unit it should have and a repair.
    """
    check_model(model.structural)
    if _is_unknown(model.structural):
        return
    units: Units = {name: unit("1") for name in model.eta_names}
    for item in (*model.fixed, *model.covariates):
        units[item.name] = _declared(item.unit, f"{model.name}, {item.name}")
    structural = {p.name: p.unit for p in model.structural.parameters}
    _add_assignments(model.ordered_individual, units, model.name, structural)
    for residual in model.residual:
        _check_residual(residual, units, model)
    for item in model.distributions:
        _check_distribution(item, units, model)


def _add_assignments(
    assignments: Iterable[Assignment], units: Units, model: str, required: dict[str, str] | None = None
) -> None:
    """Check assignments in order and add their units, declared, required or the equations' own."""
    for item in assignments:
        what = f"equation of {item.name}"
        found = _infer(item.expression, units, what, model)
        for text in (item.unit, (required or {}).get(item.name, "")):
            if text:
                wanted = _declared(text, f"{model}, {what}")
                _compare(found, wanted, item.expression, what, model)
                found = wanted
        units[item.name] = found


def _check_input(entry: Input, units: Units, time: pint.Unit, model: str) -> None:
    state = units[entry.state]
    wanted = {
        "lag": time,
        "bioavailability": unit("1"),
        "rate": state / time,
        "duration": time,
        "profile": unit("1") / time,
    }
    for field, expression in entry.expressions.items():
        known = {**units, TIME_AFTER_DOSE: time} if field == "profile" else units
        _require(expression, known, wanted[field], f"{field} of input {entry.name}", model)


def _check_event(event: Event, units: Units, time: pint.Unit, model: str) -> None:
    wanted = {"trigger": unit("1"), "delay": time, "priority": unit("1")}
    wanted |= {f"new value of {name}": units[name] for name in event.targets}
    for what, expression in event.expressions.items():
        _require(expression, units, wanted[what], f"{what} of event {event.name}", model)


def _check_residual(residual: Residual, units: Units, model: PopulationModel) -> None:
    what = f"residual variance of {residual.output}"
    output = unit(model.structural.output(residual.output).unit)
    wanted = output**2 if residual.scale == "identity" else unit("1")
    _require(residual.variance, {**units, residual.output: output}, wanted, what, model.name)


def _check_distribution(item: Distribution, units: Units, model: PopulationModel) -> None:
    """Parameters are plain numbers, but for a hazard, which is one over time."""
    outputs = {each.name: unit(each.unit) for each in model.structural.outputs}
    time = unit(model.structural.time_unit)
    for parameter in item.parameters:
        wanted = unit("1") / time if parameter.name == "hazard" else unit("1")
        known = {**units, **outputs, MEASURED: outputs[item.output]}
        _require(parameter.expression, known, wanted, f"{parameter.name} of {item.output}", model.name)


def _require(expression: Expression, units: Units, wanted: pint.Unit, what: str, model: str) -> None:
    _compare(_infer(expression, units, what, model), wanted, expression, what, model)


def _infer(expression: Expression, units: Units, what: str, model: str) -> pint.Unit | None:
    try:
        return infer(expression, units)
    except UnitError as error:
        place = f"{model}, {what}: {expression}"
        raise UnitError(error.cause, place=place, repair=error.repair) from None


def _compare(
    found: pint.Unit | None, wanted: pint.Unit, expression: Expression, what: str, model: str
) -> None:
    place = f"{model}, {what}: {expression}"
    if found is None:
        return
    try:
        fits = abs(unit_factor(found, wanted) - 1) < 1e-12
    except UnitError:
        fits = False
    if not fits:
        raise mismatch(what, found, wanted, place)


def _declared(text: str, place: str) -> pint.Unit:
    try:
        return unit(text)
    except UnitError as error:
        raise UnitError(error.cause, place=place, repair=error.repair) from None
