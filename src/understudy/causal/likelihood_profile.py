"""Likelihood profile: how well each effect size explains the data, all that has to leave a site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import DataError, Problem, UnderstudyError

if TYPE_CHECKING:
    import pandas as pd
    from scipy.interpolate import PPoly

Array = NDArray[np.float64]
_SHOWN = 20  # bad points named; the rest are counted
_ROOT = 1e-9  # of log-likelihood: a limit that lies at the end of the grid is still on it


@dataclass(frozen=True, eq=False, repr=False)
class LikelihoodProfile:
    """Log-likelihood by log effect size, maximised over all other parameters.

    Between its points it is the cubic that has the values and slopes of both neighbours; beyond them it goes on
    straight, which for a concave likelihood is never too low.

    Parameters
    ----------
    points : float array, shape (n,)
        Log hazard, rate or odds ratios, rising; at least two.
    values : float array, shape (n,)
        Log-likelihoods; a constant may be added.
    gradients : float array, shape (n,), optional
        Slopes at the points. Without them each is that of the parabola through a point and its neighbours.

    Raises
    ------
    DataError
        For values that are missing or infinite, for points that do not rise, for fewer than two.

    Examples
    --------
    >>> profile = LikelihoodProfile(np.array([-1.0, 0.0, 1.0]), np.array([-5.0, -2.0, 0.0]))
    >>> profile.maximum, profile.edge
    (1.0, 'high')
    >>> profile.interval(0.95)[1]
    inf
    """

    points: Array
    values: Array
    gradients: Array | None = None

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        for name in ("points", "values") + (("gradients",) if self.gradients is not None else ()):
            object.__setattr__(self, name, _finite(getattr(self, name), name, problems))
        _refuse(problems, self.points.size, self.values.size)
        if self.gradients is not None and self.gradients.size != self.points.size:
            problems.append(
                Problem("there are not as many as points", "give one for each", column="gradients")
            )
        still = np.flatnonzero(np.diff(self.points) <= 0)
        if still.size and not problems:
            cause = f"point {still[0] + 1} is not above the one before"
            problems.append(Problem(cause, "sort points, each once", column="points"))
        if problems:
            raise DataError(problems, place="a likelihood profile")

    @property
    def slopes(self) -> Array:
        """Slopes at the points, given or estimated, shape (n,)."""
        if self.gradients is not None:
            return self.gradients
        return np.gradient(self.values, self.points, edge_order=2 if self.points.size > 2 else 1)

    @property
    def curve(self) -> PPoly:
        """The piecewise cubic between the points, of SciPy."""
        from scipy.interpolate import CubicHermiteSpline

        return CubicHermiteSpline(self.points, self.values, self.slopes)

    def at(self, effect: ArrayLike) -> Array:
        """Log-likelihood at any log effect sizes; straight on beyond the points."""
        asked = np.asarray(effect, dtype=float)
        ends, slopes = self.points[[0, -1]], self.slopes[[0, -1]]
        inside = np.clip(asked, *ends)
        beyond = np.where(asked < ends[0], slopes[0], slopes[1]) * (asked - inside)
        return self.curve(inside) + beyond

    @property
    def edge(self) -> str:
        """``""`` where the top lies between the points, else which end of them is the highest: "low" or "high".

        ``"both"`` where all values are the same: such a profile knows nothing.
        """
        highest = np.flatnonzero(self.values == self.values.max())
        at_ends = (highest[0] == 0, highest[-1] == self.points.size - 1)
        if all(at_ends):
            return "both"
        if at_ends[0]:
            return "low" if self.slopes[0] <= 0 else ""
        return "high" if at_ends[1] and self.slopes[-1] >= 0 else ""

    @property
    def maximum(self) -> float:
        """Log effect size of the highest likelihood; the end of the points where it still rises there (see `edge`).

        Not a number for a profile that knows nothing.
        """
        return self._top()[0]

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Limits at which the log-likelihood has fallen by half the quantile of chi-square.

        Parameters
        ----------
        level : float

        Returns
        -------
        low, high : float
            Infinite where it does not fall so far within the points.

        Raises
        ------
        UnderstudyError
            For a level that is no probability.
        """
        from scipy.special import ndtri

        if not 0 < level < 1:
            raise UnderstudyError(
                f"a confidence level of {level:g} is no probability", repair="give one such as 0.95"
            )
        place, height = self._top()
        target = height - float(ndtri(0.5 + level / 2)) ** 2 / 2
        if np.isnan(place):
            return -np.inf, np.inf
        roots = self.curve.solve(target, extrapolate=False)
        below, above = roots[roots < place], roots[roots > place]
        low = float(below[-1]) if below.size else self._end(0, target)
        high = float(above[0]) if above.size else self._end(-1, target)
        return low, high

    @property
    def scaled(self) -> LikelihoodProfile:
        """The same profile with its highest value at zero."""
        return LikelihoodProfile(self.points, self.values - self._top()[1], self.gradients)

    def table(self) -> pd.DataFrame:
        """Columns point, value and, where they are known, gradient; all that has to leave a site."""
        import pandas as pd

        columns = {"point": self.points, "value": self.values}
        if self.gradients is not None:
            columns["gradient"] = self.gradients
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        low, high = self.interval()
        edge = f" (at the {self.edge} edge)" if self.edge in ("low", "high") else ""
        return (
            f"Likelihood profile of {self.points.size} points from {self.points[0]:.4g} to {self.points[-1]:.4g}: "
            f"highest at {self.maximum:.4g}{edge}, 95 % interval {low:.4g} to {high:.4g}"
        )

    def _top(self) -> tuple[float, float]:
        """Place and height of the maximum."""
        if self.edge == "both":
            return np.nan, float(self.values.max())
        curve = self.curve
        level = curve.derivative().roots(extrapolate=False)
        places = np.concatenate([self.points, level[np.isfinite(level)]])
        heights = curve(places)
        best = int(np.argmax(heights))
        return float(places[best]), float(heights[best])

    def _end(self, end: int, target: float) -> float:
        """The limit on a side where the curve does not cross the target: the end if it just reaches it."""
        sign = 1.0 if end else -1.0
        return float(self.points[end]) if self.values[end] <= target + _ROOT else sign * np.inf


def _finite(values: ArrayLike, name: str, problems: list[Problem]) -> Array:
    """A float array that nobody changes later; what is missing or infinite goes into `problems`."""
    try:
        found = np.array(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        problems.append(Problem("holds something that is no number", "give numbers", column=name))
        return np.empty(0)
    bad = np.flatnonzero(~np.isfinite(found))
    for place in bad[:_SHOWN]:
        cause, repair = f"element {place} is missing or infinite", "leave the point out, or compute it again"
        problems.append(Problem(cause, repair, column=name, value=repr(float(found[place]))))
    if bad.size > _SHOWN:
        problems.append(Problem(f"so are {bad.size - _SHOWN} more elements", "leave them out", column=name))
    found.flags.writeable = False
    return found


def _refuse(problems: list[Problem], points: int, values: int) -> None:
    """Stop for lengths that do not fit, with what was found before."""
    if points != values and not problems:
        cause = f"{points} points have {values} values"
        problems.append(Problem(cause, "give one value for each point", column="values"))
    if points < 2 and not problems:
        problems.append(
            Problem("there are fewer than two points", "give at least two, better ten", column="points")
        )
    if problems:
        raise DataError(problems, place="a likelihood profile")
