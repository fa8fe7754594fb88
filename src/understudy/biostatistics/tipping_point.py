"""Tipping point: how much worse missing outcomes must be for a result to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.imputation import Imputations
from understudy.biostatistics.rubin import Pooled
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class TippingPoint:
    """Results over a grid of delta adjustments.

    Attributes
    ----------
    contrast : str
    deltas : tuple of float
    results : tuple of Pooled
    alpha : float
    tipping : float
        The delta nearest to zero at which the p-value crosses alpha; NaN if it does not on the grid.
    """

    contrast: str
    deltas: tuple[float, ...]
    results: tuple[Pooled, ...]
    alpha: float
    tipping: float

    def table(self) -> pd.DataFrame:
        """One row a delta."""
        import pandas as pd

        rows = [result[self.contrast] for result in self.results]
        names = ("value", "standard_error", "low", "high", "p_value")
        table = pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=list(names))
        return table.rename(columns={"value": "estimate"}).set_index(pd.Index(self.deltas, name="delta"))

    def __repr__(self) -> str:
        import pandas as pd

        where = "none on the grid" if np.isnan(self.tipping) else f"delta = {self.tipping:.4g}"
        rows = [result.estimates.printed().loc[[self.contrast]] for result in self.results]
        table = pd.concat(rows).set_axis([f"{delta:g}" for delta in self.deltas])
        return f"Tipping point of {self.contrast} at p = {self.alpha:g}: {where}\n{table.to_string()}"


def tipping_point(
    imputations: Imputations,
    deltas: Sequence[float],
    *,
    arm: object,
    contrast: str | None = None,
    visit: int = -1,
    alpha: float = 0.05,
) -> TippingPoint:
    """Add growing amounts to one arm's imputed values until the p-value crosses alpha.

    Parameters
    ----------
    imputations : Imputations
        Under the assumption one begins with, such as missing at random.
    deltas : sequence of float
        Grid, two or more different amounts.
    arm : level
        Whose imputed values are shifted.
    contrast : str, optional
        By default this arm's difference from the reference arm.
    visit : int
    alpha : float

    Returns
    -------
    TippingPoint

    References
    ----------
    Permutt 2016, doi:10.1002/sim.6753; Ratitch, O'Kelly & Tosiello 2013, doi:10.1002/pst.1549.

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> from understudy.biostatistics.imputation import impute
    >>> visits = [[1, 2], [2, 2], [1, 1], [2, 3], [3, 3], [0, 1], [3, 5], [4, 6], [5, 6], [3, np.nan], [4, 7], [5, 5]]
    >>> design = design_matrix({"arm": ["placebo"] * 6 + ["drug"] * 6}, reference={"arm": "placebo"})
    >>> found = tipping_point(impute(visits, design, arm="arm", seed=1), [0, -10, -20, -30], arm="drug")
    >>> bool(-10 < found.tipping < 0)
    True
    """
    grid = sorted({float(delta) for delta in deltas})
    if len(grid) < 2 or not np.isfinite(grid).all():
        raise UnderstudyError(
            "a tipping point needs two deltas or more", repair="give a grid, such as 0 to 10"
        )
    data = imputations.outcomes
    level = data.design.with_values({data.arm: [arm]}).columns[data.arm][0]
    name = f"{level} - {data.reference}" if contrast is None else contrast

    def result(delta: float) -> Pooled:
        return imputations.shifted(delta, arm=level).ancova(visit)

    results = tuple(result(delta) for delta in grid)
    above = np.array([found[name].p_value - alpha for found in results])
    crossings = [at for at in range(len(grid) - 1) if above[at] * above[at + 1] < 0]
    tips = [
        _root(lambda delta: result(delta)[name].p_value - alpha, grid[at], grid[at + 1]) for at in crossings
    ]
    tipping = min(tips, key=abs) if tips else np.nan
    return TippingPoint(name, tuple(grid), results, alpha, float(tipping))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-10))
