"""Sequential inference: p values, estimates and intervals that know of the looks.

Jennison and Turnbull, *Group Sequential Methods* (2000), chapters 8 (after the trial, by the stagewise ordering of
Tsiatis, Rosner and Mehta, Biometrics 40, 797 (1984), doi:10.2307/2530924) and 9 (repeated confidence intervals, J R
Stat Soc B 51, 305 (1989), doi:10.1111/j.2517-6161.1989.tb01433.x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from understudy.core.errors import SimulationError
from understudy.trials.designs.group_sequential import GroupSequential
from understudy.trials.designs.joint_density import Going

_REACH = 12.0


@dataclass(frozen=True)
class SequentialResult:
    """What may be said after a trial stopped at a look; effects are per square root of information.

    Parameters
    ----------
    look : int
    z : float
    p_value : float
        By the stagewise ordering, of as many sides as the design has.
    estimate : float
        Median unbiased.
    lower, upper : float
        Ends of the exact interval by the stagewise ordering, with confidence 1 - alpha (two-sided design) or
        1 - 2 alpha (one-sided).
    repeated_lower, repeated_upper : float
        Ends of the repeated interval, right whatever made the trial stop.
    naive : float
        z / √information: the estimate that ignores the looks.
    """

    look: int
    z: float
    p_value: float
    estimate: float
    lower: float
    upper: float
    repeated_lower: float
    repeated_upper: float
    naive: float

    def __repr__(self) -> str:
        return (
            f"SequentialResult at look {self.look}, z {self.z:.4f}: p {self.p_value:.5f}, median unbiased estimate "
            f"{self.estimate:.4f} ({self.lower:.4f} to {self.upper:.4f}); repeated interval "
            f"{self.repeated_lower:.4f} to {self.repeated_upper:.4f}; unadjusted {self.naive:.4f}"
        )


def sequential_result(
    design: GroupSequential, look: int, z: float, *, information: float = 1.0
) -> SequentialResult:
    """P value, median unbiased estimate and intervals for a trial that stopped.

    Parameters
    ----------
    design : GroupSequential
    look : int
        At which it stopped, from 1.
    z : float
        Statistic there.
    information : float
        Of the effect at information fraction 1, that is 1 / variance of its estimate. For a log hazard ratio a
        quarter of the events, at equal allocation. With 1, effects are drifts.

    Returns
    -------
    SequentialResult

    Raises
    ------
    SimulationError
        For a look that the design has not.

    Examples
    --------
    >>> from understudy.trials.designs.group_sequential import group_sequential
    >>> found = sequential_result(group_sequential(3), 2, 3.0)
    >>> found.p_value > 0.0027, found.estimate < found.naive
    (True, True)
    """
    if not 1 <= look <= len(design.times):
        raise SimulationError(f"look {look}", place="look", repair=f"give one from 1 to {len(design.times)}")
    if not (math.isfinite(z) and information > 0):
        raise SimulationError(
            f"z {z}, information {information}", place="sequential_result", repair="give numbers"
        )
    above = exceedance(design, look, z, 0.0)
    tail = design.alpha / design.sides
    scale = math.sqrt(information)
    root = math.sqrt(design.times[look - 1]) * scale
    critical = design.upper[look - 1]
    lower, estimate, upper = (_drift(design, look, z, chance) / scale for chance in (tail, 0.5, 1 - tail))
    p_value = above if design.sides == 1 else min(1.0, 2 * min(above, 1 - above))
    repeated = (z - critical) / root, (z + critical) / root
    return SequentialResult(look, z, p_value, estimate, lower, upper, *repeated, z / root)


def exceedance(design: GroupSequential, look: int, z: float, drift: float) -> float:
    """Probability of a result that is at least as high, by the stagewise ordering, at a drift.

    Higher are: every rejection at the upper limit at an earlier look, and higher statistics at this one. Limits for
    futility count where they are binding.
    """
    going, chance = Going.start(drift), 0.0
    for index in range(look - 1):
        t, high, low = design.times[index], design.upper[index], design.lower[index]
        chance += going.above(high, t)
        heeded = low if design.sides == 2 or design.binding else -math.inf
        going = going.step(heeded, high, t)
    return chance + going.above(z, design.times[look - 1])


def _drift(design: GroupSequential, look: int, z: float, chance: float) -> float:
    from scipy.optimize import brentq

    centre = z / math.sqrt(design.times[look - 1])
    span = _REACH / math.sqrt(design.times[0])
    return brentq(
        lambda drift: exceedance(design, look, z, drift) - chance, centre - span, centre + span, xtol=1e-10
    )


def repeated_intervals(design: GroupSequential, z, *, information: float = 1.0) -> np.ndarray:
    """Repeated confidence intervals at the looks so far, shape (looks, 2): (z ± limit) / √information.

    Examples
    --------
    >>> from understudy.trials.designs.group_sequential import group_sequential
    >>> repeated_intervals(group_sequential(2), [1.0, 2.0]).round(3).tolist()
    [[-2.776, 5.604], [0.031, 3.969]]
    """
    z = np.asarray(z, dtype=float)
    root = np.sqrt(np.asarray(design.times[: len(z)]) * information)
    limit = np.asarray(design.upper[: len(z)])
    return np.stack([(z - limit) / root, (z + limit) / root], axis=1)
