"""Dosing: what may be prescribed, from which a dose is chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from understudy.core.errors import RegimenError
from understudy.model.dose import Dose, in_time_unit
from understudy.model.regimen import Regimen

# Amounts that a range without a rounding step is first tried at.
_FIRST = 13
_MOST_AMOUNTS = 1000


@dataclass(frozen=True)
class Candidate:
    """A regimen that may be prescribed.

    Parameters
    ----------
    amount : float
    interval : float
        In the dosing's time unit.
    regimen : Regimen
    """

    amount: float
    interval: float
    regimen: Regimen


@dataclass(frozen=True)
class Dosing:
    """Amounts and intervals that are possible.

    Parameters
    ----------
    intervals : tuple of float
        Between doses, in `time_unit`.
    amounts : tuple of float
        Each possible amount, in `unit`; or a range and how it is divided:
    low, high : float, optional
        Least and greatest amount.
    step : float, optional
        Amounts are whole multiples of it.
    tablets : tuple of float
        Strengths, in `unit`: amounts are sums of so many of them as `most_tablets` allows. With neither a step nor
        tablets any amount from `low` to `high` is possible, and the best is looked for.
    most_tablets : int
    most_daily : float, optional
        Greatest amount in 24 hours.
    unit : str
        Such as ``"mg"`` or ``"mg/kg"``.
    time_unit : str
    duration : float
        Of an infusion, in `time_unit`; 0 is a bolus.
    route : str
    loading : str
        What is given before, as a sentence: ``"20 mg/kg"``.

    Raises
    ------
    RegimenError
        Where nothing is possible, or the range is none.

    Examples
    --------
    >>> dosing = Dosing(intervals=(12, 24), low=50, high=200, tablets=(50, 75), most_daily=300)
    >>> dosing.possible_amounts()
    (50.0, 75.0, 100.0, 125.0, 150.0, 175.0, 200.0)
    >>> [str(candidate.regimen) for candidate in dosing.candidates()][:2]
    ['50 mg every 12 h', '75 mg every 12 h']
    """

    intervals: tuple[float, ...]
    amounts: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    tablets: tuple[float, ...] = ()
    most_tablets: int = 4
    most_daily: float | None = None
    unit: str = "mg"
    time_unit: str = "h"
    duration: float = 0.0
    route: str = ""
    loading: str = ""

    def __post_init__(self) -> None:
        for name in ("intervals", "amounts", "tablets"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        positive = (
            *self.intervals,
            *self.amounts,
            *self.tablets,
            *((self.step,) if self.step is not None else ()),
        )
        if not self.intervals or not all(value > 0 and math.isfinite(value) for value in positive):
            raise RegimenError(
                "the dosing has no intervals, or an amount or interval that is not above 0",
                repair="give intervals=(12, 24) and amounts above 0",
            )
        if not self.amounts and not (
            self.low is not None and self.high is not None and 0 < self.low <= self.high
        ):
            raise RegimenError(
                "the dosing names neither amounts nor a range of them",
                repair="give amounts=(50, 100), or low and high, with 0 < low <= high",
            )
        if not self.candidates():
            raise RegimenError(
                "no amount is possible",
                place=self._told(),
                repair="widen the range, the tablets or the daily limit",
            )

    @property
    def is_continuous(self) -> bool:
        """Whether any amount of the range is possible."""
        return not self.amounts and self.step is None and not self.tablets

    def possible_amounts(self) -> tuple[float, ...]:
        """The amounts; of a continuous range some to begin with, evenly spaced by their logarithms."""
        if self.is_continuous:
            tried = np.geomspace(self.low, self.high, _FIRST)
            return tuple(sorted({self.low, self.high, *(float(f"{amount:.4g}") for amount in tried[1:-1])}))
        found = self.amounts or self._multiples()
        if self.tablets:
            sums = self._sums()
            found = [amount for amount in (found or sums) if any(math.isclose(amount, s) for s in sums)]
        low, high = (0.0 if self.low is None else self.low), (math.inf if self.high is None else self.high)
        return tuple(sorted({float(a) for a in found if low * (1 - 1e-9) <= a <= high * (1 + 1e-9)}))

    def candidates(self) -> tuple[Candidate, ...]:
        """Every amount at every interval within the daily limit."""
        return tuple(
            self.candidate(amount, interval)
            for interval in self.intervals
            for amount in self.possible_amounts()
            if self.allows(amount, interval)
        )

    def allows(self, amount: float, interval: float) -> bool:
        """Whether an amount at an interval stays within the daily limit."""
        daily = amount * in_time_unit(24.0, "h", self.time_unit) / interval
        return self.most_daily is None or daily <= self.most_daily * (1 + 1e-9)

    def candidate(self, amount: float, interval: float) -> Candidate:
        """The regimen of one amount at one interval, without an end."""
        unit, _, per = self.unit.partition("/")
        dose = Dose(
            amount=amount,
            unit=unit,
            per=per,
            duration=self.duration,
            interval=interval,
            count=None,
            route=self.route,
        )
        regimen = Regimen((dose,), self.time_unit)
        if self.loading:
            regimen = Regimen.parse(self.loading).in_time_unit(self.time_unit).then(regimen)
        return Candidate(dose.amount, interval, regimen)

    def _multiples(self) -> list[float]:
        if self.step is None:
            return []
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        if last - first >= _MOST_AMOUNTS:
            raise RegimenError(
                f"the range has {last - first + 1} steps", place=self._told(), repair="give a larger step"
            )
        return [float(f"{k * self.step:.12g}") for k in range(max(first, 1), last + 1)]

    def _sums(self) -> list[float]:
        counts = range(1, self.most_tablets + 1)
        return [
            float(f"{sum(chosen):.12g}")
            for n in counts
            for chosen in combinations_with_replacement(self.tablets, n)
        ]

    def _told(self) -> str:
        span = "" if self.low is None else f"{self.low:g} to {self.high:g} {self.unit}"
        tablets = (
            f", tablets of {', '.join(f'{t:g}' for t in self.tablets)} {self.unit}" if self.tablets else ""
        )
        limit = f", at most {self.most_daily:g} {self.unit} in 24 h" if self.most_daily is not None else ""
        return f"{span or ', '.join(f'{a:g}' for a in self.amounts)}{tablets}{limit}"
