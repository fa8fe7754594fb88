"""Overlap: how alike treated and untreated persons are, before weighting and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.point_table import PointTable

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overlap:
    """Standardised differences of the columns of the treatment model.

    Attributes
    ----------
    names : tuple of str
    before, after : array, shape (p,)
        Difference of means over the root of the mean of both variances before weighting: Austin 2009,
        doi:10.1002/sim.3697.
    """

    names: tuple[str, ...]
    before: Array
    after: Array

    @property
    def largest(self) -> float:
        """The largest difference after weighting, without its sign."""
        return float(np.abs(self.after).max(initial=0.0))

    def table(self) -> pd.DataFrame:
        """Columns covariate, before, after."""
        import pandas as pd

        return pd.DataFrame({"covariate": self.names, "before": self.before, "after": self.after})


def overlap(table: PointTable, terms: Sequence[str], weights: Array) -> Overlap:
    """Standardised differences of the columns of `terms`, with all weights one and with `weights`."""
    matrix, names = table.covariates.design(terms, intercept=False, rows=table.persons)
    treated = table.treatment == 1
    spread = np.sqrt((matrix[treated].var(axis=0) + matrix[~treated].var(axis=0)) / 2)
    spread = np.where(spread > 0, spread, 1.0)

    def difference(w: Array) -> Array:
        means = [w[own] @ matrix[own] / w[own].sum() for own in (treated, ~treated)]
        return (means[0] - means[1]) / spread

    return Overlap(names, difference(np.ones(table.persons)), difference(weights))
