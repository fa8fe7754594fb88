"""Risks: whether something happened, compared as differences and ratios of risks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.biostatistics.logistic import logistic_model
from understudy.biostatistics.standardised_risk import standardised_risks
from understudy.biostatistics.two_proportions import risk_difference, risk_ratio
from understudy.trials.analyses.adjustment import design_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def logistic_analysis(trial: Trial) -> Analysed:
    """Risk difference, ratio and odds ratio of each arm, standardised over all subjects' covariates."""
    rows, told = usable(trial, trial.outcome)
    level = trial.protocol.analysis.level
    fit = logistic_model(rows["event"], design_of(trial, rows), level=level)
    found = standardised_risks(fit, "arm")
    parts = {
        "risk difference": found.differences,
        "risk ratio": found.ratios,
        "odds ratio": found.odds_ratios,
    }
    effects = [
        _effect(trial, rows, each[name], measure, arm, level)
        for measure, each in parts.items()
        for arm, name in zip(trial.arms[1:], each.names, strict=True)
    ]
    tables = {
        "risks": found.risks.table().reset_index(),
        "coefficients": fit.coefficients.table().reset_index(),
    }
    return Analysed("logistic", tuple(effects), tables, told)


def _effect(trial: Trial, rows: pd.DataFrame, found, measure: str, arm: str, level: float) -> Effect:
    own = rows[rows["arm"].isin([trial.control, arm])]
    return Effect(
        arm, trial.control, measure, found.value, found.low, found.high, found.standard_error, found.p_value,
        len(own), "logistic regression, standardised", level, int(own["event"].sum()),
    )  # fmt: skip


def proportions_analysis(trial: Trial) -> Analysed:
    """Risk difference (Newcombe's interval) and ratio of each arm, without covariates."""
    rows, told = usable(trial, trial.outcome)
    counts = rows.groupby("arm", observed=False)["event"].agg(["sum", "count"]).astype(int)
    level, effects = trial.protocol.analysis.level, []
    for measure, work in (("risk difference", risk_difference), ("risk ratio", risk_ratio)):
        for arm in trial.arms[1:]:
            a, m, b, n = *counts.loc[arm], *counts.loc[trial.control]
            found = work(int(a), int(m), int(b), int(n), level=level)
            effects.append(
                Effect(arm, trial.control, measure, found.value, found.low, found.high, float("nan"), found.p_value,
                       int(m + n), found.method, level, int(a + b))
            )  # fmt: skip
    return Analysed("proportions", tuple(effects), {"counts": counts.reset_index()}, told)
