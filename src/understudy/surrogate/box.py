"""Box: the ranges of parameters within which a surrogate answers, and outside of which it refuses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np

from understudy.core.errors import SimulationError

Scale = Literal["log", "linear"]

_SHOWN = 10
# A value at an end of its range may come out beside it by rounding, on the unit cube's scale.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Range:
    """One parameter's range.

    Parameters
    ----------
    name : str
    lower, upper : float
        In `unit`, both ends included.
    scale : {"log", "linear"}
        On which runs are spread evenly.
    unit : str
    typical : float or None
        The model's own value, for where none is given; None if it is outside the range or the model has none.

    Raises
    ------
    SimulationError
        For an empty or infinite range, or a logarithmic one that is not above zero.
    """

    name: str
    lower: float
    upper: float
    scale: Scale = "linear"
    unit: str = "1"
    typical: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lower) and math.isfinite(self.upper) and self.lower < self.upper):
            self._refuse("is empty or has no end", "give two numbers, the lower one first")
        if self.scale not in ("log", "linear"):
            self._refuse(f"has an unknown scale {self.scale!r}", "use 'log' or 'linear'")
        if self.scale == "log" and self.lower <= 0:
            self._refuse("has no logarithms", "give numbers above zero, or 'linear'")

    def __str__(self) -> str:
        unit = "" if self.unit in ("", "1") else f" {self.unit}"
        return f"{self.lower:g} to {self.upper:g}{unit}"

    def _refuse(self, what: str, repair: str) -> None:
        place = f"the range of {self.name}"
        raise SimulationError(f"{self.lower:g} to {self.upper:g} {what}", place=place, repair=repair)

    def to_unit(self, values: np.ndarray) -> np.ndarray:
        """Values as numbers from 0 to 1."""
        lower, upper, on_scale = self.lower, self.upper, np.asarray(values, dtype=float)
        if self.scale == "log":
            lower, upper = math.log(lower), math.log(upper)
            # What is not above zero is outside, and has no logarithm.
            on_scale = np.log(np.where(on_scale > 0, on_scale, np.nan))
        return (on_scale - lower) / (upper - lower)

    def from_unit(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers from 0 to 1 as values."""
        if self.scale == "log":
            return self.lower * (self.upper / self.lower) ** numbers
        return self.lower + (self.upper - self.lower) * numbers


@dataclass(frozen=True)
class Box:
    """Ranges of several parameters. Made by `Box.of`.

    Examples
    --------
    >>> box = Box.of({"CL": (1, 10), "shift": (-1, 1)}, {"CL": "L/h", "shift": "1"}, {"CL": 3.0})
    >>> [entry.scale for entry in box.ranges]
    ['log', 'linear']
    >>> box.values(np.array([[0.5, 0.5]])).round(3)
    array([[3.162, 0.   ]])
    """

    ranges: tuple[Range, ...]

    @classmethod
    def of(
        cls,
        given: Mapping[str, Sequence],
        units: Mapping[str, str],
        typical: Mapping[str, float] | None = None,
    ) -> Box:
        """A box as it is written: ``{"CL": (1, 10), "lag": (0, 2, "linear")}``.

        Where no scale is said, it is logarithmic for ranges above zero.

        Parameters
        ----------
        given : mapping of name to (lower, upper) or (lower, upper, scale)
        units : mapping of name to unit
            All names that may be varied.
        typical : mapping of name to float
            The model's own values.

        Raises
        ------
        SimulationError
            For no range, an unknown name (with the nearest one) or a range that is none.
        """
        if not given:
            raise SimulationError(
                "nothing is varied", place="the box", repair="give ranges, such as {'CL': (1, 10)}"
            )
        for name in given:
            if name not in units:
                near = get_close_matches(name, units, 1, 0.5)
                repair = f"did you mean {near[0]}?" if near else f"known: {', '.join(units)}"
                raise SimulationError(f"there is no {name!r} to vary", place="the box", repair=repair)
        own = typical or {}
        return cls(tuple(_range(name, text, units[name], own.get(name)) for name, text in given.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(entry.name for entry in self.ranges)

    def values(self, points: np.ndarray) -> np.ndarray:
        """Parameter values of points of the unit cube; both of shape (n, parameters)."""
        return np.stack([entry.from_unit(points[:, k]) for k, entry in enumerate(self.ranges)], axis=1)

    def points(self, values: np.ndarray, patients: Iterable[object]) -> np.ndarray:
        """Points of the unit cube of parameter values; both of shape (n, parameters).

        Parameters
        ----------
        values : float array, shape (n, parameters)
        patients : iterable of length n
            For the error.

        Raises
        ------
        SimulationError
            For values outside the box: parameter, value and allowed range of each.
        """
        points = np.stack([entry.to_unit(values[:, k]) for k, entry in enumerate(self.ranges)], axis=1)
        inside = (points >= -_ROUNDING) & (points <= 1 + _ROUNDING)
        if not inside.all():
            self._refuse(values, ~inside, list(patients))
        return np.clip(points, 0.0, 1.0)

    def _refuse(self, values: np.ndarray, outside: np.ndarray, patients: list) -> None:
        found = np.argwhere(outside)
        told = [
            f"patient {patients[row]}: {self.ranges[k].name} = {values[row, k]:g}, allowed {self.ranges[k]}"
            for row, k in found[:_SHOWN]
        ]
        more = [f"… and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        count = len(found)
        raise SimulationError(
            f"{count} value{'s are' if count > 1 else ' is'} outside the box that the surrogate was made for",
            place="\n    ".join(["", *told, *more]),
            repair="stay within the box, emulate a larger one, or simulate the model itself",
        )


def _range(name: str, given: Sequence, unit: str, typical: float | None) -> Range:
    parts = tuple(given) if isinstance(given, (tuple, list)) else ()
    numbers = all(isinstance(part, (int, float, np.number)) for part in parts[:2])
    if len(parts) not in (2, 3) or not numbers:
        raise SimulationError(
            f"{given!r} is no range",
            place=f"the range of {name}",
            repair="give (lower, upper) or (lower, upper, 'log' or 'linear')",
        )
    lower, upper = float(parts[0]), float(parts[1])
    scale = parts[2] if len(parts) == 3 else ("log" if lower > 0 else "linear")
    inside = typical is not None and lower <= typical <= upper
    return Range(name, lower, upper, scale, unit, float(typical) if inside else None)
