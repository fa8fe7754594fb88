"""Mixture: a population of several subpopulations, to which each individual belongs without our knowing it.

NONMEM's $MIX; Wang X, Schumitzky A, D'Argenio DZ. Nonlinear random effects mixture models: maximum likelihood
estimation via the EM algorithm. Comput Stat Data Anal 2007;51:6614-6623, doi:10.1016/j.csda.2007.03.008.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from understudy.core.errors import ModelError
from understudy.core.expression import Expression, check_name


@dataclass(frozen=True)
class Mixture:
    """Subpopulations by number, from 1.

    Parameters
    ----------
    covariate : str
        The covariate that is the number of an individual's subpopulation: ``where(GROUP == 2, ...)``.
    probabilities : tuple of Expression
        Of each subpopulation, in terms of fixed effects. They sum to one.

    Examples
    --------
    >>> Mixture("GROUP", ("slow", "1 - slow")).shares({"slow": 0.3}).tolist()
    [0.3, 0.7]
    """

    covariate: str
    probabilities: tuple[Expression, ...]

    def __post_init__(self) -> None:
        check_name(self.covariate, "covariate name")
        object.__setattr__(self, "probabilities", tuple(Expression(each) for each in self.probabilities))
        if len(self.probabilities) < 2:
            raise ModelError(
                "a mixture has at least two subpopulations",
                place=self.covariate,
                repair="give a probability of each",
            )

    @property
    def size(self) -> int:
        """Number of subpopulations."""
        return len(self.probabilities)

    def shares(self, values: Mapping[str, float]) -> np.ndarray:
        """Probabilities for fixed effects, shape (size,); not-a-number where they are none."""
        found = np.array([float(each.evaluate(values)) for each in self.probabilities])
        good = (found >= 0).all() and abs(found.sum() - 1.0) < 1e-6
        return found if good else np.full(self.size, np.nan)
