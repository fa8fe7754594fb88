"""Parallel design: two arms, with one analysis or with looks, on times to an event, measurements or responses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct, permuted_blocks
from understudy.trials.designs.group_sequential import GroupSequential
from understudy.trials.designs.patients import Patients, observed
from understudy.trials.designs.runs import Runs
from understudy.trials.designs.two_samples import two_sample_z
from understudy.trials.designs.weighted_log_rank import LOG_RANK, Weights, checked_weights, survival_z


@dataclass(frozen=True)
class ParallelDesign:
    """Two arms; the treatment is tested against the control.

    Parameters
    ----------
    patients : int
        Of both arms together.
    monitoring : GroupSequential, optional
        Looks and limits; without it one test at the end at ``alpha``, one-sided.
    alpha : float
        One-sided, used where there is no monitoring.
    events : int, optional
        Survival: events at the last look; looks are at their shares of it. Without it there is one analysis,
        ``follow_up`` after the last patient's enrolment.
    allocation : tuple of int
        Patients of control and treatment in half a block.
    follow_up : float
        Measurement or response: time from enrolment to it. Survival without ``events``: see there.
    weights : tuple of (rho, gamma)
        Survival: Fleming and Harrington's weights of the log-rank test, (0, 1) for a late effect; with several the
        largest counts (max-combo), ((0, 0), (0, 1), (1, 0), (1, 1)) for an effect of unknown course.

    Notes
    -----
    Survival: the log-rank test, or that of ``weights``. Limits at looks are those of the log-rank test's information;
    another weight gathers its own at another pace, so look at the type I error rate that is simulated. If so many
    events never come, the last look is when all patients are out of observation. Others: the z test of two samples with
    all patients who were measured by then, at looks when shares of the patients have been followed up; patients who
    dropped out are left out. A high measurement and a response are good.
    """

    patients: int
    monitoring: GroupSequential | None = None
    alpha: float = 0.025
    events: int | None = None
    allocation: tuple[int, int] = (1, 1)
    follow_up: float = 0.0
    weights: Weights = LOG_RANK

    def __post_init__(self):
        object.__setattr__(self, "weights", checked_weights(self.weights, "ParallelDesign.weights"))
        if self.patients < 4 or min(self.allocation) < 1 or not 0 < self.alpha < 0.5 or self.follow_up < 0:
            raise SimulationError(
                f"{self!r}",
                place="ParallelDesign",
                repair="give 4 patients or more, allocation from 1, alpha, follow_up",
            )
        if self.events is not None and not 2 <= self.events <= self.patients:
            raise SimulationError(
                f"{self.events} events of {self.patients} patients",
                place="ParallelDesign.events",
                repair="give at least 2, and no more than patients",
            )

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        if len(patients.arms) != 2:
            raise SimulationError(
                f"{len(patients.arms)} arms", place="ParallelDesign", repair="give patients with two arms"
            )
        if patients.endpoint == "survival" and self.events is None and len(self._limits()[0]) > 1:
            raise SimulationError(
                "looks at an endpoint of survival without a number of events",
                place="ParallelDesign.events",
                repair="give the number at the last look",
            )
        arm = permuted_blocks(trials, self.patients, self.allocation, seed)
        entry = conduct.recruitment.times(trials, self.patients, seed)
        outcomes = patients.outcomes(trials, self.patients, seed)
        value, lost = observed(outcomes, arm, conduct, trials, seed)
        if patients.endpoint == "survival":
            return self._survival(arm, entry, conduct.seen(value), lost)
        return self._measured(arm, entry, value, lost)

    def _limits(self) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
        """Times, lower and upper limits of Z."""
        from scipy.special import ndtri

        if self.monitoring is None:
            return (1.0,), (-math.inf,), (-float(ndtri(self.alpha)),)
        return self.monitoring.times, self.monitoring.lower, self.monitoring.upper

    def _survival(self, arm, entry, time, lost) -> Runs:
        observed = np.minimum(time, lost)
        happened = time <= lost
        calendar = np.sort(np.where(happened, entry + time, np.inf), axis=1)
        end = np.where(np.isfinite(observed), entry + observed, 0.0).max(axis=1)

        def analyse(t: float, active: NDArray[np.int64]):
            if self.events is None:
                when = entry[active, -1] + self.follow_up
            else:
                when = calendar[active, max(1, round(t * self.events)) - 1]
                # Where so many events never come: when nobody is left to have one.
                when = np.where(np.isfinite(when), when, np.maximum(end[active], entry[active, -1]))
            seen = np.minimum(observed[active], when[:, None] - entry[active])
            event = happened[active] & (seen == observed[active]) & (seen > 0)
            z, estimate = survival_z(seen, event, arm[active] == 1, self.weights)
            return z, estimate, when, event.sum(axis=1)

        return self._monitor(analyse, arm, entry, "log hazard ratio", "events", self._notes())

    def _measured(self, arm, entry, value, lost) -> Runs:
        known = lost > self.follow_up

        def analyse(t: float, active: NDArray[np.int64]):
            count = max(4, math.ceil(t * self.patients - 1e-9))
            when = entry[active, count - 1] + self.follow_up
            used = known[active, :count]
            z, difference = two_sample_z(value[active, :count], arm[active, :count] == 1, used)
            return z, difference, when, used.sum(axis=1)

        return self._monitor(analyse, arm, entry, "difference", "measured")

    def _notes(self) -> tuple[str, ...]:
        if self.weights == LOG_RANK or len(self._limits()[0]) == 1:
            return ()
        return (
            "limits are of the log-rank test's information; weights have another: see the type I error rate",
        )

    def _monitor(self, analyse, arm, entry, effect: str, counted: str, notes: tuple[str, ...] = ()) -> Runs:
        """Look after look, for the trials that go on."""
        count = len(arm)
        rejected, futile = np.zeros(count, bool), np.zeros(count, bool)
        estimate, duration, measure = np.full(count, np.nan), np.zeros(count), np.zeros(count)
        looks, active = np.zeros(count, dtype=np.int64), np.arange(count)
        two_sided = self.monitoring is not None and self.monitoring.sides == 2
        times, lowers, uppers = self._limits()
        for look, (t, low, high) in enumerate(zip(times, lowers, uppers, strict=True), start=1):
            z, estimate[active], duration[active], measure[active] = analyse(t, active)
            looks[active] = look
            won, lost = z >= high, (z <= low) & (z < high)
            rejected[active] = won | (lost & two_sided)
            futile[active] = lost & (not two_sided) & (look < len(times))
            active = active[~(won | lost)]
            if not len(active):
                break
        inside = entry <= duration[:, None]
        enrolled = np.stack([(inside & (arm == index)).sum(axis=1) for index in (0, 1)], axis=1)
        measures = {counted: measure}
        return Runs(
            (effect,),
            rejected[:, None],
            enrolled,
            duration,
            looks,
            futile,
            estimate[:, None],
            measures,
            notes,
        )
