"""Dose slopes: how amounts, rates, durations and lags of doses change along each direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.parameters import ParameterRows
from understudy.engine.readout import known_values
from understudy.engine.schedule import Schedule
from understudy.engine.sensitivity.augmented_model import AugmentedModel
from understudy.engine.sensitivity.augmented_timeline import EventSlopes
from understudy.engine.sensitivity.profile_slopes import densities_at_dose
from understudy.engine.timeline import BOLUS, PROFILE, RATE, ROW, DoseValues, Timeline

_FIELDS = ("lag", "bioavailability", "rate", "duration")


@dataclass(frozen=True, eq=False)
class DoseSlopes:
    """Derivatives for each of a schedule's doses, shape (doses, directions).

    Parameters
    ----------
    row : int array, shape (doses,)
        Their rows in the schedule.
    amount, rate, duration, lag : float arrays
        Of what enters.
    """

    row: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    duration: np.ndarray
    lag: np.ndarray

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Which of the doses some schedule rows are."""
        return np.searchsorted(self.row, rows)


def dose_slopes(
    schedule: Schedule, values: DoseValues, rows: ParameterRows, augmented: AugmentedModel
) -> DoseSlopes:
    """Derivatives of what the doses are, by the rules of `understudy.engine.timeline`.

    Parameters
    ----------
    schedule : Schedule
    values : DoseValues
    rows : ParameterRows
        Of the augmented model.
    augmented : AugmentedModel

    Raises
    ------
    SimulationError
        Where a modelled rate or duration of zero should change: doses are infusions on one side of it only.
    """
    by = field_slopes(schedule, rows, augmented)
    dosed = schedule.dosed
    coded, given = schedule.rate[dosed, None], schedule.amount[dosed, None]
    amount, amount_slope = given * values.bioavailability[:, None], given * by["bioavailability"]
    rated, timed = coded == -1, coded == -2
    length, rate = values.duration[:, None], np.where(rated, values.rate[:, None], coded)
    _refuse_zero(schedule, rated & (rate <= 0), by["rate"], "rate")
    _refuse_zero(schedule, timed & (length <= 0), by["duration"], "duration")
    with np.errstate(divide="ignore", invalid="ignore"):
        by_amount = np.where(rate > 0, amount_slope / rate, 0.0)
        duration = by_amount - np.where(rated & (rate > 0), amount * by["rate"] / rate**2, 0.0)
        spread = (amount_slope - amount * by["duration"] / length) / length
    timed &= length > 0
    return DoseSlopes(
        row=dosed,
        amount=amount_slope,
        rate=np.where(timed, spread, np.where(rated, by["rate"], 0.0)),
        duration=np.where(timed, by["duration"], duration),
        lag=by["lag"],
    )


def field_slopes(schedule: Schedule, rows: ParameterRows, augmented: AugmentedModel) -> dict[str, np.ndarray]:
    """Derivatives of what the inputs say, shape (doses, directions) each."""
    directions = len(augmented.tangents)
    found = {field: np.zeros((schedule.dosed.size, directions)) for field in _FIELDS}
    for index, slopes in enumerate(augmented.inputs):
        told = [
            (field, m, slope)
            for field, row in slopes.fields.items()
            for m, slope in enumerate(row)
            if slope is not None
        ]
        here = np.flatnonzero(schedule.entry[schedule.dosed] == index) if told else []
        if len(here):
            row = schedule.dosed[here]
            known = known_values(rows, rows.point_row[row], schedule.time[row], [slope for *_, slope in told])
            for field, m, slope in told:
                found[field][here, m] = slope.evaluate(known)
    return found


def _refuse_zero(schedule: Schedule, where: np.ndarray, slopes: np.ndarray, what: str) -> None:
    bad = np.flatnonzero((where & (slopes != 0.0)).any(axis=1))
    if bad.size:
        row = schedule.dosed[bad[0]]
        raise SimulationError(
            f"a modelled {what} that is not positive has no sensitivity",
            place=f"patient {schedule.patients[schedule.owner(row)]}, time {schedule.time[row]:g}",
            repair=f"give a positive {what}, or leave this sensitivity out",
        )


def event_slopes(
    timeline: Timeline, doses: DoseSlopes, rows: ParameterRows, augmented: AugmentedModel
) -> EventSlopes:
    """How the events of a timeline change with the doses that cause them.

    Parameters
    ----------
    timeline : Timeline
    doses : DoseSlopes
    rows : ParameterRows
        Of the augmented model.
    augmented : AugmentedModel
    """
    kind, directions = timeline.event_kind, len(augmented.tangents)
    value, time = np.zeros((2, kind.size, directions))
    caused = np.flatnonzero(np.isin(kind, (BOLUS, RATE, PROFILE)) & (timeline.event_source >= 0))
    place = doses.place(timeline.event_source[caused])
    moves, ends = timeline.event_moves[caused, None], timeline.event_ends[caused, None]
    rate = np.where(ends, -1.0, 1.0) * doses.rate[place]
    value[caused] = np.where(kind[caused, None] == RATE, rate, doses.amount[place])
    time[caused] = np.where(moves, doses.lag[place] + np.where(ends, doses.duration[place], 0.0), 0.0)
    density, state = np.zeros(kind.size), timeline.event_target.copy()
    for index, entry in enumerate(augmented.model.doses):
        here = np.flatnonzero((kind == PROFILE) & (timeline.event_target == index))
        state[here] = augmented.model.state_names.index(entry.state)
        if (time[here] != 0.0).any():
            at = _rows_in_force(timeline)[here]
            density[here] = densities_at_dose(
                entry, known_values(rows, at, timeline.event_time[here], [entry.profile])
            )
    return EventSlopes(value, time, density, state)


def _rows_in_force(timeline: Timeline) -> np.ndarray:
    """Parameter row that holds at each event."""
    owner = np.repeat(np.arange(timeline.patients), np.diff(timeline.event_start))
    last = np.maximum.accumulate(np.where(timeline.event_kind == ROW, np.arange(owner.size), -1))
    changed = last >= timeline.event_start[owner]
    return np.where(changed, timeline.event_target[last], timeline.first_row[owner])
