"""approximate: a site's log-likelihood by a few numbers, or by points where it bends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis.interpolation import log_likelihood
from understudy.core.errors import DataError, Problem

Array = NDArray[np.float64]
Kind = Literal["normal", "skew normal", "custom", "grid", "adaptive grid"]
BOUNDS = (float(np.log(0.1)), float(np.log(10.0)))  # of EvidenceSynthesis
_LEAST_WEIGHT = 1e-3
_TOLERANCE = 1e-3  # of log-likelihood, of straight lines between the points of an adaptive grid


@dataclass(frozen=True)
class NormalApproximation:
    """A log-likelihood that is a parabola.

    Parameters
    ----------
    mean, sd : float
        Log effect and its standard error.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _require_scale(self.sd)

    def log_likelihood(self, effects: ArrayLike) -> Array:
        """Log-density of the normal."""
        z = (np.asarray(effects, float) - self.mean) / self.sd
        return -0.5 * z * z - np.log(self.sd) - 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True)
class SkewNormalApproximation:
    """A log-likelihood like the log-density of a skew normal (Azzalini 1985, Scand J Stat 12:171-178).

    Parameters
    ----------
    location, scale, skewness : float
        With skewness 0 it is the normal.
    """

    location: float
    scale: float
    skewness: float

    def __post_init__(self) -> None:
        _require_scale(self.scale)

    def log_likelihood(self, effects: ArrayLike) -> Array:
        """Log-density of the skew normal."""
        from scipy.special import log_ndtr

        z = (np.asarray(effects, float) - self.location) / self.scale
        normal = -0.5 * z * z - np.log(self.scale) - 0.5 * np.log(2 * np.pi)
        return np.log(2) + normal + log_ndtr(self.skewness * z)


@dataclass(frozen=True)
class CustomApproximation:
    """A parabola with an exponential tilt, made for the shape of Cox likelihoods with few outcomes.

    exp(skewness (x - location)) (-(x - location)² / (2 scale²)), of Schuemie et al. 2022,
    doi:10.1186/s12874-022-01778-x.

    Parameters
    ----------
    location, scale, skewness : float
        With skewness 0 it is the normal.

    Examples
    --------
    >>> CustomApproximation(0.0, 1.0, 0.0).log_likelihood([0, 1, 2, 3]).tolist()
    [-0.0, -0.5, -2.0, -4.5]
    """

    location: float
    scale: float
    skewness: float

    def __post_init__(self) -> None:
        _require_scale(self.scale)

    def log_likelihood(self, effects: ArrayLike) -> Array:
        """Log-likelihood, zero at its top."""
        off = np.asarray(effects, float) - self.location
        return -np.exp(np.clip(self.skewness * off, -500.0, 500.0)) * off**2 / (2 * self.scale**2)


Approximation: TypeAlias = (
    NormalApproximation | SkewNormalApproximation | CustomApproximation | LikelihoodProfile
)
_SHAPES = {"skew normal": SkewNormalApproximation, "custom": CustomApproximation}


