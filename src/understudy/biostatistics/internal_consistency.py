"""Internal consistency: whether the items of a scale go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import StudyError


def cronbach_alpha(answers: ArrayLike) -> float:
    """Cronbach's alpha: k / (k - 1) (1 - sum of the items' variances / variance of their sum).

    Cronbach, Psychometrika 1951, doi:10.1007/BF02310555.

    Parameters
    ----------
    answers : array of float, shape (subjects, items)

    Returns
    -------
    float
        Not-a-number for a single item.

    Raises
    ------
    StudyError
        If all sums are alike, or an answer is missing.

    Examples
    --------
    >>> round(cronbach_alpha([[1, 2], [2, 2], [3, 4]]), 4)
    0.9231
    """
    answers = np.asarray(answers, float)
    if not np.isfinite(answers).all():
        raise StudyError("an answer is missing", place="answers", repair="leave such subjects out")
    items = answers.shape[1]
    total = answers.sum(axis=1).var(ddof=1) if len(answers) > 1 else 0.0
    if total == 0:
        raise StudyError("all sums are alike", place="answers", repair="give subjects who differ")
    return (
        float(items / (items - 1) * (1 - answers.var(axis=0, ddof=1).sum() / total)) if items > 1 else np.nan
    )
