"""Recurrent: events that come again, by a proportional rates model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.biostatistics.survival.cox import cox
from understudy.trials.analyses.adjustment import design_of, strata_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    from understudy.trials.trial import Trial


def rates_analysis(trial: Trial) -> Analysed:
    """Ratio of rates of each arm, errors clustered by subject.

    Lin, Wei, Yang, Ying 2000, doi:10.1111/1467-9868.00259.
    """
    rows, told = usable(trial, trial.outcome)
    design, level = design_of(trial, rows), trial.protocol.analysis.level
    fit = cox(
        rows["time"], rows["event"], design.matrix[:, 1:], names=design.names[1:], entry=rows["start"],
        strata=strata_of(trial, rows), cluster=rows.index.to_numpy(), level=level,
    )  # fmt: skip
    table, effects = fit.table().set_index("covariate"), []
    for arm in trial.arms[1:]:
        row, own = table.loc[f"arm[{arm}]"], rows[rows["arm"].isin([trial.control, arm])]
        effects.append(
            Effect(arm, trial.control, "rate ratio", row["hazard_ratio"], row["low"], row["high"],
                   row["standard_error"], row["p"], own.index.nunique(), "Lin-Wei-Yang-Ying", level,
                   int(own["event"].sum()))
        )  # fmt: skip
    return Analysed(
        "proportional rates", tuple(effects), {"coefficients": fit.table()}, (*told, *fit.warnings)
    )
