"""Interpolation: the log-likelihood of a site between the points of its profile, and beyond them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.core.errors import DataError, Problem

Array = NDArray[np.float64]
Curve: TypeAlias = Callable[[Array], Array]
Interpolation = Literal["linear", "cubic"]
FEWEST = 3  # points of which a profile has to have at least so many


@runtime_checkable
class HasLogLikelihood(Protocol):
    """What knows its log-likelihood by log effect size: an approximation of a profile."""

    def log_likelihood(self, effects: ArrayLike) -> Array:
        """Log-likelihoods; a constant may be added."""


Likelihood: TypeAlias = "LikelihoodProfile | HasLogLikelihood"


def log_likelihood(site: Likelihood, effects: ArrayLike, interpolation: Interpolation = "linear") -> Array:
    """Log-likelihood of a site at any effects.

    Parameters
    ----------
    site : LikelihoodProfile or approximation
    effects : array of float
        Log hazard, rate or odds ratios.
    interpolation : {"linear", "cubic"}
        Straight between the points, as EvidenceSynthesis and EmpiricalCalibration take a grid; or the cubic with the
        slope of each point: that of the profile where it has ``gradients``, else that of the parabola through it and
        its neighbours. Beyond the points both go on straight, but never up.

    Returns
    -------
    float array, shape of `effects`

    Raises
    ------
    DataError
        For a profile of fewer than three points, of points that do not rise, or of values that are not finite.

    Examples
    --------
    >>> profile = LikelihoodProfile(np.array([-1.0, 0.0, 1.0]), np.array([-3.0, -1.0, 0.0]))
    >>> log_likelihood(profile, [-2.0, 0.5, 2.0]).tolist()
    [-5.0, -0.5, 0.0]
    """
    x = np.asarray(effects, float)
    if not isinstance(site, LikelihoodProfile):
        return np.asarray(site.log_likelihood(x), float)
    points, values = checked_points(site)
    inside = np.clip(x, points[0], points[-1])
    if interpolation == "linear":
        slopes = np.diff(values)[[0, -1]] / np.diff(points)[[0, -1]]
        found = np.interp(inside, points, values)
    else:
        from scipy.interpolate import CubicHermiteSpline

        gradients = _gradients(site, points, values)
        slopes = gradients[[0, -1]]
        found = CubicHermiteSpline(points, values, gradients)(inside)
    beyond = x - inside
    return found + np.where(beyond < 0, max(slopes[0], 0.0), min(slopes[1], 0.0)) * beyond


def curve_of(site: Likelihood, interpolation: Interpolation = "linear") -> Curve:
    """`log_likelihood` of one site as a function of effects."""
    return lambda effects: log_likelihood(site, effects, interpolation)


def checked_points(profile: LikelihoodProfile, place: str = "a likelihood profile") -> tuple[Array, Array]:
    """Points and values of a profile that can be used.

    Raises
    ------
    DataError
        With every reason why it cannot.
    """
    points, values = (np.asarray(each, float).ravel() for each in (profile.points, profile.values))
    problems = list(_problems(points, values))
    if problems:
        raise DataError(problems, place=place)
    return points, values


def support(
    site: Likelihood, drop: float, interpolation: Interpolation = "linear", within: float = 15.0
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


def _problems(points: Array, values: Array):
    if points.size != values.size:
        told = f"{points.size} points and {values.size} values"
        yield Problem(told, "give a value for every point")
    elif points.size < FEWEST:
        yield Problem(f"only {points.size} points", f"give at least {FEWEST}, better a hundred")
    for name, numbers in (("point", points), ("value", values)):
        for k in np.flatnonzero(~np.isfinite(numbers))[:5]:
            repair = "leave the point out, or compute it again"
            yield Problem("not finite", repair, column=name, value=f"{numbers[k]} at {k}")
    if np.isfinite(points).all() and (np.diff(points) <= 0).any():
        k = int(np.flatnonzero(np.diff(points) <= 0)[0])
        found = f"{points[k]:g}, {points[k + 1]:g}"
        yield Problem("points do not rise", "sort them, each once", column="point", value=found)


def _gradients(profile: LikelihoodProfile, points: Array, values: Array) -> Array:
    """Slopes at the points."""
    known = getattr(profile, "gradients", None)
    return np.gradient(values, points, edge_order=2) if known is None else np.asarray(known, float)
