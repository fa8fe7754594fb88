"""Course: the functions of time of which everybody's course is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Course:
    """A person's course is a sum of these functions, with coefficients of his own.

    Parameters
    ----------
    names : tuple of str
        Of the coefficients.
    functions, slopes : tuple of callables
        From an array of times to values, and to their derivatives; the first function is the level.

    Examples
    --------
    >>> LINE.at([0.0, 2.0]).tolist()
    [[1.0, 0.0], [1.0, 2.0]]
    """

    names: tuple[str, ...]
    functions: tuple[Callable[[np.ndarray], np.ndarray], ...]
    slopes: tuple[Callable[[np.ndarray], np.ndarray], ...]

    @property
    def size(self) -> int:
        """How many functions there are."""
        return len(self.names)

    def at(self, times: ArrayLike) -> np.ndarray:
        """Values, the functions along a last axis."""
        return np.stack([each(np.asarray(times, dtype=float)) for each in self.functions], axis=-1)

    def slope_at(self, times: ArrayLike) -> np.ndarray:
        """Derivatives, the functions along a last axis."""
        return np.stack([each(np.asarray(times, dtype=float)) for each in self.slopes], axis=-1)


LINE = Course(("level", "slope"), (np.ones_like, lambda t: t), (np.zeros_like, np.ones_like))


def fall_and_growth(rate: float) -> Course:
    """A level, an early fall ``1 - exp(-rate t)``, and growth along a line.

    Parameters
    ----------
    rate : float
        Of the fall: half of it is had after log(2) / rate.

    Examples
    --------
    >>> fall_and_growth(4.0).at([0.0]).tolist()
    [[1.0, 0.0, 0.0]]
    """
    return Course(
        ("level", "fall", "growth"),
        (np.ones_like, lambda t: -np.expm1(-rate * t), lambda t: t),
        (np.zeros_like, lambda t: rate * np.exp(-rate * t), np.ones_like),
    )
