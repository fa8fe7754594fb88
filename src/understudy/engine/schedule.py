"""Schedule: who is dosed and looked at when, as flat arrays, before any parameter is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

OBSERVE, DOSE, OTHER, RESET, RESET_AND_DOSE = range(5)


@dataclass(frozen=True, eq=False)
class Schedule:
    """Rows of all patients, patient by patient, each in the order in which it takes effect.

    Parameters
    ----------
    patients : tuple of str, length n
    start : int array, shape (n + 1,)
        Patient i owns rows ``start[i]`` to ``start[i + 1]``.
    begin : float array, shape (n,)
        When each patient's states have their initial values.
    time, amount, rate, interval : float arrays, shape (rows,)
        In the model's units; `rate` -1 and -2 stand for a modelled rate and duration.
    event : int array
        NONMEM's EVID.
    additional, steady : int arrays
        ADDL and SS.
    entry : int array
        Index of the model's input that receives the dose, -1 for none.
    record : int array
        Row of the table this comes from, -1 where a dose was split over inputs or added.
    observed : bool array
        Rows at which the states are wanted, after the row's own event.
    """

    patients: tuple[str, ...]
    start: np.ndarray
    begin: np.ndarray
    time: np.ndarray
    event: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    interval: np.ndarray
    additional: np.ndarray
    steady: np.ndarray
    entry: np.ndarray
    record: np.ndarray
    observed: np.ndarray

    @property
    def patient(self) -> np.ndarray:
        """Patient index of each row."""
        return np.repeat(np.arange(len(self.patients)), np.diff(self.start))

    @cached_property
    def acting(self) -> np.ndarray:
        """Rows that do more than observe."""
        return np.flatnonzero(self.event != OBSERVE)

    @cached_property
    def dosed(self) -> np.ndarray:
        """Rows that dose."""
        event = self.event[self.acting]
        return self.acting[(event == DOSE) | (event == RESET_AND_DOSE)]

    def owner(self, rows: np.ndarray) -> np.ndarray:
        """Patient index of some rows."""
        return np.searchsorted(self.start, rows, side="right") - 1

    def repeat(self, copies: int) -> Schedule:
        """The same patients `copies` times, one after the other."""
        size = self.time.size
        steps = [self.start[:-1] + k * size for k in range(copies)]
        changed = {
            "patients": self.patients * copies,
            "start": np.append(np.concatenate(steps), copies * size),
        }
        # Everything else, `begin` too, is simply laid end to end.
        tiled = [f.name for f in fields(self) if f.name not in changed]
        return Schedule(**changed, **{name: np.tile(getattr(self, name), copies) for name in tiled})


def from_records(records: Records, model: Model) -> Schedule:
    """Schedule of a table; every record is observed, after its own event, as NONMEM tabulates it.

    A dose into a route by its name, or without a compartment, enters by the route's modelled rate or duration where it
    has one; a dose into a numbered or named compartment does so only where RATE is -1 or -2.
    """
    table = records.table
    row, entry = _entries(
        table["cmt"].to_numpy(), np.isin(table["evid"].to_numpy(), (DOSE, RESET_AND_DOSE)), model
    )
    first = np.r_[True, row[1:] != row[:-1]]
    last = np.r_[row[1:] != row[:-1], True]
    column = lambda name: table[name].to_numpy()[row]  # noqa: E731
    ids = table["id"].to_numpy()[row]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    event = column("evid").astype(np.int64)
    # A dose split over several inputs resets the system once only.
    event = np.where(~first & (event == RESET_AND_DOSE), DOSE, event)
    return Schedule(
        patients=tuple(str(name) for name in ids[starts]),
        start=np.append(starts, len(row)),
        begin=column("time").astype(float)[starts],
        time=column("time").astype(float),
        event=event,
        amount=column("amt").astype(float),
        rate=_rates_of_routes(
            column("rate").astype(float), column("cmt").astype(str), entry, first & last, model
        ),
        interval=column("ii").astype(float),
        additional=column("addl").astype(np.int64),
        steady=column("ss").astype(np.int64),
        entry=entry,
        record=row,
        observed=last,
    )


def from_doses(
    doses: pd.DataFrame, patients: Sequence[str], times: np.ndarray, before: np.ndarray, model: Model
):
    """Schedule of a regimen's doses with common observation times.

    Parameters
    ----------
    doses : DataFrame
        Columns id, time, amt, rate, ii, addl, ss, route, sorted by patient.
    patients : sequence of str
    times : float array, shape (m,) or (n, m)
        Observation times in the model's time unit.
    before : bool array, like `times`
        Whether an observation at the very time of a dose sees the state before it.
    model : Model
    """
    import pandas as pd

    from understudy.engine.merge import merge

    if np.any(before):
        doses = one_by_one(doses)
    row, entry = _entries(doses["route"].to_numpy(), np.ones(len(doses), bool), model)
    given = doses["time"].to_numpy(float)[row]
    owner = pd.Index(patients).get_indexer(doses["id"])[row]
    order = np.lexsort((given, owner))
    row, entry, given = row[order], entry[order], given[order]
    looks, before = np.broadcast_arrays(np.atleast_2d(times), before)
    number = np.lexsort((~before, looks))
    looks, before = (np.take_along_axis(values, number, axis=1) for values in (looks, before))
    dose_start = np.searchsorted(owner[order], np.arange(len(patients) + 1))
    time, record = merge(dose_start, given, looks.astype(float), before, number)
    start = dose_start + looks.shape[1] * np.arange(len(patients) + 1)
    observed = record >= 0
    dosed = np.flatnonzero(~observed)
    rate = doses["rate"].to_numpy(float)[row]
    rate = np.where(rate == 0, _modelled_rates(model)[entry], rate) if row.size else rate

    def at_doses(values: np.ndarray, kind: type, elsewhere: int = 0) -> np.ndarray:
        column = np.full(time.size, elsewhere, dtype=kind) if elsewhere else np.zeros(time.size, dtype=kind)
        column[dosed] = values
        return column

    return Schedule(
        patients=tuple(patients),
        start=start,
        # A regimen begins at zero, whether or not anything is given or seen then.
        begin=np.minimum(time[start[:-1]], 0.0),
        time=time,
        event=at_doses(DOSE, np.int64),
        amount=at_doses(doses["amt"].to_numpy(float)[row], float),
        rate=at_doses(rate, float),
        interval=at_doses(doses["ii"].to_numpy(float)[row], float),
        additional=at_doses(doses["addl"].to_numpy()[row], np.int64),
        steady=at_doses(doses["ss"].to_numpy()[row], np.int64),
        entry=at_doses(entry, np.int64, elsewhere=-1),
        record=record,
        observed=observed,
    )


def one_by_one(doses: pd.DataFrame) -> pd.DataFrame:
    """Dose rows with their additional doses as rows of their own, which observations can then precede.

    An additional dose comes before all records of its time, so no observation would see the trough before it.
    """
    counts = doses["addl"].to_numpy(int) + 1
    apart = doses.loc[doses.index.repeat(counts)].reset_index(drop=True)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    steady = np.where(number == 0, apart["ss"], 0)
    return apart.assign(
        time=apart["time"] + number * apart["ii"],
        ii=np.where(steady > 0, apart["ii"], 0.0),
        addl=0,
        ss=steady,
    )


def _modelled_rates(model: Model) -> np.ndarray:
    """NONMEM's RATE for each of a model's inputs where a dose says nothing: -2, -1 or 0."""
    coded = [-2.0 if i.duration is not None else -1.0 if i.rate is not None else 0.0 for i in model.doses]
    return np.array(coded)


def _rates_of_routes(
    rate: np.ndarray, target: np.ndarray, entry: np.ndarray, alone: np.ndarray, model: Model
) -> np.ndarray:
    """Rates of records: a dose into a route enters as the route says, one into a compartment as RATE says.

    Of a dose that is split over several inputs each part enters as its own input says.
    """
    routed = np.isin(target, ["", "0", *(item.name for item in model.inputs)])
    own = (entry >= 0) & (rate <= 0) & ((routed & (rate == 0)) | ~alone)
    # A place for -1, no input, also where the model has none.
    return np.where(own, np.append(_modelled_rates(model), 0.0)[entry], rate)


def _entries(targets: np.ndarray, dosed: np.ndarray, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Rows, each as often as it enters inputs, and the inputs it enters; once and -1 where it doses nothing."""
    import pandas as pd

    found, names = pd.factorize(targets[dosed], use_na_sentinel=False)
    inputs = [np.array([-1]), *(find_inputs(str(name), model) for name in names)]
    code = np.zeros(len(targets), dtype=np.int64)
    code[dosed] = found + 1
    sizes = np.array([len(entries) for entries in inputs])
    row = np.repeat(np.arange(code.size), sizes[code])
    number = np.arange(row.size) - (np.cumsum(sizes[code]) - sizes[code])[row]
    return row, np.concatenate(inputs)[(np.cumsum(sizes) - sizes)[code[row]] + number]


