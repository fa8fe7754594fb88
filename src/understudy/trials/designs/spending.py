"""Spending: how much of an error rate may be used up by a given share of a trial's information.

Lan and DeMets, Biometrika 70, 659 (1983), doi:10.1093/biomet/70.3.659.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from understudy.core.errors import SimulationError


class Spending(Protocol):
    """Error spent by information fraction ``t``: 0 at 0, ``error`` from 1 on, never falling."""

    def spent(self, t: float, error: float) -> float:
        """Error rate used up by information fraction ``t`` of a total of ``error``."""
        ...


@dataclass(frozen=True)
class OBrienFlemingSpending:
    """Almost nothing early: 2 - 2 Φ(z / √t), z the upper ``error / 2`` point of the normal distribution.

    Lan and DeMets 1983, doi:10.1093/biomet/70.3.659.

    Examples
    --------
    >>> round(OBrienFlemingSpending().spent(0.5, 0.025), 5)
    0.00153
    """

    def spent(self, t: float, error: float) -> float:
        """See `Spending.spent`."""
        from scipy.special import ndtr, ndtri

        if t <= 0:
            return 0.0
        return 2 * float(ndtr(ndtri(error / 2) / math.sqrt(min(t, 1.0))))


@dataclass(frozen=True)
class PocockSpending:
    """Nearly even: ``error`` · ln(1 + (e - 1) t). Lan and DeMets 1983, doi:10.1093/biomet/70.3.659.

    Examples
    --------
    >>> round(PocockSpending().spent(0.5, 0.025), 5)
    0.0155
    """

    def spent(self, t: float, error: float) -> float:
        """See `Spending.spent`."""
        return error * math.log1p((math.e - 1) * min(max(t, 0.0), 1.0))


@dataclass(frozen=True)
class PowerSpending:
    """``error`` · t^ρ. Kim and DeMets, Biometrika 74, 149 (1987), doi:10.1093/biomet/74.1.149.

    Examples
    --------
    >>> PowerSpending(2).spent(0.5, 0.02)
    0.005
    """

    rho: float = 3.0

    def __post_init__(self):
        if not self.rho > 0:
            raise SimulationError(
                f"rho is {self.rho}", place="PowerSpending", repair="give a number above zero, such as 3"
            )

    def spent(self, t: float, error: float) -> float:
        """See `Spending.spent`."""
        return error * min(max(t, 0.0), 1.0) ** self.rho


@dataclass(frozen=True)
class HwangShihDeCaniSpending:
    """``error`` · (1 - exp(-γt)) / (1 - exp(-γ)); γ -4 is near O'Brien-Fleming, 1 near Pocock, 0 a line.

    Hwang, Shih and De Cani, Stat Med 9, 1439 (1990), doi:10.1002/sim.4780091207.

    Examples
    --------
    >>> round(HwangShihDeCaniSpending(-4).spent(0.5, 0.025), 5)
    0.00298
    """

    gamma: float = -4.0

    def spent(self, t: float, error: float) -> float:
        """See `Spending.spent`."""
        t = min(max(t, 0.0), 1.0)
        if abs(self.gamma) < 1e-9:
            return error * t
        return error * math.expm1(-self.gamma * t) / math.expm1(-self.gamma)
