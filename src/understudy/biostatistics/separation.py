"""Separation: whether a logistic likelihood has a maximum at all, decided exactly by a linear programme.

Albert & Anderson 1984 (doi:10.1093/biomet/71.1.1): there is no maximum if and only if some direction δ has xᵢ'δ ≥ 0 for
all patients with the outcome, ≤ 0 for all without, and not zero for all. Konis 2007 (PhD thesis, Oxford) finds one by
linear programming.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ZERO = 1e-7  # of the programme's solution, whose variables are between -1 and 1


@dataclass(frozen=True)
class Separation:
    """Whether and how outcomes are separated.

    Attributes
    ----------
    kind : {"none", "quasi-complete", "complete"}
    columns : tuple of str
        Coefficients that run to infinity; where separation is complete, few that separate by themselves.
    direction : array, shape (p,)
        The way they run, zero without separation.
    """

    kind: str
    columns: tuple[str, ...]
    direction: NDArray[np.float64]

    def __bool__(self) -> bool:
        return self.kind != "none"


def separation(outcome: NDArray[np.float64], matrix: NDArray[np.float64], names: Sequence[str]) -> Separation:
    """Find out whether a hyperplane separates outcomes 0 and 1.

    Parameters
    ----------
    outcome : array of 0 and 1, shape (n,)
    matrix : array, shape (n, p)
        With full rank.
    names : sequence of str
        Of its columns.

    Returns
    -------
    Separation

    Examples
    --------
    >>> x = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1]])
    >>> separation(np.array([0.0, 1, 1, 1]), x, ["(intercept)", "drug"]).columns
    ('drug',)
    """
    from scipy.optimize import linprog

    scale = np.abs(matrix).max(axis=0)
    signed = np.where(outcome > 0, 1.0, -1.0)[:, None] * matrix / scale
    found = linprog(
        -signed.sum(axis=0),
        A_ub=-signed,
        b_ub=np.zeros(len(signed)),
        bounds=[(-1, 1)] * matrix.shape[1],
        method="highs",
    )
    if -found.fun < _ZERO * len(signed):
        return Separation("none", (), np.zeros(matrix.shape[1]))
    strict = _strictly(signed)
    direction = _fewest(signed, names) if strict else found.x
    moving = tuple(name for name, move in zip(names, direction, strict=True) if abs(move) > _ZERO)
    return Separation("complete" if strict else "quasi-complete", moving, direction / scale)


def _fewest(signed: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Of all directions with every outcome on its side, one of few covariates: the smallest in absolute sum.

    Complete separation leaves an open cone of directions, in which every coefficient may move a little.
    """
    from scipy.optimize import linprog

    cost = np.where([name == "(intercept)" for name in names], 1e-6, 1.0)
    rows = -np.hstack([signed, -signed])
    found = linprog(np.tile(cost, 2), A_ub=rows, b_ub=-np.ones(len(signed)), method="highs")
    direction = found.x[: len(names)] - found.x[len(names) :]
    return direction / np.abs(direction).max()


def _strictly(signed: NDArray[np.float64]) -> bool:
    """Whether some direction has all outcomes strictly on their sides: the widest margin is positive."""
    from scipy.optimize import linprog

    rows, columns = signed.shape
    widest = linprog(
        np.append(np.zeros(columns), -1.0),
        A_ub=np.column_stack([-signed, np.ones(rows)]),
        b_ub=np.zeros(rows),
        bounds=[(-1, 1)] * (columns + 1),
        method="highs",
    )
    return bool(-widest.fun > _ZERO)
