"""Steady slopes: how the steady state of a dosing cycle changes along each direction.

The state y that a cycle leads back to itself obeys y = F(y, p), F being the map over one cycle. Its sensitivity is the
one that the augmented system leads back to itself, S = M S + d, with M the derivative of F by y. M and d come from
following the augmented system over one cycle from y, with several S at its start; as the map of S is affine, a few
corrections then take out what M lacks in digits.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from understudy.engine.problem import NO_STEADY_STATE, OK, Problem, Tolerances
from understudy.engine.sensitivity.augmented_timeline import EventSlopes, augment_timeline
from understudy.engine.sensitivity.dose_slopes import DoseSlopes
from understudy.engine.sensitivity.profile_slopes import SlopeSlots
from understudy.engine.steady import Solver, SteadyStates, cycle_times, one_cycle, solve_in_units, units_of
from understudy.engine.timeline import STEADY, SteadyDoses, Timeline

# Corrections at most, and the change at which the next one would be rounding.
_LONGEST, _ARRIVED = 8, 1e-7


def extend(
    problem: Problem,
    plain: SteadyStates,
    slopes: DoseSlopes,
    solve: Solver,
    tolerances: Tolerances,
    jobs: int,
) -> SteadyStates:
    """Steady states of an augmented problem.

    Parameters
    ----------
    problem : Problem
        Of an augmented model.
    plain : SteadyStates
        Those of the mechanism alone.
    slopes : DoseSlopes
    solve : Solver
    tolerances : Tolerances
    jobs : int
    """
    return Extension(problem, plain, slopes, solve, tolerances, jobs).found()


class Extension:
    """Finds the sensitivities that cycles lead back to themselves."""

    def __init__(self, problem, plain, slopes, solve, tolerances, jobs):
        self.problem, self.plain, self.slopes = problem, plain, slopes
        self.solve, self.tolerances, self.jobs = solve, tolerances, jobs
        self.own = plain.states.shape[1]
        self.directions = problem.start.shape[1] // self.own - 1
        # How many copies drive no other, and how many corrections are made at least.
        self.apart, self.least = self.directions, 1
        self.source = _sources(problem.timeline, slopes)

    def found(self) -> SteadyStates:
        cycles = np.flatnonzero(self.plain.status == OK)
        status = self.plain.status.copy()
        everything = np.zeros((status.size, self.own * (1 + self.directions)))
        everything[:, : self.own] = self.plain.states
        if cycles.size:
            status[cycles] = NO_STEADY_STATE
            slopes, arrived = self.fixed_slopes(cycles)
            everything[cycles, self.own :] = slopes.reshape(cycles.size, -1)
            status[cycles[arrived]] = OK
        return SteadyStates(everything, status)

    def fixed_slopes(self, cycles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sensitivities that a cycle leads back to themselves, shape (cycles, directions, own), and where found."""
        shape = (cycles.size, self.directions, self.own)
        slopes = self.problem.initial[self.problem.timeline.steady.row[cycles], self.own :].reshape(shape)
        ends, scale, units, failed = self.follow(cycles, slopes)
        matrices = self.matrices(cycles, slopes, ends, scale)
        arrived = np.zeros(cycles.size, bool)
        for done in range(1, 1 + _LONGEST):
            moved = ends - slopes
            step = np.stack([
                solve_in_units(np.eye(self.own) - matrices, moved[:, m], units) for m in range(self.directions)
            ], axis=1)  # fmt: skip
            slopes = np.where(arrived[:, None, None], slopes, slopes + step)
            if done >= self.least:
                arrived |= (np.abs(step) <= _ARRIVED * np.maximum(np.abs(slopes), scale)).all(axis=(1, 2))
            if (arrived | failed).all():
                break
            ends, now, _, failed = self.follow(cycles, slopes)
            # A sensitivity that cycles forget is measured by what it was.
            scale = np.maximum(scale, now)
        return slopes, arrived & ~failed & np.isfinite(slopes).all(axis=(1, 2))

    def matrices(
        self, cycles: np.ndarray, slopes: np.ndarray, ends: np.ndarray, scale: np.ndarray
    ) -> np.ndarray:
        """What a cycle does to a small change of its start, shape (cycles, own, own).

        Each direction is used to follow one state's change, so few copies of the cycles do.
        """
        found = np.zeros((cycles.size, self.own, self.own))
        for first in range(0, self.own, self.apart):
            chosen = np.arange(first, min(first + self.apart, self.own))
            m = chosen - first
            starts, size = slopes.copy(), scale[:, m, chosen]
            starts[:, m, chosen] += size
            moved = self.follow(cycles, starts)[0] - ends
            found[:, :, chosen] = (moved[:, m] / size[:, :, None]).transpose(0, 2, 1)
        return found

    def follow(self, cycles: np.ndarray, slopes: np.ndarray):
        """Sensitivities after one cycle; their largest values, those of the states, and what failed."""
        states = self.plain.states[cycles]
        starts = np.hstack([states, slopes.reshape(cycles.size, -1)])
        timeline, least = self.timeline(cycles), self.problem.least
        if least is not None:
            least = least[self.problem.timeline.steady.patient[cycles]]
        solution = self.solve(
            self.problem.replace(timeline=timeline, start=starts, least=least), self.tolerances, self.jobs
        )
        seen = solution.states.reshape(cycles.size, -1, 1 + self.directions, self.own)
        begin = starts.reshape(cycles.size, 1, 1 + self.directions, self.own)
        largest = np.abs(np.concatenate([begin, seen], axis=1)).max(axis=1)
        units = units_of(largest[:, 0])
        # A sensitivity that is nowhere has the size that the others have, in the units of the states.
        relative = (largest[:, 1:] / units[:, None, :]).max(axis=2, keepdims=True)
        scale = np.where(relative > 0, relative, 1.0) * units[:, None, :]
        return seen[:, -1, 1:], scale, units, solution.status != OK

    def timeline(self, cycles: np.ndarray) -> Timeline:
        steady = self.problem.timeline.steady
        plain = one_cycle(steady, cycles)
        slopes = cycle_slopes(steady, cycles, self.slopes, self.source[cycles])
        nothing = np.full((len(self.problem.slots), self.directions), -1)
        slopes = replace(slopes, state=plain.event_target)
        return augment_timeline(plain, slopes, self.own, SlopeSlots(nothing, nothing))


