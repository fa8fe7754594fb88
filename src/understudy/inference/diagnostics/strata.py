"""Strata: measurements in groups by a column of the records."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.unit_label import unit_label
from understudy.inference.diagnostics.observation_context import record_rows
from understudy.inference.predictor import Predictor
from understudy.population.strata import Stratification

# A column with more distinct values than this is cut into as many groups as are on the right.
_MOST_VALUES, _GROUPS = 6, 3


def observation_strata(
    predictor: Predictor, column: str, cuts: Sequence[float] = ()
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Label of the group of each measurement, and all labels in their order.

    Parameters
    ----------
    predictor : Predictor
    column : str
        A covariate of the records, or OCC, CMT or DVID; empty for one group, whose label is empty.
    cuts : sequence of float
        Where groups end, increasing; a value equal to a cut belongs to the group above. Without cuts every distinct
        value is a group, and a column of more than six values is cut into thirds.

    Returns
    -------
    labels : array of str, shape (observations,)
    order : tuple of str

    Raises
    ------
    SimulationError
        For a column that is not there, or whose value is missing at a measurement.
    """
    if not column:
        return np.full(predictor.output.size, "", dtype=object), ("",)
    rows = record_rows(predictor)
    name = _column(predictor, column)
    if name in ("dvid", "cmt", "occ"):
        labels = [f"{name.upper()} {value}" for value in rows[name]]
        return np.array(labels, dtype=object), tuple(dict.fromkeys(labels))
    values = rows[name].to_numpy(float)
    missing = np.flatnonzero(np.isnan(values))
    if missing.size:
        raise SimulationError(
            f"{name} is missing at {missing.size} measurements",
            place=f"{predictor.records.source}, row {predictor.row[missing[0]]}",
            repair="write it, or stratify by another column",
        )
    return _grouped(name, values, cuts, unit_label(predictor.records.unit(name)))


def require_column(predictor: Predictor, column: str, purpose: str) -> np.ndarray:
    """A numeric column of the records at each measurement.

    Raises
    ------
    SimulationError
        Where it is not there.
    """
    return record_rows(predictor)[_column(predictor, column, purpose)].to_numpy(float)


def _column(predictor: Predictor, column: str, purpose: str = "strata") -> str:
    known = [*predictor.records.covariates, "dvid", "cmt", "occ"]
    matched = [name for name in known if name == column] or [
        name for name in known if name.lower() == column.lower()
    ]
    if len(matched) == 1:
        return matched[0]
    shown = [name.upper() if name in ("dvid", "cmt", "occ") else name for name in known]
    near = difflib.get_close_matches(column, shown, 1, 0.5)
    raise SimulationError(
        f"the records have no column {column!r}",
        place=f"{purpose}, {predictor.records.source}",
        repair=f"did you mean {near[0]}?" if near else f"they have {', '.join(shown)}",
    )


def _grouped(
    name: str, values: np.ndarray, cuts: Sequence[float], unit: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    distinct = np.unique(values)
    if not len(cuts) and distinct.size <= _MOST_VALUES:
        names = tuple(f"{name} {value:g}{f' {unit}' if unit else ''}" for value in distinct)
        return np.array(names, dtype=object)[np.searchsorted(distinct, values)], names
    if not len(cuts):
        inner = np.quantile(distinct, np.arange(1, _GROUPS) / _GROUPS)
        cuts = sorted({float(f"{cut:.3g}") for cut in inner})
    groups = Stratification(name, tuple(map(float, cuts)), unit)
    found = np.empty(values.size, dtype=object)
    for label, member in groups.members(values).items():
        found[member] = label
    return found, groups.names
