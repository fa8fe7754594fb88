"""Second dose slopes: how the slopes of amounts, rates, durations and lags of doses change along each direction."""

from __future__ import annotations

import numpy as np

from understudy.engine.parameters import ParameterRows
from understudy.engine.schedule import Schedule
from understudy.engine.sensitivity.dose_slopes import DoseSlopes, field_slopes
from understudy.engine.sensitivity.twice_augmented_model import TwiceAugmentedModel
from understudy.engine.timeline import DoseValues


def second_dose_slopes(
    schedule: Schedule,
    values: DoseValues,
    rows: ParameterRows,
    augmented: TwiceAugmentedModel,
    first: DoseSlopes,
) -> DoseSlopes:
    """Second derivatives of what the doses are, shape (doses, pairs) each.

    Rate, duration and amount obey (rate) (duration) = (amount), of which the second derivative gives that of the one
    which the record or the model leaves open.

    Parameters
    ----------
    schedule : Schedule
    values : DoseValues
    rows : ParameterRows
        Of the twice augmented model.
    augmented : TwiceAugmentedModel
    first : DoseSlopes
        As `understudy.engine.sensitivity.dose_slopes.dose_slopes` found them, along all directions.
    """
    by = field_slopes(schedule, rows, augmented.twice)
    coded, given = schedule.rate[schedule.dosed, None], schedule.amount[schedule.dosed, None]
    amount = given * by["bioavailability"]
    rated, timed = coded == -1, coded == -2
    i, j = np.array(augmented.pairs, dtype=np.int64).reshape(-1, 2).T
    mixed = first.rate[:, i] * first.duration[:, j] + first.rate[:, j] * first.duration[:, i]
    given_rate = np.where(rated, values.rate[:, None], coded)
    length = values.duration[:, None]
    rate, duration = np.where(rated, by["rate"], 0.0), np.where(timed, by["duration"], 0.0)
    total = given * values.bioavailability[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        left_open = (amount - mixed - rate * total / given_rate) / given_rate
        spread = (amount - mixed - duration * total / length) / length
    return DoseSlopes(
        row=schedule.dosed,
        amount=amount,
        rate=np.where(timed & (length > 0), spread, rate),
        duration=np.where(~timed & (given_rate > 0), left_open, duration),
        lag=by["lag"],
    )
