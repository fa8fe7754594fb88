"""Planning: how many patients a prognostic score saves."""

from __future__ import annotations

import math

from understudy.core.errors import SimulationError
from understudy.trials.designs.sample_size import SampleSize, two_means


def size_ratio(r_squared: float, *, inflation: float = 1.0, deflation: float = 1.0) -> float:
    """Patients of a trial adjusted for a score over those of one that is not: γ² (1 - λ² r²), equal arms.

    Parameters
    ----------
    r_squared : float
        Squared correlation of score and outcome within arms.
    inflation : float
        γ, by how much the standard deviation may be larger in the trial than it was; 1 or more is cautious.
    deflation : float
        λ, what may be left of the correlation in the trial; 1 or less is cautious.

    References
    ----------
    Schuler et al. 2022, doi:10.1515/ijb-2021-0072; European Medicines Agency, Qualification opinion for prognostic
    covariate adjustment (PROCOVA), September 2022.

    Examples
    --------
    >>> round(size_ratio(0.3), 3), round(size_ratio(0.3, inflation=1.05, deflation=0.9), 3)
    (0.7, 0.835)
    """
    if not 0 <= r_squared < 1 or not inflation > 0 or not 0 <= deflation <= 1:
        raise SimulationError(
            f"r² {r_squared:g}, inflation {inflation:g}, deflation {deflation:g}",
            place="size of a trial with a prognostic score",
            repair="give r² from 0 to below 1, inflation above 0, deflation from 0 to 1",
        )
    return inflation**2 * (1 - deflation**2 * r_squared)


def twins_sample_size(
    difference: float,
    sd: float,
    r_squared: float,
    *,
    inflation: float = 1.0,
    deflation: float = 1.0,
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.9,
    ratio: float = 1.0,
) -> SampleSize:
    """Patients of a trial of means that is adjusted for a prognostic score.

    Parameters
    ----------
    difference, sd : float
        Of the outcome, not adjusted.
    r_squared, inflation, deflation : float
        As for `size_ratio`.
    alpha, sides, power, ratio
        As for `two_means`.

    Examples
    --------
    >>> twins_sample_size(0.5, 1.0, 0.3, power=0.8).control
    45
    """
    factor = size_ratio(r_squared, inflation=inflation, deflation=deflation)
    return two_means(difference, sd * math.sqrt(factor), alpha=alpha, sides=sides, power=power, ratio=ratio)
