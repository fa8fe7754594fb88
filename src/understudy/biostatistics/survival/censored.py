"""Censored times: how long each patient was watched, and whether it ended with the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import DataError, Problem

_SHOWN = 20  # bad elements named of one array; the rest are counted


@dataclass(frozen=True, eq=False)
class Censored:
    """Times until an event or until watching ended, checked.

    Parameters
    ----------
    time : float array, shape (n,)
    event : int array, shape (n,)
        0 where the event was not seen; 1, or the number of the cause, where it was.
    entry : float array, shape (n,)
        When watching began (delayed entry): at risk in (entry, time]. Minus infinity for who was watched from the
        beginning.
    weight : float array, shape (n,)
    """

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray
    weight: np.ndarray

    @property
    def delayed(self) -> bool:
        """Whether anyone entered late."""
        return bool(np.isfinite(self.entry).any())

    def of(self, rows: np.ndarray) -> Censored:
        """Some of the patients."""
        return Censored(self.time[rows], self.event[rows], self.entry[rows], self.weight[rows])


def censored(
    time: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    causes: bool = False,
) -> Censored:
    """Check times, and put them into arrays.

    Parameters
    ----------
    time : array, shape (n,)
        Not negative; with `entry`, above it.
    event : array of bool or int, shape (n,)
        1 (true) where the event was seen, 0 where it was not; with `causes`, 0 or the number of the cause.
    entry : array, shape (n,), optional
        Times of entry; a negative time is allowed then, on a clock of one's own.
    weights : array, shape (n,), optional
        Positive; 1 each by default.
    causes : bool
        Whether events have more than one cause.

    Raises
    ------
    DataError
        For lengths that differ, values that are missing or infinite, negative times, times at or before entry,
        events that are neither 0 nor 1; all of them listed.

    Examples
    --------
    >>> censored([3.0, 5.0, 2.0], [1, 0, 1]).event
    array([1, 0, 1])
    >>> censored([3.0, -5.0], [1, 2])
    Traceback (most recent call last):
    understudy.core.errors.DataError: 2 problems in survival times
      column time: element 1 is negative (value '-5.0') → times count from the beginning of watching
      column event: element 1 is neither 0 nor 1 (value '2.0') → write 1 for an event, 0 for none
    """
    problems: list[Problem] = []
    times = numbers(time, "time", problems)
    events = numbers(event, "event", problems)
    size = times.size
    entries = np.full(size, -np.inf) if entry is None else numbers(entry, "entry", problems)
    weight = np.ones(size) if weights is None else numbers(weights, "weights", problems)
    for name, found in (("event", events), ("entry", entries), ("weights", weight)):
        same_length(found, size, name, "time", problems)
    stop_for(problems)
    if entry is None:
        mark(times < 0, times, "time", "is negative", "times count from the beginning of watching", problems)
    else:
        late = times <= entries
        mark(late, times, "time", "is not after its entry", "a patient is at risk after entry only", problems)
    if causes:
        wrong = (events < 0) | (events != np.floor(events))
        mark(wrong, events, "event", "is no cause", "write 0 for none, or the number of the cause", problems)
    else:
        wrong = (events != 0) & (events != 1)
        mark(wrong, events, "event", "is neither 0 nor 1", "write 1 for an event, 0 for none", problems)
    mark(weight <= 0, weight, "weights", "is not positive", "leave patients of weight 0 out", problems)
    stop_for(problems)
    return Censored(times, events.astype(np.int64), entries, weight)


def numbers(values: ArrayLike, name: str, problems: list[Problem], ndim: int = 1) -> np.ndarray:
    """Finite numbers as a float array; what is none goes into `problems`."""
    try:
        found = np.array(values, dtype=float)  # a copy: nobody changes it later, and it can be written
    except (TypeError, ValueError):
        problems.append(Problem("holds something that is no number", "give numbers", column=name))
        return np.empty((0,) * ndim)
    if found.ndim != ndim:
        problems.append(Problem(f"has {found.ndim} dimensions", f"give an array of {ndim}", column=name))
        return np.empty((0,) * ndim)
    if found.size == 0:
        problems.append(Problem("is empty", "give at least one patient", column=name))
    bad = ~np.isfinite(found).reshape(len(found), -1).all(axis=1) if found.size else np.zeros(0, bool)
    shown = found if ndim == 1 else None
    mark(bad, shown, name, "is missing or infinite", "leave the patient out, or complete the value", problems)
    return found


def labels(values: ArrayLike, size: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Distinct labels, sorted, and the number of each patient's label.

    Raises
    ------
    DataError
        For a length that differs, or missing labels.
    """
    found = np.asarray(values)
    problems: list[Problem] = []
    same_length(found, size, name, "time", problems)
    if found.dtype.kind in "fO":
        missing = np.array([each is None or each != each for each in found.ravel()], dtype=bool)
        mark(missing, None, name, "is missing", "leave the patient out, or give a group", problems)
    stop_for(problems)
    try:
        return np.unique(found, return_inverse=True)
    except TypeError:
        problems.append(Problem("mixes text and numbers", "use one kind of label", column=name))
    return stop_for(problems)


def same_length(found: np.ndarray, size: int, name: str, other: str, problems: list[Problem]) -> None:
    """Note it if an array is not as long as another."""
    if found.shape[:1] != (size,) and not any(problem.column in (name, other) for problem in problems):
        problems.append(
            Problem(
                f"has {len(found)} elements, {other} has {size}", "give one for each patient", column=name
            )
        )


def mark(bad: np.ndarray, values: Any, name: str, cause: str, repair: str, problems: list[Problem]) -> None:
    """Note the elements that are bad."""
    places = np.flatnonzero(bad)
    for place in places[:_SHOWN]:
        value = None if values is None else repr(float(values[place]))
        problems.append(Problem(f"element {place} {cause}", repair, column=name, value=value))
    if places.size > _SHOWN:
        problems.append(Problem(f"so are {places.size - _SHOWN} more elements", repair, column=name))


def stop_for(problems: list[Problem], place: str = "survival times") -> None:
    """Raise what was found wrong, all of it at once."""
    if problems:
        raise DataError(problems, place=place)
