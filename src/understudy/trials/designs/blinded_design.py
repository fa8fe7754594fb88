"""Blinded design: two arms whose size is set anew from the spread of all measurements, with the arms not known.

Kieser and Friede, Stat Med 22, 3571 (2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct, permuted_blocks
from understudy.trials.designs.patients import Patients, observed
from understudy.trials.designs.runs import Runs
from understudy.trials.designs.two_samples import two_sample_z


@dataclass(frozen=True)
class BlindedDesign:
    """One blinded look at measurements or responses; the size that follows has the power for a difference, given the
    variance that was seen; one test at the end.

    Parameters
    ----------
    patients : int
        Planned, of both arms.
    difference : float
        Between the arms' means, or shares, that the trial shall show.
    interim : float
        Share of the planned patients at the look.
    most : float
        Largest size, as a multiple of the planned.
    least : float
        Smallest size, likewise; not below ``interim``.
    alpha : float
        One-sided.
    power : float
    follow_up : float
        Time from enrolment to the measurement.

    Notes
    -----
    The variance is that of all measurements as if of one sample, which counts the effect as noise: a little too many
    patients, never too few. The size is that of the normal approximation, 4 s² (z + z)² / difference².

    Examples
    --------
    >>> from understudy.trials.designs.response_patients import ContinuousPatients
    >>> from understudy.trials.designs.simulate_trials import simulate_trials
    >>> wider = ContinuousPatients({"control": 0.0, "drug": 0.5}, sd=1.4)  # than the 1.0 that was planned with
    >>> found = simulate_trials(BlindedDesign(172, difference=0.5), wider, trials=300, seed=1)
    >>> found.rejection("alternative")[0] > 0.8
    True
    """

    patients: int
    difference: float
    interim: float = 0.5
    most: float = 2.0
    least: float = 1.0
    alpha: float = 0.025
    power: float = 0.9
    follow_up: float = 0.0

    def __post_init__(self):
        shares = 0 < self.interim <= self.least <= 1 <= self.most < math.inf and self.interim < 1
        if not shares or self.patients * self.interim < 8 or self.follow_up < 0:
            raise SimulationError(
                f"{self!r}", place="BlindedDesign",
                repair="give 8 patients or more at the look, least from interim to 1, and most from 1",
            )  # fmt: skip
        if not self.difference > 0 or not 0 < self.alpha < 0.5 < self.power < 1:
            raise SimulationError(
                f"{self!r}",
                place="BlindedDesign",
                repair="give a difference above 0, alpha and a power above 0.5",
            )

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        from scipy.special import ndtri

        if len(patients.arms) != 2 or patients.endpoint == "survival":
            raise SimulationError(
                f"{patients.endpoint} patients of {len(patients.arms)} arms", place="BlindedDesign",
                repair="give measurements or responses of two arms",
            )  # fmt: skip
        count, first = math.ceil(self.most * self.patients), round(self.interim * self.patients)
        arm = permuted_blocks(trials, count, (1, 1), seed)
        value, lost = observed(patients.outcomes(trials, count, seed), arm, conduct, trials, seed)
        known, entry = lost > self.follow_up, conduct.recruitment.times(trials, count, seed)
        size = self._sizes(value[:, :first], known[:, :first])
        # Patients beyond the plan come no earlier than the look that asks for them.
        decided = entry[:, first - 1] + self.follow_up
        wait = np.maximum(decided - entry[:, self.patients - 1], 0.0)
        enrolled = np.arange(count) < size[:, None]
        z, estimate = two_sample_z(value, arm == 1, known & enrolled)
        end = (
            entry[np.arange(len(trials)), size - 1]
            + np.where(size > self.patients, wait, 0.0)
            + self.follow_up
        )
        counts = np.stack([(enrolled & (arm == index)).sum(axis=1) for index in (0, 1)], axis=1)
        measures = {
            "grown": (size > self.patients).astype(float),
            "measured": (known & enrolled).sum(axis=1) * 1.0,
        }
        rejected, futile = z >= -float(ndtri(self.alpha)), np.zeros(len(trials), bool)
        looks = np.full(len(trials), 2)
        return Runs(
            ("difference",), rejected[:, None], counts, np.maximum(end, decided), looks, futile, estimate[:, None],
            measures,
        )  # fmt: skip

    def _sizes(self, value: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
        from scipy.special import ndtri

        n = known.sum(axis=1)
        mean = np.where(known, value, 0.0).sum(axis=1) / np.maximum(n, 1)
        squares = np.where(known, value - mean[:, None], 0.0) ** 2
        variance = squares.sum(axis=1) / np.maximum(n - 1, 1)
        need = 4 * variance * (ndtri(1 - self.alpha) + ndtri(self.power)) ** 2 / self.difference**2
        # As many more as leave before they are measured.
        need = need * known.shape[1] / np.maximum(n, 1)
        limits = math.ceil(self.least * self.patients), math.ceil(self.most * self.patients)
        return np.clip(np.ceil(need), *limits).astype(np.int64)
