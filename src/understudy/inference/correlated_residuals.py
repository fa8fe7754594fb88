"""Correlated residuals: measurements whose residual errors go together, each given the one before it.

Two outputs measured at one time (NONMEM's L2), or successive measurements of one output, whose correlation falls
exponentially with the time between them (Karlsson, Beal and Sheiner 1995, doi:10.1007/BF02353466). The joint density of
a chain of normal errors is the product of each one's density given the one before: its prediction moves with that
one's residual, its variance shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.expression import Expression
from understudy.inference.slopes import Slopes
from understudy.model.population_model import PopulationModel

_GAP = "since_before"
# Of central differences of an equation without a solver in it: they err by 1e-10.
_STEP = 1e-5


@dataclass(frozen=True, eq=False)
class CorrelatedResiduals:
    """Which measurements are correlated with which one before.

    Parameters
    ----------
    model : PopulationModel
    here, before : int arrays, shape (m,)
        Places of measurements, and of the ones that they are correlated with.
    gap : float array, shape (m,)
        Time between the two.
    equation : array of Expression, shape (m,)
        The correlation, in terms of fixed effects and the gap.
    measured : float array, shape (observations,)
        On the scale on which the residual error is normal.
    """

    model: PopulationModel
    here: np.ndarray
    before: np.ndarray
    gap: np.ndarray
    equation: np.ndarray
    measured: np.ndarray

    @classmethod
    def of(
        cls,
        model: PopulationModel,
        output: np.ndarray,
        patient: np.ndarray,
        time: np.ndarray,
        measured: np.ndarray,
    ) -> CorrelatedResiduals | None:
        """Of observations in order of patient and time, arrays of shape (observations,); None where there are none.

        Raises
        ------
        SimulationError
            Where it is not clear which measurements belong together.
        """
        found: list[tuple[int, int, float, Expression]] = []
        for item in model.correlations:
            found += _pairs(item.outputs, item.correlation, output, patient, time)
        for residual in model.residual:
            if residual.autocorrelation is not None:
                found += _chain(residual.output, residual.autocorrelation, output, patient, time)
        if not found:
            return None
        here, before, gap, equation = zip(*found, strict=True)
        return cls(
            model, np.array(here), np.array(before), np.array(gap), np.array(equation, object), measured
        )

    def correlation(self, fixed: np.ndarray) -> np.ndarray:
        """At fixed effects of shape (copies, fixed effects), shape (copies, m)."""
        known = {p.name: fixed[:, [k]] for k, p in enumerate(self.model.fixed)}
        found = np.empty((len(fixed), self.here.size))
        for equation in dict.fromkeys(self.equation):
            mine = np.array([each == equation for each in self.equation])
            found[:, mine] = equation.evaluate(known | {_GAP: self.gap[mine]})
        # Beyond one there is no covariance: such parameters have no likelihood.
        return np.where(np.abs(found) < 1.0, found, np.nan)

    def given_before(
        self, prediction: np.ndarray, variance: np.ndarray, fixed: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Prediction and variance of each measurement given the one before, shape (copies, observations)."""
        correlation = self.correlation(fixed)
        gain = self._gain(variance, correlation)
        own, spread = prediction.copy(), variance.copy()
        own[:, self.here] += gain * (self.measured - prediction)[:, self.before]
        spread[:, self.here] *= 1.0 - correlation**2
        return own, spread

    def drawn(self, scatter: np.ndarray, variance: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        """Independent residual errors made to go together, shape (copies, observations)."""
        correlation = self.correlation(fixed)
        gain, found = self._gain(variance, correlation), scatter.copy()
        for k in np.argsort(self.here, kind="stable"):
            place = self.here[k]
            shrunk = scatter[:, place] * np.sqrt(1.0 - correlation[:, k] ** 2)
            found[:, place] = gain[:, k] * found[:, self.before[k]] + shrunk
        return found

    def _gain(self, variance: np.ndarray, correlation: np.ndarray) -> np.ndarray:
        return correlation * np.sqrt(variance[:, self.here] / variance[:, self.before])

    def slopes(self, at: Slopes, fixed: np.ndarray, names: tuple[str, ...]) -> Slopes:
        """The same with derivatives.

        Parameters
        ----------
        at : Slopes
            Of each measurement alone.
        fixed : float array, shape (copies, fixed effects)
        names : tuple of str
            The fixed effects that the last derivatives of `at` are by.
        """
        here, before, correlation = self.here, self.before, self.correlation(fixed)
        gain, turned = self._gain(at.variance, correlation), self._correlation_slopes(fixed, names, at)
        relative = at.d_variance / at.variance[..., None]
        d_gain = 0.5 * gain[..., None] * (relative[:, here] - relative[:, before])
        d_gain += turned * np.sqrt(at.variance[:, here] / at.variance[:, before])[..., None]
        prediction, variance = self.given_before(at.prediction, at.variance, fixed)
        residual = (self.measured - at.prediction)[:, before]
        expected, moved = at.d_prediction.copy(), at.d_prediction.copy()
        expected[:, here] -= gain[..., None] * at.d_prediction[:, before]
        moved[:, here] = expected[:, here] + d_gain * residual[..., None]
        spread = at.d_variance.copy()
        left = 1.0 - correlation[..., None] ** 2
        spread[:, here] = (
            left * at.d_variance[:, here] - 2.0 * (correlation * at.variance[:, here])[..., None] * turned
        )
        turning = np.zeros_like(moved)
        turning[:, here] = d_gain * np.sqrt(at.variance[:, before] / variance[:, here])[..., None]
        return replace(
            at, prediction=prediction, variance=variance, d_prediction=moved, d_variance=spread, d_expected=expected,
            d_gain=turning,
        )  # fmt: skip

    def _correlation_slopes(self, fixed: np.ndarray, names: tuple[str, ...], at: Slopes) -> np.ndarray:
        """Derivatives of the correlations by all effects, shape (copies, m, effects)."""
        found = np.zeros((len(fixed), self.here.size, at.d_prediction.shape[-1]))
        own = [p.name for p in self.model.fixed]
        used = frozenset().union(*(each.names for each in dict.fromkeys(self.equation)))
        for place, name in enumerate(names, found.shape[-1] - len(names)):
            if name in used:
                shift = np.zeros_like(fixed)
                shift[:, own.index(name)] = step = _STEP * max(abs(float(fixed[0, own.index(name)])), _STEP)
                found[..., place] = (self.correlation(fixed + shift) - self.correlation(fixed - shift)) / (
                    2 * step
                )
        return found


def _pairs(outputs: tuple[str, str], correlation: Expression, output, patient, time):
    """Measurements of the second output with those of the first at the same time."""
    first = {}
    for k in np.flatnonzero(output == outputs[0]):
        if first.setdefault((patient[k], time[k]), k) != k:
            raise SimulationError(
                f"{outputs[0]} was measured twice at time {time[k]:g}: which goes with {outputs[1]}?",
                place="correlated residual errors",
                repair="give replicates times of their own, or declare no correlation",
            )
    used = set()
    for k in np.flatnonzero(output == outputs[1]):
        before = first.get((patient[k], time[k]))
        if before is not None and before in used:
            raise SimulationError(
                f"{outputs[1]} was measured twice at time {time[k]:g}: which goes with {outputs[0]}?",
                place="correlated residual errors",
                repair="give replicates times of their own, or declare no correlation",
            )
        if before is not None:
            used.add(before)
            yield k, before, 0.0, correlation


def _chain(name: str, half_life: Expression, output, patient, time):
    """Successive measurements of one output."""
    equation = Expression(f"exp(-log(2) * {_GAP} / ({half_life.text}))")
    own = np.flatnonzero(output == name)
    for before, k in pairwise(own):
        if patient[before] == patient[k]:
            if time[k] == time[before]:
                raise SimulationError(
                    f"{name} was measured twice at time {time[k]:g}: its error cannot be the same and another",
                    place="autocorrelated residual errors",
                    repair="keep one of them, or declare no autocorrelation",
                )
            yield k, before, float(time[k] - time[before]), equation
