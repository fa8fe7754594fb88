"""Search: the same search for responders in a trial and in copies of it in which nobody responds differently."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.trials.responders.censored_outcome import CensoredOutcome, censored_outcome
from understudy.trials.responders.evaluation import calibration, in_order, policy_gain, ranked, within_folds
from understudy.trials.responders.learner import Learner
from understudy.trials.responders.outcome import Outcome
from understudy.trials.responders.rules import Rules

Method = Literal["R", "DR"]
# Numbers that a chunk of copies may hold in one array.
_CHUNK = 4_000_000
# Of the sum of squared coefficients of the effect, for each subject.
_PENALTY = 0.1


@dataclass(frozen=True, eq=False)
class Scored:
    """Effects in some rows, the trial or copies, each subject's from other folds.

    Parameters
    ----------
    mean : float array, shape (rows,)
        Mean effect.
    effects, scores : float array, shape (rows, n)
        Foretold, and seen with much noise; both beyond the mean.
    residual, arms : float array, shape (rows, n)
        Outcomes less what covariates say of them and the mean effect; treatment less its probability.
    control : float array, shape (rows, n), or None
        What is foretold of untreated subjects beyond what covariates say of all.
    """

    mean: np.ndarray
    effects: np.ndarray
    scores: np.ndarray
    residual: np.ndarray
    arms: np.ndarray
    control: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Statistics:
    """What rows look like, the larger the more they look as if some responded more than others; z statistics.

    Parameters
    ----------
    slope, autoc, qini, policy : float array, shape (rows,)
    rules : float array, shape (rows, rules)
    coefficients : float array, shape (rows, p)
        Of a ridge regression of the effect on each feature, not divided by an error.
    """

    slope: np.ndarray
    autoc: np.ndarray
    qini: np.ndarray
    policy: np.ndarray
    rules: np.ndarray
    coefficients: np.ndarray

    @property
    def best_rule(self) -> NDArray[np.float64]:
        """The largest z of all rules, shape (rows,); zero without rules."""
        return self.rules.max(axis=1) if self.rules.shape[1] else np.zeros(len(self.rules))

    @classmethod
    def joined(cls, parts: list[Statistics]) -> Statistics:
        """Rows one below another."""
        names = cls.__dataclass_fields__
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True, eq=False)
class Search:
    """A trial made ready for the same search in it and in its copies.

    Parameters
    ----------
    outcome : Outcome
    learner : Learner
    method : {"R", "DR"}
    rules : Rules
    expected : float array, shape (n,)
        What covariates say of the outcome without regard to arms, good being high.
    value : float array, shape (n,)
        The outcome with the mean effect taken out, good being high; of times not used.
    mean : float
        The mean effect that was taken out.
    times : CensoredOutcome or None
    """

    outcome: Outcome
    learner: Learner
    method: Method
    rules: Rules
    expected: np.ndarray
    value: np.ndarray
    mean: float
    times: CensoredOutcome | None

    @property
    def chunk(self) -> int:
        """How many rows are worked on at once."""
        return max(1, _CHUNK // max(self.expected.size, self.learner.design.shape[1] ** 2))

    def scored(self, start: int, stop: int) -> Scored:
        """Rows from `start`, of which 0 is the trial, and the k-th its k-th copy."""
        treated = self.outcome.arms.rows(start, stop, self.learner.seed)
        arms = treated - self.learner.share
        value = (
            self.value[None] if self.times is None else self.outcome.direction * self.times.values(treated)
        )
        residual = value - self.expected
        mean = (arms * residual).sum(axis=1) / (arms**2).sum(axis=1)
        residual = residual - mean[:, None] * arms
        learn = self.learner.r_learner if self.method == "R" else self.learner.dr_learner
        found = learn(residual, arms, start)
        scores = self.learner.scores(residual, arms, found.control, found.drug)
        # The mean effect that was taken out of the trial's own outcomes comes back.
        whole = mean + (self.mean if self.times is None else 0.0)
        return Scored(whole, found.effects, scores, residual, arms, found.control)

    def untreated(self, found: Scored) -> NDArray[np.float64]:
        """Doubly robust scores of what would be without treatment, good being high, shape (rows, n)."""
        share = self.learner.share
        weight = (found.arms < 0) / (1.0 - share)
        expected = 0.0 if found.control is None else found.control
        beyond = expected + weight * (found.residual - expected)
        return self.expected - share * found.mean[:, None] + beyond

    def statistics(self, copies: int, mean: float) -> Statistics:
        """Of the trial and its copies, shape (1 + copies, ...); `mean` is the trial's mean effect."""
        edges = [*range(0, copies + 1, self.chunk), copies + 1]
        return Statistics.joined(
            [self.looks(self.scored(start, stop), mean) for start, stop in pairwise(edges)]
        )

    def looks(self, found: Scored, mean: float) -> Statistics:
        """Statistics of some rows."""
        members = self.learner.members
        effects, scores = within_folds(found.effects, members), within_folds(found.scores, members)
        none, ordered = np.zeros((len(scores), 0)), in_order(effects, scores)
        return Statistics(
            _ratio(*calibration(effects, scores)), _ratio(*ranked(ordered, "AUTOC")),
            _ratio(*ranked(ordered, "Qini")), _ratio(*policy_gain(found.effects, found.scores, mean)),
            self.rules.z(found.scores) if self.rules.conditions else none,
            _coefficients(self.learner.matrix, found.scores),
        )  # fmt: skip


def _coefficients(matrix: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each feature does to the effect, shape (rows, p); features have mean zero: no intercept is needed."""
    shrunk = matrix.T @ matrix + _PENALTY * len(matrix) * np.eye(matrix.shape[1])
    return np.linalg.solve(shrunk, (scores @ matrix).T).T


def _ratio(value: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over its standard error; zero where there is none."""
    return np.divide(value, error, out=np.zeros(value.shape), where=(error > 0) & np.isfinite(error))


def search_of(outcome: Outcome, learner: Learner, method: Method, rules: Rules) -> Search:
    """Make a trial ready: what covariates say of outcomes does not look at arms, so that all copies share it."""
    if outcome.kind == "survival":
        hazards = learner.hazards(outcome.value, outcome.event)
        times = censored_outcome(outcome.value, outcome.event, outcome.horizon, learner.folds, hazards)
        expected = outcome.direction * times.expected
        return Search(outcome, learner, method, rules, expected, np.zeros(expected.size), 0.0, times)
    value, arms = outcome.direction * outcome.value, outcome.arms.treated - outcome.arms.share
    residual = value - learner.foretold(value)
    mean = float((arms * residual).sum() / (arms**2).sum())
    value = value - mean * arms
    return Search(outcome, learner, method, rules, learner.foretold(value), value, mean, None)
