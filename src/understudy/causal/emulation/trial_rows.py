"""Trial rows: the expanded rows of emulated trials as a logistic likelihood, never written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.outcome_model import TrialDesign
from understudy.causal.emulation.pooled_logistic import dependent, whitened
from understudy.causal.emulation.trial_kernel import accumulate, leave_out, worst_rows
from understudy.causal.emulation.trial_sequence import TrialSequence

Array = NDArray[np.float64]
_SIDE = 1e-7  # as in `pooled_logistic`
_MOST_WRONG = 2_000


@dataclass(frozen=True, eq=False)
class TrialRows:
    """The rows of a sequence under a model.

    Parameters
    ----------
    sequence : TrialSequence
    design : TrialDesign
    multiple : array, shape (trials,)
        How often each trial counts: 1, or how often a bootstrap drew its person.
    """

    sequence: TrialSequence
    design: TrialDesign
    multiple: Array

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self.design.names

    @property
    def count(self) -> int:
        """Rows in use."""
        if not len(self.sequence.weight):
            return int(self.sequence.length[self.multiple > 0].sum())
        used = np.add.reduceat(self.sequence.weight > 0, self.sequence.offset, dtype=np.int64)
        return int(used[self.multiple > 0].sum())

    @cached_property
    def _rows(self) -> tuple:
        """What tells kernels which rows there are."""
        s, by_dose = self.sequence, self.design.by_dose
        p = s.periods
        return (
            s.start,
            s.length,
            s.arm,
            int(by_dose),
            p.period,
            p.treated,
            p.outcome,
            s.weight,
            s.offset,
            self.multiple,
        )

    @cached_property
    def _weights(self) -> tuple[Array, Array]:
        """Weight of the rows of each trial and each state: at predictors of zero the information is a quarter of it."""
        moving = np.zeros((len(self.design.moving), 0))
        sums = _sums(self, np.zeros(self.sequence.trials), np.zeros(len(moving)), moving, False)
        return 4 * sums["information"] * self.multiple, 4 * sums["state_information"]

    @cached_property
    def _white(self) -> tuple[Array, Array, Array]:
        p = self.design.fixed.shape[1]
        by_trial, by_state = self._weights
        fixed, back = whitened(self.design.fixed, by_trial, self.names[:p])
        moving, other = whitened(self.design.moving, by_state, self.names[p:])
        whole = np.zeros((len(self.names), len(self.names)))
        whole[:p, :p], whole[p:, p:] = back, other
        return fixed, np.ascontiguousarray(moving), whole

    @property
    def back(self) -> Array:
        """From coordinates to coefficients, shape (p, p)."""
        return self._white[2]

    def evaluate(self, at: Array) -> tuple[float, Array, Array]:
        """Log-likelihood, score and information."""
        fixed, moving, _ = self._white
        p = fixed.shape[1]
        sums = _sums(self, fixed @ at[:p], moving @ at[p:], moving, False)
        information = np.empty((len(at), len(at)))
        information[:p, :p] = (fixed * (sums["information"] * self.multiple)[:, None]).T @ fixed
        information[:p, p:] = fixed.T @ (sums["crossed"] * self.multiple[:, None])
        information[p:, :p] = information[:p, p:].T
        information[p:, p:] = (moving * sums["state_information"][:, None]).T @ moving
        score = np.concatenate(
            [fixed.T @ (sums["residual"] * self.multiple), moving.T @ sums["state_residual"]]
        )
        return float(sums["value"] @ self.multiple), score, information

    def farthest(self, at: Array) -> float:
        """A bound of the linear predictors, without their sign."""
        fixed, moving, _ = self._white
        p = fixed.shape[1]
        by_trial, by_state = self._weights
        own, apart = (fixed @ at[:p])[by_trial > 0], (moving @ at[p:])[by_state > 0]
        return float(max(own.max() + apart.max(initial=0.0), -(own.min() + apart.min(initial=0.0))))

    def sample(self, count: int) -> tuple[Array, Array]:
        """About so many rows: of trials spread evenly and at the extremes of columns, their first, middle and last."""
        by_trial = np.flatnonzero(self._weights[0] > 0)
        fixed, ends = self.design.fixed[by_trial], self.sequence.periods.outcome[self.sequence.last[by_trial]]
        spread = [np.linspace(0, len(own) - 1, min(count // 6, len(own))).astype(int) for own in (by_trial,)]
        cases = np.flatnonzero(ends == 1)
        spread.append(cases[np.linspace(0, len(cases) - 1, min(count // 6, len(cases))).astype(int)])
        chosen = by_trial[np.unique(np.concatenate([*spread, fixed.argmin(axis=0), fixed.argmax(axis=0)]))]
        length = self.sequence.length[chosen]
        trial = np.concatenate([chosen] * 3)
        place = np.concatenate([np.zeros(len(chosen), np.int64), length // 2, length - 1])
        return self._matrix(*np.unique(np.column_stack([trial, place]), axis=0).T)

    def on_wrong_side(self, direction: Array) -> tuple[Array, Array]:
        """Of each trial the row that a direction moves farthest the wrong way; the worst of them."""
        p = self.design.fixed.shape[1]
        found = np.zeros(self.sequence.trials)
        own, apart = self.design.fixed @ direction[:p], self.design.moving @ direction[p:]
        place = worst_rows(*self._rows, own, apart, self.design.levels, found)
        wrong = np.flatnonzero(found < -_SIDE)
        worst = wrong[np.argsort(found[wrong], kind="stable")[:_MOST_WRONG]]
        return self._matrix(worst, place[worst])

    def unmoved(self, direction: Array, dropped: tuple[str, ...]) -> tuple[TrialRows, tuple[str, ...]]:
        """The rows that a direction does not move, without columns that then depend on others."""
        p = self.design.fixed.shape[1]
        own, apart = self.design.fixed @ direction[:p], self.design.moving @ direction[p:]
        weight = self.sequence.weight.copy() if len(self.sequence.weight) else np.ones(self.sequence.expanded)
        start, length, base, slope, period, treated, _, _, offset, _ = self._rows
        leave_out(
            start, length, base, slope, period, treated, offset, own, apart, self.design.levels, _SIDE, weight
        )
        left = replace(self, sequence=replace(self.sequence, weight=weight))
        by_trial, by_state = left._weights
        lost = np.concatenate([
            _dependent(self.design.fixed, by_trial, self.names[:p], dropped),
            _dependent(self.design.moving, by_state, self.names[p:], dropped),
        ])  # fmt: skip
        names = tuple(name for name, gone in zip(self.names, lost, strict=True) if not gone)
        design = replace(
            self.design,
            fixed=self.design.fixed[:, ~lost[:p]],
            moving=self.design.moving[:, ~lost[p:]],
            names=names,
        )
        return replace(left, design=design), tuple(
            name for name, gone in zip(self.names, lost, strict=True) if gone
        )

    def scores(self, at: Array) -> Array:
        """Score of each person, shape (persons, p); a bootstrap's multiples count in the rows, not here."""
        fixed, moving, _ = self._white
        p = fixed.shape[1]
        sums = _sums(self, fixed @ at[:p], moving @ at[p:], moving, True)
        rows = np.hstack([fixed * sums["residual"][:, None], sums["scores"]]) * self.multiple[:, None]
        found = np.zeros((self.sequence.periods.persons, len(at)))
        np.add.at(found, self.sequence.person, rows)
        return found

    def _matrix(self, trial: NDArray[np.int64], place: NDArray[np.int64]) -> tuple[Array, Array]:
        """Rows of trials, by their place in them, and their outcomes."""
        s, periods = self.sequence, self.sequence.periods
        row, first = s.start[trial] + place, s.start[trial]
        used = s.weight[s.offset[trial] + place] > 0 if len(s.weight) else np.ones(len(trial), dtype=bool)
        trial, row, first = trial[used], row[used], first[used]
        level = s.arm[trial] + int(self.design.by_dose) * (periods.treated[row] - periods.treated[first])
        state = (periods.period[row] - periods.period[first]) * self.design.levels + level
        return np.hstack([self.design.fixed[trial], self.design.moving[state]]), periods.outcome[row]


