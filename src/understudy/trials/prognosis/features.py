"""Features: covariates of a table as numbers that a learner takes, the same way in history and trial."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem
from understudy.trials.condition import column_of
from understudy.trials.protocol import arm_name

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MISSING = "missing"


@dataclass(frozen=True)
class Feature:
    """How one covariate becomes numbers.

    Parameters
    ----------
    name : str
    levels : tuple of str
        Of a category, the first is the reference; empty for a number.
    fill : float
        What stands for a missing number: the median of the history.
    gaps : bool
        A number that was missing in the history: a column says where.

    Examples
    --------
    >>> import pandas as pd
    >>> Feature("age", fill=50.0, gaps=True).columns(pd.DataFrame({"age": [61, None]})).tolist()
    [[61.0, 0.0], [50.0, 1.0]]
    """

    name: str
    levels: tuple[str, ...] = ()
    fill: float = 0.0
    gaps: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of its columns."""
        if self.levels:
            return tuple(f"{self.name}[{level}]" for level in self.levels[1:])
        return (self.name, f"{self.name}[{MISSING}]") if self.gaps else (self.name,)

    def columns(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Its columns, shape (rows, len(labels)); a level that the history did not have is like the reference."""
        cells = column_of(frame, self.name)
        if self.levels:
            words = words_of(cells).to_numpy()
            return np.array(words[:, None] == np.array(self.levels[1:])[None, :], dtype=float)
        numbers = _numbers(cells, self.name)
        lost = np.isnan(numbers)
        filled = np.where(lost, self.fill, numbers)
        return np.column_stack([filled, lost]) if self.gaps else filled[:, None]

    def strange(self, frame: pd.DataFrame) -> int:
        """How many rows hold a level, or a gap, that the history did not have."""
        cells = column_of(frame, self.name)
        if self.levels:
            return int((~words_of(cells).isin(self.levels)).sum())
        return 0 if self.gaps else int(cells.isna().sum())


def features_of(frame: pd.DataFrame, names: Sequence[str], categorical: Iterable[str]) -> tuple[Feature, ...]:
    """How covariates of a history are coded; those that do not vary are left out."""
    found = [_feature(frame, name, name in set(categorical)) for name in names]
    return tuple(each for each in found if each is not None)


def _feature(frame: pd.DataFrame, name: str, category: bool) -> Feature | None:
    from pandas.api.types import is_numeric_dtype

    cells = column_of(frame, name)
    if category or not is_numeric_dtype(cells):
        counts = words_of(cells).value_counts()
        # The most frequent level is the reference, the first of the alphabet among equals.
        levels = tuple(sorted(counts.index, key=lambda level: (-counts[level], level)))
        return Feature(name, levels) if len(levels) > 1 else None
    numbers = _numbers(cells, name)
    known = numbers[~np.isnan(numbers)]
    if known.size == 0 or (known.min() == known.max() and known.size == numbers.size):
        return None
    return Feature(name, (), float(np.median(known)), bool(known.size < numbers.size))


def words_of(cells: pd.Series) -> pd.Series:
    """Cells as words, a number as its digits (1.0 is 1); an empty one is called missing."""
    return cells.astype(object).map(arm_name, na_action="ignore").where(cells.notna(), MISSING)


def _numbers(cells: pd.Series, name: str) -> NDArray[np.float64]:
    import pandas as pd

    found = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float)
    bad = (np.isnan(found) & cells.notna().to_numpy()) | np.isinf(found)
    if bad.any():
        problem = Problem(
            "not a number", "write a number, or name the column in baseline.categorical", column=name,
            value=str(cells.to_numpy()[bad][0]),
        )  # fmt: skip
        raise DataError([problem], place="covariates of the prognostic score")
    return found


def coded(features: Iterable[Feature], frame: pd.DataFrame) -> NDArray[np.float64]:
    """All columns of all features, shape (rows, columns)."""
    return np.column_stack([each.columns(frame) for each in features])


def labels_of_features(features: Iterable[Feature]) -> tuple[str, ...]:
    """Names of the columns that `coded` returns."""
    return tuple(label for each in features for label in each.labels)


def independent(matrix: NDArray[np.float64]) -> list[int]:
    """Columns that are neither constant nor a combination of those before them."""
    kept: list[int] = []
    basis = np.full((len(matrix), 1), len(matrix) ** -0.5)
    for k, column in enumerate(np.asarray(matrix, dtype=float).T):
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)
        if np.linalg.norm(rest) > 1e-9 * np.linalg.norm(column):
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
            kept.append(k)
    return kept
