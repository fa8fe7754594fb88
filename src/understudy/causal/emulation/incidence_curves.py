"""Incidence curves: the outcome's cumulative incidence, were all treated and were none, standardised to all trials.

Each trial's covariates are kept and its treatment is set; chances of the periods make its curve, and curves are
averaged: Hernán & Robins, Causal Inference: What If (2020), chapter 17. Intervals are of coefficients drawn from the
normal distribution of the estimates, as in the R package TrialEmulation, or of persons drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.outcome_model import TrialDesign
from understudy.causal.emulation.pooled_logistic import PooledLogistic, moves
from understudy.causal.emulation.trial_kernel import mean_incidence
from understudy.core.errors import StudyError
from understudy.core.random import normals

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_BLOCK = 64  # draws held at a time


@dataclass(frozen=True, eq=False, repr=False)
class IncidenceCurves:
    """Cumulative incidence by follow-up time.

    Parameters
    ----------
    times : int64 array, shape (t,)
        Periods since the start, whose end the incidence is told of: 0 is the first period.
    incidence : array, shape (2, t)
        Never and always treated.
    draws : array, shape (draws, 2, t)
        Of its uncertainty; none, if empty.
    source : str
        Where draws come from.
    level : float
    """

    times: NDArray[np.int64]
    incidence: Array
    draws: Array
    source: str
    level: float = 0.95

    @property
    def difference(self) -> Array:
        """Always less never treated, shape (t,)."""
        return self.incidence[1] - self.incidence[0]

    def intervals(self, values: Array) -> Array:
        """Quantiles of draws by time, shape (2, t); NaN without draws."""
        if not len(values):
            return np.full((2, len(self.times)), np.nan)
        tail = (1 - self.level) / 2
        return np.quantile(values, [tail, 1 - tail], axis=0)

    def table(self) -> pd.DataFrame:
        """One row a time: untreated, treated, difference and ratio, each with its limits."""
        import pandas as pd

        columns: dict[str, Array] = {"followup_time": self.times}
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = {
                "untreated": (self.incidence[0], self.draws[:, 0]),
                "treated": (self.incidence[1], self.draws[:, 1]),
                "difference": (self.difference, self.draws[:, 1] - self.draws[:, 0]),
                "ratio": (self.incidence[1] / self.incidence[0], self.draws[:, 1] / self.draws[:, 0]),
            }
        for name, (value, drawn) in parts.items():
            low, high = self.intervals(drawn)
            columns |= {name: value, f"{name}_low": low, f"{name}_high": high}
        return pd.DataFrame(columns)

    def with_draws(self, draws: Array, source: str) -> IncidenceCurves:
        """With draws of its uncertainty."""
        return replace(self, draws=draws, source=source)

    def __repr__(self) -> str:
        last = self.table().iloc[-1]
        return (
            f"IncidenceCurves over {len(self.times)} periods; at the end {last.treated:.4f} treated, "
            f"{last.untreated:.4f} untreated, difference {last.difference:.4f} "
            f"({last.difference_low:.4f} to {last.difference_high:.4f})"
        )


def incidence_curves(
    design: TrialDesign,
    fitted: PooledLogistic,
    times: int,
    *,
    share: Array | None = None,
    draws: int = 0,
    seed: int = 1,
) -> IncidenceCurves:
    """Standardise a fitted model to the trials.

    Parameters
    ----------
    design : TrialDesign
        Of the trials that make up the population.
    fitted : PooledLogistic
    times : int
        Number of follow-up times, from 0.
    share : array, shape (trials,), optional
        Weights of the trials.
    draws : int
        Of coefficients, for intervals; 0 for none.
    seed : int

    Returns
    -------
    IncidenceCurves

    Raises
    ------
    StudyError
        If the model was not watched for so long.
    """
    longest = len(design.moving) // design.levels
    if not 0 < times <= longest:
        raise StudyError(
            f"follow-up ends after {longest} periods, so that {times} cannot be foretold",
            place="horizon", repair=f"take at most {longest - 1}",
        )  # fmt: skip
    weights = np.ones(len(design.fixed)) if share is None else share
    weights = weights / weights.sum()
    values = np.where(fitted.known, fitted.values, 0.0)
    own = _curves(design, values[None], times, weights, fitted)[0]
    drawn = np.empty((0, 2, times))
    if draws:
        drawn = _curves(design, _drawn(fitted, draws, seed), times, weights, fitted)
    return IncidenceCurves(
        np.arange(times), own, drawn, "coefficients drawn from their distribution", fitted.level
    )


def _drawn(fitted: PooledLogistic, count: int, seed: int) -> Array:
    """Coefficients drawn from the normal distribution of the estimates, shape (count, p)."""
    known = fitted.known
    spread, vectors = np.linalg.eigh(fitted.covariance[np.ix_(known, known)])
    root = vectors * np.sqrt(np.maximum(spread, 0.0))
    found = np.zeros((count, len(known)))
    found[:, known] = (
        fitted.values[known] + normals(seed, "coefficients", range(count), int(known.sum())) @ root.T
    )
    return found


def _curves(design: TrialDesign, values: Array, times: int, share: Array, fitted: PooledLogistic) -> Array:
    """Mean curves of sets of coefficients, shape (sets, 2, times)."""
    p = design.fixed.shape[1]
    trials, states = _certain(design, fitted)
    found = np.empty((len(values), 2, times))
    for first in range(0, len(values), _BLOCK):
        block = values[first : first + _BLOCK]
        for arm in (0, 1):
            fixed, at = _as_if(design, arm), design.states(arm, times)
            own = _odds(block[:, :p] @ fixed.T, trials)
            apart = _odds(block[:, p:] @ design.moving[at].T, states[at])
            for k in range(len(block)):
                mean_incidence(np.ascontiguousarray(own[k]), share, apart[k], found[first + k, arm])
    return found


def _odds(predictors: Array, certain: Array) -> Array:
    """Factors of the odds; of what is certain zero, or beyond all bounds."""
    found = np.exp(np.clip(predictors, -350, 350))
    found[:, certain < 0], found[:, certain > 0] = 0.0, 1e150
    return found


def _as_if(design: TrialDesign, arm: int) -> Array:
    """Columns of trials with the treatment set."""
    if design.by_dose:
        return design.fixed
    fixed = design.fixed.copy()
    fixed[:, 1] = arm
    return fixed


def _certain(design: TrialDesign, fitted: PooledLogistic) -> tuple[Array, Array]:
    """-1 for trials and states that by a separable column have no outcome, 1 for those that always have it, else 0."""
    p = design.fixed.shape[1]
    trials, states = np.zeros(len(design.fixed)), np.zeros(len(design.moving))
    for way in fitted.directions:
        direction = np.array([way.get(name, 0.0) for name in design.names])
        own, apart = design.fixed @ direction[:p], design.moving @ direction[p:]
        sides = {float(np.sign(side)) for side in (*own[moves(own)], *apart[moves(apart)])}
        if len(sides) > 1:
            raise StudyError(
                f"{', '.join(fitted.separable)} are separable, and leave no curves to be told",
                place="curves", repair="leave these terms out, or join levels",
            )  # fmt: skip
        trials, states = _marked(trials, own), _marked(states, apart)
    return trials, states


def _marked(known: Array, side: Array) -> Array:
    return np.where((known == 0) & moves(side), np.sign(side), known)