def whole_rows(sequence: TrialSequence, design: TrialDesign, drawn: Array | None = None) -> TrialRows:
    """The rows of a sequence; `drawn` tells how often each person counts."""
    multiple = np.ones(sequence.trials) if drawn is None else np.asarray(drawn, dtype=float)[sequence.person]
    return TrialRows(sequence, design, multiple)


def _dependent(
    matrix: Array, weight: Array, names: tuple[str, ...], dropped: tuple[str, ...]
) -> NDArray[np.bool_]:
    """Columns that depend on others, those named in `dropped` before the rest."""
    order = np.argsort([name in dropped for name in names], kind="stable")
    lost = np.zeros(len(names), dtype=bool)
    lost[order] = dependent(matrix[:, order], weight)
    return lost


def _sums(rows: TrialRows, eta: Array, of_state: Array, moving: Array, with_scores: bool) -> dict[str, Array]:
    trials, states, r = rows.sequence.trials, len(of_state), moving.shape[1]
    found = {name: np.empty(trials) for name in ("value", "information", "residual")}
    found |= {"crossed": np.empty((trials, r)), "scores": np.empty((trials if with_scores else 0, r))}
    found |= {name: np.zeros(states) for name in ("state_information", "state_residual")}
    accumulate(*rows._rows, eta, of_state, moving, rows.design.levels, *found.values(), with_scores)
    return found
