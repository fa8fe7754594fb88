"""Second differences: second derivatives of outputs along directions, as differences of first ones.

Central differences of two widths, extrapolated: exact but for the fourth power of the step. All shifted copies of the
patients are solved in one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import Tolerances
from understudy.engine.schedule import Schedule
from understudy.engine.sensitivity.directions import Direction, Directions, with_parameters
from understudy.engine.solve import solve

# Fraction of a parameter; errors are some 1e-9 of the first derivative from the step, and the solver's over it.
_STEP = 5e-3
# Shifts in steps, and what the first derivatives there count.
_SHIFTS, _WEIGHTS = (1.0, -1.0, 2.0, -2.0), np.array([8.0, -8.0, -1.0, 1.0]) / 12.0


def second_differences(
    schedule: Schedule,
    rows: ParameterRows,
    outputs: Iterable[str],
    directions: Directions,
    engine: str = "auto",
    tolerances: Tolerances | None = None,
    jobs: int = 1,
) -> Mapping[str, np.ndarray]:
    """Second derivatives of a mechanism's outputs, whatever it is.

    Arguments and result are those of `understudy.engine.sensitivity.second_sensitivity.second_sensitivities`.

    Returns
    -------
    mapping of name to float array, shape (observations, directions, directions)
        Not-a-number for patients whose solution fails anywhere nearby.
    """
    names = tuple(outputs)
    rows, found = with_parameters(rows, directions)
    speeds = np.stack([_speed(rows, direction) for direction in found])
    steps = _steps(schedule, rows, speeds)
    shifts = np.array(_SHIFTS)[None, :, None, None] * (steps[..., None] * speeds)[:, None]
    copies = len(found) * len(_SHIFTS)
    size, count = len(rows.table), schedule.time.size
    offsets = np.repeat(np.arange(copies) * size, count)
    wide = replace(
        rows,
        table=(rows.table + shifts).reshape(copies * size, -1),
        point_row=np.tile(rows.point_row, copies) + offsets,
        interval_row=np.tile(rows.interval_row, copies) + offsets,
    )
    answer = solve(
        schedule.repeat(copies), wide, names, engine, tolerances, jobs, _copied(directions, found, copies)
    )
    by_copy = (len(found), len(_SHIFTS), -1, len(found))
    seen = int(schedule.observed.sum())
    step = steps[:, rows.point_row[answer.row[:seen]]]
    return {
        name: _symmetric(np.einsum("s,jsom,jo->ojm", _WEIGHTS, values.reshape(by_copy), 1.0 / step))
        for name, values in answer.sensitivities.items()
    }


def _symmetric(values: np.ndarray) -> np.ndarray:
    return 0.5 * (values + values.transpose(0, 2, 1))


def _speed(rows: ParameterRows, direction: Direction) -> np.ndarray:
    """How fast each column of the table moves, shape (rows, parameters)."""
    place = {name: k for k, name in enumerate(rows.model.parameter_names)}
    speed = np.zeros_like(rows.table)
    for name, seed in zip(direction.parameters, direction.seeds, strict=True):
        speed[:, place[name]] = rows.table[:, place[seed]] if seed else 1.0
    return speed


def _steps(schedule: Schedule, rows: ParameterRows, speeds: np.ndarray) -> np.ndarray:
    """Steps that move none of a patient's parameters by more than a small fraction, shape (directions, rows)."""
    size, patient = np.abs(rows.table), schedule.patient
    with np.errstate(divide="ignore", invalid="ignore"):
        allowed = np.where((speeds != 0.0) & (size > 0.0), size / np.abs(speeds), np.inf).min(axis=2)
    found = np.full(allowed.shape, _STEP)
    for k, row in enumerate(allowed):
        least = np.full(len(schedule.patients), np.inf)
        for used in (rows.point_row, rows.interval_row):
            np.minimum.at(least, patient, row[used])
        step = np.where(np.isfinite(least), _STEP * least, _STEP)
        found[k, rows.point_row] = found[k, rows.interval_row] = step[patient]
    return found


def _copied(directions: Directions, found: tuple[Direction, ...], copies: int) -> Directions:
    seeds = [None if s is None else np.tile(np.atleast_2d(s), (copies, 1)) for s in directions.seeds]
    return Directions(directions.names, tuple(direction.parameters for direction in found), tuple(seeds))
