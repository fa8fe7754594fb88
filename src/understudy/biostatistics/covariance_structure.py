"""Covariance structures of repeated measurements: from few parameters to a matrix, with derivatives.

Each structure has two sets of parameters. The *free* ones range over all real numbers and always make a positive
definite matrix; the search for the maximum moves them. The *natural* ones are those of the literature (variances,
covariances, correlations); standard errors and degrees of freedom are in them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import UnderstudyError

Array = NDArray[np.float64]
_STEP = 1e-20  # of complex differentiation, which loses no digits


@dataclass(frozen=True)
class CovarianceStructure:
    """A structure for `visits` measurements.

    Attributes
    ----------
    name : str
    visits : int
    labels : tuple of str
        Of the natural parameters.
    natural : function
        From free to natural parameters.
    free : function
        From any positive definite matrix to free parameters near it.
    matrix : function
        From natural parameters to the matrix.
    linear : bool
        Whether the matrix is linear in the natural parameters, so that second derivatives are zero.
    """

    name: str
    visits: int
    labels: tuple[str, ...]
    natural: Callable[[Array], Array]
    free: Callable[[Array], Array]
    matrix: Callable[[Array], Array]
    linear: bool

    @property
    def count(self) -> int:
        """Number of parameters."""
        return len(self.labels)

    def jacobian(self, free: Array) -> Array:
        """Derivatives of natural (rows) by free parameters (columns)."""
        return _complex_derivative(self.natural, free)

    def first(self, natural: Array) -> Array:
        """Derivatives of the matrix by natural parameters, shape (count, visits, visits)."""
        return np.moveaxis(_complex_derivative(self.matrix, natural), -1, 0)

    def second(self, natural: Array) -> Array:
        """Second derivatives of the matrix, shape (count, count, visits, visits)."""
        shape = (self.count, self.count, self.visits, self.visits)
        if self.linear:
            return np.zeros(shape)
        # Central differences of exact first derivatives; polynomials of low degree, so ten digits are kept.
        result = np.empty(shape)
        for at, size in enumerate(np.maximum(np.abs(natural), 1e-2) * 1e-5):
            step = np.zeros(self.count)
            step[at] = size
            result[at] = (self.first(natural + step) - self.first(natural - step)) / (2 * size)
        return (result + result.swapaxes(0, 1)) / 2


def _complex_derivative(function: Callable[[Array], Array], at: Array) -> Array:
    """Derivatives with the parameter last; exact to rounding (Squire & Trapp 1998, doi:10.1137/S003614459631241X)."""
    steps = 1j * _STEP * np.eye(len(at))
    return np.stack([function(at + step).imag / _STEP for step in steps], axis=-1)


def covariance_structure(name: str, visits: int) -> CovarianceStructure:
    """A structure by its name.

    Parameters
    ----------
    name : {"unstructured", "compound symmetry", "heterogeneous compound symmetry", "AR(1)", "heterogeneous AR(1)", \
"Toeplitz", "heterogeneous Toeplitz", "diagonal", "independent"}
    visits : int

    Returns
    -------
    CovarianceStructure

    Raises
    ------
    UnderstudyError
        For unknown names, or fewer than two visits.

    References
    ----------
    Wolfinger 1996, Heterogeneous variance-covariance structures for repeated measures, doi:10.2307/1400366.

    Examples
    --------
    >>> structure = covariance_structure("AR(1)", 3)
    >>> structure.labels
    ('variance', 'correlation')
    >>> structure.matrix(np.array([4.0, 0.5]))[0]
    array([4., 2., 1.])
    """
    if name not in STRUCTURES:
        raise UnderstudyError(
            f"unknown covariance structure {name!r}", repair=f"take one of {list(STRUCTURES)}"
        )
    if visits < 2:
        raise UnderstudyError("repeated measurements need two visits or more", repair="use linear_model")
    return STRUCTURES[name](name, visits)


def _unstructured(name: str, visits: int) -> CovarianceStructure:
    lower = np.tril_indices(visits)
    labels = tuple(f"covariance[{row + 1},{column + 1}]" for row, column in zip(*lower, strict=True))

    def symmetric(values: Array) -> Array:
        square = np.zeros((visits, visits), dtype=values.dtype)
        square[lower] = values
        return square + np.tril(square, -1).T

    def natural(free: Array) -> Array:
        factor = np.zeros((visits, visits), dtype=free.dtype)
        factor[lower] = free
        diagonal = np.diag_indices(visits)
        factor[diagonal] = np.exp(factor[diagonal])
        return (factor @ factor.T)[lower]

    def free(matrix: Array) -> Array:
        factor = np.linalg.cholesky(matrix)
        diagonal = np.diag_indices(visits)
        factor[diagonal] = np.log(factor[diagonal])
        return factor[lower]

    return CovarianceStructure(name, visits, labels, natural, free, symmetric, True)


def _patterned(
    name: str,
    visits: int,
    parts: tuple[str, ...],
    correlate: Callable[[Array], Array],
    start: Callable[[Array], Array],
    pattern: Callable[[Array], Array],
) -> CovarianceStructure:
    """A structure of variances and a pattern of correlations.

    `correlate` goes from free numbers to correlations, `start` from a correlation matrix to free numbers, `pattern`
    from correlations to the matrix of correlations.
    """
    mixed = name.startswith("heterogeneous") or name == "diagonal"
    sizes = visits if mixed else 1
    single = ("variance",) if not mixed else tuple(f"variance[{visit + 1}]" for visit in range(visits))
    linear = name in ("compound symmetry", "Toeplitz", "diagonal", "independent")
    # Covariances rather than correlations keep a homogeneous pattern linear, as PROC MIXED has it.
    covariances = linear and bool(parts)
    labels = single + tuple(
        part.replace("correlation", "covariance") if covariances else part for part in parts
    )

    def natural(free: Array) -> Array:
        variance, correlation = np.exp(free[:sizes]), correlate(free[sizes:])
        return np.concatenate([variance, correlation * variance[0] if covariances else correlation])

    def free(matrix: Array) -> Array:
        scale = np.sqrt(np.diag(matrix))
        variance = np.log(scale**2 if mixed else [np.mean(scale**2)])
        return np.concatenate([variance, start(matrix / np.outer(scale, scale))])

    def matrix(values: Array) -> Array:
        variance, rest = values[:sizes], values[sizes:]
        if covariances:
            return variance[0] * np.eye(visits) + pattern(rest) - np.eye(visits)
        scale = np.sqrt(variance) * np.ones(visits)
        return scale[:, None] * scale[None, :] * pattern(rest)

    return CovarianceStructure(name, visits, labels, natural, free, matrix, linear)


def _compound(name: str, visits: int) -> CovarianceStructure:
    low, off = -1 / (visits - 1), 1 - np.eye(visits)

    def correlate(free: Array) -> Array:
        return low + (1 - low) / (1 + np.exp(-free))

    def start(correlation: Array) -> Array:
        mean = np.clip(correlation[off > 0].mean(), low + 0.02, 0.98)
        share = (mean - low) / (1 - low)
        return np.array([np.log(share / (1 - share))])

    return _patterned(
        name, visits, ("correlation",), correlate, start, lambda value: np.eye(visits) + value[0] * off
    )


def _autoregressive(name: str, visits: int) -> CovarianceStructure:
    lag = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))

    def start(correlation: Array) -> Array:
        return np.arctanh(np.clip([np.diag(correlation, 1).mean()], -0.95, 0.95))

    def pattern(value: Array) -> Array:
        powers = np.stack([value[0] ** power if power else value[0] * 0 + 1 for power in range(visits)])
        return powers[lag]

    return _patterned(name, visits, ("correlation",), np.tanh, start, pattern)


def _toeplitz(name: str, visits: int) -> CovarianceStructure:
    lag = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
    labels = tuple(f"correlation[{step}]" for step in range(1, visits))

    def start(correlation: Array) -> Array:
        means = np.array([np.diag(correlation, step).mean() for step in range(1, visits)])
        return np.arctanh(np.clip(_partial(means), -0.95, 0.95))

    def pattern(values: Array) -> Array:
        return np.concatenate([np.ones(1), values])[lag]

    return _patterned(name, visits, labels, lambda free: _from_partial(np.tanh(free)), start, pattern)


def _from_partial(partial: Array) -> Array:
    """Autocorrelations of partial autocorrelations, by the Durbin-Levinson recursion.

    Any partial autocorrelations between -1 and 1 make a positive definite Toeplitz matrix (Barndorff-Nielsen & Schou
    1973, doi:10.1016/0047-259X(73)90030-4).
    """
    correlations: list = []
    weights = np.zeros(0, dtype=partial.dtype)
    spread = partial.dtype.type(1)
    for last in partial:
        known = np.array(correlations[::-1], dtype=partial.dtype)
        correlations.append(last * spread + weights @ known)
        weights = np.concatenate([weights - last * weights[::-1], [last]])
        spread = spread * (1 - last**2)
    return np.array(correlations, dtype=partial.dtype)


def _partial(correlations: Array) -> Array:
    """The inverse of `_from_partial`."""
    found: list[float] = []
    weights, spread = np.zeros(0), 1.0
    for at, value in enumerate(correlations):
        last = float(np.clip((value - weights @ correlations[:at][::-1]) / spread, -0.95, 0.95))
        weights = np.concatenate([weights - last * weights[::-1], [last]])
        spread *= 1 - last**2
        found.append(last)
    return np.array(found)


def _uncorrelated(name: str, visits: int) -> CovarianceStructure:
    def nothing(_: Array) -> Array:
        return np.zeros(0)

    return _patterned(name, visits, (), nothing, nothing, lambda _: np.eye(visits))


STRUCTURES: dict[str, Callable[[str, int], CovarianceStructure]] = {
    "unstructured": _unstructured,
    "compound symmetry": _compound,
    "heterogeneous compound symmetry": _compound,
    "AR(1)": _autoregressive,
    "heterogeneous AR(1)": _autoregressive,
    "Toeplitz": _toeplitz,
    "heterogeneous Toeplitz": _toeplitz,
    "diagonal": _uncorrelated,
    "independent": _uncorrelated,
}
