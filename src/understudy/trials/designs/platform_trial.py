"""Platform trial: a common control, and treatments that enter and leave while it goes on.

Woodcock and LaVange, N Engl J Med 377, 62 (2017), doi:10.1056/NEJMra1510062; on controls that were not enrolled at
the same time, Lee and Wason, BMC Med Res Methodol 20, 165 (2020), doi:10.1186/s12874-020-01043-6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.event_times import EventTimes
from understudy.trials.designs.patients import Outcomes, Patients, observed
from understudy.trials.designs.runs import Runs
from understudy.trials.designs.two_samples import two_sample_z
from understudy.trials.designs.weighted_log_rank import LOG_RANK, Weights, checked_weights


@dataclass(frozen=True)
class PlatformTrial:
    """Patients are randomised among the control and the treatments that are open; each treatment is tested, one-sided,
    against the control when it has its patients.

    Parameters
    ----------
    per_arm : int
        Patients after whom a treatment leaves.
    entry : mapping of str to int
        Number of the patient (of all, from 0) with whom a treatment opens.
    patients : int
        Of the whole platform, at most.
    alpha : float
        Of each treatment; there is no correction for their number.
    futility : float, optional
        A treatment leaves when its Z is at or below this after half of its patients.
    non_concurrent : bool
        Whether controls from before a treatment opened are used too. They are not comparable where patients change
        over time, and the results carry a note.
    follow_up : float
        Time from enrolment to the measurement.
    events : int, optional
        Survival: events of a treatment and its controls at which it is tested, after its last patient has come; the
        look for futility is at half of them. Controls are those who were enrolled while the treatment was open.
    weights : tuple of (rho, gamma)
        Survival: as of `ParallelDesign`.

    Notes
    -----
    Measurements of patients who left before are missing, and left out.

    Examples
    --------
    >>> from understudy.trials.designs.response_patients import ContinuousPatients
    >>> from understudy.trials.designs.simulate_trials import simulate_trials
    >>> design = PlatformTrial(50, {"a": 0, "b": 60}, patients=300)
    >>> found = simulate_trials(design, ContinuousPatients({"control": 0, "a": 0, "b": 0.8}), trials=200, seed=1)
    >>> found.rejection("alternative", "b better")[0] > 0.9
    True
    """

    per_arm: int
    entry: Mapping[str, int]
    patients: int
    alpha: float = 0.025
    futility: float | None = None
    non_concurrent: bool = False
    follow_up: float = 0.0
    events: int | None = None
    weights: Weights = LOG_RANK

    def __post_init__(self):
        object.__setattr__(self, "weights", checked_weights(self.weights, "PlatformTrial.weights"))
        if self.events is not None and not 4 <= self.events <= self.patients:
            raise SimulationError(
                f"{self.events} events of {self.patients} patients",
                place="PlatformTrial.events",
                repair="give 4 or more, and no more than patients",
            )
        if (
            not isinstance(self.patients, int)
            or self.per_arm < 4
            or not self.entry
            or not 0 < self.alpha < 0.5
        ):
            raise SimulationError(
                f"{self!r}", place="PlatformTrial", repair="give treatments of 4 patients or more"
            )
        late = [arm for arm, first in self.entry.items() if not 0 <= first < self.patients]
        if late:
            raise SimulationError(
                f"{', '.join(late)} would enter after the last patient, or before the first",
                place="PlatformTrial.entry",
                repair=f"give numbers from 0 to {self.patients - 1}",
            )

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        survival = patients.endpoint == "survival"
        if tuple(patients.arms[1:]) != tuple(self.entry) or survival != (self.events is not None):
            raise SimulationError(
                f"{patients.endpoint} patients with treatments {', '.join(patients.arms[1:])}",
                place="PlatformTrial",
                repair=f"give patients with treatments {', '.join(self.entry)}; `events` for times to an event only",
            )
        recruited = conduct.recruitment.times(trials, self.patients, seed)
        kind = _SurvivalPlatform if survival else _Platform
        state = kind(self, patients.outcomes(trials, self.patients, seed), recruited, conduct, (trials, seed))
        for number in range(self.patients):
            state.enrol(number)
        state.close()
        enrolled = np.stack([(state.arm == arm).sum(axis=1) for arm in range(len(patients.arms))], axis=1)
        names = tuple(f"{arm} better" for arm in self.entry)
        notes = ("non-concurrent controls are pooled: a trend over time biases the tests",)
        return Runs(
            names,
            state.rejected,
            enrolled,
            state.duration(),
            np.full(len(trials), len(self.entry)),
            state.futile.all(axis=1),
            state.estimate,
            {"non-concurrent controls used": state.borrowed},
            notes if self.non_concurrent else (),
        )


class _Platform:
    """State of many platform trials, patient after patient."""

    def __init__(
        self, design: PlatformTrial, outcomes: Outcomes, recruited: NDArray, conduct: Conduct, given
    ):
        count, size, arms = outcomes.value.shape
        self.design, self.outcomes, self.recruited, self.conduct, self.given = (
            design, outcomes, recruited, conduct, given,
        )  # fmt: skip
        self.drawn = uniforms(given[1], "trial allocation", given[0], size)
        self.first = np.array(list(design.entry.values()))
        self.arm = np.full((count, size), -1)
        self.seen = np.zeros((count, arms - 1), dtype=np.int64)
        self.closed = np.zeros((count, arms - 1), bool)
        self.rejected, self.futile = np.zeros((count, arms - 1), bool), np.zeros((count, arms - 1), bool)
        self.estimate = np.full((count, arms - 1), np.nan)
        self.last, self.borrowed = np.full(count, -1), np.zeros(count)
        # What each patient shows and when it leaves, in every arm: who gets which is known as the trial goes on.
        shape = (count, size)
        both = [observed(outcomes, np.full(shape, arm), conduct, *given) for arm in range(arms)]
        self.value, self.lost = (np.stack([pair[k] for pair in both], axis=2) for k in (0, 1))

    def enrol(self, number: int) -> None:
        """The patient of this number, in all trials that still have an open treatment or wait for one."""
        open_arms = ~self.closed & (self.first <= number)
        going = open_arms.any(axis=1)  # nobody is randomised to a control that nothing is compared with
        choices = np.concatenate([np.ones((len(going), 1), bool), open_arms], axis=1)
        rank = np.cumsum(choices, axis=1)
        wanted = np.floor(self.drawn[:, number] * rank[:, -1]) + 1
        arm = ((rank == wanted[:, None]) & choices).argmax(axis=1)
        self.arm[:, number] = np.where(going, arm, -1)
        self.last = np.where(going, number, self.last)
        for index in range(len(self.first)):
            took = going & (arm == index + 1)
            self.seen[took, index] += 1
            self._after(index, took, number)

    def _after(self, index: int, took: NDArray[np.bool_], number: int) -> None:
        """Analyses that patients who took a treatment set off."""
        half = took & (self.seen[:, index] == self.design.per_arm // 2)
        if self.design.futility is not None and half.any():
            self._analyse(index, np.flatnonzero(half), number, final=False)
        full = took & (self.seen[:, index] == self.design.per_arm)
        if full.any():
            self._analyse(index, np.flatnonzero(full), number, final=True)

    def duration(self) -> NDArray[np.float64]:
        """Time of the last analysis."""
        number = np.maximum(self.last, 0)
        return self.recruited[np.arange(len(number)), number] + self.design.follow_up

    def close(self) -> None:
        """What is still open when the platform ends is analysed with the patients that it has."""
        for index in range(len(self.first)):
            rows = np.flatnonzero(~self.closed[:, index])
            if len(rows):
                self._analyse(index, rows, self.arm.shape[1] - 1, final=True)

    def _analyse(self, index: int, rows: NDArray[np.int64], number: int, *, final: bool) -> None:
        arm = self.arm[rows, : number + 1]
        before = np.arange(number + 1) < self.first[index]
        control = (arm == 0) & (self.design.non_concurrent | ~before)
        treated = arm == index + 1
        value, lost = (self._own(each, rows, number + 1) for each in (self.value, self.lost))
        z, effect = two_sample_z(value, treated, (control | treated) & (lost > self.design.follow_up))
        self._judge(index, rows, z, effect, (control & before).sum(axis=1), final)

    def _judge(self, index: int, rows, z, effect, borrowed, final: bool) -> None:
        from scipy.special import ndtri

        self.estimate[rows, index] = effect
        if final:
            self.rejected[rows, index] = z >= -float(ndtri(self.design.alpha))
            self.closed[rows, index] = True
            self.borrowed[rows] += borrowed
        else:
            hopeless = rows[z <= self.design.futility]
            self.closed[hopeless, index] = self.futile[hopeless, index] = True

    def _own(self, each: NDArray, rows: NDArray[np.int64], count: int) -> NDArray:
        """Of the first patients, in the arm that each has got."""
        at = np.maximum(self.arm[rows, :count], 0)[..., None]
        return np.take_along_axis(each[rows, :count], at, axis=2)[..., 0]


class _SurvivalPlatform(_Platform):
    """A platform on times to an event: enrolment closes a treatment, events set off its test."""

    def __init__(self, design, outcomes, recruited, conduct, given):
        super().__init__(design, outcomes, recruited, conduct, given)
        self.value = conduct.seen(self.value)
        self.shut = np.full(
            self.seen.shape, design.patients
        )  # number of the first patient after a treatment's last
        self.looked = np.zeros(self.seen.shape, bool)
        self.end = np.zeros(len(recruited))
        self.happens = np.full(recruited.shape, np.inf)  # calendar time of each patient's event

    def enrol(self, number: int) -> None:
        """As of `_Platform`; a patient's event is known to come from then on."""
        super().enrol(number)
        rows, arm = np.arange(len(self.arm)), np.maximum(self.arm[:, number], 0)
        time, lost = self.value[rows, number, arm], self.lost[rows, number, arm]
        counts = (self.arm[:, number] >= 0) & (time <= lost)
        self.happens[:, number] = np.where(counts, self.recruited[:, number] + time, np.inf)

    def _after(self, index: int, took: NDArray[np.bool_], number: int) -> None:
        full = took & (self.seen[:, index] == self.design.per_arm)
        self.closed[full, index] = True
        self.shut[full, index] = number + 1
        waiting = ~self.closed[:, index] & ~self.looked[:, index] & (self.first[index] <= number)
        if self.design.futility is not None and waiting.any():
            self._look(index, np.flatnonzero(waiting), number)

    def _look(self, index: int, rows: NDArray[np.int64], number: int) -> None:
        """A look for futility in the trials that have half of their events, and whose treatment is still open."""
        own = slice(0 if self.design.non_concurrent else int(self.first[index]), number + 1)
        arm = self.arm[rows, own]
        happened = (self.happens[rows, own] <= self.recruited[rows, number, None]) & (
            (arm == 0) | (arm == index + 1)
        )
        rows = rows[happened.sum(axis=1) >= self.design.events // 2]
        if not len(rows):
            return
        trial, used, _ = self._comparison(index, rows)
        z, effect, _ = trial.test_at(used, self.recruited[rows, number], self.design.weights)
        self.looked[rows, index] = True
        self._judge(index, rows, z, effect, 0, False)
        hopeless = rows[self.futile[rows, index]]
        self.shut[hopeless, index] = number + 1
        self.end[hopeless] = np.maximum(self.end[hopeless], self.recruited[hopeless, number])

    def close(self) -> None:
        """The tests of all treatments that were not given up."""
        for index in range(len(self.first)):
            rows = np.flatnonzero(~self.futile[:, index])
            trial, used, before = self._comparison(index, rows)
            when = trial.when(used, np.full(len(rows), self.design.events))
            last = np.where(self.arm[rows] == index + 1, self.recruited[rows], 0.0).max(axis=1)
            when = np.maximum(when, last)  # no earlier than its last patient
            z, effect, _ = trial.test_at(used, when, self.design.weights)
            self._judge(index, rows, z, effect, (used & before).sum(axis=1), True)
            self.end[rows] = np.maximum(self.end[rows], when)

    def duration(self) -> NDArray[np.float64]:
        """Time of the last test."""
        return self.end

    def _comparison(self, index: int, rows: NDArray[np.int64]) -> tuple[EventTimes, NDArray, NDArray]:
        """Patients of a treatment and its controls; who of them is used, and who came before it opened."""
        number = np.arange(self.design.patients)
        arm, before = self.arm[rows], number < self.first[index]
        inside = (number < self.shut[rows, index][:, None]) & (self.design.non_concurrent | ~before)
        used = (arm == index + 1) | ((arm == 0) & inside)
        own = (self._own(each, rows, self.design.patients) for each in (self.value, self.lost))
        return EventTimes(arm == index + 1, self.recruited[rows], *own), used, before
