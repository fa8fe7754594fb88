"""Competing: events of which the first prevents the others, by cause-specific and subdistribution hazards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.biostatistics.survival.cox import cox
from understudy.biostatistics.survival.cumulative_incidence import cumulative_incidence
from understudy.biostatistics.survival.fine_gray import fine_gray
from understudy.trials.analyses.adjustment import design_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def fine_gray_analysis(trial: Trial) -> Analysed:
    """Subdistribution hazard ratio of the first cause, and the cause-specific one of every cause beside it."""
    rows, told = usable(trial, trial.outcome)
    design, level = design_of(trial, rows), trial.protocol.analysis.level
    matrix, names = design.matrix[:, 1:], design.names[1:]
    cause = rows["cause"].astype(int)
    causes = list(trial.protocol.endpoint.causes)
    fits = [
        (
            f"subdistribution hazard ratio of {causes[0]}",
            fine_gray(rows["time"], cause, matrix, names=names, level=level),
            1,
        )
    ]
    fits += [
        (
            f"cause-specific hazard ratio of {name}",
            cox(rows["time"], cause == k, matrix, names=names, level=level),
            k,
        )
        for k, name in enumerate(causes, 1)
    ]
    effects = [
        _effect(trial, rows, fit.table(), arm, what, k) for what, fit, k in fits for arm in trial.arms[1:]
    ]
    tables = {"coefficients": fits[0][1].table(), "incidence": incidence_table(trial)}
    return Analysed("fine-gray", tuple(effects), tables, told)


def _effect(
    trial: Trial, rows: pd.DataFrame, table: pd.DataFrame, arm: str, measure: str, cause: int
) -> Effect:
    row, own = table.set_index("covariate").loc[f"arm[{arm}]"], rows[rows["arm"].isin([trial.control, arm])]
    return Effect(
        arm, trial.control, measure, row["hazard_ratio"], row["low"], row["high"], row["standard_error"], row["p"],
        len(own), "Fine-Gray" if measure.startswith("sub") else "Cox regression, efron ties",
        trial.protocol.analysis.level, int((own["cause"] == cause).sum()),
    )  # fmt: skip


def incidence_table(trial: Trial) -> pd.DataFrame:
    """Cumulative incidence of each cause in each arm (Aalen-Johansen)."""
    import pandas as pd

    arms, parts = trial.subjects["arm"].reindex(trial.outcome.index), []
    for arm in trial.arms:
        own = trial.outcome[(arms == arm).to_numpy()]
        found = cumulative_incidence(
            own["time"], own["cause"].astype(int), level=trial.protocol.analysis.level
        )
        parts.append(found.table().assign(arm=arm))
    return pd.concat(parts, ignore_index=True)
