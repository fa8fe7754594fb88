"""Risks: whether something happened, compared as differences and ratios of risks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from understudy.biostatistics.logistic import LogisticModel, logistic_model, penalised_profile
from understudy.biostatistics.standardised_risk import StandardisedRisks, standardised_risks
from understudy.biostatistics.two_proportions import risk_difference, risk_ratio
from understudy.core.errors import StudyError, UnderstudyError
from understudy.trials.analyses.adjustment import design_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def logistic_analysis(trial: Trial) -> Analysed:
    """Risk difference, ratio and odds ratio of each arm, standardised over all subjects' covariates.

    Raises
    ------
    StudyError
        Where outcomes are separated, so that the likelihood has no maximum.
    """
    rows, told = usable(trial, trial.outcome)
    design = design_of(trial, rows)
    try:
        fit = logistic_model(rows["event"], design, level=trial.protocol.analysis.level)
    except UnderstudyError as error:
        raise StudyError(
            error.cause,
            place="analysis.method, logistic",
            repair='take method = "firth logistic" or "proportions", or leave out or join the columns named',
        ) from None
    return _analysed(trial, rows, "logistic", fit, standardised_risks(fit, "arm"), told)


def firth_analysis(trial: Trial) -> Analysed:
    """The same with Firth's penalty, which is finite where outcomes are separated; errors of the model.

    Firth 1993, doi:10.1093/biomet/80.1.27; the tests of coefficients by Heinze & Schemper 2002, doi:10.1002/sim.1047.
    """
    rows, told = usable(trial, trial.outcome)
    design = design_of(trial, rows)
    fit = logistic_model(rows["event"], design, firth=True, level=trial.protocol.analysis.level)
    tests = {arm: penalised_profile(rows["event"], design, [f"arm[{arm}]"])[1] for arm in trial.arms[1:]}
    found = standardised_risks(fit, "arm", variance="conditional")
    made = _analysed(trial, rows, "firth logistic", fit, found, told)
    remarks = (
        f"{arm}: p {p:.3g} by the penalised likelihood ratio test of its odds ratio"
        for arm, p in tests.items()
    )
    return replace(made, remarks=tuple(remarks))


def _analysed(
    trial: Trial,
    rows: pd.DataFrame,
    name: str,
    fit: LogisticModel,
    found: StandardisedRisks,
    told: tuple[str, ...],
) -> Analysed:
    level = trial.protocol.analysis.level
    parts = {
        "risk difference": found.differences,
        "risk ratio": found.ratios,
        "odds ratio": found.odds_ratios,
    }
    effects = [
        _effect(trial, rows, each[pair], measure, arm, level)
        for measure, each in parts.items()
        for arm, pair in zip(trial.arms[1:], each.names, strict=True)
    ]
    tables = {
        "risks": found.risks.table().reset_index(),
        "coefficients": fit.coefficients.table().reset_index(),
    }
    return Analysed(name, tuple(effects), tables, told)


def _effect(trial: Trial, rows: pd.DataFrame, found, measure: str, arm: str, level: float) -> Effect:
    own = rows[rows["arm"].isin([trial.control, arm])]
    low, high = found.low, found.high
    if measure == "risk difference":
        low, high = max(low, -1.0), min(high, 1.0)
    return Effect(
        arm, trial.control, measure, found.value, low, high, found.standard_error, found.p_value,
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
