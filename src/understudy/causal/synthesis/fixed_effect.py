"""pool_fixed: one effect that all sites share, by the sum of their log-likelihoods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis.interpolation import Curve, Likelihood, curve_of
from understudy.causal.synthesis.pooled_effect import PooledEffect, require_level, require_sites

Array = NDArray[np.float64]
_WITHIN = 15.0


def pool_fixed(sites: Sequence[Likelihood], level: float = 0.95) -> PooledEffect:
    """Pool likelihoods of sites under one common effect.

    The sum of log-likelihoods is that of all data analysed together with every site a stratum: its highest place is the
    estimate, its fall by half the quantile of chi-square gives the limits (Schuemie et al. 2022, BMC Med Res Methodol
    22:305, doi:10.1186/s12874-022-01778-x). Between points of a profile a cubic is taken, for straight lines have
    their top at a point.

    Parameters
    ----------
    sites : sequence of LikelihoodProfile or approximations
    level : float

    Returns
    -------
    PooledEffect
        A limit is infinite, with a note, where the likelihood does not fall so far.

    Raises
    ------
    DataError
        For no sites, a profile that is damaged, or a level that is none.

    Examples
    --------
    >>> from understudy.causal.synthesis.approximation import NormalApproximation
    >>> pool_fixed([NormalApproximation(0.0, 0.2), NormalApproximation(0.4, 0.2)])
    fixed effect, 2 sites: 1.221 (95 %: 0.9257 to 1.612)
    """
    from scipy.special import ndtri
    from scipy.stats import chi2

    require_level(level)
    found = require_sites(sites, 1, "pooling")
    curves = [curve_of(site, "cubic") for site in found]
    total: Curve = lambda x: np.sum([curve(x) for curve in curves], axis=0)  # noqa: E731
    grid = _grid(found)
    top, highest = _maximum(total, grid)
    drop = float(chi2.ppf(level, 1)) / 2
    low = _limit(total, grid, top, highest - drop, -1)
    high = _limit(total, grid, top, highest - drop, 1)
    p = float(chi2.sf(2 * (highest - float(total(np.array([0.0]))[0])), 1))
    error = (high - low) / (2 * float(ndtri((1 + level) / 2)))
    return PooledEffect(
        "fixed effect",
        len(found),
        top,
        low,
        high,
        level,
        error,
        p_value=p,
        notes=_notes(low, high, found, top),
    )


def _grid(sites: list[Likelihood]) -> Array:
    """Effects at which the sum is looked at: every point of every profile, and a fine grid."""
    points = [s.points for s in sites if isinstance(s, LikelihoodProfile)]
    inside = [each[np.abs(each) <= _WITHIN] for each in points]
    # Rounded, so that no two are so near that a search between neighbours finds nothing.
    return np.unique(np.round(np.concatenate([np.linspace(-_WITHIN, _WITHIN, 6001), *inside]), 6))


def _maximum(total: Curve, grid: Array) -> tuple[float, float]:
    """Place and height of the top."""
    from scipy.optimize import minimize_scalar

    values = total(grid)
    best = int(np.argmax(values))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    found = minimize_scalar(
        lambda x: -float(total(np.array([x]))[0]), bounds=ends, method="bounded", options={"xatol": 1e-10}
    )
    if -found.fun > values[best]:
        return float(found.x), float(-found.fun)
    return float(grid[best]), float(values[best])


def _limit(total: Curve, grid: Array, top: float, height: float, side: int) -> float:
    """Where the sum falls to a height on one side of the top; infinite where it does not."""
    from scipy.optimize import brentq

    beyond = grid[grid > top] if side > 0 else grid[grid < top][::-1]
    below = np.flatnonzero(total(beyond) < height)
    if not below.size:
        return side * np.inf
    outside = float(beyond[below[0]])
    inside = float(beyond[below[0] - 1]) if below[0] else top
    return float(brentq(lambda x: float(total(np.array([x]))[0]) - height, inside, outside, xtol=1e-12))


def _notes(low: float, high: float, sites: list[Likelihood], top: float) -> tuple[str, ...]:
    found = []
    if np.isinf(low) or np.isinf(high):
        side = " and ".join(name for name, end in (("below", low), ("above", high)) if np.isinf(end))
        found.append(f"the likelihood has no limit {side}: too few outcomes")
    profiles = [each for each in sites if isinstance(each, LikelihoodProfile)]
    if len(profiles) == len(sites):
        first = min(float(each.points[0]) for each in profiles)
        last = max(float(each.points[-1]) for each in profiles)
        if not first < top < last:
            found.append("the likelihood is highest at the edge of the profiles: the estimate is no maximum")
    return tuple(found)
