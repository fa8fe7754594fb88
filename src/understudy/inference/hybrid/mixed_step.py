"""Mixed step: variances of a linear mixed model, by maximum likelihood, around the present predictions.

Lindstrom MJ, Bates DM. Nonlinear mixed effects models for repeated measures data. Biometrics 1990;46:673-687.
doi:10.2307/2532087
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Logarithms of standard deviations: from 1e-5 to 1e5.
_WIDEST = 11.5
_WORST = 1e10
_TWO_PI = np.log(2 * np.pi)


@dataclass(frozen=True, eq=False)
class MixedModel:
    """Responses ``z = X b + Z u + e`` of each patient, ``u ~ N(0, omega)``, ``e ~ N(0, variance)``, ``b`` with a prior.

    Parameters
    ----------
    response : float array, shape (observations,)
    common : float array, shape (observations, common)
        X.
    effects : float array, shape (observations, effects)
        Z.
    patient : int array, shape (observations,)
        In order.
    precision : float array, shape (common,)
        Of the normal prior of each element of b around zero; 0 for none.
    variance : callable
        From the residual error's parameters to shape (observations,).
    blocks : tuple of int
        Sizes of omega's blocks.
    """

    response: np.ndarray
    common: np.ndarray
    effects: np.ndarray
    patient: np.ndarray
    precision: np.ndarray
    variance: Callable[[np.ndarray], np.ndarray]
    blocks: tuple[int, ...]

    def value(self, omega: np.ndarray, residual: np.ndarray) -> float:
        """Minus twice the log-likelihood, and the prior's square, at the best b."""
        variance = self.variance(residual)
        if not (np.isfinite(variance).all() and (variance > 0).all()):
            return np.inf
        whole, left, right, middle = 0.0, np.diag(self.precision), np.zeros(self.common.shape[1]), 0.0
        left = left.astype(float)
        for first, last in self._patients():
            own = slice(first, last)
            z = self.effects[own]
            factor = np.linalg.cholesky(z @ omega @ z.T + np.diag(variance[own]))
            white = np.linalg.solve(factor, np.column_stack([self.common[own], self.response[own]]))
            x, y = white[:, :-1], white[:, -1]
            whole += 2 * np.log(np.diag(factor)).sum() + (last - first) * _TWO_PI
            left, right, middle = left + x.T @ x, right + x.T @ y, middle + y @ y
        best = np.linalg.lstsq(left, right, rcond=None)[0]
        return float(whole + middle - right @ best)

    def fitted(self, omega: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """The most likely omega and residual parameters, from a start; and the value there."""
        from scipy.optimize import minimize

        start = np.concatenate([packed(omega, self.blocks), np.log(np.abs(residual))])
        size = len(start) - len(residual)

        def value(point: np.ndarray) -> float:
            try:
                found = self.value(unpacked(point[:size], self.blocks), np.exp(point[size:]))
            except np.linalg.LinAlgError:
                # A long step of the search, to where rounding leaves no positive definite matrix: worse than any.
                return _WORST
            return found if np.isfinite(found) else _WORST

        bounds = [(-_WIDEST, _WIDEST)] * len(start)
        end = minimize(value, start, method="L-BFGS-B", bounds=bounds)
        return unpacked(end.x[:size], self.blocks), np.exp(end.x[size:]), float(end.fun)

    def _patients(self) -> list[tuple[int, int]]:
        starts = np.flatnonzero(np.r_[True, self.patient[1:] != self.patient[:-1]])
        return list(zip(starts.tolist(), [*starts[1:].tolist(), len(self.patient)], strict=True))


def packed(omega: np.ndarray, blocks: tuple[int, ...]) -> np.ndarray:
    """A covariance as free numbers: each block's Cholesky factor, its diagonal as logarithms.

    Examples
    --------
    >>> packed(np.diag([1.0, 4.0]), (1, 1)).round(3).tolist()
    [0.0, 0.693]
    >>> unpacked(packed(np.array([[2.0, 0.5], [0.5, 1.0]]), (2,)), (2,)).round(12).tolist()
    [[2.0, 0.5], [0.5, 1.0]]
    """
    numbers, first = [], 0
    for size in blocks:
        own = slice(first, first + size)
        factor = np.linalg.cholesky(omega[own, own])
        numbers += [
            np.log(factor[i, i]) if i == j else factor[i, j] for i in range(size) for j in range(i + 1)
        ]
        first += size
    return np.array(numbers)


def unpacked(numbers: np.ndarray, blocks: tuple[int, ...]) -> np.ndarray:
    """The covariance of `packed` numbers, shape (effects, effects)."""
    omega, first, rest = np.zeros((sum(blocks), sum(blocks))), 0, iter(numbers.tolist())
    for size in blocks:
        factor = np.zeros((size, size))
        for i in range(size):
            for j in range(i + 1):
                factor[i, j] = np.exp(next(rest)) if i == j else next(rest)
        omega[first : first + size, first : first + size] = factor @ factor.T
        first += size
    return omega
