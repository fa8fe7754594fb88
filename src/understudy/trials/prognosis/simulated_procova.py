"""simulate_procova: type I error, power and variance of adjustment for a score, in thousands of trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms

if TYPE_CHECKING:
    import pandas as pd

# Numbers held at once.
_MOST = 4_000_000


def simulate_procova(
    outcome: ArrayLike,
    adjustments: Mapping[str, ArrayLike | None],
    *,
    trials: int = 10_000,
    size: int | None = None,
    share: float = 0.5,
    effect: float = 0.0,
    alpha: float = 0.05,
    seed: int = 1,
) -> pd.DataFrame:
    """Draw trials from control patients, give arms by lot, and analyse each by covariance with HC2 errors.

    Patients are drawn with replacement, so that their outcomes and covariates belong together as they do in people; the
    treated have `effect` added.

    Parameters
    ----------
    outcome : array, shape (n,)
    adjustments : mapping of name to array of shape (n,) or (n, p), or None
        What each analysis adjusts for; None: nothing.
    trials, size : int
        Trials, and patients of each; n by default.
    share : float
        Of patients who are treated, the same number in each trial.
    effect : float
    alpha : float
        Two-sided.
    seed : int

    Returns
    -------
    DataFrame
        Index ``adjustment``: ``rejected`` and its Monte Carlo error ``rejected_error``, ``bias`` and ``bias_error``,
        ``spread``, the standard deviation of estimates, ``mean_error``, the root mean squared standard error, and
        ``variance_ratio``, the variance of estimates over that of the first analysis.

    Raises
    ------
    SimulationError
        For arrays of other lengths, values that are missing, or arms that are too small.

    Examples
    --------
    >>> from understudy.core.random import normals
    >>> z = normals(1, "example", np.arange(200), 2)
    >>> found = simulate_procova(z[:, 0] + z[:, 1], {"nothing": None, "score": z[:, 0]}, trials=400)
    >>> bool(found.loc["score", "variance_ratio"] < 0.65)
    True
    """
    import pandas as pd
    from scipy.stats import t

    y, given = _checked(outcome, adjustments)
    size = size or len(y)
    treated = round(share * size)
    columns = {name: 2 + x.shape[1] for name, x in given.items()}
    if min(treated, size - treated) < 2 or size <= max(columns.values()):
        raise SimulationError(
            f"arms of {treated} and {size - treated}", place="share", repair="give larger arms"
        )
    batch = max(1, _MOST // (size * max(columns.values())))
    found = {name: np.empty((trials, 2)) for name in given}
    for start in range(0, trials, batch):
        at = np.arange(start, min(start + batch, trials))
        drawn, arm = _drawn(len(y), size, treated, at, seed)
        for name, x in given.items():
            found[name][at] = _effects(y[drawn] + effect * arm, arm, x[drawn])
    first = next(iter(found.values()))[:, 0].var(ddof=1)
    limits = {name: t.isf(alpha / 2, size - p) for name, p in columns.items()}
    rows = {name: _row(each, limits[name], effect, first) for name, each in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("adjustment")


def _checked(outcome: ArrayLike, adjustments: Mapping) -> tuple[NDArray, dict[str, NDArray]]:
    y = np.asarray(outcome, dtype=float)
    given = {
        name: np.zeros((len(y), 0)) if x is None else np.asarray(x, dtype=float).reshape(len(x), -1)
        for name, x in adjustments.items()
    }
    for name, x in given.items():
        if len(x) != len(y) or not np.isfinite(x).all() or not np.isfinite(y).all():
            raise SimulationError(
                f"{name}: {len(x)} rows for {len(y)} outcomes, or values that are missing",
                place="adjustments",
                repair="give one known value for each patient",
            )
    return y, {name: _standardised(x) for name, x in given.items()}


def _standardised(x: NDArray) -> NDArray:
    """Columns with mean zero and spread one, for the sake of arithmetic."""
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _drawn(count: int, size: int, treated: int, at: NDArray, seed: int) -> tuple[NDArray, NDArray]:
    """Patients of each trial, shape (trials, size), and who is treated: the first, since all are drawn alike."""
    u = uniforms(seed, "patients of simulated trials", at, size)
    return (u * count).astype(np.int64), (np.arange(size) < treated).astype(float)


def _effects(y: NDArray, arm: NDArray, x: NDArray) -> NDArray:
    """Estimate and HC2 error of each trial, shape (trials, 2), by regressing the arm on the rest (Frisch-Waugh-Lovell).

    A column that does not vary in a trial has no coefficient there.
    """
    rest = np.concatenate([np.ones((*y.shape, 1)), x], axis=2)
    gram = np.linalg.pinv(np.swapaxes(rest, 1, 2) @ rest, rcond=1e-10, hermitian=True)
    # What the arm, and the outcome, are beyond the rest.
    both = np.stack([np.broadcast_to(arm, y.shape), y], axis=2)
    inner = gram @ (np.swapaxes(rest, 1, 2) @ both)
    beyond = both - rest @ inner
    own, left = beyond[..., 0], beyond[..., 1]
    total = (own**2).sum(axis=1)
    value = (own * left).sum(axis=1) / total
    residual = left - own * value[:, None]
    leverage = np.einsum("bni,bni->bn", rest @ gram, rest) + own**2 / total[:, None]
    # A patient whom one column alone describes is fitted exactly, and has no residual.
    exact = leverage > 1 - 1e-9
    weight = np.where(exact, 0.0, residual**2 / np.where(exact, 1.0, 1 - leverage))
    return np.column_stack([value, np.sqrt((own**2 * weight).sum(axis=1)) / total])


def _row(found: NDArray, limit: float, effect: float, first: float) -> dict[str, float]:
    value, error = found.T
    rejected = np.abs(value / error) > limit
    rate, spread = float(rejected.mean()), float(value.std(ddof=1))
    return {
        "rejected": rate,
        "rejected_error": float(np.sqrt(rate * (1 - rate) / len(found))),
        "bias": float(value.mean() - effect),
        "bias_error": spread / float(np.sqrt(len(found))),
        "spread": spread,
        "mean_error": float(np.sqrt((error**2).mean())),
        "variance_ratio": spread**2 / float(first),
    }
