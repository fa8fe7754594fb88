"""Model: a mechanism as states, equations, inputs and outputs, with units and sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from understudy.core.content import Content, later_field
from understudy.core.errors import ModelError
from understudy.core.expression import TIME, Expression
from understudy.model.event import Event
from understudy.model.network import Calls, Network
from understudy.model.parts import Assignment, Input, Output, Parameter, Source, State

TIME_AFTER_DOSE = "tad"


@dataclass(frozen=True, repr=False)
class Model(Content):
    """A mechanism: how amounts move and what is seen of them. It knows no patient and no solver.

    Each part may be given in full (`Parameter`, `State`, …) or in short, as in the example.

    Parameters
    ----------
    name : str
    time_unit : str
    parameters : tuple of Parameter, or mapping of name to (value, unit, description)
    states : tuple of State, or mapping of name to unit or (unit, initial value)
    rates : tuple of Expression in the order of `states`, or mapping of state to equation
        Time derivatives of the states; a state left out of the mapping stays constant between doses.
    inputs : tuple of Input, or mapping of route to state
        Empty: every state can be dosed by its own name.
    outputs : tuple of Output, or mapping of name to (equation, unit, description)
    assignments : tuple of Assignment, or mapping of name to equation
    description : str
    stiff : bool
        Declared by the modeller: time scales differ so much that an explicit method is slow.
    sources : tuple of Source
    events : tuple of Event, or mapping of name to (trigger, {state or parameter: new value}, delay)
        What conditions on the solution set off.
    networks : tuple of Network, or mapping of name to (inputs, width, depth, activation, output)
        Small neural networks that the rates, outputs and assignments may call where they are given as text:
        ``uptake(C)``. A call becomes assignments, a weight a parameter; weights not given start at random.
    units_are_labels : bool
        Of a model from a format in which numbers of equations carry no units: `check_units` then checks that each
        declared unit is one, not the equations.

    Raises
    ------
    ModelError
        For undefined or doubled names, circular assignments, doses into unknown states, events that change anything
        but states and parameters.

    Examples
    --------
    >>> oral = Model(
    ...     "one compartment, oral",
    ...     time_unit="h",
    ...     parameters={"ka": (1.0, "1/h"), "CL": (2.0, "L/h"), "V": (20.0, "L")},
    ...     states={"depot": "mg", "central": "mg"},
    ...     rates={"depot": "-ka * depot", "central": "ka * depot - CL / V * central"},
    ...     inputs={"oral": "depot", "iv": "central"},
    ...     outputs={"C": ("central / V", "mg/L", "plasma concentration")},
    ... )
    >>> oral.rate("central")
    Expression('ka * depot - CL / V * central')
    """

    name: str
    time_unit: str
    parameters: tuple[Parameter, ...]
    states: tuple[State, ...]
    rates: tuple[Expression, ...]
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    description: str = ""
    stiff: bool = False
    sources: tuple[Source, ...] = ()
    events: tuple[Event, ...] = later_field(())
    networks: tuple[Network, ...] = later_field(())
    units_are_labels: bool = later_field(False)

    def __post_init__(self) -> None:
        put = lambda field, value: object.__setattr__(self, field, value)  # noqa: E731
        put("parameters", _records(Parameter, self.parameters))
        put("networks", _records(Network, self.networks))
        _write_networks_out(self, put)
        put("states", _records(State, self.states))
        put("rates", _rates(self.rates, self.states, self.name))
        put("inputs", _records(Input, self.inputs))
        put("outputs", _records(Output, self.outputs))
        put("assignments", _records(Assignment, self.assignments))
        put("sources", tuple(self.sources))
        put("events", _records(Event, self.events))
        _check_names(self)
        _check_events(self)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states, in order."""
        return tuple(state.name for state in self.states)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(output.name for output in self.outputs)

    @property
    def routes(self) -> tuple[str, ...]:
        """Names by which doses can be given; the first is the default."""
        return tuple(dict.fromkeys(entry.name for entry in self.doses))

    @property
    def doses(self) -> tuple[Input, ...]:
        """The inputs, or one plain input for each state where none is declared."""
        return self.inputs or tuple(Input(name, name) for name in self.state_names)

    def rate(self, state: str) -> Expression:
        """Time derivative of one state."""
        return self.rates[self.state_names.index(state)]

    def parameter(self, name: str) -> Parameter:
        """One parameter by name."""
        return _named(self.parameters, name, "parameter", self.name)

    def output(self, name: str) -> Output:
        """One output by name."""
        return _named(self.outputs, name, "output", self.name)

    @property
    def changed_parameters(self) -> tuple[str, ...]:
        """Parameters that events change, in order."""
        targets = {name for event in self.events for name in event.targets}
        return tuple(name for name in self.parameter_names if name in targets)

    @cached_property
    def ordered_assignments(self) -> tuple[Assignment, ...]:
        """The assignments, each after those it needs."""
        return ordered(self.assignments, self.name)

    @cached_property
    def constant_assignments(self) -> tuple[Assignment, ...]:
        """The ordered assignments that neither a state nor time enters, not even through another."""
        varying = {*self.state_names, TIME}
        constant = []
        for assignment in self.ordered_assignments:
            if assignment.expression.names & varying:
                varying.add(assignment.name)
            else:
                constant.append(assignment)
        return tuple(constant)

    def with_values(self, **values: float) -> Model:
        """The same model with other parameter values.

        Examples
        --------
        >>> decay = Model("decay", "h", {"k": (1, "1/h")}, {"A": "mg"}, {"A": "-k * A"})
        >>> decay.with_values(k=2).parameter("k").value
        2.0
        """
        for name in values:
            self.parameter(name)
        changed = tuple(
            replace(p, value=values[p.name], source=None, standard_error=None) if p.name in values else p
            for p in self.parameters
        )
        return replace(self, parameters=changed)

    def check_units(self) -> None:
        """Prove that every equation's units fit together.

        Raises
        ------
        UnitError
            Naming the equation, the unit it has and the unit it should have.
        """
        from understudy.model.unit_check import check_model

        check_model(self)

    def __repr__(self) -> str:
        values = ", ".join(f"{p.name} = {p.value:g} {p.unit}" for p in self.parameters)
        rates = [f"  d{s.name}/dt = {rate}" for s, rate in zip(self.states, self.rates, strict=True)]
        seen = [f"  {o.name} = {o.expression}  [{o.unit}]" for o in self.outputs]
        doses = ", ".join(f"{entry.name} → {entry.state}" for entry in self.doses)
        happens = [f"  {event.name}: {event}" for event in self.events]
        lines = [f"Model {self.name!r} (time in {self.time_unit})", *rates, *seen, *happens]
        return "\n".join([*lines, f"  doses: {doses}", f"  parameters: {values}"])


