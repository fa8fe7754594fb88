"""Features: covariates known before randomisation as numbers that a regression can use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.condition import column_of

if TYPE_CHECKING:
    from understudy.trials.trial import Trial


@dataclass(frozen=True, eq=False)
class Features:
    """Covariates of the subjects of two arms.

    Parameters
    ----------
    names : tuple of str
    matrix : float array, shape (subjects, features)
        With mean zero and standard deviation one; a missing number is at the median, with an indicator beside it.
    notes : tuple of str
    """

    names: tuple[str, ...]
    matrix: np.ndarray
    notes: tuple[str, ...] = ()


def features_of(trial: Trial, subjects: np.ndarray) -> Features:
    """Features of some subjects of a trial.

    Raises
    ------
    StudyError
        Without covariates, where one was measured after randomisation, or all are constant.
    """
    if not trial.covariates:
        raise StudyError(
            "no covariates are named",
            place="baseline.covariates",
            repair="name columns known before randomisation",
        )
    late = [name for name in trial.covariates if name in trial.protocol.baseline.after]
    if late:
        raise StudyError(
            f"{late[0]} was measured after randomisation",
            place="baseline",
            repair="leave it out of the covariates",
        )
    rows = trial.subjects.loc[subjects]
    columns: dict[str, np.ndarray] = {}
    missing = []
    for name in trial.covariates:
        cells = column_of(rows, name, "baseline.covariates")
        if cells.isna().any():
            missing.append(f"{name} {int(cells.isna().sum())}")
        columns |= _coded(name, cells, name in trial.categorical)
    whole = {name: values for name, values in columns.items() if values.std() > 0}
    constant = [name for name in columns if name not in whole and not name.endswith(" missing")]
    if not whole:
        raise StudyError("all covariates are constant", place="baseline.covariates", repair="name others")
    notes = (
        [f"missing values are at the median, or a category of their own: {', '.join(missing)}"]
        if missing
        else []
    )
    notes += [f"constant, and left out: {', '.join(constant)}"] if constant else []
    matrix = np.column_stack([(values - values.mean()) / values.std() for values in whole.values()])
    return Features(tuple(whole), matrix, tuple(notes))


def _coded(name: str, cells, categorical: bool) -> dict[str, np.ndarray]:
    """Columns of one covariate; the first category has none."""
    if categorical:
        words = cells.astype(str).where(cells.notna(), "missing").to_numpy()
        return {f"{name} {level}": (words == level).astype(float) for level in sorted(set(words))[1:]}
    values = cells.to_numpy(dtype=float)
    unknown = np.isnan(values)
    filled = np.where(unknown, np.nanmedian(values) if not unknown.all() else 0.0, values)
    found = {name: filled}
    return found | {f"{name} missing": unknown.astype(float)} if unknown.any() else found
