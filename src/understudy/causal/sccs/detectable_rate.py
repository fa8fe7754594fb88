"""The smallest rate ratio that a case series of so many events is likely to detect."""

from __future__ import annotations

import math

from understudy.core.errors import UnderstudyError

_LARGEST = 20.0  # of a log rate ratio; what is beyond is infinite to any reader


def minimum_detectable_rate_ratio(
    events: float, exposed_share: float, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Smallest rate ratio above 1 that a two-sided test finds with a given power, by the signed root likelihood ratio.

    Musonda, Farrington, Whitaker 2006, Stat Med 25:2618-2631, doi:10.1002/sim.2477, without age: with a share r of the
    time at risk, π = r e^β / (r e^β + 1 - r), A = 2 (π β - log(r e^β + 1 - r)) and B = β² π (1 - π) / A, the number of
    events is (z₁₋α/₂ + z_power √B)² / A. It is solved for β.

    Parameters
    ----------
    events : float
    exposed_share : float
        Share of the cases' time in the risk window, within 0 and 1.
    alpha, power : float

    Returns
    -------
    float
        Infinite where no ratio up to exp(20) is detectable.

    Raises
    ------
    UnderstudyError
        For shares or probabilities outside of 0 to 1, or a negative number of events.

    Examples
    --------
    >>> round(minimum_detectable_rate_ratio(100, 0.1), 3)
    2.196
    """
    from scipy.optimize import brentq

    for name, value in (("exposed_share", exposed_share), ("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise UnderstudyError(
                f"{name} is {value:g}, not between 0 and 1",
                place="detectable rate ratio",
                repair="give a share",
            )
    if not events >= 0:
        raise UnderstudyError(
            "the number of events is negative", place="detectable rate ratio", repair="give a count"
        )

    def lacking(effect: float) -> float:
        return needed_events(effect, exposed_share, alpha, power) - events

    if lacking(_LARGEST) > 0:
        return math.inf
    return math.exp(brentq(lacking, 1e-4, _LARGEST, xtol=1e-12)) if lacking(1e-4) > 0 else math.exp(1e-4)


def needed_events(effect: float, exposed_share: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Events needed to find a log rate ratio (formula of `minimum_detectable_rate_ratio`).

    Examples
    --------
    >>> round(needed_events(math.log(2), 0.1))
    134
    """
    from scipy.special import ndtri

    total = exposed_share * math.exp(effect) + 1 - exposed_share
    share = exposed_share * math.exp(effect) / total
    a = 2 * (share * effect - math.log(total))
    b = effect**2 * share * (1 - share) / a
    return float(ndtri(1 - alpha / 2) + ndtri(power) * math.sqrt(b)) ** 2 / a
