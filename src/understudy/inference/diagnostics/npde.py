"""npde: where each measurement lies in the distribution that the model foretells for it.

Normalised prediction distribution errors: Brendel et al. 2006, Metrics for external model evaluation with an
application to the population pharmacokinetics of gliclazide, Pharm Res 23:2036-2049, doi:10.1007/s11095-006-9067-5;
Comets, Brendel and Mentré 2008, Comput Methods Programs Biomed 90:154-166, doi:10.1016/j.cmpb.2007.12.002. Measurements
beyond a limit of quantification: Nguyen, Comets and Mentré 2012, J Pharmacokinet Pharmacodyn 39:499-518,
doi:10.1007/s10928-012-9264-2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms

if TYPE_CHECKING:
    from understudy.inference.diagnostics.replicates import Replicates


def prediction_distribution_errors(replicates: Replicates, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """npd and npde of every measurement.

    Parameters
    ----------
    replicates : Replicates
        At least ten more than any patient has measurements; a thousand give quantiles to a few per cent.
    seed : int
        Of the numbers that stand in for measurements beyond a limit of quantification.

    Returns
    -------
    npd, npde : float arrays, shape (observations,)
        Each standard normal if the model is true. npd: each measurement by itself. npde: after a patient's measurements
        and their copies were made uncorrelated with the Cholesky factor of the copies' covariance. Not-a-number where
        all copies are alike.

    Raises
    ------
    SimulationError
        For too few replicates.
    """
    predictor, copies = replicates.predictor, replicates.values
    most = int(np.bincount(predictor.patient).max())
    if len(copies) < most + 10:
        raise SimulationError(
            f"{len(copies)} replicates are too few for patients with {most} measurements",
            place="replicates",
            repair=f"take {max(1000, 10 * most)}",
        )
    measured, copies = _without_limits(replicates, seed)
    npd, npde = np.full(measured.size, np.nan), np.full(measured.size, np.nan)
    for patient in np.unique(predictor.patient):
        rows = np.flatnonzero(predictor.patient == patient)
        own = copies[:, rows]
        rows = rows[np.isfinite(own).all(axis=0) & (np.ptp(own, axis=0) > 0)]
        if rows.size:
            own = copies[:, rows]
            npd[rows] = normal_scores(measured[rows], own)
            npde[rows] = normal_scores(*_uncorrelated(measured[rows], own))
    return npd, npde


def normal_scores(measured: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Where each value lies among its copies, as a standard normal number.

    Parameters
    ----------
    measured : float array, shape (n,)
    copies : float array, shape (replicates, n)

    Examples
    --------
    >>> normal_scores(np.array([2.0, 9.0]), np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])).round(3)
    array([0.  , 1.15])
    """
    from scipy.special import ndtri

    return ndtri(shares_below(measured, copies))


def shares_below(measured: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Share of the copies below each value, never 0 or 1; equal ones count half.

    Among K copies from its own distribution a value has each of K + 1 places with the same probability; it is put in
    the middle of its place.
    """
    below = (copies < measured).sum(axis=0) + 0.5 * (copies == measured).sum(axis=0)
    return np.where(np.isnan(measured), np.nan, (below + 0.5) / (len(copies) + 1))


def _uncorrelated(measured: np.ndarray, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A patient's measurements and copies, centred, and made uncorrelated in their order in the records."""
    mean, covariance = copies.mean(axis=0), np.atleast_2d(np.cov(copies, rowvar=False))
    known = np.isfinite(measured)
    covariance = covariance[np.ix_(known, known)]
    root = np.linalg.cholesky(covariance + np.diag(1e-12 * np.diag(covariance)))
    found, others = np.full(measured.shape, np.nan), np.zeros_like(copies)
    found[known] = np.linalg.solve(root, (measured - mean)[known])
    others[:, known] = np.linalg.solve(root, (copies - mean)[:, known].T).T
    return found, others


def _without_limits(replicates: Replicates, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Measurements and copies in which numbers stand for what is beyond a limit.

    Each is drawn from the part of its own distribution that lies beyond; copies are treated like measurements, since
    what is drawn so has lost its correlation with the patient's other measurements.
    """
    predictor, copies = replicates.predictor, replicates.values.copy()
    measured = np.where(predictor.censoring.censored, np.nan, predictor.measured)
    for row in np.flatnonzero(predictor.censoring.censored):
        side, limit = predictor.censoring.side[row], predictor.censoring.limit[row]
        measured[row] = _drawn_beyond(copies[:, row], side, limit, 1, f"measurement {row}", seed)[0]
    for row, side, limit in _limited(predictor):
        beyond = side * copies[:, row] < side * limit
        if beyond.any():
            count, purpose = int(beyond.sum()), f"copies of measurement {row} on side {side:g}"
            copies[beyond, row] = _drawn_beyond(replicates.values[:, row], side, limit, count, purpose, seed)
    return measured, copies


def _limited(predictor) -> list[tuple[int, float, float]]:
    """Measurement, side and limit, of every limit that a measurement has, on the scale of the residual error."""
    found = []
    for residual in predictor.model.residual:
        for bound, side in ((residual.lower_limit, 1.0), (residual.upper_limit, -1.0)):
            if bound is not None:
                limit = float(np.log(bound)) if residual.scale == "log" else bound
                found += [
                    (int(row), side, limit) for row in np.flatnonzero(predictor.output == residual.output)
                ]
    return found


def _drawn_beyond(
    copies: np.ndarray, side: float, limit: float, count: int, purpose: str, seed: int
) -> np.ndarray:
    """Values drawn evenly from the copies' distribution beyond a limit; the outermost copy where none is beyond."""
    copies = copies[np.isfinite(copies)]
    beyond = np.sort(copies[side * copies < side * limit])
    if not beyond.size:
        beyond = np.array([copies.min() if side > 0 else copies.max()])
    chance = uniforms(seed, purpose, [0], count)[0]
    return np.quantile(beyond, chance)
