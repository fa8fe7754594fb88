"""Restricted means: mean time free of the event up to a horizon, whether or not hazards are proportional."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.biostatistics.survival.restricted_mean import compare_restricted_means
from understudy.trials.analyses.adjustment import usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.analyses.hazards import survival_table
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    from understudy.trials.trial import Trial


def restricted_mean_analysis(trial: Trial) -> Analysed:
    """Difference of restricted means, to the protocol's horizon or the last time that all arms were watched."""
    rows, told = usable(trial, trial.outcome)
    level = trial.protocol.analysis.level
    common = float(rows.groupby("arm", observed=False)["time"].max().min())
    horizon = trial.protocol.analysis.horizon or common
    measure, effects = f"difference of mean time to {horizon:g} {trial.protocol.endpoint.unit}s", []
    for arm in trial.arms[1:]:
        own = rows[rows["arm"].isin([trial.control, arm])]
        treated = (own["arm"] == arm).astype(int)
        found = compare_restricted_means(own["time"], own["event"], treated, horizon, level=level).difference
        effects.append(
            Effect(arm, trial.control, measure, found.estimate, found.low, found.high, found.standard_error, found.p,
                   len(own), "restricted mean survival time", level, int(own["event"].sum()))
        )  # fmt: skip
    return Analysed("restricted mean", tuple(effects), {"survival": survival_table(trial)}, told)
