"""Sequential emulation: from emulated trials to an effect, with curves, weights and what is to be doubted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.estimates import Estimates
from understudy.causal.emulation.clones import weigh_clones
from understudy.causal.emulation.incidence_curves import IncidenceCurves, incidence_curves
from understudy.causal.emulation.outcome_model import OutcomeModel, TrialDesign, trial_design
from understudy.causal.emulation.person_bootstrap import resampled
from understudy.causal.emulation.pooled_logistic import (
    Maximum,
    PooledLogistic,
    fit,
    maximise,
    without_errors,
)
from understudy.causal.emulation.trial_rows import TrialRows, whole_rows
from understudy.causal.emulation.trial_sequence import TrialSequence
from understudy.causal.emulation.trial_weights import TrialWeights, weigh
from understudy.causal.emulation.weight_model import FittedChance
from understudy.causal.emulation.weight_summary import WeightSummary, shown
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CurveSettings:
    """How curves are made.

    Parameters
    ----------
    horizon : int or None
        Last follow-up time; the longest there is, if left out.
    draws : int
        Of coefficients, for intervals.
    resamples : int
        Of persons, for intervals in their place; 0 for none.
    trial_period : int or None
        Period whose trials make up the population; all trials, if left out.
    seed : int
    """

    horizon: int | None = None
    draws: int = 200
    resamples: int = 0
    trial_period: int | None = None
    seed: int = 1


@dataclass(frozen=True, eq=False, repr=False)
class SequentialEmulation:
    """What emulated trials show. Made by `emulate_trials`.

    Attributes
    ----------
    sequence : TrialSequence
        With its weights.
    design : TrialDesign
    model : PooledLogistic
    curves : IncidenceCurves or None
    weights : WeightSummary or None
    chances : tuple of FittedChance
        The regressions behind weights.
    notes : tuple of str
    """

    sequence: TrialSequence
    design: TrialDesign
    model: PooledLogistic
    curves: IncidenceCurves | None
    weights: WeightSummary | None
    chances: tuple[FittedChance, ...]
    notes: tuple[str, ...]

    @property
    def effects(self) -> Estimates:
        """Log odds ratios of treatment (of a treated period, as treated), with intervals robust over persons."""
        own, wanted = self.model.coefficients, self.design.effects
        at = [own.names.index(name) for name in wanted if name in own.names]
        arrays = (own.values[at], own.standard_errors[at], own.degrees_of_freedom[at])
        return Estimates(tuple(own.names[k] for k in at), *arrays, own.level)

    def counts(self) -> pd.DataFrame:
        """What went in, by arm: trials, persons, rows, outcomes; small counts are masked."""
        import pandas as pd

        sequence, rows = self.sequence, []
        for label, inside in (("untreated", sequence.arm == 0), ("treated", sequence.arm == 1)):
            ends = sequence.periods.outcome[sequence.last[inside]] == 1
            person = sequence.person[inside]
            rows.append((label, int(inside.sum()), len(np.unique(person)), int(sequence.length[inside].sum()),
                         int(ends.sum()), len(np.unique(person[ends]))))  # fmt: skip
        columns = ["arm", "trials", "persons", "rows", "outcomes", "persons with the outcome"]
        return pd.DataFrame([(label, *map(shown, counts)) for label, *counts in rows], columns=columns)

    def __repr__(self) -> str:
        curves = f"\n{self.curves}" if self.curves is not None else ""
        return f"{self.sequence}\n{self.effects}{curves}"


def emulate_trials(
    sequence: TrialSequence,
    model: OutcomeModel,
    weights: TrialWeights | None = None,
    curves: CurveSettings | None = None,
    *,
    level: float = 0.95,
) -> SequentialEmulation:
    """Weigh the rows of emulated trials, fit the outcome model, and draw curves.

    Parameters
    ----------
    sequence : TrialSequence
        From `trial_sequence`, perhaps with controls sampled.
    model : OutcomeModel
    weights : TrialWeights, optional
    curves : CurveSettings, optional
        None for no curves.
    level : float
        Of intervals.

    Returns
    -------
    SequentialEmulation

    Raises
    ------
    StudyError
        For unknown terms, an arm without any outcome, or no outcome at all.
    """
    weights = weights or TrialWeights()
    _require_outcomes(sequence)
    weighted, summary, chances = _weighed(sequence, weights)
    design = trial_design(weighted, model)
    rows = whole_rows(weighted, design)
    found = maximise(rows)
    fitted = fit(rows, level=level, found=found)
    if set(design.effects[:1] if not model.varying_effect else design.effects) <= set(fitted.separable):
        raise StudyError(
            f"treatment separates the outcomes: {design.effects[0]} runs to infinity",
            place="the outcome model", repair="follow longer, widen eligibility, or leave terms out",
        )  # fmt: skip
    drawn, doubts = _curves(sequence, weights, curves, design, fitted, found) if curves else (None, ())
    absent = [f"{name} occurs at no trial's start and has no estimate" for name in design.absent]
    notes = (*sequence.periods.notes, *_told(weighted, fitted, summary, chances), *absent, *doubts)
    return SequentialEmulation(weighted, design, fitted, drawn, summary, chances, notes)


def _require_outcomes(sequence: TrialSequence) -> None:
    ended = sequence.periods.outcome[sequence.last] == 1
    if not ended.any():
        raise StudyError(
            "no outcome happens in any trial",
            place="the outcome",
            repair="check its column, or follow longer",
        )
    for arm, name in enumerate(("untreated", "treated")):
        if not ended[sequence.arm == arm].any():
            raise StudyError(
                f"treatment separates the outcomes: no {name} trial has the outcome", place="the outcome",
                repair="follow longer, or widen eligibility",
            )  # fmt: skip


def _weighed(sequence: TrialSequence, weights: TrialWeights, drawn: Array | None = None) -> tuple:
    return (weigh if sequence.grace is None else weigh_clones)(sequence, weights, drawn)


def _curves(
    sequence: TrialSequence, weights: TrialWeights, asked: CurveSettings,
    design: TrialDesign, fitted: PooledLogistic, found_at: Maximum,
) -> tuple[IncidenceCurves, tuple[str, ...]]:  # fmt: skip
    times = (sequence.follow_up if asked.horizon is None else asked.horizon) + 1
    share = _population(sequence, asked.trial_period)
    draws = 0 if asked.resamples else asked.draws
    found = incidence_curves(design, fitted, times, share=share, draws=draws, seed=asked.seed)
    if not asked.resamples:
        return found, ()

    base, kept = found_at, found_at.rows.sequence.weight > 0

    def again(drawn: Array) -> Array:
        own, _, _ = _weighed(sequence, weights, drawn)
        own = own.weighted(kept.astype(float)) if base.directions and len(kept) else own
        rows = TrialRows(own, base.rows.design, drawn[sequence.person] * base.rows.multiple)
        largest = maximise(rows, np.linalg.solve(rows.back, base.rows.back @ base.at), sure=True)
        one = without_errors(design.names, largest, base)
        return incidence_curves(design, one, times, share=share * drawn[sequence.person]).incidence

    copies = resampled(again, sequence.periods.persons, asked.resamples, asked.seed)
    return found.with_draws(copies.values, "persons drawn anew (bootstrap)"), copies.doubts


def _population(sequence: TrialSequence, period: int | None) -> Array:
    """Weights of the trials that curves are standardised to; the clones of one start count once together."""
    _, which, clones = np.unique(sequence.start, return_inverse=True, return_counts=True)
    if period is None:
        return 1.0 / clones[which]
    inside = sequence.periods.period[sequence.start] == period
    if not inside.any():
        raise StudyError(
            f"no trial starts in period {period}", place="curves.trial_period", repair="name another period"
        )
    return inside / clones[which]


def _told(
    sequence: TrialSequence, fitted: PooledLogistic, summary: WeightSummary | None, chances: tuple[FittedChance, ...]
) -> list[str]:  # fmt: skip
    found = [
        f"{name} is separable: all its rows have the outcome, or none; no estimate is told, the others are as if these "
        "rows were absent" for name in fitted.separable
    ]  # fmt: skip
    if sequence.sampled < 1:
        found.append(f"rows without the outcome are sampled: {sequence.sampled:.3g} of them, weighted up")
    found += [f"{each.label}: {', '.join(each.separable)} separable" for each in chances if each.separable]
    if any("not lost" in each.label for each in chances) and sequence.censored_period == "as TrialEmulation":
        found.append(
            "periods of loss are weighed as TrialEmulation does; if you know which it was, say censored_period = "
            '"outcome known" or "outcome unknown"'
        )
    return [*found, *(summary.doubts if summary else ())]
