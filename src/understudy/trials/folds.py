"""Folds: subjects divided into parts, each held out in its turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import StudyError
from understudy.core.random import uniforms


def folds(
    count: int, parts: int, seed: int, purpose: str = "folds", strata: ArrayLike | None = None
) -> np.ndarray:
    """The part of each subject, from 0; parts differ by one subject at most within each stratum.

    Parameters
    ----------
    count : int
        Subjects.
    parts : int
        Two or more.
    seed : int
    purpose : str
        Other purposes give other folds.
    strata : array, shape (count,), optional
        Values that each part shall hold in like shares.

    Raises
    ------
    StudyError
        For fewer subjects than parts, or fewer than two parts.

    Examples
    --------
    >>> np.bincount(folds(10, 3, seed=1)).tolist()
    [4, 3, 3]
    """
    if not 2 <= parts <= count:
        raise StudyError(
            f"{count} subjects cannot be divided into {parts} parts",
            place="folds",
            repair=f"give 2 to {count}",
        )
    drawn = uniforms(seed, purpose, range(count), 1)[:, 0]
    groups = np.zeros(count, int) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    order = np.lexsort((drawn, groups))
    found = np.empty(count, int)
    found[order] = np.arange(count) % parts
    return found
