"""Re-estimated design: two arms whose second stage grows where the first was promising.

Mehta and Pocock, Stat Med 30, 3267 (2011), doi:10.1002/sim.4102; Cui, Hung and Wang, Biometrics 55, 853 (1999),
doi:10.1111/j.0006-341X.1999.00853.x. With times to an event the information is the number of events.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct, permuted_blocks
from understudy.trials.designs.event_times import EventTimes
from understudy.trials.designs.patients import Patients, observed
from understudy.trials.designs.re_estimation import PromisingZone
from understudy.trials.designs.runs import Runs
from understudy.trials.designs.two_samples import two_sample_z


@dataclass(frozen=True)
class ReEstimatedDesign:
    """One unblinded look that sets the size (`PromisingZone`), and one test at the end.

    Parameters
    ----------
    zone : PromisingZone
        Measurements and responses: of patients. Survival: of events; its ``patients`` are the planned events.
    weighted : bool
        Whether the stages are combined with the weights that were planned (Cui, Hung and Wang), which keeps the error
        rate whatever the size; else the ordinary test of all patients.
    follow_up : float
        Time from enrolment to the measurement.
    enrolled : int, optional
        Survival: patients who are enrolled for the planned events; they grow as the events do.

    Notes
    -----
    Survival: the log-rank test, whose increments between looks are independent as long as the new number of events
    hangs on the log-rank statistic alone. If so many events never come, the last test is when all patients are out of
    observation. Patients beyond the plan are enrolled after the look.

    Examples
    --------
    >>> from understudy.trials.designs.response_patients import ContinuousPatients
    >>> from understudy.trials.designs.simulate_trials import simulate_trials
    >>> design = ReEstimatedDesign(PromisingZone(100, power=0.9))
    >>> found = simulate_trials(design, ContinuousPatients({"control": 0.0, "drug": 0.5}), trials=300, seed=1)
    >>> int(found.runs["alternative"].enrolled.sum(axis=1).max())
    200
    """

    zone: PromisingZone
    weighted: bool = True
    follow_up: float = 0.0
    enrolled: int | None = None

    def __post_init__(self):
        if self.enrolled is not None and self.enrolled < self.zone.patients:
            raise SimulationError(
                f"{self.enrolled} patients for {self.zone.patients} events",
                place="ReEstimatedDesign.enrolled",
                repair="give as many patients as events, or more",
            )
        if self.follow_up < 0:
            raise SimulationError(
                f"follow_up {self.follow_up}", place="ReEstimatedDesign", repair="give a time from 0"
            )

    @property
    def patients(self) -> int:
        """Most patients of a trial."""
        return math.ceil(self.zone.most * (self.enrolled or self.zone.patients))

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        survival = patients.endpoint == "survival"
        if len(patients.arms) != 2 or survival != (self.enrolled is not None):
            raise SimulationError(
                f"{patients.endpoint} patients of {len(patients.arms)} arms",
                place="ReEstimatedDesign",
                repair="give patients of two arms; `enrolled` for times to an event, and only for them",
            )
        arm = permuted_blocks(trials, self.patients, (1, 1), seed)
        outcomes = patients.outcomes(trials, self.patients, seed)
        value, lost = observed(outcomes, arm, conduct, trials, seed)
        entry = conduct.recruitment.times(trials, self.patients, seed)
        if survival:
            return self._survival(arm, entry, conduct.seen(value), lost)
        return self._measured(arm, entry, value, lost > self.follow_up)

    def _measured(self, arm, entry, value, known) -> Runs:
        place, first = np.arange(self.patients), round(self.zone.interim * self.zone.patients)
        early = place < first
        entry = self._resumed(entry, self.zone.patients, entry[:, first - 1] + self.follow_up)
        z1, _ = two_sample_z(value, arm == 1, known & early)
        size = self._sizes(z1)
        enrolled = place < size[:, None]
        z2, _ = two_sample_z(value, arm == 1, known & enrolled & ~early)
        z, estimate = two_sample_z(value, arm == 1, known & enrolled)
        if self.weighted:
            z = self._combined(z1, z2)
        duration = entry[np.arange(len(arm)), size - 1] + self.follow_up
        return self._runs(
            "difference", z, estimate, arm, enrolled, duration, {"grown": size > self.zone.patients}
        )

    def _survival(self, arm, entry, time, lost) -> Runs:
        first = round(self.zone.interim * self.zone.patients)
        planned = np.broadcast_to(np.arange(self.patients) < self.enrolled, arm.shape)
        trial = EventTimes(arm == 1, entry, time, lost)
        z1, _, n1, when = trial.test(planned, np.full(len(arm), first))
        events = self._sizes(z1)
        # Who was enrolled by the look stays; more come in proportion to the events.
        size = np.ceil(self.enrolled * events / self.zone.patients).astype(int)
        enrolled = np.arange(self.patients) < size[:, None]
        entry = self._resumed(entry, self.enrolled, when)
        trial = EventTimes(arm == 1, entry, time, lost)
        z, estimate, n, end = trial.test(enrolled, events)
        more = np.maximum(n - n1, 0)
        z2 = np.where(more > 0, (np.sqrt(n) * z - np.sqrt(n1) * z1) / np.sqrt(np.maximum(more, 1)), 0.0)
        if self.weighted:
            z = np.where(more > 0, self._combined(z1, z2), z1 * math.sqrt(self.zone.interim))
        end = np.maximum(end, when)
        measures = {"events": n, "grown": events > self.zone.patients}
        return self._runs(
            "log hazard ratio", z, estimate, arm, enrolled & (entry <= end[:, None]), end, measures
        )

    def _resumed(self, entry, planned: int, decided):
        """Calendar times of enrolment: patients beyond the plan come no earlier than the look that asks for them."""
        wait = np.maximum(decided - entry[:, planned - 1], 0.0)[:, None]
        return np.where(np.arange(self.patients) < planned, entry, entry + wait)

    def _sizes(self, z1: NDArray[np.float64]) -> NDArray[np.int64]:
        """New sizes; the search for a zone is made once, and equal statistics have equal sizes."""
        values, where = np.unique(z1, return_inverse=True)
        return np.array([self.zone.new_patients(float(z)) for z in values])[where]

    def _combined(self, z1, z2):
        planned = self.zone.interim
        return math.sqrt(planned) * z1 + math.sqrt(1 - planned) * z2

    def _runs(self, effect: str, z, estimate, arm, enrolled, duration, measures) -> Runs:
        from scipy.special import ndtri

        counts = np.stack([(enrolled & (arm == index)).sum(axis=1) for index in (0, 1)], axis=1)
        rejected, count = z >= -float(ndtri(self.zone.alpha)), len(arm)
        return Runs(
            (effect,), rejected[:, None], counts, duration, np.full(count, 2), np.zeros(count, bool),
            estimate[:, None], {name: np.asarray(each, dtype=float) for name, each in measures.items()},
        )  # fmt: skip
