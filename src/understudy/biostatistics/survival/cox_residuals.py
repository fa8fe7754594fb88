"""Residuals of a Cox model: martingale, deviance, score and Schoenfeld residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.cox_data import CoxData, EventSums
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

    from understudy.biostatistics.survival.cox import CoxFit


def martingale_residuals(fit: CoxFit) -> np.ndarray:
    """Events seen minus those expected by the model, for each row, shape (n,) in the order that was given.

    Source: Therneau, Grambsch, Fleming 1990, Biometrika 77:147-160, doi:10.1093/biomet/77.1.147.

    Examples
    --------
    >>> from understudy.biostatistics import cox
    >>> fit = cox([5, 6, 7, 8, 9, 10], [1, 1, 1, 1, 0, 1], [0, 0, 1, 0, 1, 1])
    >>> bool(abs(martingale_residuals(fit).sum()) < 1e-12)
    True
    """
    refuse_unbounded(fit)
    return _in_given_order(fit.data, fit.data.event - _expected(fit.data, fit.beta))


def deviance_residuals(fit: CoxFit) -> np.ndarray:
    """Martingale residuals made more symmetric, shape (n,) (Therneau, Grambsch, Fleming 1990, equation 6).

    Examples
    --------
    >>> from understudy.biostatistics import cox
    >>> deviance_residuals(cox([5, 6, 7, 8], [1, 1, 0, 1], [0, 1, 0, 1])).shape
    (4,)
    """
    rest = martingale_residuals(fit)
    event = _in_given_order(fit.data, fit.data.event.astype(float))
    expected = np.maximum(event - rest, 0.0)
    term = np.where(event > 0, np.log(np.where(expected > 0, expected, 1.0)), 0.0)
    return np.sign(rest) * np.sqrt(np.maximum(-2 * (rest + event * term), 0.0))


def score_residuals(fit: CoxFit) -> np.ndarray:
    """Each row's part of the score at the maximum, shape (n, p); they sum, weighted, to zero.

    Source: Therneau, Grambsch, Fleming 1990; with Efron's ties as in Therneau, Grambsch 2000, Modeling Survival Data,
    section 4.6, doi:10.1007/978-1-4757-3294-8.

    Examples
    --------
    >>> from understudy.biostatistics import cox
    >>> found = score_residuals(cox([5, 6, 7, 8], [1, 1, 0, 1], [0, 1, 0, 1]))
    >>> bool(abs(found.sum()) < 1e-7)
    True
    """
    refuse_unbounded(fit)
    return _in_given_order(fit.data, score_parts(fit.data, fit.beta) * fit.data.scale)


def schoenfeld_residuals(fit: CoxFit) -> pd.DataFrame:
    """For each event its covariates minus their mean in the risk set: columns row, stratum, time, and each covariate.

    Source: Schoenfeld 1982, Biometrika 69:239-241, doi:10.1093/biomet/69.1.239. Rows are in order of stratum and time.

    Examples
    --------
    >>> from understudy.biostatistics import cox
    >>> schoenfeld_residuals(cox([5, 6, 7, 8], [1, 1, 0, 1], {"drug": [0, 1, 0, 1]})).time.tolist()
    [5.0, 6.0, 8.0]
    """
    import pandas as pd

    refuse_unbounded(fit)
    rows, rest = schoenfeld_parts(fit.data, fit.data.event_sums(fit.beta))
    data = fit.data
    left = {"row": data.order[rows], "stratum": data.strata[data.stratum[rows]], "time": data.time[rows]}
    right = dict(zip(fit.names, (rest * data.scale).T, strict=True))
    return (
        pd.DataFrame({**left, **right})
        .iloc[::-1]
        .sort_values(["stratum", "time"], kind="stable", ignore_index=True)
    )


def schoenfeld_parts(data: CoxData, sums: EventSums) -> tuple[np.ndarray, np.ndarray]:
    """Sorted rows with an event, and their standardised covariates minus the mean of the risk set."""
    rows = np.flatnonzero(data.event)
    return rows, data.x[rows] - sums.means[0][event_places(data, sums, rows)]


def score_parts(data: CoxData, beta: np.ndarray) -> np.ndarray:
    """Parts of the score by sorted row, for standardised covariates, shape (n, p), without weights."""
    sums = data.event_sums(beta)
    risk = np.exp(data.x @ beta + data.offset)[:, None]
    total = _over_interval(data, sums, np.concatenate([sums.hazards[:, :1], sums.means[1]], axis=1))
    parts = -risk * (data.x * total[:, :1] - total[:, 1:])
    rows = np.flatnonzero(data.event)
    place = event_places(data, sums, rows)
    parts[rows] += data.x[rows] - sums.means[0][place]
    # Those with the event bear less of the hazard of just then under Efron's ties.
    less = sums.hazards[place, 0] - sums.hazards[place, 1]
    less_mean = sums.means[1][place] - sums.means[2][place]
    parts[rows] += risk[rows] * (data.x[rows] * less[:, None] - less_mean)
    return parts


def _expected(data: CoxData, beta: np.ndarray) -> np.ndarray:
    sums = data.event_sums(beta)
    hazard = _over_interval(data, sums, sums.hazards[:, :1])[:, 0]
    rows = np.flatnonzero(data.event)
    place = event_places(data, sums, rows)
    hazard[rows] -= sums.hazards[place, 0] - sums.hazards[place, 1]
    return hazard * np.exp(data.x @ beta + data.offset)


def _over_interval(data: CoxData, sums: EventSums, values: np.ndarray) -> np.ndarray:
    """Sum of values at events over each row's interval (entry, time], shape (n, columns)."""
    first, last = _interval_places(data, sums)
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return total[last] - total[first]


def _interval_places(data: CoxData, sums: EventSums) -> tuple[np.ndarray, np.ndarray]:
    """For each row the events of its stratum with entry < t <= time: from the first place up to, without, the last."""
    bounds = np.searchsorted(sums.stratum, np.arange(data.bounds.size))
    ranks = np.unique(np.concatenate([sums.time, data.time, data.entry]), return_inverse=True)[1]
    at, stop, begin = np.split(ranks, [sums.time.size, sums.time.size + data.time.size])
    width = int(ranks.max()) + 2
    key = sums.stratum * width - at  # increasing, as times run back
    first = np.searchsorted(key, data.stratum * width - stop, side="left")
    last = np.searchsorted(key, data.stratum * width - begin, side="left")
    return np.maximum(first, bounds[data.stratum]), np.minimum(last, bounds[data.stratum + 1])


def event_places(data: CoxData, sums: EventSums, rows: np.ndarray) -> np.ndarray:
    """Place of each row's event in the sums."""
    return _interval_places(data, sums)[0][rows]


def _in_given_order(data: CoxData, values: np.ndarray) -> np.ndarray:
    found = np.empty_like(values, dtype=float)
    found[data.order] = values
    return found


def refuse_unbounded(fit: CoxFit) -> None:
    """Stop where there is no finite estimate, or the exact likelihood, for which these are not defined."""
    if fit.monotone:
        raise SimulationError(
            f"{', '.join(fit.monotone)} has no finite estimate", place="the Cox model", repair="leave it out"
        )
    if fit.ties == "exact":
        raise SimulationError(
            "residuals and baselines are not defined for the exact likelihood",
            place="the Cox model",
            repair="fit it again with ties='efron'",
        )
