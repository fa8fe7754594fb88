"""Intervals: the stretches of time that are analysed, one after each dose or those the user names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from understudy.noncompartmental.profile import BOLUS, IV, GivenDose, Profile, joint_route
from understudy.noncompartmental.rules import NCARules

# Doses after which the concentration jumps.
_AT_ONCE = (BOLUS, IV)


@dataclass(frozen=True, eq=False)
class Interval:
    """A stretch of time of one profile, with what was measured in it.

    Parameters
    ----------
    label : str
        Its name, the same for all patients: "dose 1", or "0–24" for one that the user named.
    start, end : float
        On the clock of the records; the end is infinite for a single dose.
    doses : tuple of GivenDose
        Those given in it.
    times, values : float array, shape (n,)
        Measurements since the start, up to the next dose after the interval (which may be after its end).
    is_dosing : bool
        Whether it is a dosing interval, from one dose to the next of a regimen.
    steady : bool
        Whether it is at steady state.
    single : bool
        Whether nothing is left of earlier doses.
    predose : (float, float) or None
        Time since the start (not positive) and concentration of the last sample before it, since the dose before.
    doubled : tuple of int
        Lines of measurements at one time.
    """

    label: str
    start: float
    end: float
    doses: tuple[GivenDose, ...]
    times: np.ndarray
    values: np.ndarray
    is_dosing: bool = False
    steady: bool = False
    single: bool = True
    predose: tuple[float, float] | None = None
    doubled: tuple[int, ...] = ()

    @property
    def length(self) -> float:
        """Time from start to end."""
        return self.end - self.start

    @property
    def dose(self) -> GivenDose | None:
        """What was given at its start."""
        return self.doses[0] if self.doses and self.doses[0].time == self.start else None

    @property
    def route(self) -> str:
        """Route of its doses; empty where none was given."""
        return joint_route({dose.route for dose in self.doses})

    @property
    def amount(self) -> float:
        """Sum of its doses."""
        return sum(dose.amount for dose in self.doses)

    @property
    def last_administration(self) -> float:
        """When the last dose, or infusion, in it ended, since the start."""
        return max((dose.time - self.start + dose.duration for dose in self.doses), default=0.0)


def after_doses(
    profile: Profile, rules: NCARules, tau: float | None, steady_from: float | None
) -> list[Interval]:
    """An interval for each dose that is followed by two measurements or more, up to the next one.

    It ends after the dosing interval: `tau`, or the records' II, or the time to the next dose if measurements
    reach it, or for the last of several doses the time since the one before. Otherwise it has no end.
    """
    found = []
    for k, dose in enumerate(profile.doses):
        interval = _measured(profile, f"dose {k + 1}", dose.time, math.inf, (dose,), steady_from, rules)
        if interval.doubled or np.count_nonzero(interval.times > 0) > 1:
            length = _tau(profile, k, interval, rules, tau)
            if length is not None:
                interval = replace(interval, end=dose.time + length, is_dosing=True)
            found.append(interval)
    return found


def as_named(
    profile: Profile, rules: NCARules, spans: Sequence[tuple[float, float]], steady_from: float | None
) -> list[Interval]:
    """The intervals that the user names, each with the doses given in it."""
    found = []
    for start, end in spans:
        given = [dose for dose in profile.doses if start <= dose.time < end]
        inside = tuple(dose for dose in given if dose.segment == given[0].segment)
        label = f"{start:g}–{'∞' if math.isinf(end) else f'{end:g}'}"
        interval = _measured(profile, label, start, end, inside, steady_from, rules)
        found.append(replace(interval, is_dosing=_is_dosing(profile, interval)))
    return found


def _measured(
    profile: Profile,
    label: str,
    start: float,
    end: float,
    inside: tuple[GivenDose, ...],
    steady_from: float | None,
    rules: NCARules,
) -> Interval:
    """The interval with its measurements, which go on to the next dose that is not inside."""
    first = inside[0] if inside and inside[0].time == start else None
    segment = inside[0].segment if inside else _segment(profile, start)
    following = _following(profile, segment, inside[-1].time if inside else None, start)
    places = _places(profile, segment, start, first, following)
    times, values = profile.times[places] - start, profile.values[places]
    twice = np.flatnonzero(np.diff(times) == 0)
    earlier = [dose.time for dose in profile.doses if dose.segment == segment and dose.time < start]
    predose = _predose(profile, segment, start, first, max(earlier, default=-math.inf))
    steady = bool(inside) and _is_steady(profile.doses, inside[0], steady_from)
    washed_out = predose is not None and predose[1] <= rules.washed_out * values.max(initial=0.0)
    return Interval(
        label,
        start,
        end,
        inside,
        times,
        values,
        steady=steady,
        single=not steady and (not earlier or washed_out),
        predose=predose,
        doubled=tuple(profile.lines[places[np.union1d(twice, twice + 1)]].tolist()),
    )


def _segment(profile: Profile, start: float) -> int:
    """Stretch between resets at a time without a dose."""
    seen = profile.segments[profile.times >= start]
    return int(seen[0]) if seen.size else 0


def _following(profile: Profile, segment: int, last: float | None, start: float) -> GivenDose | None:
    """The first dose after those inside, or after the start where none is inside."""
    after = (d for d in profile.doses if d.segment == segment)
    return next((d for d in after if (d.time >= start if last is None else d.time > last)), None)


def _places(
    profile: Profile, segment: int, start: float, first: GivenDose | None, following: GivenDose | None
) -> np.ndarray:
    """Which measurements belong to the interval, by time.

    One at the time of a dose is of both intervals, but for a bolus: what is written before it is of the time
    before it, a concentration written after it of the time after it.
    """
    times = profile.times
    taken = (profile.segments == segment) & (times >= start)
    if first is not None and first.route in _AT_ONCE:
        taken &= (times > start) | _is_after(profile, first)
    if following is not None:
        at_end = times == following.time
        taken &= (times < following.time) | (at_end & ~_is_after(profile, following))
        if following.route not in _AT_ONCE:
            taken |= (profile.segments == segment) & at_end
    found = np.flatnonzero(taken)
    return found[np.argsort(times[found], kind="stable")]


def _is_after(profile: Profile, dose: GivenDose) -> np.ndarray:
    """Which measurements are written after a dose and can be of the time after a bolus, as zero cannot."""
    return (profile.places > dose.place) & (profile.values > 0)


def _predose(
    profile: Profile, segment: int, start: float, first: GivenDose | None, since: float
) -> tuple[float, float] | None:
    """Time since the start and concentration of the last measurement before it, or at it, since the dose before."""
    before = (profile.segments == segment) & (profile.times <= start) & (profile.times > since)
    if first is not None and first.route in _AT_ONCE:
        before &= (profile.times < start) | ~_is_after(profile, first)
    if not before.any():
        return None
    k = np.flatnonzero(before)[np.argmax(profile.times[before])]
    return float(profile.times[k] - start), float(profile.values[k])


def _is_steady(doses: tuple[GivenDose, ...], dose: GivenDose, steady_from: float | None) -> bool:
    """Whether the user or the records say so, or equal doses at equal times followed one for which they do."""
    if steady_from is not None and dose.time >= steady_from:
        return True
    k = doses.index(dose)
    while not doses[k].steady:
        if k == 0 or not _continues(doses[k - 1], doses[k]):
            return False
        k -= 1
    return True


def _continues(before: GivenDose, dose: GivenDose) -> bool:
    return (
        before.segment == dose.segment
        and before.amount == dose.amount
        and before.interval > 0
        and math.isclose(dose.time - before.time, before.interval, rel_tol=1e-6)
    )


def _gaps(profile: Profile, dose: GivenDose) -> tuple[float | None, float | None]:
    """Time to the next dose, and since the one before, of the same regimen."""
    same = [each.time for each in profile.doses if each.segment == dose.segment]
    k = same.index(dose.time)
    following = same[k + 1] - dose.time if k + 1 < len(same) else None
    return following, dose.time - same[k - 1] if k else None


def _tau(profile: Profile, k: int, interval: Interval, rules: NCARules, tau: float | None) -> float | None:
    dose = profile.doses[k]
    if tau is not None or dose.interval > 0:
        return tau or dose.interval
    following, before = _gaps(profile, dose)
    gap = following or before
    if gap is None:
        return None
    reached = interval.times.size and interval.times[-1] >= (1 - rules.predose_window) * gap
    return gap if reached or interval.steady else None


def _is_dosing(profile: Profile, interval: Interval) -> bool:
    """Whether a named interval runs from a dose to the next one, or is as long as the one before it."""
    if interval.dose is None or math.isinf(interval.end):
        return False
    _, before = _gaps(profile, interval.dose)
    following, _ = _gaps(profile, interval.doses[-1])
    to_next = None if following is None else interval.doses[-1].time + following - interval.start
    lengths = (interval.dose.interval, to_next, before)
    return interval.steady or any(
        each is not None and math.isclose(each, interval.length, rel_tol=1e-6) for each in lengths
    )
