"""Least size: what sensitivities are measured by at least when their errors are judged.

A state y may err by a part of itself, or of its largest value. Its derivative by a parameter p may err by as much of
itself, or by what a change of p by that part would do to a state that is proportional to it, the tolerance times y / p.
Without the second a derivative that has only just begun, or is about to change its sign, would need the shortest steps,
though it is nothing beside y / p. CVODES scales tolerances of sensitivities by 1 / p as well (Serban R, Hindmarsh AC
2005, Proc ASME IDETC 2005, doi:10.1115/DETC2005-85597).
"""

from __future__ import annotations

import numpy as np

from understudy.engine.parameters import ParameterRows
from understudy.engine.sensitivity.directions import Direction
from understudy.engine.timeline import BOLUS, Timeline

# How many times as much as a state a sensitivity may err. Its local errors are the derivatives of the state's, which
# grow with higher powers of the step than it does itself; what comes out is as exact as the state (see
# tests/conformance/test_tolerances.py).
_ALLOWANCE = 4.0
# The absolute tolerance is counted in these sizes, and by default it is a hundredth of the relative one.
_SIZES = 100.0


def least_sizes(
    rows: ParameterRows, timeline: Timeline, start: np.ndarray, directions: tuple[Direction, ...]
) -> np.ndarray:
    """What the states of an augmented model are measured by at least; nothing for the mechanism's own.

    Parameters
    ----------
    rows : ParameterRows
    timeline : Timeline
        With the mechanism's doses.
    start : float array, shape (patients, own states)
        Where the mechanism begins.
    directions : tuple of Direction

    Returns
    -------
    float array, shape (patients, own states times (1 + directions))
        From what a state begins with or the largest dose into it, divided by the parameter.
    """
    largest = _largest(timeline, start)
    found = [np.zeros_like(largest)]
    for direction in directions:
        found.append(_SIZES * largest * _speed(rows, timeline.first_row, direction)[:, None])
    return np.hstack(found)


def allowance(own: int, states: int) -> np.ndarray:
    """How many times the tolerance each state of an augmented model may err by, shape (states,)."""
    return np.where(np.arange(states) < own, 1.0, _ALLOWANCE)


def _largest(timeline: Timeline, start: np.ndarray) -> np.ndarray:
    """The largest value known beforehand of each patient's states."""
    largest, own = np.abs(start), start.shape[1]
    patient = np.repeat(np.arange(timeline.patients), np.diff(timeline.event_start))
    dosed = (timeline.event_kind == BOLUS) & (timeline.event_target < own)
    np.maximum.at(
        largest, (patient[dosed], timeline.event_target[dosed]), np.abs(timeline.event_value[dosed])
    )
    return largest


def _speed(rows: ParameterRows, row: np.ndarray, direction: Direction) -> np.ndarray:
    """How fast parameters move along a direction, as parts of themselves, shape (patients,)."""
    place = {name: k for k, name in enumerate(rows.model.parameter_names)}
    speed = np.zeros(row.size)
    for name, seed in zip(direction.parameters, direction.seeds, strict=True):
        value = np.abs(rows.table[row, place[name]])
        moved = np.abs(rows.table[row, place[seed]]) if seed else np.ones(row.size)
        speed = np.maximum(speed, np.divide(moved, value, out=np.zeros(row.size), where=value > 0))
    return speed
