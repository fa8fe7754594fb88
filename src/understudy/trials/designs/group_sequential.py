"""Group sequential designs: limits at the looks, power, expected size, by numerical integration.

Jennison and Turnbull, *Group Sequential Methods with Applications to Clinical Trials* (2000), chapters 2 to 7 and 19.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.boundary_shape import BoundaryShape
from understudy.trials.designs.joint_density import Going, crossing_probabilities
from understudy.trials.designs.spending import OBrienFlemingSpending, Spending

if TYPE_CHECKING:
    import pandas as pd

_NEVER = 38.0  # a limit of Z that a double's normal tail cannot tell from infinity
_MOST_DRIFT = 20.0
_NEAREST = 1e-3  # share of the information between two looks; the grid grows as its inverse root


@dataclass(frozen=True)
class GroupSequential:
    """Looks with limits of Z: at or above ``upper`` the null hypothesis is rejected, at or below ``lower`` the trial
    stops for futility (one-sided), or the null hypothesis is rejected on the other side (two-sided).

    Parameters
    ----------
    times : tuple of float
        Information fractions of the looks, the last 1.
    upper, lower : tuple of float
        Limits of Z; infinite where there is none.
    alpha : float
        Type I error rate, of both sides together where there are two.
    sides : 1 or 2
    power : float
        Of the alternative at ``drift``.
    drift : float
        Mean of Z at information fraction 1 under the alternative.
    binding : bool
        Whether the type I error rate counts on stopping for futility.
    """

    times: tuple[float, ...]
    upper: tuple[float, ...]
    lower: tuple[float, ...]
    alpha: float
    sides: int
    power: float
    drift: float
    binding: bool = False

    @property
    def inflation(self) -> float:
        """Largest information, as a multiple of that of a design with one look and the same power."""
        from scipy.special import ndtri

        return (self.drift / (ndtri(1 - self.alpha / self.sides) + ndtri(self.power))) ** 2

    @property
    def futility(self) -> bool:
        """Whether a look can stop the trial for futility."""
        return self.sides == 1 and any(np.isfinite(self.lower[:-1]))

    def probabilities(self, drift: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probabilities to stop below and above at each look, where both limits are heeded."""
        return crossing_probabilities(self.lower, self.upper, self.times, drift)

    def rejection(self, drift: float, *, heed_futility: bool = True) -> float:
        """Probability to reject the null hypothesis at a drift.

        Examples
        --------
        >>> design = group_sequential(3, alpha=0.025, sides=1)
        >>> round(design.rejection(0.0), 4), round(design.rejection(design.drift), 4)
        (0.025, 0.9)
        """
        lower = self.lower if heed_futility else (-np.inf,) * len(self.times)
        below, above = crossing_probabilities(lower, self.upper, self.times, drift)
        return float(above.sum() + (below.sum() if self.sides == 2 else 0.0))

    def expected_information(self, drift: float) -> float:
        """Mean information at which the trial stops, as a share of the largest."""
        below, above = self.probabilities(drift)
        stopped = (below + above)[:-1]
        return float(stopped @ self.times[:-1] + (1 - stopped.sum()) * self.times[-1])

    def expected_ratio(self, drift: float) -> float:
        """Mean information as a multiple of that of the design with one look and the same power."""
        return self.inflation * self.expected_information(drift)

    def nominal_p(self) -> NDArray[np.float64]:
        """P values, of as many sides as the design has, that the upper limits stand for."""
        from scipy.special import ndtr

        return self.sides * ndtr(-np.asarray(self.upper))

    def table(self) -> pd.DataFrame:
        """A row a look: limits, nominal p, and chances to have stopped under both hypotheses."""
        import pandas as pd

        null_below, null_above = self.probabilities(0.0)
        below, above = self.probabilities(self.drift)
        return pd.DataFrame(
            {
                "look": range(1, len(self.times) + 1),
                "information": self.times,
                "lower": self.lower,
                "upper": self.upper,
                "nominal_p": self.nominal_p(),
                "stopped_null": np.cumsum(null_below + null_above),
                "stopped_alternative": np.cumsum(below + above),
                "rejected_alternative": np.cumsum(above + (below if self.sides == 2 else 0.0)),
            }
        )

    def __repr__(self) -> str:
        sides = "one-sided" if self.sides == 1 else "two-sided"
        lines = [
            f"GroupSequential: {len(self.times)} looks, {sides} alpha {self.alpha:g}, power {self.power:g}, "
            f"largest size {self.inflation:.4f} times a fixed design's"
        ]
        for t, low, high in zip(self.times, self.lower, self.upper, strict=True):
            stop = f", futility at or below {low:.4f}" if self.sides == 1 and np.isfinite(low) else ""
            lines.append(f"  at {t:.3f} of the information: reject {_limit(high, self.sides)}{stop}")
        if self.futility:
            lines.append("  futility is " + ("binding" if self.binding else "not binding"))
        return "\n".join(lines)


