"""The dosing of one patient as stops in JAX, their times and values functions of lag, bioavailability and duration.

The rules are those of `understudy.engine.timeline`. What moves is sorted anew each time, so that a dose that comes
later comes later; every observation is a stop of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.events.break_point import switch_times
from understudy.engine.jax.jax_expression import value
from understudy.engine.schedule import RESET, RESET_AND_DOSE, Schedule
from understudy.engine.timeline import BOLUS, BREAK, PROFILE, RATE, REINITIALISE
from understudy.model.model import Model

# As in `timeline`: what a dose leads to later precedes records of the same time.
_DERIVED = -1.0


class Dosing(NamedTuple):
    """The doses of one patient, additional ones written out: known numbers, shape (doses,) each."""

    source: np.ndarray
    row: np.ndarray
    is_first: np.ndarray
    time: np.ndarray
    coded_rate: np.ndarray
    entry: np.ndarray
    state: np.ndarray
    cancelled: np.ndarray


class Moves(NamedTuple):
    """Stops before they are sorted, shape (stops,) each; `sequence` decides among those of one time."""

    time: Any
    sequence: Any
    kind: Any
    target: Any
    value: Any


def dosing(schedule: Schedule, model: Model) -> Dosing:
    """The doses of a schedule of one patient.

    Raises
    ------
    SimulationError
        For doses at steady state, and infusions into an absorption profile.
    """
    row = schedule.dosed
    _refuse(schedule, model)
    counts = schedule.additional[row] + 1
    source = np.repeat(np.arange(row.size), counts)
    number = np.arange(source.size) - np.repeat(np.cumsum(counts) - counts, counts)
    entry = schedule.entry[row][source]
    states = np.array([model.state_names.index(item.state) for item in model.doses])
    return Dosing(
        source=source,
        row=row[source],
        is_first=number == 0,
        time=schedule.time[row][source] + number * schedule.interval[row][source],
        coded_rate=schedule.rate[row][source],
        entry=entry,
        state=states[entry] if entry.size else entry,
        cancelled=_cancelled(schedule)[source],
    )


def _refuse(schedule: Schedule, model: Model) -> None:
    row = schedule.dosed
    if (schedule.steady[row] > 0).any():
        raise SimulationError(
            "steady-state doses cannot be differentiated through JAX",
            place=model.name,
            repair="write the doses out one by one until nothing changes any more",
        )
    for index, entry in enumerate(model.doses):
        coded = schedule.rate[row[schedule.entry[row] == index]]
        cause = ""
        if entry.profile is not None and coded.any():
            cause = "an infusion cannot enter by an absorption profile"
        elif (coded == -1).any() and entry.rate is None:
            cause = "RATE = -1 needs a modelled rate"
        elif (coded == -2).any() and entry.duration is None:
            cause = "RATE = -2 needs a modelled duration"
        if cause:
            raise SimulationError(
                cause, place=f"{model.name}, input {entry.name}", repair="change the dose or the input"
            )


def _cancelled(schedule: Schedule) -> np.ndarray:
    """When a reset next turns off what each dose has set going."""
    resets = schedule.acting[np.isin(schedule.event[schedule.acting], (RESET, RESET_AND_DOSE))]
    following = np.searchsorted(resets, schedule.dosed, side="right")
    return np.append(schedule.time[resets], np.inf)[following]


def moves(model: Model, schedule: Schedule, doses: Dosing, amounts: Any, known: dict[str, Any]) -> Moves:
    """All stops of one patient: doses, ends of infusions, resets, changes of form, and observations last.

    Parameters
    ----------
    model : Model
    schedule : Schedule
    doses : Dosing
    amounts : array, shape (dose rows,)
        Amount of each row of ``schedule.dosed``.
    known : mapping of name to JAX number
        Parameters, and assignments that depend on parameters alone.
    """
    import jax.numpy as jnp

    column = lambda field, default: _by_dose(model, doses, known, field, default)  # noqa: E731
    lag, given = column("lag", 0.0), amounts[doses.source] * column("bioavailability", 1.0)
    duration = _durations(doses, given, column)
    infused = duration > 0
    time = doses.time + lag
    own = jnp.asarray(doses.is_first) & (lag == 0)
    begins = own | (time < doses.cancelled)
    ends = infused & (time + duration < doses.cancelled) & begins
    profiled = np.array([model.doses[entry].profile is not None for entry in doses.entry], dtype=bool)
    kind = jnp.where(infused, RATE, np.where(profiled, PROFILE, BOLUS))
    rate = given / jnp.where(infused, duration, 1.0)
    nothing = lambda size: np.zeros(size, dtype=np.int64)  # noqa: E731
    count = doses.time.size
    parts = [
        Moves(
            time, jnp.where(own, doses.row, _DERIVED), jnp.where(begins, kind, BREAK),
            np.where(profiled, doses.entry, doses.state), jnp.where(infused, rate, given),
        ),
        Moves(
            time + duration, np.full(count, _DERIVED), jnp.where(ends, RATE, BREAK), doses.state,
            jnp.where(ends, -rate, 0.0),
        ),
    ]  # fmt: skip
    reset = schedule.acting[np.isin(schedule.event[schedule.acting], (RESET, RESET_AND_DOSE))]
    parts.append(
        Moves(
            schedule.time[reset],
            reset,
            np.full(reset.size, REINITIALISE),
            nothing(reset.size),
            np.zeros(reset.size),
        )
    )
    breaks = [value(expression, known) for expression in switch_times(model)]
    if breaks:
        size = len(breaks)
        inside = jnp.clip(jnp.nan_to_num(jnp.stack(breaks)), schedule.begin[0], schedule.time[-1])
        parts.append(
            Moves(inside, np.full(size, _DERIVED), np.full(size, BREAK), nothing(size), np.zeros(size))
        )
    seen = np.flatnonzero(schedule.observed)
    # An observation at the time of its own record sees what the record does: BREAK sorts last of all kinds.
    parts.append(
        Moves(schedule.time[seen], seen, np.full(seen.size, BREAK), nothing(seen.size), np.zeros(seen.size))
    )
    return Moves(
        *(
            jnp.concatenate([jnp.asarray(part, kind) for part in column])
            for column, kind in zip(zip(*parts, strict=True), (float, float, int, int, float), strict=True)
        )
    )


def _by_dose(model: Model, doses: Dosing, known: dict[str, Any], field: str, default: float) -> Any:
    """What the model says of each dose, such as its lag."""
    import jax.numpy as jnp

    told = [getattr(entry, field) for entry in model.doses]
    values = jnp.stack([jnp.asarray(default if e is None else value(e, known), float) for e in told])
    return values[doses.entry]


def _durations(doses: Dosing, given: Any, column: Any) -> Any:
    """How long each dose takes to enter; 0 for a bolus."""
    import jax.numpy as jnp

    coded = doses.coded_rate
    by_rate = np.flatnonzero(coded == -1).size, np.flatnonzero(coded == -2).size
    rate = jnp.where(coded == -1, column("rate", 1.0) if by_rate[0] else 1.0, np.where(coded > 0, coded, 1.0))
    modelled = column("duration", 0.0) if by_rate[1] else 0.0
    return jnp.where(coded == -2, modelled, jnp.where((coded > 0) | (coded == -1), given / rate, 0.0))
