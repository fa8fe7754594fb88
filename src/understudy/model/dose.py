"""Dose: one line of a regimen, as the clinician writes it."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from understudy.core.errors import RegimenError
from understudy.core.units import UNKNOWN
from understudy.model.dosing_vocabulary import AMOUNT_UNITS, SIZES, TIME_UNITS

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "week": 604800}
MOST_DOSES = 1_000_000


def in_time_unit(value: float, unit: str, target: str) -> float:
    """A span of time in another unit of time; the same number, untouched, where the unit is the same.

    Examples
    --------
    >>> in_time_unit(30, "min", "h")
    0.5
    """
    source, wanted = time_unit_name(unit), time_unit_name(target)
    return float(value) if source == wanted else value * _SECONDS[source] / _SECONDS[wanted]


def time_unit_name(unit: str) -> str:
    """The one name of a unit of time: ``"hours"`` is ``"h"``.

    Raises
    ------
    RegimenError
        For a unit of time that is not known.
    """
    if unit == UNKNOWN:
        raise RegimenError(
            "the model does not say its unit of time",
            repair="say the units, such as TIME=h, AMT=mg, DV=mg/L (--units, or with_units)",
        )
    if unit not in TIME_UNITS:
        raise RegimenError(f"{unit!r} is no unit of time", repair="use s, min, h, d or week")
    return TIME_UNITS[unit]


@dataclass(frozen=True)
class Dose:
    """One line of a regimen: an amount, how it is given, and how often.

    All times are in the regimen's time unit.

    Parameters
    ----------
    time : float
        When the first dose of the line is given.
    amount : float
        Of each dose, in `unit` (per `per`). Follows from `rate` and `duration` where those are given instead.
    unit : str
        A unit of mass, substance or activity, such as ``"mg"``, ``"mmol"``, ``"IU"``.
    per : {"", "kg", "m**2"}
        Amounts and rates are per patient, per kilogram of body weight, or per square metre of body surface.
    duration : float
        Of the infusion; 0 is a bolus.
    rate : float
        Speed of the infusion, `unit` per time unit. Without a duration the infusion does not end by itself.
    interval : float
        Between doses; 0 where the dose is given once.
    count : int or None
        How many doses; None is open-ended.
    route : str
        The model's input that takes the dose; empty for the model's first.
    steady_state : bool
        The same dosing has been going on for so long before `time` that it makes no difference any more. An
        infusion without an interval has then been running at `rate`, and goes on.

    Raises
    ------
    RegimenError
        Where the numbers contradict each other.

    Examples
    --------
    >>> Dose(amount=500, duration=0.5, interval=12, count=3)
    Dose('500 mg over 0.5 every 12 for 3 doses')
    >>> Dose(rate=10, duration=24).amount
    240.0
    """

    time: float = 0.0
    amount: float = 0.0
    unit: str = "mg"
    per: str = ""
    duration: float = 0.0
    rate: float = 0.0
    interval: float = 0.0
    count: int | None = 1
    route: str = ""
    steady_state: bool = False

    def __post_init__(self) -> None:
        put = lambda field, value: object.__setattr__(self, field, value)  # noqa: E731
        for field in ("time", "amount", "duration", "rate", "interval"):
            put(field, _number(field, getattr(self, field)))
        put("unit", _known(self.unit, AMOUNT_UNITS, "unit of dose"))
        put("per", _known(self.per, SIZES, "size") if self.per else "")
        put("route", _route(self.route))
        put("count", None if self.count is None else _whole(self.count))
        _check_amount(self)
        if self.duration > 0:
            put("amount", self.amount or self.rate * self.duration)
            put("rate", self.amount / self.duration)
        _check_repeats(self)

    @property
    def is_open(self) -> bool:
        """Whether the line has no end of its own."""
        return self.count is None or self.runs_on

    @property
    def runs_on(self) -> bool:
        """Whether the line is an infusion without a duration."""
        return self.rate > 0 and self.duration == 0

    @property
    def last(self) -> float:
        """When the last dose is given; infinite where the line is open-ended."""
        return math.inf if self.is_open else self.time + (self.count - 1) * self.interval

    @property
    def end(self) -> float:
        """When the last interval, or the infusion of a single dose, has ended."""
        if self.is_open:
            return math.inf
        if self.interval >= self.duration:
            return self.time + self.count * self.interval
        return self.last + self.duration

    def times(self, until: float | None = None) -> np.ndarray:
        """When each dose is given, up to but without `until`; shape (doses,).

        Examples
        --------
        >>> Dose(amount=1, interval=12, count=3).times()
        array([ 0., 12., 24.])
        """
        closed = self if until is None else self.closed(until)
        if closed is None:
            return np.empty(0)
        times = closed.time + np.arange(_finite(closed)) * closed.interval
        return times if until is None else times[times < until]

    def closed(self, until: float) -> Dose | None:
        """The line with its open end closed: nothing from `until` on; None if it would start later."""
        if not self.is_open:
            return self
        if self.time >= until:
            return None
        if self.runs_on:
            return self._with(duration=until - self.time)
        return self._with(count=repeats(until - self.time, self.interval))

    def shifted(self, by: float) -> Dose:
        """The line, later by a span of time."""
        return self._with(time=self.time + by)

    def in_time_unit(self, source: str, target: str) -> Dose:
        """The line with its times in another time unit."""
        spans = {
            name: in_time_unit(getattr(self, name), source, target)
            for name in ("time", "duration", "interval")
        }
        return self._with(
            **spans, rate=self.rate / in_time_unit(1.0, source, target) if self.runs_on else 0.0
        )

    def _with(self, **changes: float | None) -> Dose:
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Dose(**{**given, "rate": self.rate if self.runs_on else 0.0, **changes})

    def __repr__(self) -> str:
        from understudy.model.dosing_sentence import write_dose

        start = f" at {self.time:g}" if self.time else ""
        return f"Dose({write_dose(self, '') + start!r})"


def repeats(span: float, interval: float) -> int:
    """How many doses fit a span when one is given at its start and every interval after.

    Examples
    --------
    >>> repeats(240, 12), repeats(36, 24)
    (20, 2)
    """
    if span / interval > MOST_DOSES:
        raise RegimenError(
            f"every {interval:g} for {span:g} makes more than {MOST_DOSES:,} doses",
            repair="give an infusion instead, or a longer interval",
        )
    return max(1, math.ceil(span / interval - 1e-9))


def start_after(previous: Sequence[Dose], following: Dose) -> float:
    """When ``then`` starts a line that follows others: as soon as the last interval of each has ended.

    A single dose has no interval, so the line that follows waits for its own: a loading dose and then a dose
    every 12 h means that the first of these is given 12 h after the load. Where neither has an interval, the
    line follows when the infusion has ended.

    Raises
    ------
    RegimenError
        Where the previous lines have no end, or nothing says how long to wait.
    """
    return max(_after_one(dose, following) for dose in previous)


def _after_one(previous: Dose, following: Dose) -> float:
    if previous.is_open:
        raise RegimenError(
            "what comes before 'then' has no end", repair="say for how long: 'for 7 doses' or 'for 10 days'"
        )
    if previous.interval > 0:
        return previous.end
    gap = max(previous.duration, following.interval)
    if gap == 0 and following.rate == 0:
        raise RegimenError(
            "nothing says how long to wait between two single doses",
            repair="say when: 'then 50 mg after 12 h'",
        )
    return previous.time + gap


def _finite(dose: Dose) -> int:
    if dose.count is None:
        raise RegimenError(
            "the regimen is open-ended, so its doses cannot be counted",
            place=repr(dose),
            repair="give `until`, or say 'for 10 doses' or 'for 5 days'",
        )
    return dose.count


def _number(field: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise RegimenError(f"the {field} of a dose is {value!r}, not a number", repair="give a number")
    if not 0 <= value <= sys.float_info.max:
        raise RegimenError(f"the {field} of a dose is {value}", repair="give a finite number, not below 0")
    return float(value)


def _whole(count: int) -> int:
    if isinstance(count, bool) or not 1 <= count <= MOST_DOSES or count != int(count):
        raise RegimenError(
            f"a dose cannot be given {count} times", repair=f"give a whole number from 1 to {MOST_DOSES:,}"
        )
    return int(count)


def _route(name: str) -> str:
    if name and not name.isidentifier():
        raise RegimenError(
            f"{name!r} is no route", repair="give the name of one of the model's inputs, such as iv"
        )
    return name


def _known(name: str, names: dict[str, str], what: str) -> str:
    if name not in names:
        raise RegimenError(
            f"unknown {what} {name!r}", repair=f"use one of {', '.join(dict.fromkeys(names.values()))}"
        )
    return names[name]


def _check_amount(dose: Dose) -> None:
    if dose.amount == 0 and dose.rate == 0:
        raise RegimenError(
            "a dose has no amount", repair="give an amount above 0; no treatment is Regimen(())"
        )
    if dose.amount > 0 and dose.rate > 0:
        if dose.duration == 0:
            object.__setattr__(dose, "duration", dose.amount / dose.rate)
        elif not math.isclose(dose.amount, dose.rate * dose.duration, rel_tol=1e-9):
            raise RegimenError(
                f"{dose.amount:g} over {dose.duration:g} is not given at a rate of {dose.rate:g}",
                repair="give two of amount, duration and rate",
            )


def _check_repeats(dose: Dose) -> None:
    if dose.interval == 0 and dose.count != 1:
        raise RegimenError(
            "a dose is given more than once, but no interval says how often", repair="give it: 'every 12 h'"
        )
    if dose.runs_on and dose.interval > 0:
        raise RegimenError(
            "an infusion that does not end cannot be repeated", repair="say for how long it runs: 'over 2 h'"
        )
    if dose.steady_state and dose.interval == 0 and dose.rate == 0:
        raise RegimenError(
            "a single dose has no steady state", repair="say how often it is given, or give an infusion"
        )