def find_inputs(target: str, model: Model) -> np.ndarray:
    """Indices into ``model.doses`` for a route's name, a state's name, a 1-based state number, or "" or "0" (default).

    Raises
    ------
    SimulationError
        If the model has no such input.
    """
    if target in ("", "0"):
        target = model.routes[0]
    names = [entry.name for entry in model.doses]
    if target in names:
        return np.flatnonzero([name == target for name in names])
    if target.isdigit() and 1 <= int(target) <= len(model.states):
        target = model.state_names[int(target) - 1]
    states = [entry.state for entry in model.doses]
    if target in states:
        return np.array([states.index(target)])
    raise SimulationError(
        f"no dose can enter {target!r}",
        place=model.name,
        repair=f"dose one of {', '.join(dict.fromkeys(names))}, or a state that has an input",
    )


def on_grid(schedule: Schedule, times: np.ndarray) -> tuple[Schedule, np.ndarray]:
    """The same doses, observed at other times.

    Parameters
    ----------
    schedule : Schedule
    times : float array, shape (m,) or (patients, m)

    Returns
    -------
    schedule : Schedule
        Observed at `times` only, after what happens at that very time.
    origin : int array, shape (rows,)
        The old row that each row is, or follows (the patient's first where none precedes it).
    """
    count, old = len(schedule.patients), schedule.time.size
    times = np.broadcast_to(times, (count, np.shape(times)[-1]))
    patient = np.r_[schedule.patient, np.repeat(np.arange(count), times.shape[1])]
    time = np.r_[schedule.time, times.ravel()]
    order = np.lexsort((np.r_[np.arange(old), np.full(times.size, old)], time, patient))
    is_new = order >= old
    origin = _preceding(np.where(is_new, -1, order), schedule.start[patient[order]])
    blank = {
        "event": OBSERVE,
        "amount": 0.0,
        "rate": 0.0,
        "interval": 0.0,
        "additional": 0,
        "steady": 0,
        "entry": -1,
    }
    columns = {
        name: np.where(is_new, value, getattr(schedule, name)[origin]) for name, value in blank.items()
    }
    start = np.searchsorted(patient[order], np.arange(count + 1))
    begin = np.minimum(schedule.begin, time[order][start[:-1]])
    added = Schedule(
        schedule.patients,
        start,
        begin,
        time[order],
        record=schedule.record[origin],
        observed=is_new,
        **columns,
    )
    return added, origin


def _preceding(row: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Rows with each -1 replaced by the row before it, or by its patient's `first`."""
    return np.maximum(np.maximum.accumulate(row), first)
