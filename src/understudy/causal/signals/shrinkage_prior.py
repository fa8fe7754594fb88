"""Shrinkage prior: how rates of reporting over expectation are spread over all pairs, by maximum likelihood.

The rate of a pair has a mixture of two gamma distributions as prior; its count is then a mixture of two negative
binomials (DuMouchel, Am Stat 1999;53:177-190, doi:10.1080/00031305.1999.10474456). Pairs that were never reported are
left out, and the likelihood is that of counts known to be above zero. DuMouchel and Pregibon (KDD 2001,
doi:10.1145/502512.502526) condition each of the two components on that, so that p is a share of reported pairs; the
exact likelihood conditions their mixture. Both are here, and a third that counts the pairs never reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.count_points import CountPoints, points_of, squashed
from understudy.causal.signals.mixture_likelihood import negative_log_likelihood
from understudy.causal.signals.pair_counts import PairCounts
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# alpha1, beta1, alpha2, beta2, p from which the search begins; the first is DuMouchel's (1999, section 3).
STARTS = (
    (0.2, 0.1, 2.0, 4.0, 1 / 3),
    (2.0, 0.5, 2.0, 2.0, 0.1),
    (1.0, 0.2, 5.0, 5.0, 0.05),
    (0.5, 0.5, 1.0, 1.0, 0.5),
    (5.0, 1.0, 0.5, 0.5, 0.2),
)
TRUNCATIONS = ("components", "mixture", "none")
_FARTHEST = 9.0  # of logarithms of shapes and rates, and of the logit of the share
_FEWEST = 20  # pairs with which five parameters are sought at all
_EDGE = 1e-3
_WORTH = 3.9  # of log-likelihood, for three parameters more: half the 95 % quantile of chi-square with 3 df
_STEPS, _STEP, _STILL = 12, 1e-4, 1e-7


@dataclass(frozen=True, eq=False)
class ShrinkagePrior:
    """Mixture of Gamma(alpha1, beta1) with share p and Gamma(alpha2, beta2); the first has the larger mean.

    Parameters
    ----------
    alpha1, beta1, alpha2, beta2, p : float
        Shapes, rates, and the share of the first.
    log_errors : float array, shape (5,)
        Standard errors of the logarithms of shapes and rates and of the logit of p; NaN where they are not determined.
    negative_log_likelihood : float
    pairs : int
        To which it was fitted.
    truncation : str
        ``"components"``, ``"mixture"`` or ``"none"``, see `fit_prior`.
    notes : tuple of str
        Such as a share at its limit.
    """

    alpha1: float
    beta1: float
    alpha2: float
    beta2: float
    p: float
    log_errors: NDArray[np.float64]
    negative_log_likelihood: float
    pairs: int
    truncation: str = "components"
    notes: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[float, ...]:
        """alpha1, beta1, alpha2, beta2, p."""
        return self.alpha1, self.beta1, self.alpha2, self.beta2, self.p

    def __repr__(self) -> str:
        return (
            f"ShrinkagePrior: {self.p:.3g} of Gamma({self.alpha1:.4g}, {self.beta1:.4g}) and {1 - self.p:.3g} of "
            f"Gamma({self.alpha2:.4g}, {self.beta2:.4g}), from {self.pairs:,} pairs"
        )


def fit_prior(counts: PairCounts, *, truncation: str = "components") -> ShrinkagePrior:
    """The prior under which the counts of all pairs are most likely, sought from several starts with its slopes.

    Parameters
    ----------
    counts : PairCounts
    truncation : str
        ``"components"``: pairs that were never reported are left out, each component is conditioned on a report;
        ``"mixture"``: the mixture is; ``"none"``: pairs never reported count as zeros, their expectations squashed
        into narrow bins.

    Returns
    -------
    ShrinkagePrior

    Raises
    ------
    SimulationError
        If there are fewer than 20 pairs, or there is no such truncation.

    Examples
    --------
    >>> from understudy.causal.signals import count_pairs, simulate_reports
    >>> prior = fit_prior(count_pairs(simulate_reports(3000, seed=1)))
    >>> 0 < prior.p < 1
    True
    """
    if truncation not in TRUNCATIONS:
        raise SimulationError(
            f"there is no truncation {truncation!r}",
            place="the prior of EBGM",
            repair=f"say {', '.join(TRUNCATIONS)}",
        )
    if len(counts.n) < _FEWEST:
        raise SimulationError(
            f"{len(counts.n)} pairs are too few to learn five numbers from",
            place="the prior of EBGM",
            repair=f"take reports with {_FEWEST} pairs at least, or judge by another measure",
        )
    points = points_of(counts, truncation)
    rough = squashed(points)
    found = min((_searched(rough, start) for start in STARTS), key=lambda each: each[0])[1]
    place, hessian = _polished(points, found)
    return _prior(points, place, hessian)


def _searched(points: CountPoints, start: tuple[float, ...]) -> tuple[float, NDArray[np.float64]]:
    from scipy.optimize import minimize

    first = np.log([*start[:4], start[4] / (1 - start[4])])
    bounds = [(-_FARTHEST, _FARTHEST)] * 5
    options = {"maxfun": 2000, "ftol": 1e-12, "gtol": 1e-8}
    # A truncated Newton method: it keeps to its bounds, and five numbers need no linear algebra on several threads.
    found = minimize(
        negative_log_likelihood,
        first,
        args=(points,),
        jac=True,
        method="TNC",
        bounds=bounds,
        options=options,
    )
    return float(found.fun), found.x


def _polished(
    points: CountPoints, place: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Newton's steps on all points, as long as they lead down, and the second derivatives there."""
    value, slope = negative_log_likelihood(place, points)
    hessian = _hessian(points, place)
    for _ in range(_STEPS):
        if not _is_bowl(hessian) or np.abs(slope).max() < _STILL or _at_edge(place).any():
            break
        step = np.linalg.solve(hessian, slope)
        trial = place - step * min(1.0, 1.0 / np.abs(step).max())
        lower, slope_there = negative_log_likelihood(trial, points)
        # A step that only rounding keeps from leading down is the last.
        if not lower < value + 1e-9 * abs(value) or np.abs(slope_there).max() > np.abs(slope).max():
            break
        place, value, slope = trial, lower, slope_there
        hessian = _hessian(points, place)
    return place, hessian


