"""Boundary shape: classical limits of a sequence of tests, up to one constant that gives the error rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from understudy.core.errors import SimulationError


class BoundaryShape(Protocol):
    """Limits of Z at the looks for a constant that a search finds."""

    def limits(self, times: tuple[float, ...], constant: float) -> tuple[float, ...]:
        """Limits at information fractions ``times``; they rise with ``constant``."""
        ...


@dataclass(frozen=True)
class WangTsiatis:
    """C t^(Δ - ½), with t as a share of the last look's. Biometrics 43, 193 (1987), doi:10.2307/2531959.

    Examples
    --------
    >>> [round(limit, 3) for limit in WangTsiatis(0.0).limits((0.25, 1.0), 2.0)]
    [4.0, 2.0]
    """

    delta: float = 0.25

    def limits(self, times: tuple[float, ...], constant: float) -> tuple[float, ...]:
        """See `BoundaryShape.limits`."""
        return tuple(constant * (t / times[-1]) ** (self.delta - 0.5) for t in times)


@dataclass(frozen=True)
class Pocock(WangTsiatis):
    """The same limit at each look. Pocock, Biometrika 64, 191 (1977), doi:10.1093/biomet/64.2.191."""

    delta: float = 0.5


@dataclass(frozen=True)
class OBrienFleming(WangTsiatis):
    """Limits that fall as 1/√t. O'Brien and Fleming, Biometrics 35, 549 (1979), doi:10.2307/2530245."""

    delta: float = 0.0


@dataclass(frozen=True)
class HaybittlePeto:
    """One high limit at all looks but the last. Haybittle, Br J Radiol 44, 793 (1971); Peto and others,
    Br J Cancer 34, 585 (1976), doi:10.1038/bjc.1976.220.

    Examples
    --------
    >>> HaybittlePeto().limits((0.5, 1.0), 1.97)
    (3.0, 1.97)
    """

    early: float = 3.0

    def __post_init__(self):
        if not self.early > 0:
            raise SimulationError(
                f"the early limit is {self.early}", place="HaybittlePeto", repair="give one above zero, as 3"
            )

    def limits(self, times: tuple[float, ...], constant: float) -> tuple[float, ...]:
        """See `BoundaryShape.limits`."""
        return (*(self.early for _ in times[:-1]), constant)
