"""Outlying: individuals and levels that a fitted population does not expect, in sentences.

Random effects are judged by their quadratic form, which is chi-squared (Mahalanobis 1936, Proc Natl Inst Sci India
2:49-55); levels by their individual weighted residuals. Limits allow for how many are looked at: less than one in a
thousand populations without anything wrong has such an individual.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from understudy.inference.estimation.method import Estimate, Task
from understudy.inference.likelihood import Likelihood

# Chance of naming any individual, or any level, of a population that is as its model says.
_CHANCE = 1e-3
# Not more are named than can be looked at.
_MOST = 5


def outlying(task: Task, estimate: Estimate) -> Iterator[str]:
    """What is far from the rest; nothing for mixtures, whose members are far from one another."""
    if task.classes:
        return
    with np.errstate(all="ignore"):
        likelihood = task.likelihood(estimate.vector)
        yield from _individuals(likelihood, estimate.effects)
        yield from _levels(likelihood, estimate.effects)


def _individuals(likelihood: Likelihood, effects: np.ndarray) -> Iterator[str]:
    from scipy.special import chdtrc, ndtri

    if not likelihood.active.size:
        return
    chance = chdtrc(likelihood.active.size, likelihood.prior_term(effects[None])[0])
    for k in _named(chance, likelihood.count):
        # As far as a normal number of the same chance, which is too small to be told from zero far out.
        far = -ndtri(max(chance[k], 1e-300) / 2)
        yield (
            f"patient {likelihood.predictor.patients[k]} is far from all others: its random effects are as unlikely as "
            f"a normal number {far:.0f} standard deviations out; see its doses and levels, and fit without it"
        )


def _levels(likelihood: Likelihood, effects: np.ndarray) -> Iterator[str]:
    from scipy.special import ndtr

    predictor = likelihood.predictor
    prediction, variance = likelihood.predict(effects[None])
    residual = np.where(likelihood.unusual, 0.0, ((predictor.measured - prediction) / np.sqrt(variance))[0])
    for k in _named(2 * ndtr(-np.abs(residual)), residual.size):
        patient = predictor.patients[predictor.patient[k]]
        yield (
            f"a level of patient {patient} at {predictor.time[k]:g} (row {predictor.row[k]}) is {residual[k]:+.0f} "
            "residual standard deviations off its own prediction; see that row"
        )


def _named(chance: np.ndarray, count: int) -> list[int]:
    """The least likely of those that chance would hardly bring."""
    here = np.flatnonzero(chance < _CHANCE / max(count, 1))
    return here[np.argsort(chance[here], kind="stable")][:_MOST].tolist()
