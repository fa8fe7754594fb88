"""Adjusted effects: marginal effects of a trial's arms, adjusted for given columns, by kind of endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.linear_model import linear_model
from understudy.biostatistics.logistic import logistic_model
from understudy.biostatistics.mmrm import mmrm
from understudy.biostatistics.standardised_risk import standardised_risks
from understudy.biostatistics.survival.adjusted_log_rank import adjusted_log_rank
from understudy.trials.analyses.means import MEASURE, effect_of
from understudy.trials.analyses.repeated import visit_at, visits_of
from understudy.trials.effect import Effect
from understudy.trials.protocol import arm_name

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

METHODS = {
    "continuous": "analysis of covariance, HC2 errors",
    "binary": "logistic regression, risks standardised, unconditional errors",
    "longitudinal": "MMRM, unstructured, Kenward-Roger",
    "survival": "covariate-adjusted log-rank test with its marginal hazard ratio",
}
Columns = Mapping[str, "pd.Series"]


def adjusted_effects(trial: Trial, columns: Columns, crossed: tuple[str, ...] = ()) -> tuple[Effect, ...]:
    """Effects of each arm against the control, the primary measure first.

    Parameters
    ----------
    trial : Trial
    columns : mapping of name to Series of numbers
        What is adjusted for; index ``subject``.
    crossed : tuple of str
        Those that have an effect of their own at each visit.
    """
    rows = trial.outcome.join(trial.subjects[["arm"]])
    given = {name: cells.reindex(rows.index) for name, cells in columns.items()}
    work = {"continuous": _means, "binary": _risks, "longitudinal": _visits, "survival": _hazards}
    return work[trial.protocol.endpoint.kind](trial, rows, given, crossed)


def _design(trial: Trial, rows: pd.DataFrame, given: Columns, extra=None, interactions=()):
    columns = {"arm": rows["arm"].astype(str).tolist(), **(extra or {})}
    columns |= {name: cells.tolist() for name, cells in given.items()}
    return design_matrix(
        columns, reference={"arm": trial.control}, levels={"arm": list(trial.arms)}, categories=list(extra or {}),
        interactions=interactions,
    )  # fmt: skip


def _means(trial: Trial, rows: pd.DataFrame, given: Columns, crossed: tuple[str, ...]) -> tuple[Effect, ...]:
    level = trial.protocol.analysis.level
    fit = linear_model(rows["value"], _design(trial, rows, given), variance="HC2", level=level)
    found = fit.differences("arm")
    return tuple(
        effect_of(
            found[f"{arm} - {trial.control}"], arm, trial.control, MEASURE, rows, METHODS["continuous"], level
        )
        for arm in trial.arms[1:]
    )


def _risks(trial: Trial, rows: pd.DataFrame, given: Columns, crossed: tuple[str, ...]) -> tuple[Effect, ...]:
    level = trial.protocol.analysis.level
    fit = logistic_model(rows["event"], _design(trial, rows, given), level=level)
    found = standardised_risks(fit, "arm")
    effects = []
    for measure, part in (("risk difference", found.differences), ("risk ratio", found.ratios)):
        for arm, name in zip(trial.arms[1:], part.names, strict=True):
            own, one = rows[rows["arm"].isin([trial.control, arm])], part[name]
            effects.append(
                Effect(arm, trial.control, measure, one.value, one.low, one.high, one.standard_error, one.p_value,
                       len(own), METHODS["binary"], level, int(own["event"].sum()))
            )  # fmt: skip
    return tuple(effects)


def _visits(trial: Trial, rows: pd.DataFrame, given: Columns, crossed: tuple[str, ...]) -> tuple[Effect, ...]:
    level, rows = trial.protocol.analysis.level, rows.assign(visit=rows["visit"].map(arm_name))
    order = visits_of(trial, rows)
    pairs = [("arm", "visit"), *((name, "visit") for name in crossed if name in given)]
    design = _design(trial, rows, given, {"visit": rows["visit"].tolist()}, pairs)
    fit = mmrm(rows["value"], rows.index.tolist(), rows["visit"].tolist(), design, visits=order, level=level)
    found, at = fit.differences("arm", by=["visit"]), visit_at(trial, order)
    return tuple(
        effect_of(
            found[f"{arm} - {trial.control}, {visit}"], arm, trial.control, f"{MEASURE} at visit {visit}", rows,
            METHODS["longitudinal"], level,
        )
        for visit in (at, *(each for each in order if each != at))
        for arm in trial.arms[1:]
    )  # fmt: skip


def _hazards(
    trial: Trial, rows: pd.DataFrame, given: Columns, crossed: tuple[str, ...]
) -> tuple[Effect, ...]:
    """Each arm by itself against the control."""
    level, effects = trial.protocol.analysis.level, []
    x = np.column_stack(list(given.values())) if given else None
    for arm in trial.arms[1:]:
        two = rows["arm"].isin([trial.control, arm]).to_numpy()
        own = rows[two]
        found = adjusted_log_rank(
            own["time"],
            own["event"],
            (own["arm"] == arm).to_numpy(),
            None if x is None else x[two],
            level=level,
        )
        effects.append(
            Effect(arm, trial.control, "marginal hazard ratio", found.hazard_ratio, found.low, found.high,
                   found.standard_error, found.p, found.patients, METHODS["survival"], level, found.events)
        )  # fmt: skip
    return tuple(effects)
