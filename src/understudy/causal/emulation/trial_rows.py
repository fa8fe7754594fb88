"""Trial rows: the expanded rows of emulated trials as a logistic likelihood, never written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.outcome_model import TrialDesign
from understudy.causal.emulation.pooled_logistic import dependent, moves, whitened
from understudy.causal.emulation.trial_kernel import accumulate, leave_out, rows_of_states, worst_rows
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
        """About so many rows: the first, middle and last of trials, spread evenly; every extreme of every column."""
        used = np.flatnonzero(self._weights[0] > 0)
        fixed, ends = self.design.fixed[used], self.sequence.periods.outcome[self.sequence.last[used]]
        share, cases = count // 8, np.flatnonzero(ends == 1)
        spread = [_spread(np.arange(len(used)), share), _spread(cases, share)]
        chosen = used[np.unique(np.concatenate([*spread, fixed.argmin(axis=0), fixed.argmax(axis=0)]))]
        trial, place = self._of_states(share)
        trial = np.concatenate([np.repeat(chosen, 3), trial])
        place = np.concatenate([*map(self._three_places, chosen), place])
        return self._matrix(*np.unique(np.column_stack([trial, place]), axis=0).T)

    def _three_places(self, trial: int) -> NDArray[np.int64]:
        """The first, the middle and the last row of a trial that are in use."""
        s = self.sequence
        if not len(s.weight):
            return np.array([0, s.length[trial] // 2, s.length[trial] - 1])
        used = np.flatnonzero(s.weight[s.offset[trial] : s.offset[trial] + s.length[trial]] > 0)
        return used[[0, len(used) // 2, -1]]

    def _of_states(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows with the extremes of the moving columns, and with other states spread evenly."""
        states = len(self.design.moving)
        trial, place = np.full(states, -1), np.full(states, -1)
        start, length, base, slope, period, treated, _, weight, offset, multiple = self._rows
        rows_of_states(
            start,
            length,
            base,
            slope,
            period,
            treated,
            weight,
            offset,
            multiple,
            self.design.levels,
            trial,
            place,
        )
        seen = np.flatnonzero(trial >= 0)
        moving = self.design.moving[seen]
        at = np.concatenate(
            [_spread(np.arange(len(seen)), count), moving.argmin(axis=0), moving.argmax(axis=0)]
        )
        return trial[seen[at]], place[seen[at]]

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
        left = self._of_trials(own) if not moves(apart).any() else self._of_rows(own, apart)
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

    def _of_trials(self, own: Array) -> TrialRows:
        """Without the trials that a direction moves."""
        return replace(self, multiple=np.where(moves(own), 0.0, self.multiple))

    def _of_rows(self, own: Array, apart: Array) -> TrialRows:
        """Without the rows that a direction moves, which takes a weight for each row."""
        weight = self.sequence.weight.copy() if len(self.sequence.weight) else np.ones(self.sequence.expanded)
        start, length, base, slope, period, treated, _, _, offset, _ = self._rows
        levels = self.design.levels
        leave_out(start, length, base, slope, period, treated, offset, own, apart, levels, _SIDE, weight)
        return replace(self, sequence=replace(self.sequence, weight=weight))

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


def _spread(values: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """About so many of the values, evenly spread."""
    return values[np.linspace(0, len(values) - 1, min(count, len(values))).astype(np.int64)]


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
