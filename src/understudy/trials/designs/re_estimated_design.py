"""Re-estimated design: two arms whose second stage grows where the first was promising."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct, permuted_blocks
from understudy.trials.designs.patients import Patients
from understudy.trials.designs.re_estimation import PromisingZone
from understudy.trials.designs.runs import Runs
from understudy.trials.designs.two_samples import two_sample_z


@dataclass(frozen=True)
class ReEstimatedDesign:
    """Measurements or responses; one unblinded look that sets the size (`PromisingZone`), and one test at the end.

    Parameters
    ----------
    zone : PromisingZone
    weighted : bool
        Whether the stages are combined with the weights that were planned (Cui, Hung and Wang), which keeps the error
        rate whatever the size; else the ordinary test of all patients.
    follow_up : float
        Time from enrolment to the measurement.

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

    @property
    def patients(self) -> int:
        """Most patients of a trial."""
        return math.ceil(self.zone.most * self.zone.patients)

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        from scipy.special import ndtri

        if len(patients.arms) != 2 or patients.endpoint == "survival":
            raise SimulationError(
                f"{patients.endpoint} patients of {len(patients.arms)} arms",
                place="ReEstimatedDesign",
                repair="give measurements or responses of two arms",
            )
        arm = permuted_blocks(trials, self.patients, (1, 1), seed)
        outcomes = patients.outcomes(trials, self.patients, seed)
        value = np.take_along_axis(outcomes.value, arm[..., None], axis=2)[..., 0]
        known = conduct.lost(trials, outcomes.prognosis, seed) > self.follow_up
        entry = conduct.recruitment.times(trials, self.patients, seed)
        place = np.arange(self.patients)
        early = place < round(self.zone.interim * self.zone.patients)
        z1, _ = two_sample_z(value, arm == 1, known & early)
        size = np.array([self.zone.new_patients(float(z)) for z in z1])
        enrolled = place < size[:, None]
        z2, _ = two_sample_z(value, arm == 1, known & enrolled & ~early)
        z, estimate = two_sample_z(value, arm == 1, known & enrolled)
        if self.weighted:
            planned = self.zone.interim
            z = math.sqrt(planned) * z1 + math.sqrt(1 - planned) * z2
        duration = entry[np.arange(len(trials)), size - 1] + self.follow_up
        counts = np.stack([(enrolled & (arm == index)).sum(axis=1) for index in (0, 1)], axis=1)
        rejected = z >= -float(ndtri(self.zone.alpha))
        looks, futile = np.full(len(trials), 2), np.zeros(len(trials), bool)
        grown = (size > self.zone.patients).astype(float)
        return Runs(
            ("difference",),
            rejected[:, None],
            counts,
            duration,
            looks,
            futile,
            estimate[:, None],
            {"grown": grown},
        )
