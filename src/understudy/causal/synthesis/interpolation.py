"""Interpolation: the log-likelihood of a site between the points of its profile, and beyond them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.likelihood_profile import LikelihoodProfile

Array = NDArray[np.float64]
Curve: TypeAlias = Callable[[Array], Array]
Interpolation = Literal["linear", "cubic"]


@runtime_checkable
class HasLogLikelihood(Protocol):
    """What knows its log-likelihood by log effect size: an approximation of a profile."""

    def log_likelihood(self, effects: ArrayLike) -> Array:
        """Log-likelihoods; a constant may be added."""


Likelihood: TypeAlias = "LikelihoodProfile | HasLogLikelihood"


def log_likelihood(site: Likelihood, effects: ArrayLike, interpolation: Interpolation | None = None) -> Array:
    """Log-likelihood of a site at any effects.

    Parameters
    ----------
    site : LikelihoodProfile or approximation
    effects : array of float
        Log hazard, rate or odds ratios.
    interpolation : {"linear", "cubic"}, optional
        Straight between the points, as EvidenceSynthesis and EmpiricalCalibration take a grid; or the profile's own
        `curve`, a cubic, which is taken by default where slopes of the profile are known. Beyond the points both go on
        straight, but never up.

    Returns
    -------
    float array, shape of `effects`


    Examples
    --------
    >>> profile = LikelihoodProfile(np.array([-1.0, 0.0, 1.0]), np.array([-3.0, -1.0, 0.0]))
    >>> log_likelihood(profile, [-2.0, 0.5, 2.0]).tolist()
    [-5.0, -0.5, 0.0]
    """
    x = np.asarray(effects, float)
    if not isinstance(site, LikelihoodProfile):
        return np.asarray(site.log_likelihood(x), float)
    points, values = site.points, site.values
    inside = np.clip(x, points[0], points[-1])
    if (interpolation or _usual(site)) == "linear":
        slopes = np.diff(values)[[0, -1]] / np.diff(points)[[0, -1]]
        found = np.interp(inside, points, values)
    else:
        slopes, found = site.slopes[[0, -1]], site.curve(inside)
    beyond = x - inside
    return found + np.where(beyond < 0, max(slopes[0], 0.0), min(slopes[1], 0.0)) * beyond


def curve_of(site: Likelihood, interpolation: Interpolation | None = None) -> Curve:
    """`log_likelihood` of one site as a function of effects."""
    return lambda effects: log_likelihood(site, effects, interpolation)


def support(
    site: Likelihood, drop: float, interpolation: Interpolation | None = None, within: float = 15.0
) -> tuple[float, float]:
    """Between which effects the log-likelihood is less than `drop` below its highest value.

    Never beyond ``within`` on either side: a rate ratio of three million.
    """
    x = _scan(site, within)
    values = log_likelihood(site, x, interpolation)
    kept = np.flatnonzero(values >= values.max() - drop)
    return float(x[max(kept[0] - 1, 0)]), float(x[min(kept[-1] + 1, x.size - 1)])


def _scan(site: Likelihood, within: float) -> Array:
    """Effects among which none of weight is missed: those of the profile, or a fine grid, refined at its top."""
    coarse = np.linspace(-within, within, 6001)
    if isinstance(site, LikelihoodProfile):
        return np.union1d(coarse, np.clip(site.points, -within, within))
    top = coarse[int(np.argmax(log_likelihood(site, coarse)))]
    return np.union1d(coarse, np.clip(top + np.linspace(-0.01, 0.01, 2001), -within, within))


def _usual(profile: LikelihoodProfile) -> Interpolation:
    """A cubic where it is known how the profile rises, else straight lines."""
    return "linear" if profile.gradients is None else "cubic"
