"""log_rank_many: the log-rank tests and hazard ratios of thousands of trials with two arms at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.many_trials_kernel import (
    EMPTY_ARM,
    ESTIMATED,
    MONOTONE,
    NO_COMPARISON,
    NO_EVENT,
    NOT_CONVERGED,
    run_trials,
)
from understudy.biostatistics.survival.p_value import two_sided
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

SENTENCES = {
    ESTIMATED: "",
    NO_EVENT: "no event was seen",
    EMPTY_ARM: "one arm has no patient",
    MONOTONE: "the hazard ratio has no finite estimate: events are perfectly ordered",
    NO_COMPARISON: "at no event were patients of both arms at risk",
    NOT_CONVERGED: "the search for the hazard ratio did not end",
}


@dataclass(frozen=True, eq=False, repr=False)
class ManyTrials:
    """Results of trials, one row each; arm 1 against arm 0.

    Parameters
    ----------
    weights : tuple of (float, float)
        Fleming and Harrington's powers; (0, 0) is the log-rank test.
    observed, expected : float array, shape (trials, 2)
        Events by arm.
    z : float array, shape (trials, weights)
        Positive if arm 1 has more events than expected; not a number where there is no variance.
    correlation : float array, shape (trials, weights, weights)
    log_hazard_ratio, standard_error : float array, shape (trials,)
        Of Cox's model with Efron's ties; infinite and not a number where events are perfectly ordered.
    status : int array, shape (trials,)
        0 where the hazard ratio is estimated; `sentences` says what else there was.
    """

    weights: tuple[tuple[float, float], ...]
    observed: np.ndarray
    expected: np.ndarray
    z: np.ndarray
    correlation: np.ndarray
    log_hazard_ratio: np.ndarray
    standard_error: np.ndarray
    status: np.ndarray

    @property
    def p(self) -> np.ndarray:
        """Two-sided probability of each z, shape (trials, weights)."""
        return two_sided(self.z)

    @property
    def hazard_ratio(self) -> np.ndarray:
        """Shape (trials,)."""
        return np.exp(self.log_hazard_ratio)

    @property
    def sentences(self) -> list[str]:
        """What was wrong with each trial; empty where nothing was."""
        return [SENTENCES[code] for code in self.status.tolist()]

    def table(self) -> pd.DataFrame:
        """One row for each trial."""
        import pandas as pd

        single = len(self.weights) == 1
        z = {"z" if single else f"z({r:g}, {g:g})": self.z[:, k] for k, (r, g) in enumerate(self.weights)}
        return pd.DataFrame(
            {
                "observed_0": self.observed[:, 0],
                "observed_1": self.observed[:, 1],
                **z,
                "hazard_ratio": self.hazard_ratio,
                "standard_error": self.standard_error,
                "problem": self.sentences,
            }
        )

    def __repr__(self) -> str:
        failed = int((self.status != ESTIMATED).sum())
        told = f", {failed} without a hazard ratio" if failed else ""
        return f"{self.status.size} trials, {self.observed.sum(axis=1).mean():.4g} events on average{told}"


def log_rank_many(
    times: ArrayLike,
    events: ArrayLike,
    arms: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    weights: Sequence[tuple[float, float]] = ((0, 0),),
    jobs: int = 1,
) -> ManyTrials:
    """Weighted log-rank tests, and hazard ratios of Cox's model, of many trials.

    Numbers are those of `log_rank`, `max_combo` and `cox` for each trial alone.

    Parameters
    ----------
    times, events : array, shape (trials, patients)
        As for `censored`.
    arms : array of 0 and 1, shape (patients,) or (trials, patients)
    strata : array of int from 0 up, shape (patients,) or (trials, patients), optional
    weights : sequence of (rho, gamma)
        As for `max_combo`.
    jobs : int
        Threads; no number depends on them.

    Raises
    ------
    DataError
        For shapes that do not fit, times that are negative or missing, events, arms or strata that are no such codes.
        A trial that has no answer is none: its `status` says why.

    Examples
    --------
    >>> found = log_rank_many([[1, 2, 3, 4, 5, 6]], [[1, 1, 1, 1, 0, 1]], [1, 0, 1, 0, 1, 0])
    >>> found.z.round(3).tolist(), found.hazard_ratio.round(3).tolist()
    ([[0.272]], [1.315])
    """
    time, event, arm, layer = _checked(times, events, arms, strata)
    powers = np.array(weights, dtype=float)
    if powers.ndim != 2 or powers.shape[1] != 2 or not (powers >= 0).all():
        raise DataError(
            [Problem("are no pairs of numbers from 0 up", "give [(0, 0)], say", column="weights")]
        )
    trials, m = time.shape[0], len(powers)
    counts, score, covariance = np.zeros((trials, 4)), np.zeros((trials, m)), np.zeros((trials, m, m))
    ratio, status = np.full((trials, 2), np.nan), np.zeros(trials, np.int64)
    inputs = (time, event, arm, layer, int(layer.max()) + 1, powers)
    outputs = (counts, score, covariance, ratio, status)
    edges = np.linspace(0, trials, max(jobs, 1) + 1).astype(int)
    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        parts = pairwise(edges)
        list(pool.map(lambda part: run_trials(*inputs, *part, *outputs), parts))
    error = np.sqrt(np.einsum("tii->ti", covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = score / error
        correlation = covariance / (error[:, :, None] * error[:, None, :])
    pairs = tuple((float(rho), float(gamma)) for rho, gamma in powers)
    return ManyTrials(pairs, counts[:, :2], counts[:, 2:], z, correlation, ratio[:, 0], ratio[:, 1], status)


def _checked(times: ArrayLike, events: ArrayLike, arms: ArrayLike, strata: ArrayLike | None) -> tuple:
    """Arrays of one shape, with codes as small whole numbers."""
    problems: list[Problem] = []
    time = np.array(times, dtype=float, order="C")
    if time.ndim != 2 or time.size == 0:
        raise DataError(
            [Problem("is no table", "give (trials, patients)", column="times")], place="the trials"
        )
    if not (np.isfinite(time) & (time >= 0)).all():
        problems.append(Problem("missing, infinite or negative times", "complete them", column="times"))
    found = [time]
    for name, given in (("events", events), ("arms", arms), ("strata", 0 if strata is None else strata)):
        codes = np.asarray(given)
        try:
            codes = np.broadcast_to(codes, time.shape)
        except ValueError:
            cause = f"has shape {codes.shape}, times {time.shape}"
            problems.append(Problem(cause, "give a number for each patient", column=name))
            continue
        allowed = (
            (codes == 0) | (codes == 1) if name != "strata" else (codes >= 0) & (codes == np.floor(codes))
        )
        if not allowed.all():
            repair = "write 0 or 1" if name != "strata" else "number them from 0"
            problems.append(Problem("holds other codes", repair, column=name))
        found.append(np.array(codes, dtype=np.int64, order="C"))
    if problems:
        raise DataError(problems, place="the trials")
    return tuple(found)
