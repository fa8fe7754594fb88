"""Rules: the conventions of a non-compartmental analysis, with the defaults of PKNCA."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

from understudy.core.errors import UnderstudyError

AREAS = ("lin up/log down", "linear", "lin-log")
BLQ_PLACES = ("first", "middle", "last")


@dataclass(frozen=True)
class NCARules:
    """Conventions of a non-compartmental analysis.

    The defaults are those of PKNCA (Denney, Duvvuri, Buckeridge 2015, doi:10.1007/s10928-015-9432-2).

    Parameters
    ----------
    area : {"lin up/log down", "linear", "lin-log"}
        How areas between two concentrations are calculated: by the logarithmic trapezoid where concentrations
        fall, by the linear one everywhere, or by the logarithmic one after Cmax.
    blq : tuple of three, each "keep", "drop" or a number
        What becomes of concentrations below the limit of quantification before the first measurable one,
        between measurable ones, and after the last: kept as zero, left out, or set to a number.
    min_points : int
        Fewest concentrations in the regression for lambda-z, at least 3.
    include_cmax : bool
        Whether that regression may begin at Cmax, as Phoenix WinNonlin does for a bolus.
    tie : float
        Of regressions whose adjusted r² is less than this below the best, the one with the most points is taken.
    min_span : float
        Fewest half-lives that the regression should span; less is flagged.
    min_adj_r2 : float
        Adjusted r² below this is flagged.
    max_extrapolated : float
        Extrapolated percentage of AUCinf above this is flagged.
    predose_window : float
        Share of the dosing interval within which a sample before a dose, or before the end of the interval,
        stands for the concentration at that time.
    washed_out : float
        Share of Cmax that a concentration before a dose may have for the dose to count as a single one. The
        default of 5 % is the limit of ICH M13A for carry-over.

    Examples
    --------
    >>> NCARules(area="linear").blq
    ('keep', 'drop', 'keep')
    """

    area: str = "lin up/log down"
    blq: tuple[str | float, str | float, str | float] = ("keep", "drop", "keep")
    min_points: int = 3
    include_cmax: bool = False
    tie: float = 1e-4
    min_span: float = 2.0
    min_adj_r2: float = 0.9
    max_extrapolated: float = 20.0
    predose_window: float = 0.05
    washed_out: float = 0.05

    def __post_init__(self) -> None:
        if self.area not in AREAS:
            raise UnderstudyError(
                f"unknown way to calculate areas: {self.area!r}", repair=f"use one of {', '.join(AREAS)}"
            )
        object.__setattr__(self, "blq", _blq(self.blq))
        if isinstance(self.min_points, bool) or not isinstance(self.min_points, int) or self.min_points < 3:
            raise UnderstudyError(
                f"min_points is {self.min_points!r}", repair="give a whole number of at least 3"
            )
        for name in ("tie", "min_span", "min_adj_r2", "max_extrapolated", "predose_window", "washed_out"):
            _require_number(name, getattr(self, name))


def _blq(given: Sequence[str | float]) -> tuple[str | float, ...]:
    if isinstance(given, str) or len(given) != 3:
        raise UnderstudyError(
            f"the rules for concentrations below the limit are {given!r}",
            repair="give three: before the first, between, and after the last measurable concentration",
        )
    for place, rule in zip(BLQ_PLACES, given, strict=True):
        if rule not in ("keep", "drop") and not _is_number(rule):
            raise UnderstudyError(
                f"unknown rule for concentrations below the limit: {rule!r}",
                place=place,
                repair="give keep, drop or a number",
            )
    return tuple(given)


def _require_number(name: str, value: float) -> None:
    if not _is_number(value):
        raise UnderstudyError(f"{name} is {value!r}", repair="give a number that is not negative")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
