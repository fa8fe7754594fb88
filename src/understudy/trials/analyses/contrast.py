"""Contrast: two independent numbers with their errors, compared, and the time at which they are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from understudy.biostatistics.survival.p_value import normal_quantile, two_sided
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

Numbers = tuple[float, float, float, float, float]


class Point(NamedTuple):
    """A number of one arm with its standard error."""

    value: float
    error: float


def difference(treated: Point, control: Point, level: float) -> Numbers | None:
    """Difference, its limits, standard error and p; None where both numbers are the same without error.

    Examples
    --------
    >>> [round(each, 3) for each in difference(Point(0.3, 0.03), Point(0.5, 0.04), 0.95)]
    [-0.2, -0.298, -0.102, 0.05, 0.0]
    """
    error = float(np.hypot(treated.error, control.error))
    if not error > 0:
        return None
    value, half = treated.value - control.value, normal_quantile(level) * error
    return value, float(value - half), float(value + half), error, float(two_sided(value / error))


def ratio(treated: Point, control: Point, level: float) -> Numbers | None:
    """Ratio, its limits, standard error of its logarithm and p; None where a number is zero.

    Examples
    --------
    >>> [round(each, 3) for each in ratio(Point(0.3, 0.03), Point(0.5, 0.04), 0.95)]
    [0.6, 0.467, 0.771, 0.128, 0.0]
    """
    if not (treated.value > 0 and control.value > 0):
        return None
    error = float(np.hypot(treated.error / treated.value, control.error / control.value))
    if not error > 0:
        return None
    value, factor = treated.value / control.value, float(np.exp(normal_quantile(level) * error))
    return value, value / factor, value * factor, error, float(two_sided(np.log(value) / error))


def horizon_of(trial: Trial, rows: pd.DataFrame) -> tuple[float, tuple[str, ...]]:
    """The protocol's horizon, or the last time at which all arms were watched, and what to say of it.

    Raises
    ------
    StudyError
        For a horizon to which an arm was not watched.
    """
    last = rows.groupby("arm", observed=False)["time"].max()
    common, asked = float(last.min()), trial.protocol.analysis.horizon
    if asked is None:
        return common, (
            f"no horizon is given: {common:g} {trial.unit}, the last time at which all arms were watched",
        )
    if asked > common:
        raise StudyError(
            f"nobody of the arm {last.idxmin()} was watched for {asked:g} {trial.unit}",
            place="analysis.horizon",
            repair=f"give {common:g} or less",
        )
    return float(asked), ()
