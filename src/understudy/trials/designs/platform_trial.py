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
from understudy.trials.designs.patients import Patients
from understudy.trials.designs.runs import Runs
from understudy.trials.designs.two_samples import two_sample_z


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

    def __post_init__(self):
        if self.per_arm < 4 or not self.entry or not 0 < self.alpha < 0.5:
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
        if tuple(patients.arms[1:]) != tuple(self.entry) or patients.endpoint == "survival":
            raise SimulationError(
                f"{patients.endpoint} patients with treatments {', '.join(patients.arms[1:])}",
                place="PlatformTrial",
                repair=f"give measurements or responses with treatments {', '.join(self.entry)}",
            )
        value = patients.outcomes(trials, self.patients, seed).value
        entry = conduct.recruitment.times(trials, self.patients, seed)
        state = _Platform(self, value, uniforms(seed, "trial allocation", trials, self.patients))
        for number in range(self.patients):
            state.enrol(number)
        state.close()
        number = np.maximum(state.last, 0)
        duration = entry[np.arange(len(trials)), number] + self.follow_up
        enrolled = np.stack([(state.arm == arm).sum(axis=1) for arm in range(len(patients.arms))], axis=1)
        names = tuple(f"{arm} better" for arm in self.entry)
        notes = ("non-concurrent controls are pooled: a trend over time biases the tests",)
        looks = np.full(len(trials), len(self.entry))
        return Runs(
            names,
            state.rejected,
            enrolled,
            duration,
            looks,
            state.futile.all(axis=1),
            state.estimate,
            {"non-concurrent controls used": state.borrowed},
            notes if self.non_concurrent else (),
        )


class _Platform:
    """State of many platform trials, patient after patient."""

    def __init__(self, design: PlatformTrial, value: NDArray, drawn: NDArray):
        count, size, arms = value.shape
        self.design, self.value, self.drawn = design, value, drawn
        self.first = np.array(list(design.entry.values()))
        self.arm = np.full((count, size), -1)
        self.seen = np.zeros((count, arms - 1), dtype=np.int64)
        self.closed = np.zeros((count, arms - 1), bool)
        self.rejected, self.futile = np.zeros((count, arms - 1), bool), np.zeros((count, arms - 1), bool)
        self.estimate = np.full((count, arms - 1), np.nan)
        self.last, self.borrowed = np.full(count, -1), np.zeros(count)

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
            half = took & (self.seen[:, index] == self.design.per_arm // 2)
            if self.design.futility is not None and half.any():
                self._analyse(index, np.flatnonzero(half), number, final=False)
            full = took & (self.seen[:, index] == self.design.per_arm)
            if full.any():
                self._analyse(index, np.flatnonzero(full), number, final=True)

    def close(self) -> None:
        """What is still open when the platform ends is analysed with the patients that it has."""
        for index in range(len(self.first)):
            rows = np.flatnonzero(~self.closed[:, index])
            if len(rows):
                self._analyse(index, rows, self.arm.shape[1] - 1, final=True)

    def _analyse(self, index: int, rows: NDArray[np.int64], number: int, *, final: bool) -> None:
        from scipy.special import ndtri

        arm = self.arm[rows, : number + 1]
        before = np.arange(number + 1) < self.first[index]
        control = (arm == 0) & (self.design.non_concurrent | ~before)
        treated = arm == index + 1
        at = np.maximum(arm, 0)[..., None]
        value = np.take_along_axis(self.value[rows, : number + 1], at, axis=2)[..., 0]
        z, effect = two_sample_z(value, treated, control | treated)
        self.estimate[rows, index] = effect
        if final:
            self.rejected[rows, index] = z >= -float(ndtri(self.design.alpha))
            self.closed[rows, index] = True
            self.borrowed[rows] += (control & before).sum(axis=1)
        else:
            hopeless = rows[z <= self.design.futility]
            self.closed[hopeless, index] = self.futile[hopeless, index] = True
