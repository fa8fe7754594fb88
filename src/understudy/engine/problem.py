"""What a solver is given and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.expression import Expression
from understudy.engine.timeline import PROFILE, Timeline
from understudy.model.model import TIME_AFTER_DOSE, Model
from understudy.model.parts import Input

(
    OK,
    TOO_MANY_STEPS,
    STEP_COLLAPSED,
    NOT_FINITE,
    NO_STEADY_STATE,
    BAD_PARAMETER,
    BAD_DELAY,
    ENDLESS,
    CROWDED,
    NO_SLOPE,
    OVERTAKEN,
) = range(11)
SENTENCES = {
    OK: "",
    TOO_MANY_STEPS: "the solver needed more steps than allowed",
    STEP_COLLAPSED: "the step size became too small to go on: the equations change too fast or blow up here",
    NOT_FINITE: "a state became infinite or undefined",
    NO_STEADY_STATE: "the dosing has no steady state that could be found",
    BAD_PARAMETER: "a parameter, initial value or dose is undefined or infinite",
    BAD_DELAY: "the delay of an event is negative or undefined",
    ENDLESS: "events follow one another without end in no time",
    CROWDED: "too many delayed executions of events are waiting at once",
    NO_SLOPE: "the time of an event has no derivative: its trigger touches its limit without crossing it",
    OVERTAKEN: "an event fires again while it waits to be executed: sensitivities follow one execution at a time",
}

# Methods that a patient was solved by, as bits.
EXPLICITLY, STIFFLY = 1, 2

# How settings begin that count patients.
COUNTED = "patients, "
# A setting so begun is the largest of all patients'.
LARGEST = "largest "

# A slot that holds no dose yet lies so far in the future that its profile is never evaluated.
NEVER = 1e300


@dataclass(frozen=True)
class Tolerances:
    """How exactly a solver works.

    Parameters
    ----------
    relative : float
        Error allowed per step relative to each state.
    absolute : float
        Error allowed per step relative to the largest value that the state has had.
    max_steps : int
        Steps allowed between two events of one patient.
    """

    relative: float = 1e-8
    absolute: float = 1e-10
    max_steps: int = 1_000_000


@dataclass(frozen=True, eq=False)
class Problem:
    """A model, patients' timelines and parameters.

    Parameters
    ----------
    model : Model
        Without absorption profiles (see `unroll_profiles`).
    slots : int array, shape (inputs, 2)
        For each input, the parameter column of its first dose slot and how many slots it has.
    timeline : Timeline
    table : float array, shape (rows, parameters)
        Parameter values, columns in the order of ``model.parameters``.
    start : float array, shape (patients, states)
    steady : float array, shape (cycles, states)
        States at the start of each steady-state cycle.
    least : float array, shape (patients, states), optional
        What each state is measured by at least when errors are judged.
    allowance : float array, shape (states,), optional
        How many times the tolerance each state may err by; once, where it is left out.
    """

    model: Model
    slots: np.ndarray
    timeline: Timeline
    table: np.ndarray
    start: np.ndarray
    steady: np.ndarray
    least: np.ndarray | None = None
    allowance: np.ndarray | None = None

    @cached_property
    def initial(self) -> np.ndarray:
        """Initial states for each parameter row, shape (rows, states)."""
        return initial_states(self.model, self.table)

    def replace(self, **changes: object) -> Problem:
        """The same problem with other parts."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class Solution:
    """States at the observations.

    Parameters
    ----------
    states : float array, shape (observations, states)
        Not-a-number after a patient's failure.
    status : int array, shape (patients,)
        `OK` or a code of `SENTENCES`.
    failed_at : float array, shape (patients,)
        Time of failure, not-a-number where there was none.
    steps : int array, shape (patients,)
        Accepted and rejected steps.
    method : int array, shape (patients,)
        Bits of the methods that a solver with several has used, `EXPLICITLY` and `STIFFLY`; 0 elsewhere.
    rounding : float, optional
        Of a solver that works in 32 bits: the largest difference from 64 bits in a sample of patients, relative to the
        largest value that each state of the patient has at its observations.
    """

    states: np.ndarray
    status: np.ndarray
    failed_at: np.ndarray
    steps: np.ndarray
    method: np.ndarray
    rounding: float | None = None

    @property
    def methods(self) -> dict[str, int]:
        """How many patients were solved by which methods, of a solver that has several."""
        names = {EXPLICITLY: "explicit", STIFFLY: "implicit", EXPLICITLY | STIFFLY: "explicit and implicit"}
        counts = {name: int((self.method == bits).sum()) for bits, name in names.items()}
        return {name: count for name, count in counts.items() if count}

    @property
    def messages(self) -> list[str]:
        """A sentence per patient, empty where all went well."""
        return [
            SENTENCES[code] + (f" (at time {at:g})" if np.isfinite(at) else "")
            for code, at in zip(self.status.tolist(), self.failed_at.tolist(), strict=True)
        ]