def approximate(profile: LikelihoodProfile, kind: Kind = "custom") -> Approximation:
    """Approximate a likelihood profile, so that less of it has to be sent.

    Parameters
    ----------
    profile : LikelihoodProfile
        Points at least from log 0.1 to log 10, better with a hundred points.
    kind : {"normal", "skew normal", "custom", "grid", "adaptive grid"}
        "normal" takes the place and the curvature of the top. "skew normal" and "custom" are fitted by least squares of
        log-likelihoods, weighted by likelihood (at least 0.001), as EvidenceSynthesis does. "grid" keeps ratios from
        0.1 to 10 in steps of 0.01. "adaptive grid" keeps those of the profile's own points between which
        straight lines miss it by less than 0.001, and by less than a thousandth of its fall from the top.

    Returns
    -------
    NormalApproximation, SkewNormalApproximation, CustomApproximation or LikelihoodProfile

    Raises
    ------
    DataError
        For a damaged profile, an unknown kind, or a normal where the top is at an edge.

    Examples
    --------
    >>> x = np.linspace(-2, 2, 201)
    >>> approximate(LikelihoodProfile(x, -((x - 0.5) ** 2) / (2 * 0.3**2)), "normal")
    NormalApproximation(mean=0.5, sd=0.3)
    """
    if kind not in get_args(Kind):
        problem = Problem(
            "no kind of approximation", f"take one of {', '.join(get_args(Kind))}", value=str(kind)
        )
        raise DataError([problem], place="an approximation")
    if kind == "normal":
        return _normal(profile)
    if kind == "grid":
        points = np.log(np.arange(10, 1001) / 100)
        return LikelihoodProfile(points, log_likelihood(profile, points, "cubic"))
    if kind == "adaptive grid":
        return _adaptive(profile)
    return _fitted(profile, _SHAPES[kind])


def _normal(profile: LikelihoodProfile) -> NormalApproximation:
    """Place and curvature of the top: of the parabola through the points about it, of a fall of at most a half."""
    points, values = profile.points, profile.values
    best = int(np.argmax(values))
    if best in (0, points.size - 1):
        problem = Problem(
            "the likelihood is highest at an edge of the profile",
            "take the profile itself, or another kind of approximation",
            value=f"{points[best]:g}",
        )
        raise DataError([problem], place="a normal approximation")
    near = np.flatnonzero(values >= values[best] - 0.5)
    first, last = min(near[0], best - 1), max(near[-1], best + 1)
    x, y = points[first : last + 1], values[first : last + 1]
    a, b, _ = np.polyfit(x - points[best], y - values[best], 2)
    return NormalApproximation(
        round(float(points[best] - b / (2 * a)), 12), round(float((-2 * a) ** -0.5), 12)
    )


def _fitted(profile: LikelihoodProfile, shape) -> Approximation:
    """Least squares of log-likelihoods, both zero at their tops."""
    from scipy.optimize import least_squares

    x = np.linspace(*BOUNDS, 100)
    y = log_likelihood(profile, x, "cubic")
    y = y - y.max()
    if y.min() > -1e-6:
        return NormalApproximation(0.0, 1e6)
    roots = np.sqrt(np.maximum(np.exp(y), _LEAST_WEIGHT))
    top = float(x[int(np.argmax(y))])

    def misfit(p: Array) -> Array:
        found = shape(p[0], float(np.exp(p[1])), p[2]).log_likelihood(x)
        return roots * (found - found.max() - y)

    starts = [
        (place, np.log(scale), tilt)
        for place in (top, 0.0)
        for scale in (0.3, 1.0)
        for tilt in (0.0, 0.5, -0.5)
    ]
    fits = [least_squares(misfit, start, max_nfev=400) for start in starts]
    best = min(fits, key=lambda each: each.cost)
    return shape(float(best.x[0]), float(np.exp(best.x[1])), float(best.x[2]))


def _adaptive(profile: LikelihoodProfile) -> LikelihoodProfile:
    """The ends, and again and again the point that straight lines miss most."""
    points, values = profile.points, profile.values
    kept = {0, int(np.argmax(values)), points.size - 1}
    # What is far below the top matters less: an error there is divided by how far it lies below.
    scale = _TOLERANCE * (1 + (values.max() - values))
    while True:
        chosen = sorted(kept)
        misses = np.abs(np.interp(points, points[chosen], values[chosen]) - values) / scale
        worst = int(np.argmax(misses))
        if misses[worst] <= 1:
            return LikelihoodProfile(points[chosen], values[chosen])
        kept.add(worst)


def _require_scale(scale: float) -> None:
    if not (np.isfinite(scale) and scale > 0):
        problem = Problem("no standard deviation", "give a positive number", value=str(scale))
        raise DataError([problem], place="an approximation")