def _of_one(points: CountPoints) -> float:
    """Negative log-likelihood of the best single gamma distribution."""
    from scipy.optimize import minimize

    def both_alike(place: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = negative_log_likelihood(np.array([*place, *place, 0.0]), points)
        return value, slope[:2] + slope[2:4]

    bounds = [(-_FARTHEST, _FARTHEST)] * 2
    return float(minimize(both_alike, np.zeros(2), jac=True, method="TNC", bounds=bounds).fun)


def _hessian(points: CountPoints, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Second derivatives, by central differences of the slopes."""
    rows = []
    for k in range(5):
        shift = np.zeros(5)
        shift[k] = _STEP
        up, down = (negative_log_likelihood(place + sign * shift, points)[1] for sign in (1, -1))
        rows.append((up - down) / (2 * _STEP))
    both = np.array(rows)
    return (both + both.T) / 2


def _is_bowl(hessian: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(hessian).all() and np.linalg.eigvalsh(hessian)[0] > 0)


def _at_edge(place: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.abs(place) > _FARTHEST - 1e-6


def _prior(points: CountPoints, place: NDArray[np.float64], hessian: NDArray[np.float64]) -> ShrinkagePrior:
    value, _ = negative_log_likelihood(place, points)
    errors = np.sqrt(np.diag(np.linalg.inv(hessian))) if _is_bowl(hessian) else np.full(5, np.nan)
    alpha1, beta1, alpha2, beta2 = map(float, np.exp(place[:4]))
    p = float(1 / (1 + np.exp(-place[4])))
    notes = _notes(points, place, errors, value)
    if alpha1 / beta1 < alpha2 / beta2:
        alpha1, beta1, alpha2, beta2, p = alpha2, beta2, alpha1, beta1, 1 - p
        errors = errors[[2, 3, 0, 1, 4]]
    pairs = int(points.weight.sum())
    return ShrinkagePrior(
        alpha1, beta1, alpha2, beta2, p, errors, float(value), pairs, points.truncation, notes
    )


def _notes(
    points: CountPoints, place: NDArray[np.float64], errors: NDArray[np.float64], value: float
) -> tuple[str, ...]:
    notes, p = [], float(1 / (1 + np.exp(-place[4])))
    if _at_edge(place[:4]).any():
        notes.append(
            "a shape or rate of the prior is at the limit of its search: one component is a point or flat"
        )
    if min(p, 1 - p) < _EDGE:
        notes.append(f"the prior's share is at its limit ({p:.2g}): one gamma distribution would do")
    elif _of_one(points) - value < _WORTH:
        notes.append("one gamma distribution as prior explains these pairs as well as two")
    if np.isnan(errors).any():
        notes.append("the prior is not determined by these pairs alone: its likelihood has no single summit")
    return tuple(notes)
