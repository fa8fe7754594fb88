"""The smallest relative risk that a comparison of so many outcomes is likely to detect."""

from __future__ import annotations

import math

from understudy.core.errors import UnderstudyError


def minimum_detectable_relative_risk(
    events: float, p_target: float, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Smallest relative risk above 1 that a two-sided test finds with a given power.

    exp √((z₁₋α/₂ + z_power)² / (events · p (1 - p))), from Schoenfeld's number of events (Schoenfeld 1983, Biometrics
    39:499-503, doi:10.2307/2531021), as OHDSI's CohortMethod computes it.

    Parameters
    ----------
    events : float
        Outcomes in both groups; infinite is the answer for none.
    p_target : float
        Share of the persons that are in the target group, within 0 and 1.
    alpha, power : float

    Returns
    -------
    float

    Raises
    ------
    UnderstudyError
        For shares or probabilities outside of 0 to 1, or a negative number of events.

    Examples
    --------
    >>> round(minimum_detectable_relative_risk(159, 1797 / 2627), 5)
    1.61271
    """
    from scipy.special import ndtri

    for name, value in (("p_target", p_target), ("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise UnderstudyError(
                f"{name} is {value:g}, not between 0 and 1", place="detectable risk", repair="give a share"
            )
    if not events >= 0:
        raise UnderstudyError(
            "the number of events is negative", place="detectable risk", repair="give a count"
        )
    if events == 0:
        return math.inf
    both = float(ndtri(1 - alpha / 2) + ndtri(power))
    exponent = both / math.sqrt(events * p_target * (1 - p_target))
    return math.exp(exponent) if exponent < 709 else math.inf
