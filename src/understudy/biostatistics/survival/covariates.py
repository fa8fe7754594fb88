"""Covariates: a matrix of numbers with a name for each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from understudy.biostatistics.survival.censored import numbers, same_length, stop_for
from understudy.core.errors import Problem


def covariate_matrix(
    covariates: Any, size: int, names: Sequence[str] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Covariates as a float matrix, with names.

    Parameters
    ----------
    covariates : array of shape (n,) or (n, p), mapping of names to arrays, or DataFrame
    size : int
        Number of rows that there must be.
    names : sequence of str, optional
        For an array; x1, x2, … by default.

    Raises
    ------
    DataError
        For text, missing values or lengths that differ.

    Examples
    --------
    >>> matrix, names = covariate_matrix({"age": [61, 70], "drug": [0, 1]}, 2)
    >>> names, matrix.shape
    (('age', 'drug'), (2, 2))
    """
    problems: list[Problem] = []
    columns = getattr(covariates, "columns", None)
    if columns is not None or isinstance(covariates, Mapping):
        found = [str(name) for name in (columns if columns is not None else covariates)]
        parts = [
            numbers(covariates[name], str(name), problems) for name in (found if columns is None else columns)
        ]
        for part, name in zip(parts, found, strict=True):
            same_length(part, size, name, "time", problems)
        stop_for(problems, "covariates")
        matrix = np.column_stack(parts) if parts else np.empty((size, 0))
        return matrix, tuple(found if names is None else names)
    given = np.asarray(covariates)
    matrix = numbers(given[:, None] if given.ndim == 1 else given, "covariates", problems, ndim=2)
    same_length(matrix, size, "covariates", "time", problems)
    stop_for(problems, "covariates")
    found = list(names) if names is not None else [f"x{k + 1}" for k in range(matrix.shape[1])]
    if len(found) != matrix.shape[1]:
        cause = f"{len(found)} names for {matrix.shape[1]} columns"
        problems.append(Problem(cause, "give a name for each", column="names"))
    stop_for(problems, "covariates")
    return matrix, tuple(str(name) for name in found)
