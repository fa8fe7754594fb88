"""Diagnostic accuracy: how well a score or a decision tells cases from others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import StudyError


@dataclass(frozen=True)
class Area:
    """An area under the receiver operating characteristic. Made by `area_under_curve`.

    Parameters
    ----------
    estimate : float
        Probability that a case scores higher than one that is none; ties count half.
    error : float
        Its standard error; not-a-number with a single case or control.
    cases, controls : int
    """

    estimate: float
    error: float
    cases: int
    controls: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Normal interval, cut at 0 and 1."""
        from scipy.special import ndtri

        half = ndtri((1 + level) / 2) * self.error
        return max(self.estimate - half, 0.0), min(self.estimate + half, 1.0)


def area_under_curve(scores: ArrayLike, positive: ArrayLike) -> Area:
    """The area under the curve of a score, with its standard error.

    DeLong, DeLong and Clarke-Pearson, Biometrics 1988, doi:10.2307/2531595, by midranks (Sun and Xu, IEEE Signal
    Processing Letters 2014, doi:10.1109/LSP.2014.2337313).

    Parameters
    ----------
    scores : array of float, shape (n,)
        Higher in cases.
    positive : array of bool, shape (n,)
        Who is a case.

    Raises
    ------
    StudyError
        Without a case, or without anybody else; for scores that are no numbers.

    Examples
    --------
    >>> area_under_curve([1, 2, 3, 3, 5], [False, False, True, False, True]).estimate
    0.9166666666666667
    """
    from scipy.stats import rankdata

    scores, positive = np.asarray(scores, float), np.asarray(positive, bool)
    _require_both(positive)
    if not np.isfinite(scores).all():
        raise StudyError("a score is no number", place="scores", repair="leave such subjects out")
    ranks = rankdata(scores)
    m, n = int(positive.sum()), int((~positive).sum())
    own = np.empty(len(scores))
    own[positive], own[~positive] = rankdata(scores[positive]), rankdata(scores[~positive])
    above = (ranks - own)[positive] / n
    below = 1 - (ranks - own)[~positive] / m
    error = np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n) if min(m, n) > 1 else np.nan
    return Area(float(above.mean()), float(error), m, n)


def _require_both(positive: np.ndarray) -> None:
    if positive.all() or not positive.any():
        said = "nobody is a case" if not positive.any() else "everybody is a case"
        raise StudyError(said, place="the reference", repair="choose a cut-off that divides the subjects")


@dataclass(frozen=True)
class Accuracy:
    """A two-way table of decisions against the truth. Made by `accuracy`."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def sensitivity(self) -> float:
        """Share of cases that are found."""
        return self.true_positive / (self.true_positive + self.false_negative)

    @property
    def specificity(self) -> float:
        """Share of others that are passed over."""
        return self.true_negative / (self.true_negative + self.false_positive)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def agreement(self) -> float:
        """Share of decisions that are right."""
        return (self.true_positive + self.true_negative) / self.count

    @property
    def count(self) -> int:
        """Subjects."""
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    @property
    def kappa(self) -> float:
        """Agreement beyond chance (Cohen 1960, doi:10.1177/001316446002000104)."""
        found = (self.true_positive + self.false_positive) / self.count
        real = (self.true_positive + self.false_negative) / self.count
        chance = found * real + (1 - found) * (1 - real)
        return (self.agreement - chance) / (1 - chance)


def accuracy(decided: ArrayLike, positive: ArrayLike) -> Accuracy:
    """How often decisions are right.

    Parameters
    ----------
    decided, positive : array of bool, shape (n,)

    Raises
    ------
    StudyError
        Without a case, or without anybody else.

    Examples
    --------
    >>> found = accuracy([True, True, False, False], [True, False, False, False])
    >>> found.sensitivity, found.specificity, found.kappa
    (1.0, 0.6666666666666666, 0.5)
    """
    decided, positive = np.asarray(decided, bool), np.asarray(positive, bool)
    _require_both(positive)
    pairs = ((True, True), (True, False), (False, True), (False, False))
    return Accuracy(*(int(((decided == d) & (positive == p)).sum()) for d, p in pairs))
