"""Residual scales: fixed effects that only multiply a residual variance, whose maximum-likelihood estimate is a mean.

The standard deviation or the variance of an additive, a proportional or a log-additive error, and any other parameter
to a power of which a variance is proportional.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.inference.likelihood import Likelihood

_FACTOR, _CLOSE = 1.37, 1e-9


@dataclass(frozen=True, eq=False)
class ResidualScale:
    """One such fixed effect.

    Parameters
    ----------
    place : int
        Among the model's fixed effects.
    power : float
        The variance goes with the fixed effect to this power.
    here : bool array, shape (observations,)
        Measurements that it concerns.
    """

    place: int
    power: float
    here: np.ndarray

    def updated(self, value: float, ratio: float) -> float:
        """The fixed effect at which squared residuals over variances have a mean of one, from their mean now."""
        return float(value * ratio ** (1.0 / self.power))


def residual_scales(
    likelihood: Likelihood, plain: np.ndarray, vectors: np.ndarray, skip: tuple[int, ...]
) -> tuple[ResidualScale, ...]:
    """The residual scales of a population; none where an outcome is not normal or beyond a limit of quantification.

    Parameters
    ----------
    likelihood : Likelihood
    plain : float array, shape (copies, observations)
        Predictions at `vectors`.
    vectors : float array, shape (copies, N, n)
    skip : tuple of int
        Places of fixed effects that are estimated otherwise.
    """
    predictor = likelihood.predictor
    if predictor.correlated is not None or not _normal(likelihood, plain, vectors):
        return ()
    free, found = np.ones(predictor.output.size, dtype=bool), []
    elsewhere = {n for item in predictor.model.individual for n in item.expression.names}
    elsewhere |= {*predictor.model.structural.parameter_names}
    for place, parameter in enumerate(predictor.model.fixed):
        if parameter.fixed or place in skip or parameter.name in elsewhere or not parameter.value > 0:
            continue
        scale = _scale(likelihood, plain, vectors, place)
        if scale is not None and free[scale.here].all():
            found.append(scale)
            free &= ~scale.here
    return tuple(found)


def _normal(likelihood: Likelihood, plain: np.ndarray, vectors: np.ndarray) -> bool:
    """Whether the data's term is that of normal measurements."""
    predictor = likelihood.predictor
    prediction, variance = predictor.moments(plain, vectors, likelihood.fixed)
    with np.errstate(all="ignore"):
        terms = (predictor.measured - prediction) ** 2 / variance + np.log(variance)
    own, found = likelihood.sum_by_patient(terms), likelihood.data_term(prediction, variance)
    good = np.isfinite(own) & np.isfinite(found)
    return bool(
        good.any() and np.allclose(own[good], found[good], rtol=1e-9) and not likelihood.censored.any()
    )


def _scale(
    likelihood: Likelihood, plain: np.ndarray, vectors: np.ndarray, place: int
) -> ResidualScale | None:
    predictor = likelihood.predictor
    moved = likelihood.fixed.copy()
    moved[place] *= _FACTOR
    (level, before), (moved_level, after) = (
        predictor.moments(plain, vectors, fixed) for fixed in (likelihood.fixed, moved)
    )
    if not np.array_equal(level, moved_level, equal_nan=True):
        return None
    with np.errstate(all="ignore"):
        powers = np.log(after / before) / np.log(_FACTOR)
    here = np.nan_to_num(np.abs(powers)).max(axis=0) > _CLOSE
    known = powers[:, here][np.isfinite(powers[:, here])]
    if not known.size or np.ptp(known) > _CLOSE:
        return None
    # A scale that concerns some measurements of an output only, by a covariate, is as good as one of a whole output.
    return ResidualScale(place, float(round(known[0], 9)), here)
