"""Survival sample size: events for a hazard ratio, and patients for the events.

Schoenfeld, Biometrics 39, 499 (1983), doi:10.2307/2531021; Freedman, Stat Med 1, 121 (1982),
doi:10.1002/sim.4780010204; Lachin and Foulkes, Biometrics 42, 507 (1986), doi:10.2307/2531201, for accrual and dropout.
"""

from __future__ import annotations

import math
from typing import Literal

from understudy.core.errors import SimulationError
from understudy.trials.designs.sample_size import SampleSize


def events_needed(
    hazard_ratio: float,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.9,
    ratio: float = 1.0,
    margin: float = 1.0,
    method: Literal["schoenfeld", "freedman"] = "schoenfeld",
) -> float:
    """Events, not rounded.

    Parameters
    ----------
    hazard_ratio : float
        Treatment / control.
    ratio : float
        Patients of the treatment for one of the control.
    margin : float
        Hazard ratio that is still accepted, above 1 for non-inferiority (Schoenfeld's formula only).

    Examples
    --------
    >>> round(events_needed(0.7), 2), round(events_needed(0.7, method="freedman"), 2)
    (330.38, 337.41)
    """
    from scipy.special import ndtri

    if hazard_ratio <= 0 or ratio <= 0 or margin <= 0 or hazard_ratio == margin:
        raise SimulationError(
            f"hazard ratio {hazard_ratio}, margin {margin}",
            place="events_needed",
            repair="give ratios above 0 that differ",
        )
    if not 0 < alpha < 0.5 or not alpha < power < 1:
        raise SimulationError(
            f"alpha {alpha}, power {power}", place="events_needed", repair="give 0.05 and 0.9"
        )
    z = float(ndtri(1 - alpha / (1 if margin != 1 else sides)) + ndtri(power)) ** 2
    if method == "schoenfeld":
        return z * (1 + ratio) ** 2 / (ratio * math.log(hazard_ratio / margin) ** 2)
    if method == "freedman" and margin == 1:
        return z * (1 + ratio * hazard_ratio) ** 2 / (ratio * (1 - hazard_ratio) ** 2)
    raise SimulationError(
        f"method {method!r} with margin {margin}",
        place="method",
        repair="give schoenfeld, or freedman without margin",
    )


def event_probability(hazard: float, *, accrual: float, follow_up: float, dropout: float = 0.0) -> float:
    """Probability of an event by the end, for uniform accrual and exponential times (Lachin and Foulkes 1986).

    Parameters
    ----------
    hazard, dropout : float
        Per unit of time.
    accrual : float
        Length of recruitment.
    follow_up : float
        Time from its end to the analysis.

    Examples
    --------
    >>> round(event_probability(0.1, accrual=0.0, follow_up=5.0), 4)  # 1 - exp(-0.5)
    0.3935
    """
    if hazard <= 0 or min(accrual, follow_up, dropout) < 0 or accrual + follow_up == 0:
        raise SimulationError("no time or no hazard", place="event_probability", repair="give some above 0")
    total = hazard + dropout
    if accrual == 0:
        still = math.exp(-total * follow_up)
    else:
        still = math.exp(-total * follow_up) * -math.expm1(-total * accrual) / (total * accrual)
    return hazard / total * (1 - still)


def two_survivals(
    control_hazard: float,
    hazard_ratio: float,
    *,
    accrual: float,
    follow_up: float,
    dropout: float = 0.0,
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.9,
    ratio: float = 1.0,
    margin: float = 1.0,
    method: Literal["schoenfeld", "freedman"] = "schoenfeld",
) -> SampleSize:
    """Patients and events for a log-rank test.

    Parameters
    ----------
    control_hazard : float
    hazard_ratio : float
    accrual, follow_up, dropout
        As for `event_probability`.
    alpha, sides, power, ratio, margin, method
        As for `events_needed`.

    Returns
    -------
    SampleSize

    Examples
    --------
    >>> import math
    >>> two_survivals(math.log(2) / 12, 0.7, accrual=18, follow_up=12)
    SampleSize: 528 patients (264 control, 264 treatment), 331 events, power 0.9005
      Schoenfeld, events from Lachin and Foulkes 1986
    """
    from scipy.special import ndtr, ndtri

    given = {"alpha": alpha, "sides": sides, "ratio": ratio, "margin": margin, "method": method}
    events = events_needed(hazard_ratio, power=power, **given)
    times = {"accrual": accrual, "follow_up": follow_up, "dropout": dropout}
    on_control = event_probability(control_hazard, **times)
    on_treatment = event_probability(control_hazard * hazard_ratio, **times)
    control = math.ceil(events / (on_control + ratio * on_treatment) - 1e-9)
    whole = math.ceil(events - 1e-9)
    z = float(ndtri(1 - alpha / (1 if margin != 1 else sides)) + ndtri(power)) * math.sqrt(whole / events)
    achieved = float(ndtr(z - ndtri(1 - alpha / (1 if margin != 1 else sides))))
    source = f"{method.capitalize()}, events from Lachin and Foulkes 1986"
    return SampleSize(control, math.ceil(control * ratio), achieved, source, whole)
