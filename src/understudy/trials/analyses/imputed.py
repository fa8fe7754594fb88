"""Imputed: a measurement at several visits, its missing values drawn many times, also as if on the reference arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.imputation import impute
from understudy.biostatistics.linear_model import linear_model
from understudy.biostatistics.rubin import pool
from understudy.core.errors import StudyError
from understudy.trials.analyses.adjustment import design_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.analyses.means import MEASURE
from understudy.trials.analyses.repeated import visit_at, visits_of
from understudy.trials.effect import Effect
from understudy.trials.protocol import arm_name

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

STRATEGIES = ("missing at random", "jump to reference", "copy reference", "copy increments in reference")


def imputed_analysis(trial: Trial) -> Analysed:
    """Difference of adjusted means at a visit, over imputations pooled by Rubin's rules.

    Raises
    ------
    StudyError
        For a kind of imputation that there is not.
    """
    strategy = trial.protocol.analysis.missing
    strategy = STRATEGIES[0] if strategy == "as observed" else strategy
    if strategy not in STRATEGIES:
        raise StudyError(
            f"unknown imputation {strategy!r}",
            place="analysis.missing",
            repair=f"one of {', '.join(STRATEGIES)}",
        )
    wide, order, told = _wide(trial)
    extra = {"baseline": wide["baseline"].tolist()} if "baseline" in wide else {}
    design = design_of(trial, wide, extra)
    drawn = impute(
        wide[order].to_numpy(dtype=float), design, arm="arm", strategy=strategy, reference=trial.control,
        imputations=trial.protocol.analysis.imputations, seed=trial.protocol.seed,
    )  # fmt: skip
    at = visit_at(trial, order)
    pooled = _pooled(trial, drawn.values[:, :, order.index(at)], design)
    effects = [
        _effect(trial, wide, pooled, arm, f"{MEASURE} at visit {at}", strategy) for arm in trial.arms[1:]
    ]
    missing = int(wide[order].isna().to_numpy().sum())
    note = f"{missing} of {wide[order].size} values are imputed, {strategy}, {len(drawn.values)} times"
    return Analysed(
        "multiple imputation", tuple(effects), {"pooled": pooled.table().reset_index()}, (*told, note)
    )


def _wide(trial: Trial) -> tuple[pd.DataFrame, list[str], tuple[str, ...]]:
    """A row a subject, a column a visit; subjects without any value too, where their baseline is known."""
    rows = trial.outcome.assign(visit=trial.outcome["visit"].map(arm_name))
    order = visits_of(trial, rows)
    wide = rows.pivot(columns="visit", values="value")[order]
    if "baseline" in rows:
        wide["baseline"] = rows.groupby(level=0)["baseline"].first()
    wide, told = usable(trial, wide)
    return wide, order, told


def _pooled(trial: Trial, values: np.ndarray, design: Design):
    level = trial.protocol.analysis.level
    fits = [linear_model(each, design, level=level).differences("arm") for each in values]
    freedom = float(fits[0].degrees_of_freedom[0])
    estimates = np.array([fit.values for fit in fits])
    variances = np.array([fit.standard_errors for fit in fits]) ** 2
    return pool(fits[0].names, estimates, variances, complete_degrees_of_freedom=freedom, level=level)


def _effect(trial: Trial, wide: pd.DataFrame, pooled, arm: str, measure: str, strategy: str) -> Effect:
    found = pooled[f"{arm} - {trial.control}"]
    subjects = int(wide["arm"].isin([arm, trial.control]).sum())
    return Effect(
        arm, trial.control, measure, found.value, found.low, found.high, found.standard_error, found.p_value, subjects,
        f"multiple imputation, {strategy}", trial.protocol.analysis.level, None, found.degrees_of_freedom,
    )  # fmt: skip
