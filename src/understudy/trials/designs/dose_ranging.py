"""Dose ranging: parallel doses, analysed by MCP-Mod.

Bretz, Pinheiro and Branson, Biometrics 61, 738 (2005), doi:10.1111/j.1541-0420.2005.00344.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct, permuted_blocks
from understudy.trials.designs.dose_modelling import DoseModelling, Selection
from understudy.trials.designs.dose_response import CandidateShape, log_offset
from understudy.trials.designs.mcp_mod import critical_value, optimal_contrasts
from understudy.trials.designs.patients import Patients, observed
from understudy.trials.designs.runs import Runs


@dataclass(frozen=True)
class DoseRanging:
    """Patients of a few doses, a measurement that is good when high; a test for a dose response, then a target dose.

    Parameters
    ----------
    patients : int
        Of all doses together.
    doses : tuple of float
        Of the arms, in the order of the patients' arms; the first is usually 0.
    shapes : mapping of str to CandidateShape
        Guessed before the trial.
    effect : float
        Wanted difference to no dose.
    alpha : float
        Of the test, one-sided, over all shapes.
    selection : "criterion", "largest t" or "average"
        As for `mcp_mod`.
    follow_up : float
        Time from enrolment to the measurement.

    Notes
    -----
    Runs have the target dose as their estimate (not a number where there is no dose response, or no dose of the range
    has the effect), and as measures the share of trials with a target and those in which each model was the heaviest.
    Contrasts are those of the planned sizes.

    Examples
    --------
    >>> from understudy.trials.designs.dose_response import emax, linear
    >>> from understudy.trials.designs.response_patients import ContinuousPatients
    >>> from understudy.trials.designs.simulate_trials import simulate_trials
    >>> doses = (0.0, 0.25, 0.5, 1.0)
    >>> design = DoseRanging(200, doses, {"linear": linear(), "emax": emax(0.2)}, effect=0.4)
    >>> truth = ContinuousPatients({f"dose {d:g}": 0.8 * d / (0.2 + d) for d in doses})
    >>> found = simulate_trials(design, truth, trials=200, seed=1)
    >>> found.rejection("alternative")[0] > 0.8
    True
    """

    patients: int
    doses: tuple[float, ...]
    shapes: Mapping[str, CandidateShape]
    effect: float
    alpha: float = 0.025
    selection: Selection = "criterion"
    follow_up: float = 0.0

    def __post_init__(self):
        rising = all(first < second for first, second in zip(self.doses, self.doses[1:], strict=False))
        if len(self.doses) < 3 or not rising or self.doses[0] < 0:
            raise SimulationError(
                f"doses {self.doses}", place="DoseRanging.doses", repair="give three or more, rising from 0"
            )
        if self.patients < 4 * len(self.doses) or not self.effect > 0 or not 0 < self.alpha < 0.5:
            raise SimulationError(
                f"{self.patients} patients, effect {self.effect}, alpha {self.alpha}", place="DoseRanging",
                repair="give four patients a dose or more, an effect above 0, and alpha",
            )  # fmt: skip
        if not self.shapes or not all(isinstance(each, CandidateShape) for each in self.shapes.values()):
            raise SimulationError(
                "no shapes with a model",
                place="DoseRanging.shapes",
                repair="give emax(0.2) and the like by name",
            )
        _ = self._modelling  # refuses an unknown selection

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """See `Design.run`."""
        arms = len(self.doses)
        if len(patients.arms) != arms or patients.endpoint != "continuous":
            raise SimulationError(
                f"{patients.endpoint} patients of {len(patients.arms)} arms", place="DoseRanging",
                repair=f"give measurements of {arms} arms, one for each dose",
            )  # fmt: skip
        arm = permuted_blocks(trials, self.patients, (1,) * arms, seed)
        outcomes = patients.outcomes(trials, self.patients, seed)
        value, lost = observed(outcomes, arm, conduct, trials, seed)
        member = (arm[..., None] == np.arange(arms)) & (lost > self.follow_up)[..., None]
        n = member.sum(axis=1)
        mean = (value[..., None] * member).sum(axis=1) / np.maximum(n, 1)
        rest = np.where(member, value[..., None] - mean[:, None], 0.0)
        freedom = np.maximum(n.sum(axis=1) - arms, 1)
        variance = np.maximum((rest**2).sum(axis=(1, 2)) / freedom, 1e-300)
        t = (
            mean
            @ self._contrasts
            / np.sqrt(variance[:, None] * ((1 / np.maximum(n, 1)) @ self._contrasts**2))
        )
        fit = (n > 1).all(axis=1)
        significant = (t >= self._critical) & fit[:, None]
        best = np.stack([np.where(own, t, -np.inf).max(axis=1) for own in self._own], axis=1)
        allowed = np.stack([(significant & own).any(axis=1) for own in self._own], axis=1)
        target, weights = self._modelling.targets(mean, variance, allowed, best, self.effect)
        heaviest = np.where(allowed.any(axis=1), weights.argmax(axis=1), -1)
        measures = {
            "measured": n.sum(axis=1).astype(float),
            "target found": np.isfinite(target).astype(float),
        }
        measures |= {f"{name} chosen": (heaviest == k).astype(float) for k, name in enumerate(self._models)}
        count = len(trials)
        enrolled = np.stack([(arm == k).sum(axis=1) for k in range(arms)], axis=1)
        duration = conduct.recruitment.times(trials, self.patients, seed)[:, -1] + self.follow_up
        return Runs(
            ("dose response",), significant.any(axis=1)[:, None], enrolled, duration,
            np.ones(count, dtype=np.int64), np.zeros(count, bool), target[:, None], measures,
        )  # fmt: skip

    @cached_property
    def _models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(shape.model for shape in self.shapes.values()))

    @cached_property
    def _own(self) -> tuple[NDArray[np.bool_], ...]:
        """Which shapes are each model's."""
        of = np.array([shape.model for shape in self.shapes.values()])
        return tuple(of == name for name in self._models)

    @cached_property
    def _contrasts(self) -> NDArray[np.float64]:
        return optimal_contrasts(self.doses, self.shapes, np.ones(len(self.doses)))

    @cached_property
    def _critical(self) -> float:
        correlation = self._contrasts.T @ self._contrasts
        return critical_value(correlation, freedom=self.patients - len(self.doses), alpha=self.alpha)

    @cached_property
    def _modelling(self) -> DoseModelling:
        each = self.patients / len(self.doses)
        offset = log_offset(self.shapes.values())
        doses = np.array(self.doses)
        return DoseModelling(doses, each * np.eye(len(doses)), self._models, self.selection, offset)
