"""max_combo: two groups by the largest of several weighted log-rank tests, for hazards that are not proportional."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import censored, labels
from understudy.biostatistics.survival.log_rank import (
    hypergeometric,
    layers_of,
    refuse_no_event,
    time_weights,
)
from understudy.core.errors import DataError, Problem, SimulationError

if TYPE_CHECKING:
    import pandas as pd

Alternative = Literal["two-sided", "less", "greater"]
_SEED = 20240229  # of the quasi-random points by which the normal probability is integrated
_POINTS = 25_000


@dataclass(frozen=True, eq=False, repr=False)
class MaxCombo:
    """The largest of several tests, with the probability of so large a one.

    Parameters
    ----------
    groups : tuple
        Two labels, sorted.
    weights : tuple of (float, float)
        Fleming and Harrington's powers.
    z : float array, shape (m,)
        Positive where the second group has more events than expected.
    correlation : float array, shape (m, m)
    statistic : float
        The largest |z| (or z, or -z, by `alternative`).
    p : float
    alternative : str
    """

    groups: tuple[Any, ...]
    weights: tuple[tuple[float, float], ...]
    z: np.ndarray
    correlation: np.ndarray
    statistic: float
    p: float
    alternative: str

    def table(self) -> pd.DataFrame:
        """One row for each weight."""
        import pandas as pd

        rho, gamma = np.array(self.weights).T
        return pd.DataFrame({"rho": rho, "gamma": gamma, "z": self.z})

    def __repr__(self) -> str:
        head = f"max-combo test ({self.alternative}): {self.statistic:.4g}, p {self.p:.4g}"
        return f"{head}\n{self.table().to_string(index=False)}"


def max_combo(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    weights: Sequence[tuple[float, float]] = ((0, 0), (0, 1), (1, 0), (1, 1)),
    alternative: Alternative = "two-sided",
) -> MaxCombo:
    """Compare two groups by the largest of several Fleming-Harrington tests.

    Their joint distribution is normal, with the correlations that the same risk sets give (Lee 1996, Biometrics
    52:721-725, doi:10.2307/2532911; Lin et al. 2020, Stat Biopharm Res 12:187-198, doi:10.1080/19466315.2019.1697738).

    Parameters
    ----------
    time, event, group, entry, strata
        As for `log_rank`; two groups.
    weights : sequence of (rho, gamma)
        (0, 0) is the log-rank test, (0, 1) looks at late, (1, 0) at early, (1, 1) at middle differences.
    alternative : {"two-sided", "less", "greater"}
        ``"less"``: the second group has fewer events.

    Raises
    ------
    DataError
        For times, events or labels that cannot be, or other than two groups.
    SimulationError
        Without any event, or where a test has no variance.

    Notes
    -----
    The probability is integrated from quasi-random points with a fixed seed; its error is about 1e-5.

    Examples
    --------
    >>> found = max_combo([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 0], list("ababbb"), weights=[(0, 0), (0, 1)])
    >>> found.z.round(3)
    array([-1.612, -1.363])
    """
    watched = censored(time, event, entry)
    names, member = labels(group, watched.time.size, "group")
    if names.size != 2:
        problem = Problem(f"{names.size} groups", "compare two groups", column="group")
        raise DataError([problem], place="the max-combo test")
    refuse_no_event(watched)
    z, correlation = _tests(layers_of(watched, member, 2, strata), weights)
    sign = {"two-sided": np.abs(z), "less": -z, "greater": z}
    if alternative not in sign:
        raise SimulationError(
            f"unknown alternative {alternative!r}", place="alternative", repair=f"use {', '.join(sign)}"
        )
    statistic = float(sign[alternative].max())
    p = _tail(statistic, correlation, alternative == "two-sided")
    pairs = tuple((float(rho), float(gamma)) for rho, gamma in weights)
    return MaxCombo(tuple(names.tolist()), pairs, z, correlation, statistic, p, alternative)


def _tests(layers: list, weights: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Standard scores of the second group, and their correlations."""
    score, covariance = np.zeros(len(weights)), np.zeros((len(weights), len(weights)))
    for layer in layers:
        w = np.array([time_weights(layer, each) for each in weights])
        share = layer.at_risk[:, 1] / layer.total
        score += w @ (layer.events[:, 1] - layer.deaths * share)
        covariance += (w * hypergeometric(layer) * share * (1 - share)) @ w.T
    error = np.sqrt(np.diag(covariance))
    if (error == 0).any():
        raise SimulationError(
            f"the test with weight {tuple(weights[int(np.argmin(error))])} has no variance",
            place="the max-combo test",
            repair="leave it out: too few events, or never both groups at risk",
        )
    return score / error, covariance / np.outer(error, error)


def _tail(statistic: float, correlation: np.ndarray, both_sides: bool) -> float:
    """Probability that the largest of correlated normal numbers is at least `statistic`."""
    from scipy.stats import multivariate_normal

    size = len(correlation)
    inside = multivariate_normal(
        np.zeros(size), correlation, allow_singular=True, seed=_SEED, maxpts=_POINTS * size, abseps=1e-5
    )
    lower = np.full(size, -statistic) if both_sides else None
    return float(np.clip(1 - inside.cdf(np.full(size, statistic), lower_limit=lower), 0.0, 1.0))
