"""Re-estimation: a sample size that is looked at again, and tests that stay right when it was changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.core.errors import SimulationError


def conditional_power(z: float, t: float, *, drift: float | None = None, alpha: float = 0.025) -> float:
    """Probability to reject at the end, given Z at information fraction ``t``; ``drift`` None: the current trend.

    Lan, Simon and Halperin, Commun Stat C 1, 207 (1982), doi:10.1080/07474948208836014.

    Examples
    --------
    >>> round(conditional_power(1.5, 0.5), 4)
    0.5903
    """
    from scipy.special import ndtr, ndtri

    if not 0 < t < 1:
        raise SimulationError(f"information fraction {t}", place="t", repair="give one between 0 and 1")
    drift = z / math.sqrt(t) if drift is None else drift
    need = -float(ndtri(alpha)) - z * math.sqrt(t) - drift * (1 - t)
    return float(ndtr(-need / math.sqrt(1 - t)))


def inverse_normal(p: Sequence[float], weights: Sequence[float]) -> float:
    """Combined statistic Σ w Φ⁻¹(1 - p) / √Σ w² of stagewise one-sided p values.

    Lehmacher and Wassmer, Biometrics 55, 1286 (1999), doi:10.1111/j.0006-341X.1999.01286.x. Weights must be fixed
    before the trial: √ of the planned information of each stage.

    Examples
    --------
    >>> round(inverse_normal([0.025, 0.025], [1, 1]), 4)
    2.7718
    """
    from scipy.special import ndtri

    p, weights = np.asarray(p, dtype=float), np.asarray(weights, dtype=float)
    if p.shape != weights.shape or ((p <= 0) | (p >= 1)).any() or (weights <= 0).any():
        raise SimulationError(
            "p values and weights do not fit",
            place="inverse_normal",
            repair="give one weight above 0 for each p",
        )
    return float(-(weights @ ndtri(p)) / math.sqrt(weights @ weights))


def weighted_z(z1: float, z2: float, planned: float) -> float:
    """√w Z_1 + √(1 - w) Z_2 of the two stages' own statistics, w the first stage's *planned* share of information.

    Cui, Hung and Wang, Biometrics 55, 853 (1999), doi:10.1111/j.0006-341X.1999.00853.x. Held against the limit of the
    trial as it was planned it keeps the error rate, however the second stage's size was chosen.

    Examples
    --------
    >>> weighted_z(2.0, 2.0, 0.5).__round__(4)
    2.8284
    """
    if not 0 < planned < 1:
        raise SimulationError(f"planned share {planned}", place="planned", repair="give one between 0 and 1")
    return math.sqrt(planned) * z1 + math.sqrt(1 - planned) * z2


@dataclass(frozen=True)
class PromisingZone:
    """A larger second stage where the first one is promising (Mehta and Pocock, Stat Med 30, 3267 (2011),
    doi:10.1002/sim.4102).

    Parameters
    ----------
    patients : int
        Planned, of both stages.
    interim : float
        Share of them at the interim look.
    most : float
        Largest size, as a multiple of the planned.
    alpha : float
        One-sided.
    power : float
        Conditional power that the larger second stage shall have.

    Examples
    --------
    >>> zone = PromisingZone(patients=442, interim=0.5, most=2.0, power=0.8)
    >>> round(zone.least_promising, 2)
    0.36
    """

    patients: int
    interim: float = 0.5
    most: float = 2.0
    alpha: float = 0.025
    power: float = 0.9

    def __post_init__(self):
        if not (
            0 < self.interim < 1 and self.most > 1 and 0 < self.alpha < self.power < 1 and self.patients > 1
        ):
            raise SimulationError(
                f"{self!r}", place="PromisingZone", repair="give an interim share below 1 and most above 1"
            )

    @cached_property
    def least_promising(self) -> float:
        """Least conditional power from which the ordinary test is no liberal one after the increase."""
        grid = np.linspace(0.0, 3.0 * math.sqrt(self.interim), 30_001)[1:]
        within = [z for z in grid[::10] if self._conservative(float(z))]
        if not within:
            return self.power
        fine = np.linspace(within[0] - grid[9], within[0], 201)
        first = next(float(z) for z in fine if z > 0 and self._conservative(float(z)))
        return conditional_power(first, self.interim, alpha=self.alpha)

    def zone(self, z: float) -> str:
        """``"unfavourable"``, ``"promising"`` or ``"favourable"``."""
        chance = conditional_power(z, self.interim, alpha=self.alpha)
        if chance < self.least_promising:
            return "unfavourable"
        return "favourable" if chance >= self.power else "promising"

    def new_patients(self, z: float) -> int:
        """Size of the whole trial after the interim look."""
        return self._size(z) if self.zone(z) == "promising" else self.patients

    def _size(self, z: float) -> int:
        """For the conditional power at the current trend (equation 2), and no more than the largest."""
        from scipy.special import ndtri

        first = self.interim * self.patients
        limit, beta = -float(ndtri(self.alpha)), float(ndtri(self.power))
        reach = (limit - z * math.sqrt(self.interim)) / math.sqrt(1 - self.interim) + beta
        # The current trend per root of a patient is z / √first.
        second = first * (max(reach, 0.0) / z) ** 2 if z > 0 else math.inf
        return math.ceil(min(max(first + second, self.patients), self.most * self.patients))

    def _conservative(self, z: float) -> bool:
        """Whether the ordinary limit is above the one that keeps the error rate, after the increase (equation 7)."""
        from scipy.special import ndtri

        size = self._size(z)
        if size <= self.patients:
            return True
        first, planned, limit = self.interim * self.patients, self.patients, -float(ndtri(self.alpha))
        rest = (limit * math.sqrt(planned) - z * math.sqrt(first)) / math.sqrt(planned - first)
        need = (rest * math.sqrt(size - first) + z * math.sqrt(first)) / math.sqrt(size)
        return need <= limit


def blinded_size(
    values, *, difference: float, alpha: float = 0.05, sides: int = 2, power: float = 0.9
) -> int:
    """Patients of both arms from the pooled variance of a blinded interim look, at equal allocation.

    Kieser and Friede, Stat Med 22, 3571 (2003), doi:10.1002/sim.1585: the one-sample variance, which counts the
    effect as noise and so never gives too few patients.

    Examples
    --------
    >>> blinded_size([0.0, 2.0, 4.0, 6.0, 8.0], difference=2.0, power=0.8)
    82
    """
    from understudy.trials.designs.sample_size import two_means

    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all() or np.ptp(values) == 0:
        raise SimulationError(
            "no variance", place="values", repair="give two measurements or more that differ"
        )
    return two_means(difference, float(values.std(ddof=1)), alpha=alpha, sides=sides, power=power).total


def blinded_proportion_size(
    responses: int,
    patients: int,
    *,
    difference: float,
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.9,
) -> int:
    """Patients of both arms from the pooled share of responses, at equal allocation.

    Gould, Stat Med 11, 55 (1992), doi:10.1002/sim.4780110107: the arms are taken to lie half the difference to both
    sides.

    Examples
    --------
    >>> blinded_proportion_size(40, 100, difference=0.2, power=0.8)
    186
    """
    from understudy.trials.designs.sample_size import two_proportions

    if not 0 < responses < patients:
        raise SimulationError(
            f"{responses} responses of {patients}",
            place="responses",
            repair="give some, and fewer than patients",
        )
    half, share = difference / 2, responses / patients
    return two_proportions(share - half, share + half, alpha=alpha, sides=sides, power=power).total
