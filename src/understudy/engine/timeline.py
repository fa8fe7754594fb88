"""Timeline: one sorted list of events per patient, with every dosing rule worked out.

Additional doses, lag, bioavailability, infusions given by rate, duration or modelled, steady state (with infusions
longer than the interval and lags longer than the interval), resets and changes of parameters become kinds of
elementary event. No solver knows about NONMEM records; every solver consumes this.

The rules are those of NONMEM's PREDPP as its users' guide (part VI) gives them: a reset, and a steady-state dose with
SS = 1, turn off infusions and cancel additional and lagged doses that are still to come; SS = 2 adds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np

from understudy.engine.schedule import RESET, RESET_AND_DOSE, Schedule

# The order is that in which events of one record take effect.
ROW, REINITIALISE, STOP_INFUSIONS, STEADY, RATE, BOLUS, PROFILE, FLOW, BREAK = range(9)
REPLACE, ADD = 0.0, 1.0


@dataclass(frozen=True, eq=False)
class DoseValues:
    """Individual values that govern each row of ``schedule.dosed``, shape (doses,) each; not-a-number: undeclared."""

    lag: np.ndarray
    bioavailability: np.ndarray
    rate: np.ndarray
    duration: np.ndarray


@dataclass(frozen=True, eq=False)
class SteadyDoses:
    """Dosing cycles whose steady state is wanted, one per steady-state dose, shape (cycles,) each.

    A cycle starts at the dose record. ``running`` infusions of ``rate`` are under way then, one starts (or a bolus
    ``amount`` enters) at ``phase`` and one ends at ``end``. A cycle of period zero is a constant infusion.
    """

    row: np.ndarray
    patient: np.ndarray
    state: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    period: np.ndarray
    phase: np.ndarray
    running: np.ndarray
    end: np.ndarray


@dataclass(frozen=True, eq=False)
class Timeline:
    """Events and observations of all patients.

    Parameters
    ----------
    event_start, observation_start : int arrays, shape (patients + 1,)
    event_time, event_value : float arrays, shape (events,)
    event_kind, event_target : int arrays, shape (events,)
        The target is a state (RATE, BOLUS), a parameter row (ROW, REINITIALISE), a cycle of `steady` (STEADY) or an
        input with a profile (PROFILE). FLOW, in timelines of sensitivities, adds the derivatives of the first states
        times ``flow[target, j]`` to the states that are their sensitivities in direction j; a value above zero, which
        only solvers of linear models and the reference know, is the number of the sensitivities whose derivatives are
        added instead. BREAK changes nothing: the equations change their form there, and solvers start anew.
    event_source : int array, shape (events,)
        Schedule row of the dose that causes the event, -1 for changes of parameters and resets.
    event_moves, event_ends : bool arrays, shape (events,)
        Whether the event's time moves with the lag of that dose, and whether with its duration too because it ends
        the infusion. What a steady-state dose does at its very record does not move.
    observation_time : float array, shape (observations,)
    observation_after : int array
        How many of the patient's events have taken effect when it is observed.
    observation_row : int array
        Schedule row of each observation.
    first_row : int array, shape (patients,)
        Parameter row at the start.
    start_time : float array, shape (patients,)
    steady : SteadyDoses
    flow : float array, shape (FLOW events, directions)
    """

    event_start: np.ndarray
    event_time: np.ndarray
    event_kind: np.ndarray
    event_target: np.ndarray
    event_value: np.ndarray
    event_source: np.ndarray
    event_moves: np.ndarray
    event_ends: np.ndarray
    observation_start: np.ndarray
    observation_time: np.ndarray
    observation_after: np.ndarray
    observation_row: np.ndarray
    first_row: np.ndarray
    start_time: np.ndarray
    steady: SteadyDoses
    flow: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def patients(self) -> int:
        """Number of patients."""
        return self.first_row.size


class _Events:
    """Collects events as arrays, then sorts them once."""

    columns = ("patient", "time", "sequence", "kind", "target", "value", "source", "moves", "ends")

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, ...]] = []

    def add(
        self, patient, time, sequence, kind, target, value=0.0, source=-1, moves=False, ends=False
    ) -> None:
        if patient.size:
            columns = (patient, time, sequence, kind, target, value, source, moves, ends)
            self.parts.append(np.broadcast_arrays(*columns))

    def sorted(self) -> dict[str, np.ndarray]:
        if not self.parts:
            return dict.fromkeys(self.columns, np.zeros(0))
        joined = {name: np.concatenate([p[k] for p in self.parts]) for k, name in enumerate(self.columns)}
        order = np.lexsort((joined["kind"], joined["sequence"], joined["time"], joined["patient"]))
        return {name: values[order] for name, values in joined.items()}


@dataclass(frozen=True, eq=False)
class _Doses:
    """The dose rows of a schedule, with amounts and durations worked out."""

    row: np.ndarray
    patient: np.ndarray
    time: np.ndarray
    lag: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    duration: np.ndarray
    state: np.ndarray
    entry: np.ndarray
    has_profile: np.ndarray
    cancelled: np.ndarray


# Derived events (additional and lagged doses, ends of infusions) precede records of the same time, so that an
# observation at that time sees them.
_DERIVED = -1.0


def build(
    schedule: Schedule,
    values: DoseValues,
    states: np.ndarray,
    profiles: np.ndarray,
    point_row: np.ndarray,
    interval_row: np.ndarray,
    breaks: tuple[np.ndarray, np.ndarray] | None = None,
) -> Timeline:
    """Work out the events of a schedule.

    Parameters
    ----------
    schedule : Schedule
    values : DoseValues
    states : int array
        State that each of the model's inputs doses.
    profiles : bool array
        Which inputs have an absorption profile.
    point_row, interval_row : int arrays, shape (rows,)
        Parameter row in force at each schedule row, and from it to the next.
    breaks : tuple of int array and float array, optional
        Patients and times at which solvers start anew.
    """
    doses = _doses(schedule, values, states, profiles)
    events = _Events()
    _add_parameter_changes(events, schedule, interval_row)
    _add_resets(events, schedule, point_row)
    _add_doses(events, schedule, doses)
    steady = _add_steady(events, schedule, doses, point_row)
    if breaks is not None:
        events.add(*breaks, _DERIVED, BREAK, 0)
    return _assemble(events.sorted(), schedule, interval_row, steady)


def _doses(schedule: Schedule, values: DoseValues, states: np.ndarray, profiles: np.ndarray) -> _Doses:
    row = schedule.dosed
    entry = schedule.entry[row]
    coded, amount = schedule.rate[row], schedule.amount[row] * values.bioavailability
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.select([coded > 0, coded == -1], [coded, values.rate], 0.0)
        duration = np.select([rate > 0, coded == -2], [amount / rate, values.duration], 0.0)
        rate = np.where((coded == -2) & (duration > 0), amount / duration, rate)
    return _Doses(
        row=row,
        patient=schedule.owner(row),
        time=schedule.time[row],
        lag=values.lag,
        amount=amount,
        rate=rate,
        duration=duration,
        state=states[entry] if row.size else entry,
        entry=entry,
        has_profile=profiles[entry] if row.size else np.zeros(0, bool),
        cancelled=_cancellation(schedule),
    )


def _cancellation(schedule: Schedule) -> np.ndarray:
    """Time from which what each dose has set going no longer counts: the next reset or SS = 1 dose."""
    row, dose = schedule.acting, schedule.dosed
    resets = np.isin(schedule.event[row], (RESET, RESET_AND_DOSE)) | (schedule.steady[row] == 1)
    # Rows split from one record share its fate: they do not cancel each other.
    split = (schedule.record[row] >= 0) & (schedule.record[row] == schedule.record[row - 1]) & (row > 0)
    where = row[resets & ~split]
    until = np.full(dose.size, np.inf)
    following = np.searchsorted(where, dose, side="right")
    exists = np.flatnonzero(following < where.size)
    candidate = where[following[exists]]
    same = schedule.owner(candidate) == schedule.owner(dose[exists])
    until[exists[same]] = schedule.time[candidate[same]]
    return until


def _add_parameter_changes(events: _Events, schedule: Schedule, interval_row: np.ndarray) -> None:
    row = np.flatnonzero(interval_row[1:] != interval_row[:-1]) + 1
    row = row[schedule.start[schedule.owner(row)] < row]
    events.add(schedule.owner(row), schedule.time[row], row.astype(float), ROW, interval_row[row])


def _add_resets(events: _Events, schedule: Schedule, point_row: np.ndarray) -> None:
    row = schedule.acting[np.isin(schedule.event[schedule.acting], (RESET, RESET_AND_DOSE))]
    events.add(schedule.owner(row), schedule.time[row], row.astype(float), REINITIALISE, point_row[row])


def _add_doses(events: _Events, schedule: Schedule, doses: _Doses) -> None:
    """Every dose of every record: the first, and its additional ones."""
    counts = schedule.additional[doses.row] + 1
    # A constant infusion at steady state has no dose of its own: it runs until the record, and stops there.
    counts[(doses.amount == 0) & (schedule.steady[doses.row] > 0)] = 0
    index = np.repeat(np.arange(doses.row.size), counts)
    number = np.arange(index.size) - np.repeat(np.cumsum(counts) - counts, counts)
    time = doses.time[index] + number * schedule.interval[doses.row][index] + doses.lag[index]
    own = (number == 0) & (doses.lag[index] == 0)
    _enter(events, doses, index, time, np.where(own, doses.row[index].astype(float), _DERIVED))


def _enter(events: _Events, doses: _Doses, index: np.ndarray, time: np.ndarray, sequence: np.ndarray) -> None:
    """A dose of `doses[index]` enters at `time`, unless a reset comes first."""
    own = sequence != _DERIVED
    kept = own | (time < doses.cancelled[index])
    index, time, sequence = index[kept], time[kept], sequence[kept]
    patient, state, source = doses.patient[index], doses.state[index], doses.row[index]
    infused, profiled = doses.rate[index] > 0, doses.has_profile[index]
    amount, rate, entry = doses.amount[index], doses.rate[index], doses.entry[index]

    def add(chosen: np.ndarray, kind: int, target: np.ndarray, value: np.ndarray) -> None:
        events.add(
            patient[chosen], time[chosen], sequence[chosen], kind, target[chosen], value[chosen], source[chosen],
            moves=True,
        )  # fmt: skip

    add(~infused & ~profiled, BOLUS, state, amount)
    add(profiled & ~infused, PROFILE, entry, amount)
    add(infused, RATE, state, rate)
    _end_infusions(events, doses, index[infused], (time + doses.duration[index])[infused])


def _end_infusions(events: _Events, doses: _Doses, index: np.ndarray, time: np.ndarray) -> None:
    """An infusion of `doses[index]` ends at `time`, unless a reset has stopped it before."""
    kept = time < doses.cancelled[index]
    index, time = index[kept], time[kept]
    source = doses.row[index]
    events.add(
        doses.patient[index], time, _DERIVED, RATE, doses.state[index], -doses.rate[index], source,
        moves=True, ends=True,
    )  # fmt: skip


def _add_steady(events: _Events, schedule: Schedule, doses: _Doses, point_row: np.ndarray) -> SteadyDoses:
    """Steady-state doses: set the state, and let what their implied predecessors left under way go on."""
    index = np.flatnonzero(schedule.steady[doses.row] > 0)
    row, patient, time = doses.row[index], doses.patient[index], doses.time[index]
    steady = _cycles(schedule, doses, index, point_row)
    sequence, replaces = row.astype(float), schedule.steady[row] == 1
    events.add(patient[replaces], time[replaces], sequence[replaces], STOP_INFUSIONS, 0, source=row[replaces])
    how = np.where(replaces, REPLACE, ADD)
    events.add(patient, time, sequence, STEADY, np.arange(index.size), how, row)
    _continue_infusions(events, doses, index, steady)
    _add_lagged_predecessors(events, doses, index, steady)
    return steady


def _cycles(schedule: Schedule, doses: _Doses, index: np.ndarray, point_row: np.ndarray) -> SteadyDoses:
    row = doses.row[index]
    period, lag, duration = schedule.interval[row], doses.lag[index], doses.duration[index]
    repeats = period > 0
    safe = np.where(repeats, period, 1.0)
    phase = np.where(repeats, np.mod(lag, safe), 0.0)
    infused = doses.rate[index] > 0
    # Of the earlier infusions, those that start at phase - j * period and have not ended when the cycle starts.
    running = np.where(infused & repeats, np.maximum(np.ceil((phase + duration) / safe - 1e-12) - 1, 0), 0)
    return SteadyDoses(
        row=point_row[row],
        patient=doses.patient[index],
        state=doses.state[index],
        amount=np.where(infused, 0.0, doses.amount[index]),
        rate=doses.rate[index],
        period=period,
        phase=phase,
        running=running.astype(np.int64),
        end=np.where(infused & repeats, phase + duration - running * period, 0.0),
    )


def _continue_infusions(events: _Events, doses: _Doses, index: np.ndarray, steady: SteadyDoses) -> None:
    """Infusions of implied earlier doses that are under way at the record go on and end in their turn."""
    cycle = np.repeat(np.arange(index.size), steady.running)
    dose = index[cycle]
    number = np.arange(cycle.size) - np.repeat(np.cumsum(steady.running) - steady.running, steady.running)
    row, start = doses.row[dose], doses.time[dose]
    events.add(doses.patient[dose], start, row.astype(float), RATE, doses.state[dose], doses.rate[dose], row)
    _end_infusions(events, doses, dose, start + steady.end[cycle] + number * steady.period[cycle])


def _add_lagged_predecessors(events: _Events, doses: _Doses, index: np.ndarray, steady: SteadyDoses) -> None:
    """Implied earlier doses whose lag lets them enter only after the record (a lag longer than the interval)."""
    counts = np.where(
        steady.period > 0,
        np.round((doses.lag[index] - steady.phase) / np.where(steady.period > 0, steady.period, 1)),
        0,
    ).astype(np.int64)
    cycle = np.repeat(np.arange(index.size), counts)
    number = np.arange(cycle.size) - np.repeat(np.cumsum(counts) - counts, counts)
    time = doses.time[index[cycle]] + steady.phase[cycle] + number * steady.period[cycle]
    at_record = time == doses.time[index[cycle]]
    sequence = np.where(at_record, doses.row[index[cycle]].astype(float), _DERIVED)
    _enter(events, doses, index[cycle], time, sequence)


def _assemble(events: dict, schedule: Schedule, interval_row: np.ndarray, steady: SteadyDoses) -> Timeline:
    observed = np.flatnonzero(schedule.observed)
    event_start = np.searchsorted(events["patient"], np.arange(len(schedule.patients) + 1))
    observation_start = np.searchsorted(observed, schedule.start)
    seen = (observation_start, observed, schedule.time)
    observation_time, after = _events_before(event_start, events["time"], events["sequence"], *seen)
    return Timeline(
        event_start=event_start.astype(np.int64),
        event_time=np.ascontiguousarray(events["time"], dtype=float),
        event_kind=events["kind"].astype(np.int64),
        event_target=events["target"].astype(np.int64),
        event_value=events["value"].astype(float),
        event_source=events["source"].astype(np.int64),
        event_moves=events["moves"].astype(bool),
        event_ends=events["ends"].astype(bool),
        observation_start=observation_start.astype(np.int64),
        observation_time=observation_time,
        observation_after=after,
        observation_row=observed,
        first_row=interval_row[schedule.start[:-1]].astype(np.int64),
        start_time=schedule.begin.astype(float),
        steady=steady,
    )


@numba.njit(cache=True, nogil=True)
def _events_before(event_start, event_time, event_sequence, observation_start, row, row_time):
    """Time of each observation, and how many of its patient's sorted events are at or before its time and row."""
    time, after = np.empty(row.size), np.empty(row.size, dtype=np.int64)
    for patient in range(event_start.size - 1):
        first, end = event_start[patient], event_start[patient + 1]
        event = first
        for k in range(observation_start[patient], observation_start[patient + 1]):
            now = row_time[row[k]]
            while event < end and (
                event_time[event] < now or (event_time[event] == now and event_sequence[event] <= row[k])
            ):
                event += 1
            time[k], after[k] = now, event - first
    return time, after