def ordered(assignments: Iterable[Assignment], place: str) -> tuple[Assignment, ...]:
    """Assignments in an order in which each follows those it needs."""
    by_name = {assignment.name: assignment for assignment in assignments}
    graph = {
        name: sorted(
            item.expression.names & by_name.keys() - ({name} if name not in item.expression.names else set())
        )
        for name, item in by_name.items()
    }
    try:
        return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ModelError(
            f"circular assignments: {' → '.join(reversed(error.args[1]))}",
            place=place,
            repair="break the circle: one of them must not need the others",
        ) from None


def _records(kind: type, given: Any) -> tuple:
    """Canonical tuple of `kind` from records, or from a mapping of name to its fields in short."""
    if isinstance(given, Mapping):
        rows = (value if isinstance(value, (tuple, list)) else (value,) for value in given.values())
        return tuple(kind(name, *row) for name, row in zip(given, rows, strict=True))
    return tuple(given)


def _rates(given: Any, states: tuple[State, ...], place: str) -> tuple[Expression, ...]:
    names = [state.name for state in states]
    if isinstance(given, Mapping):
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise ModelError(
                f"rates are given for unknown states: {', '.join(unknown)}",
                place=place,
                repair="declare the states",
            )
        return tuple(Expression(given.get(name, 0)) for name in names)
    rates = tuple(Expression(rate) for rate in given)
    if len(rates) != len(states):
        raise ModelError(
            f"{len(states)} states but {len(rates)} rates", place=place, repair="give one rate a state"
        )
    return rates


def _named(items: Iterable[Any], name: str, what: str, place: str) -> Any:
    found = {item.name: item for item in items}
    if name not in found:
        raise ModelError(f"no {what} {name!r}", place=place, repair=f"{what}s: {', '.join(found) or 'none'}")
    return found[name]


