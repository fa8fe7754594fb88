"""Propensity scores: how probable the target treatment was for each person, and how alike that makes the cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.diagnostic_accuracy import Area, area_under_curve
from understudy.causal.masking import is_small, masked
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

Estimand = Literal["ate", "att", "atu", "ato"]
EQUIPOISE = (0.3, 0.7)  # Walker et al. 2013, doi:10.2147/CER.S40357
_DECIMALS = 10  # of scores, as CohortMethod rounds them: what differs by rounding errors alone is a tie
BOUND = 10.0**-_DECIMALS  # scores keep off 0 and 1 by it, so that no weight is infinite


@dataclass(frozen=True, eq=False)
class PropensityScores:
    """Probabilities of the target treatment.

    Parameters
    ----------
    scores : array of float, shape (n,)
        From 0 to 1. They are rounded to ten decimals and kept off 0 and 1 by as much.
    treatment : array of 0 and 1, shape (n,)
        1 in the target, 0 in the comparator cohort.

    Raises
    ------
    StudyError
        For scores outside 0 to 1, treatments other than 0 and 1, lengths that differ, or an empty cohort.

    Examples
    --------
    >>> scores = PropensityScores([0.2, 0.4, 0.6, 0.8], [0, 0, 1, 1])
    >>> scores.area.estimate, scores.equipoise()
    (1.0, 0.5)
    """

    scores: NDArray[np.float64]
    treatment: NDArray[np.int8]

    def __post_init__(self) -> None:
        scores, treatment = np.asarray(self.scores, float), treated(self.treatment)
        if scores.shape != treatment.shape:
            raise StudyError(
                f"{scores.size} scores for {treatment.size} persons",
                place="scores",
                repair="give one a person",
            )
        if not ((scores >= 0) & (scores <= 1)).all():
            raise StudyError("a score is not from 0 to 1", place="scores", repair="give probabilities")
        object.__setattr__(self, "scores", np.clip(np.round(scores, _DECIMALS), BOUND, 1 - BOUND))
        object.__setattr__(self, "treatment", treatment)

    @property
    def count(self) -> int:
        """Persons."""
        return self.scores.size

    @property
    def prevalence(self) -> float:
        """Share of the target cohort."""
        return float(self.treatment.mean())

    @property
    def logit(self) -> NDArray[np.float64]:
        """Log odds of the score, shape (n,)."""
        return np.log(self.scores) - np.log1p(-self.scores)

    @property
    def preference(self) -> NDArray[np.float64]:
        """Preference scores, shape (n,): logit(preference) = logit(score) - logit(prevalence), Walker et al. 2013."""
        from scipy.special import expit

        return expit(self.logit - np.log(self.prevalence / (1 - self.prevalence)))

    def equipoise(self, bounds: tuple[float, float] = EQUIPOISE) -> float:
        """Share of all persons whose preference score lies within the bounds, both included."""
        low, high = preference_bounds(bounds)
        return float(np.mean((self.preference >= low) & (self.preference <= high)))

    @property
    def area(self) -> Area:
        """Area under the curve: how well scores tell the cohorts apart, 0.5 not at all; `interval()` is DeLong's."""
        return area_under_curve(self.scores, self.treatment == 1)

    @property
    def all_equal(self) -> bool:
        """Whether everybody has the same score, so that nothing can be adjusted by it."""
        return bool(self.scores.min() == self.scores.max())

    def shares(self, bins: int = 20, names: tuple[str, str] = ("target", "comparator")) -> pd.DataFrame:
        """Columns cohort, low, high, share: of each cohort by bins of the preference score; small counts left out."""
        import pandas as pd

        edges, rows = np.linspace(0, 1, bins + 1), []
        for name, value in zip(names, (1, 0), strict=True):
            found = self.preference[self.treatment == value]
            for low, high, count in zip(edges, edges[1:], np.histogram(found, edges)[0], strict=False):
                if count and not is_small(count):
                    rows.append((name, low, high, count / found.size))
        return pd.DataFrame(rows, columns=["cohort", "low", "high", "share"])

    def __repr__(self) -> str:
        target = int(self.treatment.sum())
        area = self.area
        low, high = area.interval()
        between = f" ({low:.3f} to {high:.3f})" if np.isfinite(low) else ""
        return (
            f"{type(self).__name__}({masked(target)} target, {masked(self.count - target)} comparator; area under the "
            f"curve {area.estimate:.3f}{between}, {self.equipoise():.1%} in equipoise)"
        )


def treated(treatment: ArrayLike) -> NDArray[np.int8]:
    """Treatments as 0 and 1, both of which occur.

    Raises
    ------
    StudyError
        For other values, or where one cohort is empty.

    Examples
    --------
    >>> treated([True, False])
    array([1, 0], dtype=int8)
    """
    found = np.asarray(treatment)
    if found.ndim != 1 or not np.isin(found, (0, 1)).all():
        raise StudyError(
            "a treatment is 1 (target) or 0 (comparator)", place="treatment", repair="code it as 0 and 1"
        )
    for name, value in (("target", 1), ("comparator", 0)):
        if not (found == value).any():
            raise StudyError(
                f"nobody is in the {name} cohort",
                place="treatment",
                repair="look at the attrition: which rule has left nobody?",
            )
    return found.astype(np.int8)


def preference_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    """Bounds of a preference score, checked."""
    low, high = bounds
    if not 0 <= low < high <= 1:
        raise StudyError(
            f"preference scores from {low:g} to {high:g}",
            place="bounds",
            repair="give two rising numbers from 0 to 1",
        )
    return low, high


def estimand(name: str, among: tuple[str, ...] = get_args(Estimand)) -> str:
    """The name of an estimand, checked."""
    if name not in among:
        raise StudyError(
            f"there is no estimand {name!r} here", place="estimand", repair=f"write {' or '.join(among)}"
        )
    return name
