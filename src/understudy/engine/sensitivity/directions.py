"""Directions: along what a solution's slopes are wanted, and a model in which each of them is a parameter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.expression import Expression
from understudy.engine.events.discrete_state import start_names
from understudy.engine.parameters import ParameterRows
from understudy.model.model import Model
from understudy.model.parts import Input, Parameter

_SPECIAL = re.compile(r"(\w+)\((\w+)\)")
_FIELDS = ("lag", "bioavailability", "rate", "duration")


@dataclass(frozen=True, eq=False)
class Directions:
    """Ways in which the parameters move together.

    Parameters
    ----------
    names : tuple of str, length k
    touched : tuple of tuples of str, length k
        What moves in each direction: parameters of the mechanism, ``central(0)`` for a state's initial value,
        ``lag(oral)``, ``bioavailability(oral)``, ``rate(oral)`` and ``duration(oral)`` for what a route says of its
        doses, and ``dose(oral)`` for all its amounts by one factor. Empty: each direction is what its name says.
    seeds : tuple of float arrays, shape (rows, touched), or None, length k
        How fast each of them moves, for every row of the parameter table; None: by one, each.

    Examples
    --------
    >>> Directions(("CL", "central(0)")).touched
    (('CL',), ('central(0)',))
    """

    names: tuple[str, ...]
    touched: tuple[tuple[str, ...], ...] = ()
    seeds: tuple[np.ndarray | None, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "touched", self.touched or tuple((name,) for name in self.names))
        object.__setattr__(self, "seeds", self.seeds or (None,) * len(self.names))
        if not len(self.names) == len(self.touched) == len(self.seeds):
            raise SimulationError(
                f"{len(self.names)} directions, {len(self.touched)} lists of what they touch and {len(self.seeds)} "
                "arrays of seeds",
                repair="give one of each for every direction",
            )


@dataclass(frozen=True)
class Direction:
    """One direction in a model: parameters, and for each the parameter that holds its seed ("" for one)."""

    parameters: tuple[str, ...]
    seeds: tuple[str, ...]


def with_parameters(
    rows: ParameterRows, directions: Directions
) -> tuple[ParameterRows, tuple[Direction, ...]]:
    """The same patients, with a parameter for all that the directions touch and for every seed.

    Raises
    ------
    SimulationError
        For something that the model does not have.
    """
    wanted = tuple(dict.fromkeys(name for touched in directions.touched for name in touched))
    model, stands_for = _with_offsets(rows.model, wanted)
    offsets = np.zeros((len(rows.table), len(model.parameters) - rows.table.shape[1]))
    columns, added, found = [rows.table, offsets], [], []
    for k, (touched, seeds) in enumerate(zip(directions.touched, directions.seeds, strict=True)):
        names = tuple(f"seed_{k}_{place}" for place in range(len(touched))) if seeds is not None else ()
        names = tuple(free_name(name, model) for name in names)
        added += [Parameter(name, 0.0) for name in names]
        columns += [np.broadcast_to(seeds, (len(rows.table), len(touched)))] if names else []
        parameters = tuple(stands_for[name] for name in touched)
        found.append(Direction(parameters, names or ("",) * len(touched)))
    model = _with_seeds(model, tuple(added)) if added else model
    return replace(rows, model=model, table=np.hstack(columns)), tuple(found)


def started(direction: Direction, model: Model) -> Direction:
    """A direction in a model whose changed parameters have become states: what moves is their value at the start."""
    starts = start_names(model)
    return replace(direction, parameters=tuple(starts.get(name, name) for name in direction.parameters))


def free_name(name: str, model: Model, taken: Iterable[str] = ()) -> str:
    """A name like this one that neither the model nor anything `taken` has."""
    used = {*model.parameter_names, *model.state_names, *(item.name for item in model.assignments), *taken}
    while name in used:
        name += "_"
    return name


@lru_cache(maxsize=128)
def _with_seeds(model: Model, seeds: tuple[Parameter, ...]) -> Model:
    return replace(model, parameters=(*model.parameters, *seeds))


@lru_cache(maxsize=128)
def _with_offsets(model: Model, wanted: tuple[str, ...]) -> tuple[Model, dict[str, str]]:
    """The model with a parameter of value zero for everything wanted that is none, and which stands for which."""
    stands_for = {}
    for name in wanted:
        special = _SPECIAL.fullmatch(name)
        if name in model.parameter_names:
            stands_for[name] = name
            continue
        if special is None:
            raise _unknown(name, model)
        offset = free_name("_".join(special.groups()), model)
        model, stands_for[name] = _with_offset(model, *special.groups(), offset), offset
    return model, stands_for


def _with_offset(model: Model, what: str, where: str, offset: str) -> Model:
    """A copy with a parameter by which an initial value or a property of a route moves."""
    wide = replace(model, parameters=(*model.parameters, Parameter(offset, 0.0)))
    if where == "0" and what in model.state_names:
        states = tuple(replace(s, initial=s.initial + offset) if s.name == what else s for s in model.states)
        return replace(wide, states=states)
    if where not in model.routes or what not in (*_FIELDS, "dose"):
        raise _unknown(f"{what}({where})", model)
    chosen = [entry for entry in model.doses if entry.name == where]
    if what != "dose" and any(getattr(entry, what) is None for entry in chosen):
        raise SimulationError(
            f"the route {where} has no {what}",
            place=model.name,
            repair="give its input one, or name a parameter",
        )
    if what == "bioavailability" and len(chosen) > 1:
        raise SimulationError(
            f"the route {where} has {len(chosen)} bioavailabilities",
            place=model.name,
            repair="name a parameter",
        )
    inputs = tuple(_moved(e, what, offset) if e.name == where else e for e in model.doses)
    return replace(wide, inputs=inputs)


def _moved(entry: Input, what: str, offset: str) -> Input:
    """An input of which one property moves with a parameter."""
    if what == "dose":
        return replace(entry, bioavailability=entry.bioavailability * (Expression(offset) + 1))
    return replace(entry, **{what: getattr(entry, what) + offset})


def _unknown(name: str, model: Model) -> SimulationError:
    import difflib

    near = difflib.get_close_matches(name, model.parameter_names, 1)
    first_state, first_route = model.state_names[0], model.routes[0]
    hint = f"did you mean {near[0]}? " if near else ""
    return SimulationError(
        f"no parameter, initial value or property of a route {name!r} in the mechanism",
        place=model.name,
        repair=f"{hint}name a parameter, {first_state}(0), dose({first_route}), lag({first_route}), "
        f"bioavailability({first_route}), rate({first_route}) or duration({first_route})",
    )