def group_sequential(
    looks: int | Sequence[float],
    *,
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.9,
    efficacy: BoundaryShape | Spending | None = None,
    futility: Spending | None = None,
    binding: bool = False,
) -> GroupSequential:
    """Limits of a group sequential design.

    Parameters
    ----------
    looks : int or sequence of float
        Number of equally spaced looks, or their information fractions up to 1.
    alpha : float
        Type I error rate, of both sides together where ``sides`` is 2.
    sides : 1 or 2
    power : float
        Of the alternative that the size is meant for.
    efficacy : BoundaryShape or Spending
        A classical shape (`Pocock`, `OBrienFleming`, `WangTsiatis`, `HaybittlePeto`) or a function that spends
        alpha; without one `OBrienFlemingSpending`.
    futility : Spending, optional
        How 1 - power is spent on stopping for futility, one-sided designs only.
    binding : bool
        Whether limits for efficacy count on stopping for futility. Regulators ask for limits that do not.

    Returns
    -------
    GroupSequential

    Raises
    ------
    SimulationError
        For looks that do not rise to 1, error rates outside 0 to 1, or futility of a two-sided design.

    Examples
    --------
    >>> group_sequential(2, efficacy=OBrienFlemingSpending())
    GroupSequential: 2 looks, two-sided alpha 0.05, power 0.9, largest size 1.0034 times a fixed design's
      at 0.500 of the information: reject beyond ±2.9626
      at 1.000 of the information: reject beyond ±1.9686
    """
    times = _times(looks)
    _check(alpha, sides, power, futility)
    rule = efficacy if efficacy is not None else OBrienFlemingSpending()
    search = _Search(times, alpha / sides, sides, 1 - power, rule, futility, binding)
    drift = search.drift()
    upper, lower = search.limits(drift)
    return GroupSequential(times, upper, lower, alpha, sides, power, drift, binding)


