"""Steady slopes of both kinds: the sensitivities and second sensitivities that a dosing cycle leads back to themselves.

Both go through the cycle as a small change of its start does, so the same matrix M corrects them. What drives the
second ones are the first: these come right in one correction, and the second in the next.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from understudy.engine.problem import Problem, Tolerances
from understudy.engine.sensitivity.dose_slopes import DoseSlopes
from understudy.engine.sensitivity.steady_slopes import Extension, cycle_slopes
from understudy.engine.sensitivity.twice_augmented_model import Pairs
from understudy.engine.sensitivity.twice_augmented_timeline import augment_timeline_twice
from understudy.engine.steady import Solver, SteadyStates, one_cycle
from understudy.engine.timeline import Timeline

# A sensitivity is measured by this part of the largest at least.
_NOTHING = 1e-6


def extend_twice(
    problem: Problem,
    plain: SteadyStates,
    slopes: tuple[DoseSlopes, DoseSlopes],
    pairs: Pairs,
    solve: Solver,
    tolerances: Tolerances,
    jobs: int,
) -> SteadyStates:
    """Steady states of a twice augmented problem.

    Parameters
    ----------
    problem : Problem
        Of a twice augmented model.
    plain : SteadyStates
        Those of the mechanism alone.
    slopes : two DoseSlopes
        Along each direction, and along each pair.
    pairs : tuple of (int, int)
    solve : Solver
    tolerances : Tolerances
    jobs : int
    """
    return _TwiceExtension(problem, plain, slopes, pairs, solve, tolerances, jobs).found()


class _TwiceExtension(Extension):
    def __init__(self, problem, plain, slopes, pairs, solve, tolerances, jobs):
        super().__init__(problem, plain, slopes[0], solve, tolerances, jobs)
        self.both, self.pairs = slopes, pairs
        # What is changed in several first sensitivities stays apart there, but meets in the second ones.
        self.apart, self.least = self.directions - len(pairs), 3

    def follow(self, cycles: np.ndarray, slopes: np.ndarray):
        """As for first ones; what is small beside the others may be what rounding leaves of zero."""
        ends, scale, units, failed = super().follow(cycles, slopes)
        return ends, np.maximum(scale, _NOTHING * scale.max(axis=1, keepdims=True)), units, failed

    def timeline(self, cycles: np.ndarray) -> Timeline:
        steady = self.problem.timeline.steady
        plain = one_cycle(steady, cycles)
        first, second = (
            replace(cycle_slopes(steady, cycles, each, self.source[cycles]), state=plain.event_target)
            for each in self.both
        )
        return augment_timeline_twice(plain, first, second, self.own, self.pairs)
