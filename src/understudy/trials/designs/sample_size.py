"""Sample size: patients for a power, and power for patients, of means, shares and counts.

Julious, *Sample Sizes for Clinical Trials* (2010); Chow, Shao and Wang, *Sample Size Calculations in Clinical Research*
(2008). Every function takes ``margin`` for non-inferiority (a positive number: how much worse is still accepted) and
``equivalence`` for two one-sided tests within ± margin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from understudy.core.errors import SimulationError

_MOST = 10_000_000


@dataclass(frozen=True)
class SampleSize:
    """Patients that are needed.

    Parameters
    ----------
    control, treatment : int
        Patients of each arm, rounded up.
    power : float
        With these patients.
    events : int or None
        For survival: events that give the power.
    source : str
    """

    control: int
    treatment: int
    power: float
    source: str
    events: int | None = None

    @property
    def total(self) -> int:
        """Patients of both arms."""
        return self.control + self.treatment

    def __repr__(self) -> str:
        events = f", {self.events} events" if self.events is not None else ""
        return (
            f"SampleSize: {self.total} patients ({self.control} control, {self.treatment} treatment){events}, "
            f"power {self.power:.4f}\n  {self.source}"
        )


def two_means(
    difference: float,
    sd: float,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.9,
    ratio: float = 1.0,
    margin: float = 0.0,
    equivalence: bool = False,
) -> SampleSize:
    """Patients for a t test of two means, with the exact power of the noncentral t distribution.

    Parameters
    ----------
    difference : float
        Treatment - control, above 0 when it is good.
    sd : float
    alpha : float
    sides : 1 or 2
        For non-inferiority and equivalence one side is meant, whatever is said here.
    power : float
    ratio : float
        Patients of the treatment for one of the control.
    margin : float
    equivalence : bool

    Returns
    -------
    SampleSize

    Examples
    --------
    >>> two_means(0.5, 1.0, power=0.8).control
    64
    """
    _check(alpha, power, ratio, margin, equivalence)
    if not sd > 0:
        raise SimulationError(f"sd is {sd}", place="two_means", repair="give one above 0")
    sides = 1 if margin else sides
    _reachable(difference, margin, equivalence)

    def achieved(control: int) -> float:
        treatment = math.ceil(control * ratio)
        error = sd * math.sqrt(1 / control + 1 / treatment)
        freedom = control + treatment - 2
        if freedom < 1:
            return 0.0
        if equivalence:
            both = sum(_t_power((margin - sign * difference) / error, freedom, alpha, 1) for sign in (1, -1))
            return max(0.0, both - 1)
        return _t_power((difference + margin) / error, freedom, alpha, sides)

    return _least(achieved, power, ratio, "t test, noncentral t distribution (Julious 2010)")


def two_proportions(
    control: float,
    treatment: float,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.9,
    ratio: float = 1.0,
    margin: float = 0.0,
    equivalence: bool = False,
) -> SampleSize:
    """Patients for a comparison of two shares by the normal approximation.

    For superiority the variance is pooled under the null hypothesis (Fleiss, *Statistical Methods for Rates and
    Proportions*, 1981, equation 3.14); with a margin it is not (Chow, Shao and Wang 2008, section 4.2).

    Examples
    --------
    >>> two_proportions(0.65, 0.85, power=0.8, margin=0.1, alpha=0.05).control  # Chow and others, section 4.2
    25
    """
    from scipy.special import ndtr, ndtri

    _check(alpha, power, ratio, margin, equivalence)
    for p in (control, treatment):
        if not 0 < p < 1:
            raise SimulationError(
                f"a share of {p}", place="two_proportions", repair="give one between 0 and 1"
            )
    sides = 1 if margin else sides
    difference = treatment - control
    _reachable(difference, margin, equivalence)
    z = float(ndtri(1 - alpha / sides))
    pooled = (control + ratio * treatment) / (1 + ratio)

    def achieved(n: int) -> float:
        other = math.ceil(n * ratio)
        error = math.sqrt(control * (1 - control) / n + treatment * (1 - treatment) / other)
        if equivalence:
            return max(
                0.0, sum(float(ndtr((margin - sign * difference) / error - z)) for sign in (1, -1)) - 1
            )
        null = error if margin else math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / other))
        effect = difference + margin if margin or sides == 1 else abs(difference)
        return float(ndtr((effect - z * null) / error))

    return _least(achieved, power, ratio, "normal approximation (Fleiss 1981; Chow, Shao and Wang 2008)")


def two_counts(
    control: float,
    ratio_of_rates: float,
    *,
    exposure: float = 1.0,
    dispersion: float = 0.0,
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.9,
    ratio: float = 1.0,
    margin: float = 1.0,
) -> SampleSize:
    """Patients for a comparison of rates of negative binomial counts (dispersion 0: Poisson).

    Zhu and Lakkis, Stat Med 33, 376 (2014), doi:10.1002/sim.5947, with the variance of the alternative under both
    hypotheses (their method 3 needs it under the null by maximum likelihood; this is their method 2).

    Parameters
    ----------
    control : float
        Events per unit of time in the control arm.
    ratio_of_rates : float
        Treatment / control; below 1 is good.
    exposure : float
        Time under observation of each patient.
    dispersion : float
        Variance of a count with mean m is m + dispersion · m².
    margin : float
        Ratio that is still accepted, above 1 for non-inferiority.

    Examples
    --------
    >>> two_counts(0.8, 0.85, exposure=0.75, dispersion=0.7, power=0.8).control
    1494
    """
    from scipy.special import ndtr, ndtri

    _check(alpha, power, ratio, 0.0, False)
    if min(control, ratio_of_rates, exposure, margin) <= 0 or dispersion < 0:
        raise SimulationError(
            "a rate, ratio or exposure is not above 0", place="two_counts", repair="give one that is"
        )
    sides = 1 if margin != 1 else sides
    effect = math.log(margin) - math.log(ratio_of_rates)
    if effect == 0 or (effect < 0 and sides == 1):
        raise SimulationError("no effect to find", place="two_counts", repair="give a ratio below the margin")
    z = float(ndtri(1 - alpha / sides))

    def achieved(n: int) -> float:
        other = math.ceil(n * ratio)
        error = (1 / (control * exposure) + dispersion) / n
        error += (1 / (control * ratio_of_rates * exposure) + dispersion) / other
        return float(ndtr(abs(effect) / math.sqrt(error) - z))

    return _least(
        achieved, power, ratio, "negative binomial rates (Zhu and Lakkis 2014, doi:10.1002/sim.5947)"
    )


def _t_power(noncentrality: float, freedom: float, alpha: float, sides: int) -> float:
    from scipy.stats import nct, t

    limit = t.isf(alpha / sides, freedom)
    # The far tail of a two-sided test is less than 1e-9 wherever the power is one that somebody asks for.
    return float(nct.sf(limit, freedom, abs(noncentrality) if sides == 2 else noncentrality))


def _least(achieved, power: float, ratio: float, source: str) -> SampleSize:
    """The smallest control arm with the power, by doubling and bisection."""
    low, high = 1, 2
    while achieved(high) < power:
        low, high = high, 2 * high
        if high > _MOST:
            raise SimulationError(
                "more than ten million patients", place="sample size", repair="ask for a larger effect"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if achieved(middle) >= power else (middle, high)
    return SampleSize(high, math.ceil(high * ratio), achieved(high), source)


def _check(alpha: float, power: float, ratio: float, margin: float, equivalence: bool) -> None:
    if not 0 < alpha < 0.5 or not alpha < power < 1:
        raise SimulationError(
            f"alpha {alpha} and power {power}", place="sample size", repair="give such as 0.05 and 0.9"
        )
    if not ratio > 0 or margin < 0 or (equivalence and margin == 0):
        raise SimulationError(
            f"ratio {ratio}, margin {margin}",
            place="sample size",
            repair="give a ratio above 0, a margin from 0",
        )


def _reachable(difference: float, margin: float, equivalence: bool) -> None:
    there = (
        abs(difference) < margin if equivalence else (difference + margin > 0 if margin else difference != 0)
    )
    if not there:
        raise SimulationError(
            f"a difference of {difference} with a margin of {margin} can never be shown",
            place="difference",
            repair="give one on the right side of the margin",
        )