@dataclass(frozen=True)
class _Search:
    """What is asked of the limits; ``alpha`` is of one side."""

    times: tuple[float, ...]
    alpha: float
    sides: int
    beta: float
    efficacy: BoundaryShape | Spending
    futility: Spending | None
    binding: bool

    def drift(self) -> float:
        """Mean of Z at full information that gives the power."""
        from scipy.optimize import brentq

        fixed = None if self.futility else self.limits(0.0)
        return brentq(lambda drift: self._missed(drift, fixed) - self.beta, 0.0, _MOST_DRIFT, xtol=1e-10)

    def _missed(self, drift: float, fixed) -> float:
        """Chance of no rejection on the upper side (and the lower, of two) at a drift."""
        upper, lower = fixed or self.limits(drift)
        below, above = crossing_probabilities(lower, upper, self.times, drift)
        return 1 - float(above.sum() + (below.sum() if self.sides == 2 else 0.0))

    def limits(self, drift: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Upper and lower limits, where futility is judged against a drift."""
        if self.futility is None:
            upper = self._upper_shape() if hasattr(self.efficacy, "limits") else self._spend(None)[0]
            return upper, self._mirror(upper)
        if not hasattr(self.efficacy, "limits"):
            return self._spend(drift)
        return self._spend(drift, self._upper_shape())

    def _upper_shape(self) -> tuple[float, ...]:
        from scipy.optimize import brentq

        def excess(constant: float) -> float:
            upper = self.efficacy.limits(self.times, constant)
            _, above = crossing_probabilities(self._mirror(upper), upper, self.times)
            return float(above.sum()) - self.alpha

        if excess(_MOST_DRIFT) > 0:
            raise SimulationError(
                f"{self.efficacy!r} spends more than alpha {self.alpha:g} before the last look",
                place="efficacy",
                repair="give a higher early limit",
            )
        constant = brentq(excess, 0.0, _MOST_DRIFT, xtol=1e-12)
        return self.efficacy.limits(self.times, constant)

    def _spend(
        self, drift: float | None, upper: tuple[float, ...] | None = None
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Limits look by look: alpha under no drift, beta under ``drift``."""
        null, alternative = Going.start(0.0), Going.start(drift or 0.0)
        highs: list[float] = []
        lows: list[float] = []
        alpha_spent = beta_spent = 0.0
        for look, t in enumerate(self.times):
            if upper is None:
                alpha_now = self.efficacy.spent(t, self.alpha)
                high = _solve_above(null, alpha_now - alpha_spent, t)
                alpha_spent = alpha_now
            else:
                high = upper[look]
            if drift is None:
                low = -high if self.sides == 2 else -math.inf
            elif look + 1 == len(self.times):
                low = high
            else:
                beta_now = self.futility.spent(t, self.beta)
                low = min(_solve_below(alternative, beta_now - beta_spent, t), high)
                beta_spent = beta_now
            highs.append(high)
            lows.append(low)
            if look + 1 < len(self.times):
                heeded = low if self.binding or drift is None else -math.inf
                null, alternative = null.step(heeded, high, t), alternative.step(low, high, t)
        return tuple(highs), tuple(lows)

    def _mirror(self, upper: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(-limit if self.sides == 2 else -math.inf for limit in upper)


def _solve_above(going: Going, chance: float, t: float) -> float:
    from scipy.optimize import brentq

    if chance <= going.above(_NEVER, t):
        return math.inf
    if chance >= going.above(-_NEVER, t):  # futility left fewer trials than that: all that are left reject
        return -math.inf
    return brentq(lambda limit: going.above(limit, t) - chance, -_NEVER, _NEVER, xtol=1e-12)


def _solve_below(going: Going, chance: float, t: float) -> float:
    from scipy.optimize import brentq

    if chance <= going.below(-_NEVER, t):
        return -math.inf
    if chance >= going.below(_NEVER, t):
        return math.inf
    return brentq(lambda limit: going.below(limit, t) - chance, -_NEVER, _NEVER, xtol=1e-12)


def _times(looks: int | Sequence[float]) -> tuple[float, ...]:
    if isinstance(looks, int):
        times = tuple((look + 1) / looks for look in range(looks))
    else:
        times = tuple(float(t) for t in looks)
    rising = all(first < second for first, second in zip((0.0, *times), times, strict=False))
    if not times or not rising or abs(times[-1] - 1) > 1e-12:
        raise SimulationError(
            f"looks at {looks!r}",
            place="looks",
            repair="give a number of looks, at least 1, or fractions that rise from above 0 to 1",
        )
    near = [t for before, t in itertools.pairwise(times) if t - before < _NEAREST * t]
    if near:
        raise SimulationError(
            f"a look at {near[0]:g} right after another",
            place="looks",
            repair="leave a thousandth between two",
        )
    return times


def _check(alpha: float, sides: int, power: float, futility: Spending | None) -> None:
    if sides not in (1, 2):
        raise SimulationError(f"sides is {sides!r}", place="sides", repair="give 1 or 2")
    if not 0 < alpha / sides < 0.5:
        raise SimulationError(f"alpha is {alpha}", place="alpha", repair="give one such as 0.05")
    if not alpha / sides < power < 1:
        raise SimulationError(f"power is {power}", place="power", repair="give one from alpha to 1, as 0.9")
    if futility is not None and sides == 2:
        raise SimulationError(
            "futility of a two-sided design", place="futility", repair="give sides=1 and half of alpha"
        )


def _limit(high: float, sides: int) -> str:
    if not math.isfinite(high):
        return "never"
    return f"beyond ±{high:.4f}" if sides == 2 else f"at or above {high:.4f}"
