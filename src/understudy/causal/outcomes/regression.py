"""Regression with covariates, seen as a likelihood of one of its coefficients, the others at their best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.survival.cox_search import Maximum, maximise

Array = NDArray[np.float64]
Likelihood = Callable[..., tuple[float, Array, Array]]

_RUNAWAY = 20.0  # a log ratio per unit beyond it has no finite estimate: exp(20) is 5e8
_REDUNDANT = (
    1e-9  # share of a column's information that is left beside the others, below which it says nothing
)


@dataclass(frozen=True, eq=False)
class Regression:
    """The likelihood of coefficient `place`, maximised over the others.

    Parameters
    ----------
    likelihood : callable
        From (beta, x, offset) to value, score and information; beta of the standardised columns `x`.
    x : float array, shape (n, p)
    offset : float array, shape (n,)
    scale : float array, shape (p,)
        Of the columns before they were standardised.
    place : int
    found : Maximum
        Of all coefficients.
    """

    likelihood: Likelihood
    x: Array
    offset: Array
    scale: Array
    place: int
    found: Maximum

    @property
    def direction(self) -> float:
        """0 where the coefficient has an estimate, infinite where it ran away."""
        effect = self.found.beta[self.place] / self.scale[self.place]
        return float(np.sign(effect) * np.inf) if abs(effect) > _RUNAWAY else 0.0

    @property
    def runaways(self) -> NDArray[np.int64]:
        """Other coefficients without a finite estimate."""
        far = np.abs(self.found.beta / self.scale) > _RUNAWAY
        return np.flatnonzero(far & self._others)

    @property
    def _others(self) -> NDArray[np.bool_]:
        return np.arange(self.scale.size) != self.place

    def at(self, effect: float) -> tuple[float, float, float]:
        """Log-likelihood, slope and information at a value of the coefficient, the others at their best for it."""
        held, others = effect * self.scale[self.place], self._others
        beta = np.empty(self.scale.size)
        beta[self.place], beta[others] = held, self._best(held)
        value, score, information = self.likelihood(beta, self.x, self.offset)
        own, cross = information[self.place, self.place], information[self.place, others]
        left = own - cross @ np.linalg.lstsq(information[np.ix_(others, others)], cross, rcond=None)[0]
        unit = self.scale[self.place]
        return value, score[self.place] * unit, max(left, 0.0) * unit**2

    def _best(self, held: float) -> Array:
        """The other coefficients; the search begins where the tangent at the maximum leads."""
        others = self._others
        if not others.any():
            return np.zeros(0)
        x = np.ascontiguousarray(self.x[:, others])
        offset = self.offset + self.x[:, self.place] * held
        information = self.found.information
        away = held - self.found.beta[self.place]
        along = np.linalg.lstsq(
            information[np.ix_(others, others)], information[others, self.place], rcond=None
        )[0]
        start = self.found.beta[others] - np.clip(along * away, -4.0, 4.0)

        def inner(beta: Array) -> tuple[float, Array, Array]:
            return self.likelihood(beta, x, offset)

        return maximise(inner, start).beta


def regression(likelihood: Likelihood, x: Array, offset: Array, scale: Array, place: int = 0) -> Regression:
    """Fit all coefficients at once.

    Parameters
    ----------
    likelihood, x, offset, scale, place
        As for `Regression`.
    """
    found = maximise(lambda beta: likelihood(beta, x, offset), np.zeros(x.shape[1]))
    return Regression(likelihood, x, offset, scale, place, found)


def telling_columns(information: Array, last: int = 0) -> NDArray[np.bool_]:
    """Columns that say something which those before do not say; column `last` is asked last of all.

    Parameters
    ----------
    information : float array, shape (p, p)
        Of the likelihood without any effect.
    last : int

    Returns
    -------
    bool array, shape (p,)

    Examples
    --------
    >>> telling_columns(np.array([[2.0, 1.0, 1.0], [1.0, 4.0, 4.0], [1.0, 4.0, 4.0]]))
    array([ True,  True, False])
    """
    kept: list[int] = []
    for column in [k for k in range(len(information)) if k != last] + [last]:
        own, cross = information[column, column], information[np.ix_(kept, [column])][:, 0]
        explained = cross @ np.linalg.solve(information[np.ix_(kept, kept)], cross) if kept else 0.0
        if own > 1e-12 and own - explained > _REDUNDANT * own:
            kept.append(column)
    return np.isin(np.arange(len(information)), kept)
