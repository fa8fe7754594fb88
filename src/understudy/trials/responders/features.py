"""Features: covariates known before randomisation as numbers that a regression can use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.condition import column_of

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.responders.outcome import Outcome
    from understudy.trials.trial import Trial


@dataclass(frozen=True, eq=False)
class Features:
    """Covariates of the subjects of two arms.

    Parameters
    ----------
    frame : DataFrame
        As they are, a row a subject.
    categorical : tuple of str
        Those that are categories.
    names : tuple of str
        Of the columns of the matrix.
    matrix : float array, shape (subjects, features)
        With mean zero and standard deviation one; a missing number is at the median, with an indicator beside it.
    notes : tuple of str
    """

    frame: pd.DataFrame
    categorical: tuple[str, ...]
    names: tuple[str, ...]
    matrix: np.ndarray
    notes: tuple[str, ...] = ()


def features_of(trial: Trial, outcome: Outcome) -> Features:
    """The covariates that the protocol names, and the measurement before randomisation where there is one.

    Raises
    ------
    StudyError
        Without covariates, or where all are constant.
    """
    frame = _frame(trial, outcome)
    categorical = tuple(name for name in trial.categorical if name in frame)
    columns: dict[str, np.ndarray] = {}
    missing = [f"{name} {count}" for name, count in frame.isna().sum().items() if count]
    for name in frame:
        columns |= _coded(name, frame[name], name in categorical)
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
    return Features(frame, categorical, tuple(whole), matrix, tuple(notes))


def _frame(trial: Trial, outcome: Outcome) -> pd.DataFrame:
    import pandas as pd

    if not trial.covariates:
        raise StudyError(
            "no covariates are named",
            place="baseline.covariates",
            repair="name columns known before randomisation",
        )
    rows = trial.subjects.loc[outcome.subjects]
    frame = pd.DataFrame({name: column_of(rows, name, "baseline.covariates") for name in trial.covariates})
    before = trial.protocol.endpoint.baseline
    if outcome.baseline is not None and before not in frame:
        frame[before] = outcome.baseline
    return frame


def _coded(name: str, cells: pd.Series, categorical: bool) -> dict[str, np.ndarray]:
    """Columns of one covariate; the first category has none."""
    if categorical:
        words = cells.astype(str).where(cells.notna(), "missing").to_numpy()
        return {f"{name} {level}": (words == level).astype(float) for level in sorted(set(words))[1:]}
    values = cells.to_numpy(dtype=float)
    unknown = np.isnan(values)
    filled = np.where(unknown, np.nanmedian(values) if not unknown.all() else 0.0, values)
    found = {name: filled}
    return found | {f"{name} missing": unknown.astype(float)} if unknown.any() else found