def _write_networks_out(model: Model, put: Callable[[str, Any], None]) -> None:
    """Calls of networks become assignments, and weights that are not there yet parameters."""
    if not model.networks:
        return
    given = model.assignments
    names = given if isinstance(given, Mapping) else [item.name for item in given]
    calls = Calls(model.networks, names)
    for field in ("rates", "assignments", "outputs"):
        put(field, calls.read(getattr(model, field)))
    put("assignments", (*_records(Assignment, model.assignments), *calls.assignments))
    known = {parameter.name for parameter in model.parameters}
    weights = [weight for network in model.networks for weight in network.parameters()]
    put("parameters", (*model.parameters, *(weight for weight in weights if weight.name not in known)))


def _check_names(model: Model) -> None:
    groups = (model.parameters, model.states, model.assignments, model.networks)
    names = [item.name for group in groups for item in group]
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise ModelError(
            f"defined twice: {', '.join(doubled)}", place=model.name, repair="rename one of them"
        )
    _ = model.ordered_assignments
    known = {*names, TIME}
    constant = {*model.parameter_names, *(item.name for item in model.constant_assignments)}
    for where, expression, allowed in _equations(model, known, constant):
        require_known(expression, allowed, f"{model.name}, {where}")
    for entry in model.inputs:
        if entry.state not in model.state_names:
            raise ModelError(
                f"input {entry.name} doses the unknown state {entry.state!r}",
                place=model.name,
                repair=f"states: {', '.join(model.state_names)}",
            )


def _check_events(model: Model) -> None:
    names = [event.name for event in model.events]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ModelError(
            f"events defined twice: {', '.join(doubled)}", place=model.name, repair="rename one of them"
        )
    for event in model.events:
        for name in event.targets:
            _check_target(model, name, f"{model.name}, event {event.name}")
    for entry in model.inputs:
        changed = _needed(model, entry.expressions.values()) & {*model.changed_parameters}
        if changed:
            raise ModelError(
                f"an event changes {sorted(changed)[0]}, which input {entry.name} needs before anything happens",
                place=model.name,
                repair="give the input a parameter of its own",
            )


def _check_target(model: Model, name: str, place: str) -> None:
    if name in {item.name for item in model.assignments}:
        raise ModelError(
            f"an event cannot change {name!r}, which has an equation",
            place=place,
            repair="change a parameter that its equation uses",
        )
    require_known(Expression(name), (*model.state_names, *model.parameter_names), place)


def _needed(model: Model, expressions: Iterable[Expression]) -> set[str]:
    """Names that expressions use, directly or through assignments."""
    equations = {item.name: item.expression for item in model.assignments}
    waiting, needed = [expression.names for expression in expressions], set()
    while waiting:
        new = waiting.pop() - needed
        needed |= new
        waiting.extend(equations[name].names for name in new & equations.keys())
    return needed


def _equations(
    model: Model, known: set[str], constant: set[str]
) -> Iterable[tuple[str, Expression, set[str]]]:
    """Every equation with its place and the names it may use."""
    for state, rate in zip(model.states, model.rates, strict=True):
        yield f"rate of {state.name}", rate, known
        yield f"initial value of {state.name}", state.initial, constant
    for item in (*model.assignments, *model.outputs):
        yield item.name, item.expression, known
    for entry in model.inputs:
        for field, expression in entry.expressions.items():
            extra = {TIME_AFTER_DOSE} if field == "profile" else set()
            yield f"{field} of input {entry.name}", expression, constant | extra
    for event in model.events:
        for what, expression in event.expressions.items():
            yield f"{what} of event {event.name}", expression, known


def require_known(expression: Expression, known: Iterable[str], place: str) -> None:
    """Raise where an equation uses a name that is not known.

    Raises
    ------
    ModelError
        Naming the name, the equation and the nearest known name.
    """
    import difflib

    undefined = sorted(expression.names - set(known))
    if undefined:
        near = difflib.get_close_matches(undefined[0], sorted(known), 1)
        repair = f"did you mean {near[0]}?" if near else "declare it as a parameter, state or assignment"
        raise ModelError(
            f"undefined name {undefined[0]!r} in {expression.text!r}", place=place, repair=repair
        )
