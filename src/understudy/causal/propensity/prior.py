"""Prior: how coefficients of a penalised regression are drawn to zero."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Literal, get_args

from understudy.core.errors import StudyError

PriorKind = Literal["laplace", "normal"]


@dataclass(frozen=True)
class Prior:
    """A prior with mean zero on every penalised coefficient.

    Parameters
    ----------
    kind : {"laplace", "normal"}
        Laplace is the lasso, normal is ridge regression.
    variance : float
        Of the prior. The most probable coefficients minimise the negative log-likelihood, summed over persons, plus
        lasso · Σ|β| + ridge · Σβ²/2 (Genkin, Lewis, Madigan 2007, doi:10.1198/004017007000000245; Suchard et al. 2013,
        doi:10.1145/2414416.2414791).

    Raises
    ------
    StudyError
        For an unknown kind, or a variance that is not above zero and finite.

    Examples
    --------
    >>> round(Prior(variance=0.01).lasso, 4), Prior("normal", 0.5).ridge
    (14.1421, 2.0)
    """

    kind: PriorKind = "laplace"
    variance: float = 0.01

    def __post_init__(self) -> None:
        if self.kind not in get_args(PriorKind):
            raise StudyError(
                f"there is no prior {self.kind!r}",
                place="prior",
                repair="write laplace (the lasso) or normal",
            )
        if not (isfinite(self.variance) and self.variance > 0):
            raise StudyError(
                f"a prior's variance of {self.variance:g}", place="prior", repair="give a variance above zero"
            )

    @property
    def lasso(self) -> float:
        """Penalty on |β|: √(2 / variance) for Laplace."""
        return sqrt(2 / self.variance) if self.kind == "laplace" else 0.0

    @property
    def ridge(self) -> float:
        """Penalty on β²/2: 1 / variance for normal."""
        return 1 / self.variance if self.kind == "normal" else 0.0
