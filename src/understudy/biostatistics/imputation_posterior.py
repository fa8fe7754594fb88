"""Draws of what an imputation model does not know: regression coefficients and covariance of visits.

The model is multivariate normal regression with coefficients of each visit and an unstructured covariance. Monotone
patterns factor into one regression a visit on covariates and earlier visits, whose posterior under flat priors is
drawn exactly (Rubin 1987, Multiple Imputation for Nonresponse in Surveys, chapter 5; Schafer 1997, Analysis of
Incomplete Multivariate Data, section 6.5). Values missing between measured ones are drawn in turn with the parameters
(monotone data augmentation, section 6.5.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.conditional_normal import conditional_normal
from understudy.core.errors import UnderstudyError
from understudy.core.random import normals, uniforms

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParameterDraws:
    """Draws of the imputation model's parameters.

    Attributes
    ----------
    coefficients : array, shape (draws, p, visits)
    covariances : array, shape (draws, visits, visits)
    iterations : int
        Of data augmentation before and between draws, all together; zero where draws are independent.
    """

    coefficients: Array
    covariances: Array
    iterations: int


def draw_parameters(
    values: Array,
    covariates: Array,
    draws: int,
    *,
    seed: int,
    purpose: str = "imputation",
    burn_in: int = 200,
    thin: int = 20,
) -> ParameterDraws:
    """Draw parameters from their posterior, given values with NaN where missing.

    Parameters
    ----------
    values : array, shape (n, visits)
    covariates : array, shape (n, p)
    draws : int
    seed : int
    purpose : str
        Of the random numbers.
    burn_in, thin : int
        Iterations before the first and between draws, where values are missing between measured ones.

    Raises
    ------
    UnderstudyError
        If a visit has too few measurements for its regression.
    """
    seen = ~np.isnan(values)
    last = np.where(seen.any(axis=1), values.shape[1] - np.argmax(seen[:, ::-1], axis=1), 0)
    within = np.arange(values.shape[1]) < last[:, None]
    gaps = within & ~seen
    _refuse_few(within, covariates)
    filled = np.where(gaps, _guess(values, covariates), values)
    steps = burn_in + draws * thin if gaps.any() else draws
    size = covariates.shape[1] + values.shape[1]
    noise = normals(seed, f"{purpose}: coefficients", range(steps), size * values.shape[1])
    chance = uniforms(seed, f"{purpose}: variances", range(steps), values.shape[1])
    rows = np.flatnonzero(gaps.any(axis=1))
    inner = normals(seed, f"{purpose}: gaps", rows, steps * values.shape[1])
    inner = inner.reshape(len(rows), steps, values.shape[1])
    kept_b, kept_s = [], []
    for step in range(steps):
        b, s = _posterior(filled, within, covariates, noise[step].reshape(-1, size), chance[step])
        if gaps.any():
            for at, row in enumerate(rows):
                filled[row, gaps[row]] = conditional_normal(
                    values[row], gaps[row], covariates[row] @ b, s, inner[at, step]
                )
        if not gaps.any() or (step >= burn_in and (step - burn_in + 1) % thin == 0):
            kept_b.append(b)
            kept_s.append(s)
    return ParameterDraws(np.array(kept_b), np.array(kept_s), steps if gaps.any() else 0)


def _posterior(
    filled: Array, within: NDArray[np.bool_], covariates: Array, noise: Array, chance: Array
) -> tuple[Array, Array]:
    """One draw: each visit's regression on covariates and earlier visits, put together again."""
    from scipy.special import chdtri

    count, visits = covariates.shape[1], filled.shape[1]
    b, s = np.zeros((count, visits)), np.zeros((visits, visits))
    for visit in range(visits):
        rows = within[:, visit]
        x = np.column_stack([covariates[rows], filled[rows, :visit]])
        y = filled[rows, visit]
        q, r = np.linalg.qr(x)
        rest = y - q @ (q.T @ y)
        variance = rest @ rest / chdtri(len(y) - x.shape[1], chance[visit])
        drawn = np.linalg.solve(r, q.T @ y + np.sqrt(variance) * noise[visit, : x.shape[1]])
        slopes = drawn[count:]
        b[:, visit] = drawn[:count] + b[:, :visit] @ slopes
        s[visit, :visit] = s[:visit, visit] = s[:visit, :visit] @ slopes
        s[visit, visit] = variance + slopes @ s[:visit, visit]
    return b, s


def _guess(values: Array, covariates: Array) -> Array:
    """Predictions of each visit from covariates, where data augmentation begins."""
    guess = np.empty_like(values)
    for visit, column in enumerate(values.T):
        rows = ~np.isnan(column)
        guess[:, visit] = covariates @ np.linalg.lstsq(covariates[rows], column[rows], rcond=None)[0]
    return guess


def _refuse_few(within: NDArray[np.bool_], covariates: Array) -> None:
    for visit in range(within.shape[1]):
        rows = within[:, visit]
        need = covariates.shape[1] + visit
        if rows.sum() <= need or np.linalg.matrix_rank(covariates[rows]) < covariates.shape[1]:
            raise UnderstudyError(
                f"visit {visit + 1} has {int(rows.sum())} patients for a regression on {need} columns, or an arm "
                "or level without any",
                place="imputation model",
                repair="leave covariates or visits out, or join levels",
            )
