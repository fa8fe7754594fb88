"""Splines of age, of the day of the year, of calendar time: smooth changes of the rate that are no one's exposure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
YEAR = 365.25  # days


@dataclass(frozen=True, eq=False)
class Spline:
    """A cubic spline without its constant.

    Parameters
    ----------
    name : str
        Of what.
    knots : float array, shape (k,)
        Boundaries included.
    cyclic : bool
        Whether its ends meet, with value, slope and curvature.
    """

    name: str
    knots: Array
    cyclic: bool = False

    def basis(self, values: ArrayLike) -> Array:
        """B-splines at some values, without the first, since all sum to 1; shape (n, columns).

        de Boor 1978, A Practical Guide to Splines, doi:10.1007/978-1-4612-6333-3.
        """
        from scipy.interpolate import BSpline

        values = np.asarray(values, dtype=float)
        low, high = self.knots[0], self.knots[-1]
        if not self.cyclic:
            ends = np.r_[[low] * 3, self.knots, [high] * 3]
            return BSpline.design_matrix(np.clip(values, low, high), ends, 3).toarray()[:, 1:]
        period, steps = high - low, self.knots.size - 1
        around = np.r_[self.knots[-4:-1] - period, self.knots, self.knots[1:4] + period]
        wrapped = low + np.mod(values - low, period)
        whole = BSpline.design_matrix(wrapped, around, 3).toarray()
        # The last three go on where the first three begin.
        whole[:, :3] += whole[:, steps : steps + 3]
        return whole[:, 1:steps]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the basis."""
        size = self.basis(self.knots[:1]).shape[1]
        return tuple(f"{self.name} {k + 1}" for k in range(size))


def quantile_spline(name: str, values: ArrayLike, knots: int, observed: tuple[float, float]) -> Spline | None:
    """A spline with its inner knots at quantiles of the outcomes; None where these have too few values for it.

    Parameters
    ----------
    name : str
    values : array, shape (m,)
        At the outcomes.
    knots : int
        Boundaries included.
    observed : (float, float)
        Least and greatest value in observed time: the boundaries.
    """
    inner = np.quantile(np.asarray(values, dtype=float), np.linspace(0, 1, knots)[1:-1])
    places = np.r_[observed[0], inner, observed[1]]
    return Spline(name, places) if (np.diff(places) > 0).all() else None


def season_spline(knots: int) -> Spline:
    """A cyclic spline over the year, knots evenly.

    Parameters
    ----------
    knots : int
        Boundaries, which meet, included.
    """
    return Spline("season", np.linspace(0.0, 1.0, knots), cyclic=True)


def year_share(days: ArrayLike) -> Array:
    """Place in the year, 0 to 1, of days counted from 1970-01-01.

    Examples
    --------
    >>> year_share([0, 181]).round(3).tolist()
    [0.0, 0.496]
    """
    whole = np.floor(np.asarray(days, dtype=float)).astype(np.int64)
    dates = whole.astype("datetime64[D]")
    begin = dates.astype("datetime64[Y]")
    length = (begin + 1).astype("datetime64[D]") - begin.astype("datetime64[D]")
    passed = (dates - begin.astype("datetime64[D]")).astype(float) + (np.asarray(days) - whole)
    return passed / length.astype(float)
