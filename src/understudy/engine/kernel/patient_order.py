"""Patient order: patients who cost about the same stand side by side, so that no lane waits long for its neighbours.

Eight patients are solved together until the slowest has arrived. What a patient costs is learned: some patients are
solved first, and the logarithm of the steps they took is fitted by least squares to the logarithms of their parameters,
doses and spans of time. It need not be right, only put alike patients together; what a patient's numbers are does not
depend on it. Schedules need no grouping of their own: each lane goes through its own timeline, and patients with
schedules of their own cost what those with a common one do.
"""

from __future__ import annotations

import numpy as np

from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.problem import Problem

# Patients solved first, at the least and for each thing to learn from, and how many times more there must be.
_LEAST, _PER_FEATURE, _WORTH = 16 * WIDTH, 4, 4
# Patients change places within so many: their results then stay near each other in memory, and threads' shares alike.
_WINDOW = 512
# Steps that must be saved for each patient: finding the order, and reaching further in memory, take as long as some 10.
_GAIN = 15
# Keeps the logarithm of nothing finite.
_TINY = 1e-12


def pilots(problem: Problem, patients: np.ndarray) -> np.ndarray:
    """Patients to solve first, spread over all; none where there are too few to learn from.

    Parameters
    ----------
    problem : Problem
    patients : int array
        Those to be solved.
    """
    features = problem.table.shape[1] + problem.start.shape[1]
    count = -(-max(_LEAST, _PER_FEATURE * features) // WIDTH) * WIDTH
    if patients.size < _WORTH * count:
        return patients[:0]
    return patients[np.arange(count) * patients.size // count]


def by_cost(problem: Problem, patients: np.ndarray, solved: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The patients not yet solved, of each 512 the costliest first; as they stand where nothing is to be gained.

    Parameters
    ----------
    problem : Problem
    patients : int array
        Those to be solved, in increasing order.
    solved : int array
        The `pilots` among them, in increasing order.
    steps : int array
        Steps that each of those took.
    """
    left = np.ones(patients.size, dtype=bool)
    left[np.searchsorted(patients, solved)] = False
    others = patients[left]
    if _saved(steps, np.argsort(steps)) < _GAIN:
        return others
    known = _features(problem, patients)
    mean, spread = known.mean(axis=0), known.std(axis=0)
    known = (known - mean) / np.where(spread > 0, spread, 1.0)
    cost = np.log(np.maximum(steps, 1))
    learned = known[np.searchsorted(patients, solved)]
    slopes = np.linalg.lstsq(learned, cost - cost.mean(), rcond=1e-6)[0]
    if _saved(steps, np.argsort(learned @ slopes)) < _GAIN:
        return others
    expected = (known @ slopes)[left]
    return others[np.lexsort((-expected, np.arange(others.size) // _WINDOW))]


def _saved(steps: np.ndarray, order: np.ndarray) -> float:
    """Steps saved for each patient by an order: those of the slowest of a block are all its patients' steps."""
    before, after = (values.reshape(-1, WIDTH).max(axis=1) for values in (steps, steps[order]))
    return float((before - after).mean()) if steps.size else 0.0


def _features(problem: Problem, patients: np.ndarray) -> np.ndarray:
    """What may tell patients' costs apart, shape (patients, features): none where all are alike."""
    line = problem.timeline
    first, last = line.observation_start[patients], line.observation_start[patients + 1]
    end = line.observation_time[np.maximum(last - 1, 0)] if line.observation_time.size else 0.0 * first
    span = np.where(last > first, end - line.start_time[patients], 0.0)
    value = np.abs(line.event_value)
    given = np.append(0.0, np.cumsum(np.where(np.isfinite(value), value, 0.0)))
    amount = given[line.event_start[patients + 1]] - given[line.event_start[patients]]
    events = np.diff(line.event_start)[patients]
    columns = [problem.table[line.first_row[patients]], problem.start[patients]]
    columns = np.column_stack([*columns, span, amount, events])
    varying = (columns != columns[:1]).any(axis=0)
    found = np.log(np.abs(columns[:, varying]) + _TINY)
    # A patient whose values are undefined or infinite fails at once; the others are still put in order.
    return np.where(np.isfinite(found), found, 0.0)
