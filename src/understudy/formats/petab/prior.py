"""Prior: how likely values of a parameter are before any data, as both versions of PEtab write it.

Densities are those of PEtab 2.0 (Prior distributions) and of PEtab 1.0 (objectivePriorType).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Numbers = tuple[float, ...]


class Family(NamedTuple):
    """A family of distributions: how many parameters it takes, and a log-density with its slope."""

    size: int
    density: Callable[..., tuple[float, float]]
    scipy: Callable[..., tuple[str, Numbers, dict[str, float]]]


@dataclass(frozen=True)
class Prior:
    """A prior distribution.

    Parameters
    ----------
    family : str
        One of `FAMILIES`.
    numbers : tuple of float
        The parameters of the distribution.
    logarithmic : bool
        Whether the logarithm of the parameter has this distribution.
    on_scale : bool
        Whether it is the distribution of the parameter on its scale (PEtab 1.0, ``parameterScaleNormal``).
    within : tuple of two floats, or None
        What the distribution is cut to, and made to integrate to one between (PEtab 2.0).

    Examples
    --------
    >>> round(Prior("normal", (0.0, 1.0)).log_density(0.0), 4)
    -0.9189
    >>> round(Prior("normal", (0.0, 1.0), within=(0.0, 5.0)).log_density(0.0), 4)
    -0.2258
    """

    family: str
    numbers: Numbers
    logarithmic: bool = False
    on_scale: bool = False
    within: tuple[float, float] | None = None

    def log_density(self, value: float) -> float:
        """Logarithm of the density at a value of the parameter (on its scale, where the prior is of that)."""
        return self._with_slope(value)[0]

    def slope(self, value: float) -> float:
        """How the logarithm of the density grows with the value."""
        return self._with_slope(value)[1]

    def _with_slope(self, value: float) -> tuple[float, float]:
        outside = self.within is not None and not self.within[0] <= value <= self.within[1]
        if outside or not math.isfinite(value) or (self.logarithmic and value <= 0):
            return -math.inf, 0.0
        x = math.log(value) if self.logarithmic else value
        found, slope = FAMILIES[self.family].density(x, *self.numbers)
        if self.logarithmic:
            found, slope = found - x, (slope - 1) / value
        return found - self._log_share(), slope

    def _log_share(self) -> float:
        """Logarithm of the probability that lies within what the distribution is cut to."""
        if self.within is None:
            return 0.0
        from scipy import stats

        name, shape, more = FAMILIES[self.family].scipy(*self.numbers)
        of = getattr(stats, name)(*shape, **more)
        low, high = (_logarithm(end) for end in self.within) if self.logarithmic else self.within
        # Of two far ends on one side the complement is exact.
        share = of.cdf(high) - of.cdf(low) if low < of.median() else of.sf(low) - of.sf(high)
        return math.log(share) if share > 0 else -math.inf


def _logarithm(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _normal(x: float, mean: float, deviation: float) -> tuple[float, float]:
    z = (x - mean) / deviation
    return -z * z / 2 - math.log(deviation) - math.log(2 * math.pi) / 2, -z / deviation


def _laplace(x: float, location: float, scale: float) -> tuple[float, float]:
    z = (x - location) / scale
    return -abs(z) - math.log(2 * scale), -math.copysign(1, z) / scale if z else 0.0


def _uniform(x: float, low: float, high: float) -> tuple[float, float]:
    return (-math.log(high - low), 0.0) if low <= x <= high else (-math.inf, 0.0)


def _log_uniform(x: float, low: float, high: float) -> tuple[float, float]:
    if not low <= x <= high:
        return -math.inf, 0.0
    return -math.log(x) - math.log(math.log(high) - math.log(low)), -1 / x


def _cauchy(x: float, location: float, scale: float) -> tuple[float, float]:
    z = (x - location) / scale
    return -math.log(math.pi * scale) - math.log1p(z * z), -2 * z / (1 + z * z) / scale


def _gamma(x: float, shape: float, scale: float) -> tuple[float, float]:
    if x <= 0:
        return -math.inf, 0.0
    found = (shape - 1) * math.log(x) - x / scale - math.lgamma(shape) - shape * math.log(scale)
    return found, (shape - 1) / x - 1 / scale


def _rayleigh(x: float, scale: float) -> tuple[float, float]:
    if x <= 0:
        return -math.inf, 0.0
    return math.log(x) - 2 * math.log(scale) - x * x / (2 * scale * scale), 1 / x - x / scale**2


def _exponential(x: float, scale: float) -> tuple[float, float]:
    return (-math.log(scale) - x / scale, -1 / scale) if x >= 0 else (-math.inf, 0.0)


def _located(name: str) -> Callable[..., tuple[str, Numbers, dict[str, float]]]:
    return lambda location, scale: (name, (), {"loc": location, "scale": scale})


FAMILIES: Mapping[str, Family] = {
    "normal": Family(2, _normal, _located("norm")),
    "laplace": Family(2, _laplace, _located("laplace")),
    "cauchy": Family(2, _cauchy, _located("cauchy")),
    "uniform": Family(2, _uniform, lambda a, b: ("uniform", (), {"loc": a, "scale": b - a})),
    "log-uniform": Family(2, _log_uniform, lambda a, b: ("loguniform", (a, b), {})),
    "gamma": Family(2, _gamma, lambda shape, scale: ("gamma", (shape,), {"scale": scale})),
    "chisquare": Family(1, lambda x, n: _gamma(x, n / 2, 2.0), lambda n: ("chi2", (n,), {})),
    "exponential": Family(1, _exponential, lambda scale: ("expon", (), {"scale": scale})),
    "rayleigh": Family(1, _rayleigh, lambda scale: ("rayleigh", (), {"scale": scale})),
}
# Parameters of families that must be above zero, by their place.
_POSITIVE = {
    **dict.fromkeys(("normal", "laplace", "cauchy"), (1,)),
    **dict.fromkeys(("gamma", "log-uniform"), (0, 1)),
    **dict.fromkeys(("chisquare", "exponential", "rayleigh"), (0,)),
}


def fault(family: str, numbers: Numbers) -> str:
    """What is wrong with the parameters of a distribution; empty where nothing is.

    Examples
    --------
    >>> fault("normal", (0.0, 1.0)), fault("normal", (0.0, -1.0)), fault("uniform", (2.0,))
    ('', 'parameter 2 of the normal distribution must be above zero', 'a uniform distribution has 2 parameters, not 1')
    """
    size = FAMILIES[family].size
    if len(numbers) != size:
        return f"a {family} distribution has {size} parameter{'s' if size > 1 else ''}, not {len(numbers)}"
    wrong = [k + 1 for k in _POSITIVE.get(family, ()) if numbers[k] <= 0]
    if wrong:
        return f"parameter {wrong[0]} of the {family} distribution must be above zero"
    if family in ("uniform", "log-uniform") and numbers[0] >= numbers[1]:
        return f"the lower bound of the {family} distribution is not below the upper one"
    return ""
