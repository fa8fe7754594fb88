"""Means: a measurement compared between arms, adjusted for its baseline and covariates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.estimates import Estimate
from understudy.biostatistics.linear_model import linear_model
from understudy.core.errors import StudyError
from understudy.trials.analyses.adjustment import design_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

MEASURE = "difference of means"


def ancova_analysis(trial: Trial) -> Analysed:
    """Difference of adjusted means of each arm, and of the treated arms from each other."""
    rows, told = usable(trial, trial.outcome)
    design = design_of(trial, rows, _baseline(rows))
    fit = linear_model(rows["value"], design, level=trial.protocol.analysis.level)
    pairs = [(arm, against) for k, against in enumerate(trial.arms) for arm in trial.arms[k + 1 :]]
    effects = []
    for arm, against in pairs:
        found = fit.differences("arm", against)[f"{arm} - {against}"]
        effects.append(
            effect_of(found, arm, against, MEASURE, rows, "analysis of covariance", fit.coefficients.level)
        )
    tables = {
        "coefficients": fit.table().reset_index(),
        "adjusted means": fit.least_squares_means(["arm"]).table().reset_index(),
    }
    return Analysed("ancova", tuple(effects), tables, told)


def dose_analysis(trial: Trial) -> Analysed:
    """Slope of the measurement over the arms' doses, adjusted.

    Raises
    ------
    StudyError
        If an arm has no dose.
    """
    doses = {
        trial.protocol.arms.labels.get(name, name): dose for name, dose in trial.protocol.arms.doses.items()
    }
    lacking = [arm for arm in trial.arms if arm not in doses]
    if lacking:
        raise StudyError(
            f"the arm {lacking[0]} has no dose", place="arms.doses", repair="give every arm its dose"
        )
    rows, told = usable(trial, trial.outcome)
    given = rows["arm"].astype(str).map(doses).astype(float).tolist()
    whole = design_of(trial, rows, _baseline(rows))
    columns = {"dose": given} | {name: values for name, values in whole.columns.items() if name != "arm"}
    design = design_matrix(
        columns, categories=[v.name for v in whole.variables if v.levels and v.name != "arm"]
    )
    fit = linear_model(rows["value"], design, level=trial.protocol.analysis.level)
    found = fit.coefficients["dose"]
    effect = effect_of(
        found, "each unit of dose", "none", "slope", rows, "linear trend over doses", fit.coefficients.level
    )
    return Analysed("dose response", (effect,), {"coefficients": fit.table().reset_index()}, told)


def _baseline(rows: pd.DataFrame) -> dict[str, list[float]]:
    return {"baseline": rows["baseline"].tolist()} if "baseline" in rows else {}


def effect_of(
    found: Estimate, arm: str, against: str, measure: str, rows: pd.DataFrame, method: str, level: float
) -> Effect:
    """An estimate as the effect of an arm."""
    two = rows["arm"].isin([arm, against])
    subjects = rows.index[two].nunique() if two.any() else rows.index.nunique()
    return Effect(
        arm, against, measure, found.value, found.low, found.high, found.standard_error, found.p_value,
        int(subjects), method, level, None, found.degrees_of_freedom,
    )  # fmt: skip