def parameter_values(model: Model, table: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a parameter table by name, with the assignments that depend on parameters alone."""
    values = {name: table[:, k] for k, name in enumerate(model.parameter_names)}
    for item in model.constant_assignments:
        values[item.name] = item.expression.evaluate(values)
    return values


def initial_states(model: Model, table: np.ndarray) -> np.ndarray:
    """Initial states, shape (rows, states)."""
    values = parameter_values(model, table)
    columns = [np.broadcast_to(state.initial.evaluate(values), len(table)) for state in model.states]
    return np.stack(columns, axis=1).astype(float) if columns else np.zeros((len(table), 0))


def unroll_profiles(model: Model, timeline: Timeline) -> tuple[Model, np.ndarray]:
    """Write each absorption profile out as a sum over as many doses as any patient takes (see `unroll`)."""
    return unroll(model, [_most_doses(timeline, index) for index in range(len(model.doses))])


def unroll(model: Model, counts: Sequence[int]) -> tuple[Model, np.ndarray]:
    """Write each absorption profile out as a sum over a number of doses, one number an input.

    Returns
    -------
    model : Model
        With two more parameters for each dose slot, its amount and its time, and the sum in the state's rate.
    slots : int array, shape (inputs, 2)
    """
    slots = np.zeros((len(model.doses), 2), dtype=np.int64)
    parameters = {p.name: (p.value, p.unit) for p in model.parameters}
    rates = dict(zip(model.state_names, model.rates, strict=True))
    for index, entry in enumerate(model.doses):
        if entry.profile is None:
            continue
        slots[index] = len(parameters), counts[index]
        terms = [Expression(0)]
        for amount, time in slot_names(entry, index, slots[index, 1]):
            parameters |= {amount: (0.0,), time: (NEVER,)}
            density = entry.profile.substitute({TIME_AFTER_DOSE: f"t - {time}"})
            terms.append(Expression(f"where(t >= {time}, {amount} * ({density}), 0)"))
        rates[entry.state] = rates[entry.state] + _total(terms)
    if not slots.any():
        return model, slots
    return replace(model, parameters=parameters, rates=rates, inputs=_plain_inputs(model)), slots


def slot_names(entry: Input, index: int, count: int) -> list[tuple[str, str]]:
    """Parameters that hold the amounts and times of an input's doses."""
    return [(f"{entry.name}_{index}_amount_{k}", f"{entry.name}_{index}_time_{k}") for k in range(count)]


def _total(terms: list[Expression]) -> Expression:
    """The sum of many terms, nested as little as can be."""
    half = len(terms) // 2
    return terms[0] if len(terms) == 1 else _total(terms[:half]) + _total(terms[half:])


def _plain_inputs(model: Model) -> tuple:
    return tuple(replace(entry, profile=None) for entry in model.doses)


def _most_doses(timeline: Timeline, entry: int) -> int:
    chosen = (timeline.event_kind == PROFILE) & (timeline.event_target == entry)
    owner = np.repeat(np.arange(timeline.patients), np.diff(timeline.event_start))
    return int(np.bincount(owner[chosen], minlength=1).max()) if chosen.any() else 0


def widen(table: np.ndarray, model: Model) -> np.ndarray:
    """The parameter table with empty dose slots added as `unroll_profiles` ordered them."""
    extra = model.parameters[table.shape[1] :]
    return np.hstack([table, np.tile([p.value for p in extra], (len(table), 1))]) if extra else table


def require_states(model: Model) -> None:
    """Raise where there is nothing to integrate."""
    if not model.states:
        raise SimulationError(f"{model.name} has no states", repair="give the model at least one state")
