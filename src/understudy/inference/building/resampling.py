"""Resampling: records of patients drawn with replacement, a patient who is drawn twice being two patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.data.records import Records


def resampled(records: Records, patients: Sequence[int]) -> Records:
    """The records of some patients under new identifiers, "1", "2", and so on.

    Parameters
    ----------
    records : Records
    patients : sequence of int
        Places in `records.ids`; a patient may stand several times.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"ID": ["a", "a", "b"], "TIME": [0, 2, 2], "DV": [1.0, 2.0, 3.0], "AMT": 0})
    >>> resampled(Records.from_frame(frame), [1, 0, 1]).table[["id", "time", "dv"]].to_numpy().tolist()
    [['1', 2.0, 3.0], ['2', 0.0, 1.0], ['2', 2.0, 2.0], ['3', 2.0, 3.0]]
    """
    data = records.data
    ids = data["id"].to_numpy()
    drawn = [np.flatnonzero(ids == records.ids[place]) for place in patients]
    names = np.repeat([str(k + 1) for k in range(len(drawn))], [len(each) for each in drawn])
    chosen = data.iloc[np.concatenate(drawn)].reset_index(drop=True)
    chosen = chosen.assign(id=names.astype(object)).astype({"id": data["id"].dtype})
    return Records(chosen, records.units, records.covariates, records.source, records.notes)


def draws(records: Records, count: int, seed: int, stratify: str = "") -> tuple[tuple[int, ...], ...]:
    """Places of the patients of `count` resampled studies, each of as many patients as there are.

    Parameters
    ----------
    records : Records
    count : int
    seed : int
    stratify : str
        A covariate: patients are drawn from within each of its values, so that each keeps its number.

    Returns
    -------
    tuple of tuples of int

    Raises
    ------
    SimulationError
        For a column that does not occur, or that differs between all patients.
    """
    strata = _strata(records, stratify)
    u = uniforms(seed, "bootstrap", np.arange(count), len(records.ids))
    found = np.empty(u.shape, dtype=int)
    for members in strata:
        found[:, members] = members[(u[:, members] * members.size).astype(int)]
    return tuple(tuple(row) for row in found.tolist())


def _strata(records: Records, column: str) -> list[np.ndarray]:
    """Places of the patients of each stratum."""
    if not column:
        return [np.arange(len(records.ids))]
    if column not in records.covariates:
        raise SimulationError(
            f"there is no covariate {column!r} to stratify by",
            place=records.source,
            repair=f"covariates: {', '.join(records.covariates) or 'none'}",
        )
    values = records.baseline()[column].to_numpy()
    strata = [np.flatnonzero(values == value) for value in np.unique(values[~np.isnan(values)])]
    strata += [gone] if (gone := np.flatnonzero(np.isnan(values))).size else []
    if len(strata) == len(values) > 1:
        raise SimulationError(
            f"{column} differs between all patients: every resampled study would be the study itself",
            place=records.source,
            repair="stratify by a covariate with few values",
        )
    return strata
