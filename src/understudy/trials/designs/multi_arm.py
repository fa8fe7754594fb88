"""Multi-arm multi-stage: several treatments against one control, with looks that drop arms.

Magirr, Jaki and Whitehead, Biometrika 99, 494 (2012), doi:10.1093/biomet/ass002; Royston and others, Trials 12, 81
(2011), doi:10.1186/1745-6215-12-81; with one look, Dunnett, J Am Stat Assoc 50, 1096 (1955), doi:10.2307/2281208.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.boundary_shape import BoundaryShape, OBrienFleming
from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.multi_arm_survival import run_survival
from understudy.trials.designs.patients import Patients, observed
from understudy.trials.designs.runs import Runs
from understudy.trials.designs.two_samples import two_sample_z
from understudy.trials.designs.weighted_log_rank import LOG_RANK, Weights, checked_weights

_PATHS = 8000  # of the control arm, at most
_NODES = 40
_REACH = 8.0


def multi_arm_limits(
    treatments: int, times: tuple[float, ...], *, alpha: float = 0.025, shape: BoundaryShape | None = None
) -> tuple[float, ...]:
    """Limits of Z that keep the family-wise error rate, one-sided, for arms of equal size; futility is not counted on.

    Given the control arm's path, the treatments are independent, and each one's path is integrated as that of a group
    sequential test; the control's increments are integrated by Gauss-Hermite quadrature (limits to 4 digits up to
    three looks).

    Parameters
    ----------
    treatments : int
    times : tuple of float
        Information fractions.
    alpha : float
    shape : BoundaryShape, optional
        O'Brien-Fleming without one.

    Examples
    --------
    >>> [round(limit, 2) for limit in multi_arm_limits(3, (1.0,))]  # Dunnett's 2.35
    [2.35]
    """
    from scipy.optimize import brentq

    rising = all(first < second for first, second in zip((0.0, *times), times, strict=False))
    if treatments < 1 or not times or not rising or abs(times[-1] - 1) > 1e-12 or not 0 < alpha < 0.5:
        raise SimulationError(
            f"{treatments} treatments, looks {times}, alpha {alpha}",
            place="multi_arm_limits",
            repair="give a treatment or more, looks that rise from above 0 to 1, and alpha as 0.025",
        )
    rule = shape or OBrienFleming()
    control = _control_paths(np.asarray(times))

    def excess(constant: float) -> float:
        return _family_wise(rule.limits(times, constant), np.asarray(times), treatments, control) - alpha

    return rule.limits(times, brentq(excess, 0.5, 8.0, xtol=1e-5))


@dataclass(frozen=True)
class MultiArmMultiStage:
    """Treatments against one control, with equal allocation among the arms that go on.

    Parameters
    ----------
    per_arm : int
        Most patients of an arm.
    treatments : int
    times : tuple of float
        Looks, as shares of ``per_arm``.
    alpha : float
        Family-wise, one-sided.
    shape : BoundaryShape
    futility : tuple of float
        Limits of Z at or below which an arm is dropped, one for each look but the last; they are not binding.
    keep : int, optional
        At each look no more than the best ``keep`` treatments go on.
    follow_up : float
        Time from enrolment to the measurement.
    control_events : int, optional
        Survival: events of the control arm at the last look; looks are at shares of them.
    weights : tuple of (rho, gamma)
        Survival: as of `ParallelDesign`.

    Notes
    -----
    Measurements of patients who left before are missing, and left out. The trial stops when a treatment wins or none is
    left. Enrolment goes on at the same rate, so that it is faster for the arms that are left.

    Examples
    --------
    >>> design = MultiArmMultiStage(100, treatments=3, futility=(0.0,))
    >>> [round(limit, 2) for limit in design.limits]
    [3.33, 2.36]
    """

    per_arm: int
    treatments: int
    times: tuple[float, ...] = (0.5, 1.0)
    alpha: float = 0.025
    shape: BoundaryShape = field(default_factory=OBrienFleming)
    futility: tuple[float, ...] = ()
    keep: int | None = None
    follow_up: float = 0.0
    control_events: int | None = None
    weights: Weights = LOG_RANK
    limits: tuple[float, ...] = field(init=False)

    def __post_init__(self):
        if self.futility and len(self.futility) != len(self.times) - 1:
            raise SimulationError(
                f"{len(self.futility)} limits for futility with {len(self.times)} looks",
                place="MultiArmMultiStage.futility",
                repair="give one for each look but the last",
            )
        if self.per_arm < 4 or (self.keep is not None and self.keep < 1):
            raise SimulationError(
                f"{self!r}", place="MultiArmMultiStage", repair="give 4 patients an arm or more"
            )
        if self.control_events is not None and not 2 <= self.control_events <= self.per_arm:
            raise SimulationError(
                f"{self.control_events} events of {self.per_arm} control patients",
                place="MultiArmMultiStage.control_events",
                repair="give 2 or more, and no more than per_arm",
            )
        object.__setattr__(self, "weights", checked_weights(self.weights, "MultiArmMultiStage.weights"))
        found = multi_arm_limits(self.treatments, self.times, alpha=self.alpha, shape=self.shape)
        object.__setattr__(self, "limits", found)

    @property
    def patients(self) -> int:
        """Most patients of all arms."""
        return self.per_arm * (self.treatments + 1)

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        survival = patients.endpoint == "survival"
        if len(patients.arms) != self.treatments + 1 or survival != (self.control_events is not None):
            raise SimulationError(
                f"{patients.endpoint} patients of {len(patients.arms)} arms",
                place="MultiArmMultiStage",
                repair=f"give patients of {self.treatments + 1} arms; `control_events` for times to an event only",
            )
        if survival:
            return run_survival(self, patients, conduct, trials, seed)
        arms, count = self.treatments + 1, len(trials)
        # Patient j of arm k is number k + j · arms: an arm's patients are the same whatever became of the others.
        number = np.broadcast_to(np.arange(self.patients) % arms, (count, self.patients))
        outcomes = patients.outcomes(trials, self.patients, seed)
        value, lost = observed(outcomes, number, conduct, trials, seed)
        known = lost > self.follow_up
        value, known = (
            np.stack([each[:, arm::arms] for arm in range(arms)], axis=2) for each in (value, known)
        )
        entry = conduct.recruitment.times(trials, self.patients, seed)
        going, active = np.ones((count, arms), bool), np.ones(count, bool)
        rejected, enrolled = np.zeros((count, arms - 1), bool), np.zeros((count, arms), dtype=np.int64)
        estimate = np.full((count, arms - 1), np.nan)
        looks, duration = np.zeros(count, dtype=np.int64), np.zeros(count)
        for look, t in enumerate(self.times):
            size = math.ceil(t * self.per_arm - 1e-9)
            here = going & active[:, None]
            enrolled = np.where(here, size, enrolled)
            looks += active
            last = entry[np.arange(count), np.maximum(enrolled.sum(axis=1), 1) - 1] + self.follow_up
            duration = np.where(active, last, duration)
            z, effect = self._test(value[:, :size], known[:, :size])
            estimate = np.where(here[:, 1:], effect, estimate)
            rejected |= here[:, 1:] & (z >= self.limits[look])
            if look + 1 < len(self.times):
                going[:, 1:] &= ~self.dropped(np.where(going[:, 1:], z, -np.inf), look)
            active &= ~rejected.any(axis=1) & going[:, 1:].any(axis=1)
        futile = ~rejected.any(axis=1) & ~going[:, 1:].any(axis=1)
        names = tuple(f"{arm} better" for arm in patients.arms[1:])
        return Runs(names, rejected, enrolled, duration, looks, futile, estimate)

    def _test(self, value: NDArray[np.float64], known: NDArray[np.bool_]):
        size = value.shape[1]
        treated = np.repeat([[False, True]], size, axis=1).repeat(len(value), axis=0)
        found = [
            two_sample_z(
                np.concatenate([value[..., 0], value[..., arm]], axis=1),
                treated,
                np.concatenate([known[..., 0], known[..., arm]], axis=1),
            )
            for arm in range(1, value.shape[2])
        ]
        return np.stack([z for z, _ in found], axis=1), np.stack([effect for _, effect in found], axis=1)

    def dropped(self, z: NDArray[np.float64], look: int) -> NDArray[np.bool_]:
        """Which treatments a look drops, shape (trials, treatments); Z of those that are gone is -infinity."""
        dropped = z <= self.futility[look] if self.futility else np.zeros(z.shape, bool)
        if self.keep is not None:
            rank = np.argsort(np.argsort(-z, axis=1, kind="stable"), axis=1, kind="stable")
            dropped = dropped | (rank >= self.keep)
        return dropped


def _control_paths(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of the control arm (variance t) at the looks, shape (paths, looks), and weights, by Gauss-Hermite."""
    from scipy.special import roots_hermitenorm

    looks = len(times)
    node, weight = roots_hermitenorm(max(5, min(24, int(_PATHS ** (1 / looks)))))
    normal = np.stack([each.ravel() for each in np.meshgrid(*[node] * looks, indexing="ij")], axis=1)
    mass = np.prod([each.ravel() for each in np.meshgrid(*[weight] * looks, indexing="ij")], axis=0)
    return np.cumsum(normal * np.sqrt(np.diff(times, prepend=0.0)), axis=1), mass / mass.sum()


def _family_wise(limits, times, treatments: int, control) -> float:
    """Probability that a treatment crosses, under no effect."""
    from scipy.special import ndtr, roots_legendre

    # A treatment's sum stays below limit √(2t) + the control's sum.
    path, chance = control
    upper = np.asarray(limits) * np.sqrt(2 * times) + path
    x, weight = roots_legendre(_NODES)
    place, mass, before = np.zeros((len(path), 1)), np.ones((len(path), 1)), 0.0
    for look, t in enumerate(times):
        width = math.sqrt(t - before)
        if look + 1 == len(times):
            stay = (mass * ndtr((upper[:, look, None] - place) / width)).sum(axis=1)
            return float(1 - chance @ stay**treatments)
        low = -_REACH * math.sqrt(t)
        half = 0.5 * np.maximum(np.minimum(upper[:, look], -low) - low, 0.0)[:, None]
        node = low + half * (x + 1)
        step = (node[:, :, None] - place[:, None, :]) / width
        density = (np.exp(-0.5 * step**2) * mass[:, None, :]).sum(axis=2) / (width * math.sqrt(2 * math.pi))
        place, mass, before = node, density * half * weight, t
    raise AssertionError("a design has a last look")