def _sources(timeline: Timeline, slopes: DoseSlopes) -> np.ndarray:
    """Which of the schedule's doses each cycle is of."""
    event = np.flatnonzero(timeline.event_kind == STEADY)
    source = np.zeros(timeline.steady.row.size, dtype=np.int64)
    source[timeline.event_target[event]] = slopes.place(timeline.event_source[event])
    return source


def cycle_slopes(
    steady: SteadyDoses, cycles: np.ndarray, slopes: DoseSlopes, source: np.ndarray
) -> EventSlopes:
    """How the three events of each cycle change: its rate from the start, the entry, the end of an infusion."""
    constant, infused = steady.period[cycles, None] == 0, steady.rate[cycles, None] > 0
    amount, rate = slopes.amount[source], slopes.rate[source]
    repeated = np.where(constant, 0.0, rate)
    value = np.stack([
        np.where(constant, 1, steady.running[cycles, None]) * rate,
        np.where(infused, repeated, amount),
        np.where(infused, -repeated, 0.0),
    ], axis=1)  # fmt: skip
    entry = np.where(constant, 0.0, slopes.lag[source])
    end = np.where(infused & ~constant, slopes.lag[source] + slopes.duration[source], 0.0)
    time = np.stack([np.zeros_like(entry), entry, end], axis=1)
    order = np.argsort(cycle_times(steady, cycles), axis=1, kind="stable")[:, :, None]
    flat = lambda values: np.take_along_axis(values, order, axis=1).reshape(-1, values.shape[2])  # noqa: E731
    nothing = np.zeros(3 * cycles.size)
    return EventSlopes(flat(value), flat(time), nothing, nothing.astype(np.int64))
