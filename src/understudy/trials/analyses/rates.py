"""Rates: counts of events over time at risk, compared as rate ratios."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from understudy.biostatistics.count_model import count_model
from understudy.trials.analyses.adjustment import design_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    from understudy.trials.trial import Trial


def _count_analysis(trial: Trial, distribution: str) -> Analysed:
    """Rate ratio of each arm, adjusted."""
    rows, told = usable(trial, trial.outcome)
    level = trial.protocol.analysis.level
    exposure = rows.get("exposure")
    fit = count_model(
        rows["value"], design_of(trial, rows), exposure=exposure, distribution=distribution, level=level
    )
    effects = []
    for arm in trial.arms[1:]:
        found, own = fit.rate_ratios[f"arm[{arm}]"], rows[rows["arm"].isin([trial.control, arm])]
        effects.append(
            Effect(arm, trial.control, "rate ratio", found.value, found.low, found.high, found.standard_error,
                   found.p_value, len(own), f"{distribution} regression", level, int(own["value"].sum()))
        )  # fmt: skip
    table = fit.rate_ratios.table().reset_index()
    return Analysed(distribution, tuple(effects), {"coefficients": table}, (*told, *fit.notes))


poisson_analysis = partial(_count_analysis, distribution="poisson")
negative_binomial_analysis = partial(_count_analysis, distribution="negative binomial")
