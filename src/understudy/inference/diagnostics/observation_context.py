"""Observation context: what stands beside each measurement in the records, its limits, covariates and last dose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.schedule import Schedule
from understudy.inference.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd


def require_observations(predictor: Predictor) -> None:
    """Raise where there is nothing to compare predictions with.

    Raises
    ------
    SimulationError
        Without a measurement.
    """
    if not predictor.output.size:
        raise SimulationError(
            "the records hold no measurement",
            place=predictor.records.source,
            repair="rows of EVID 0 and MDV 0 with a DV are measurements: `understudy check` tells what was read",
        )


def record_rows(predictor: Predictor) -> pd.DataFrame:
    """Each measurement's row of the records' table, in the order of the measurements, in the model's units."""
    table = predictor.records.table
    return table.set_index("row").loc[predictor.row].reset_index()


def limits(predictor: Predictor) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limit of quantification of each measurement on its own scale, infinite where there is none."""
    low, high = np.full(predictor.output.size, -np.inf), np.full(predictor.output.size, np.inf)
    for residual in predictor.model.residual:
        here = predictor.output == residual.output
        low[here] = -np.inf if residual.lower_limit is None else residual.lower_limit
        high[here] = np.inf if residual.upper_limit is None else residual.upper_limit
    return low, high


def time_after_dose(predictor: Predictor) -> np.ndarray:
    """Time since the patient's last dose, additional doses included, of each measurement; shape (observations,).

    Not-a-number before the first dose. A dose at the very time of a measurement counts where it stands before it in the
    records; an additional dose always does, as it is given before all records of its time. A lag is not counted.
    """
    schedule, place = predictor.schedule, _schedule_rows(predictor)
    found = np.full(predictor.output.size, np.nan)
    for patient in np.unique(predictor.patient):
        here = np.flatnonzero(predictor.patient == patient)
        doses = schedule.dosed[schedule.owner(schedule.dosed) == patient]
        if doses.size:
            found[here] = _since_last(schedule, place[here], doses)
    return found


def _schedule_rows(predictor: Predictor) -> np.ndarray:
    """Row of the schedule at which each measurement is taken."""
    schedule = predictor.schedule
    observed = np.flatnonzero(schedule.observed)
    lines = predictor.records.table["row"].to_numpy()[schedule.record[observed]]
    place = dict(zip(lines.tolist(), observed.tolist(), strict=True))
    return np.array([place[line] for line in predictor.row.tolist()], dtype=np.int64)


def _since_last(schedule: Schedule, rows: np.ndarray, doses: np.ndarray) -> np.ndarray:
    since = schedule.time[rows][:, None] - schedule.time[doses]
    interval, most = schedule.interval[doses], schedule.additional[doses]
    # A sum of intervals may miss a whole number by rounding.
    passed = np.floor(since / np.where(interval > 0, interval, np.inf) + 1e-9)
    since = since - np.clip(passed, 0, most) * interval
    since = np.where(doses < rows[:, None], since, np.inf)
    last = since.min(axis=1)
    return np.where(np.isfinite(last), np.maximum(last, 0.0), np.nan)
