"""Recurrent: events that come again, by models of their rates and of the time to each next one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from understudy.biostatistics.survival.cox import CoxFit, cox
from understudy.biostatistics.survival.recurrent import prentice_williams_peterson
from understudy.trials.analyses.adjustment import design_of, strata_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.analyses.event_process import process_of, require_from_zero
from understudy.trials.analyses.hazards import doubts_of, ratio_of
from understudy.trials.analyses.mean_counts import mean_table
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def rates_analysis(trial: Trial) -> Analysed:
    """Ratio of rates of each arm, errors clustered by subject.

    Lin, Wei, Yang, Ying 2000, doi:10.1111/1467-9868.00259.
    """
    rows, told = usable(trial, trial.outcome)
    fit = _by_rows(trial, rows, rows.index.to_numpy())
    return _analysed(trial, rows, "proportional rates", [(fit, "rate ratio", "Lin-Wei-Yang-Ying")], told)


def andersen_gill_analysis(trial: Trial) -> Analysed:
    """Ratio of intensities of each arm; errors robust, and those of the model beside them.

    Andersen, Gill 1982, doi:10.1214/aos/1176345976. The robust errors are those of Lin, Wei, Yang and Ying.
    """
    rows, told = usable(trial, trial.outcome)
    robust, naive = _by_rows(trial, rows, rows.index.to_numpy()), _by_rows(trial, rows, None)
    fits = [
        (robust, "intensity ratio", "Andersen-Gill, robust errors"),
        (naive, "intensity ratio, independent events", "Andersen-Gill, errors of the model"),
    ]
    return _analysed(trial, rows, "andersen-gill", fits, told)


def _conditional(trial: Trial, clock: str, name: str) -> Analysed:
    """Hazard ratio of a next event, each number of event with its own baseline hazard, errors robust.

    Prentice, Williams, Peterson 1981, doi:10.1093/biomet/68.2.373.
    """
    rows, told = usable(trial, trial.outcome)
    process, subjects = process_of(rows)
    if clock == "gap":
        require_from_zero(trial, rows)
    design = design_of(trial, subjects)
    fit = prentice_williams_peterson(
        process, design.matrix[:, 1:], names=design.names[1:], clock=clock,
        at_most=trial.protocol.analysis.at_most, level=trial.protocol.analysis.level,
    )  # fmt: skip
    if trial.protocol.analysis.at_most:
        left = int((process.event[process.number > trial.protocol.analysis.at_most] > 0).sum())
        told = (*told, f"{left} events after the number {trial.protocol.analysis.at_most} are left out")
    return _analysed(trial, rows, name, [(fit, "hazard ratio of a next event", f"PWP, {clock} time")], told)


total_time_analysis = partial(_conditional, clock="total", name="pwp total time")
gap_time_analysis = partial(_conditional, clock="gap", name="pwp gap time")


def _by_rows(trial: Trial, rows: pd.DataFrame, cluster) -> CoxFit:
    design = design_of(trial, rows)
    return cox(
        rows["time"], rows["event"], design.matrix[:, 1:], names=design.names[1:], entry=rows["start"],
        strata=strata_of(trial, rows), cluster=cluster, level=trial.protocol.analysis.level,
    )  # fmt: skip


def _analysed(
    trial: Trial, rows: pd.DataFrame, name: str, fits: list[tuple[CoxFit, str, str]], told: tuple[str, ...]
) -> Analysed:
    effects = [
        _effect(trial, rows, fit, arm, measure, how) for fit, measure, how in fits for arm in trial.arms[1:]
    ]
    tables = {"coefficients": fits[0][0].table()} | mean_table(trial, rows)
    return Analysed(name, tuple(effects), tables, (*told, *doubts_of(fits[0][0])))


def _effect(trial: Trial, rows: pd.DataFrame, fit: CoxFit, arm: str, measure: str, method: str) -> Effect:
    own = rows[rows["arm"].isin([trial.control, arm])]
    return Effect(
        arm, trial.control, measure, *ratio_of(fit, f"arm[{arm}]"), own.index.nunique(), method, fit.level,
        int(own["event"].sum()),
    )  # fmt: skip
