"""Wins: pairs of patients compared on a hierarchy of outcomes, the gravest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.recurrent import CountingProcess
from understudy.biostatistics.survival.win_pairs import (
    ContinuousEndpoint,
    RecurrentEndpoint,
    SurvivalEndpoint,
)
from understudy.biostatistics.survival.win_statistics import Endpoint, WinStatistics, win_statistics
from understudy.core.errors import SimulationError, StudyError
from understudy.trials.analyses.adjustment import strata_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.analyses.event_process import process_of, require_from_zero
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_MEASURES = {"win_ratio": "win ratio", "win_odds": "win odds", "net_benefit": "net benefit"}


def win_analysis(trial: Trial) -> Analysed:
    """Win ratio, win odds and net benefit of each arm, pairs made within strata.

    Pocock et al. 2012, doi:10.1093/eurheartj/ehr352; strata by Dong et al. 2018, doi:10.1080/10543406.2017.1397007.

    Raises
    ------
    StudyError
        For a stratum without an arm, or where no pair is decided.
    """
    rows, told = usable(trial, trial.outcome)
    strata = strata_of(trial, rows)
    _require_both(trial, rows, strata)
    found = {arm: _compared(trial, rows, strata, arm) for arm in trial.arms[1:]}
    effects = [
        _effect(trial, rows, each, arm, statistic) for statistic in _MEASURES for arm, each in found.items()
    ]
    notes = (
        *told,
        *_unknown(trial, rows),
        *(note for arm, each in found.items() for note in _one_sided(arm, each)),
    )
    return Analysed("win ratio", tuple(effects), {"wins": _wins(found)}, notes)


def _require_both(trial: Trial, rows: pd.DataFrame, strata: np.ndarray | None) -> None:
    if strata is None:
        return
    names = " ".join(trial.protocol.analysis.strata)
    for label in sorted(set(strata)):
        seen = set(rows.loc[strata == label, "arm"])
        lacking = [arm for arm in trial.arms if arm not in seen]
        if lacking:
            raise StudyError(
                f"the stratum {label!r} has nobody of the arm {lacking[0]}, and pairs are made within strata",
                place=f"analysis.strata, {names}",
                repair="merge strata, or leave one of their columns out",
            )


def _compared(trial: Trial, rows: pd.DataFrame, strata: np.ndarray | None, arm: str) -> WinStatistics:
    two = rows["arm"].isin([trial.control, arm]).to_numpy()
    names, within = rows.index[two], None if strata is None else strata[two]
    endpoints = [_endpoint(part, names) for part in trial.parts]
    treated = (rows["arm"][two] == arm).astype(int).to_numpy()
    try:
        return win_statistics(endpoints, treated, strata=within, level=trial.protocol.analysis.level)
    except SimulationError:
        raise StudyError(
            f"no pair of {arm} and {trial.control} is decided by any outcome",
            place="endpoint.outcomes",
            repair="add an outcome, or check columns, margins and conditions of those that there are",
        ) from None


def _endpoint(part: Trial, names: pd.Index) -> Endpoint:
    """An outcome of the hierarchy for the subjects named; where it is not known it decides nothing."""
    section, rows = part.protocol.endpoint, part.outcome
    if section.kind == "recurrent":
        return _recurrent(part, names)
    own = rows.reindex(names)
    if section.kind == "survival":
        # Only the order of times matters: those not known go below all others, where nobody had an event.
        time, event = own["time"].fillna(-1.0) + 1.0, own["event"].where(own["time"].notna(), 0.0)
        return SurvivalEndpoint(
            time.to_numpy(), event.to_numpy(), section.name, later_is_better=section.better != "higher"
        )
    value = own["event" if section.kind == "binary" else "value"].to_numpy(dtype=float)
    return ContinuousEndpoint(value, section.margin, section.better == "higher", section.name)


def _recurrent(part: Trial, names: pd.Index) -> RecurrentEndpoint:
    """Counted over the time that both patients were watched, which is none where one was not."""
    rows = part.outcome[part.outcome.index.isin(names)]
    require_from_zero(part, rows)
    process, subjects = process_of(rows)
    place = names.get_indexer(subjects.index)
    follow_up = np.zeros(len(names))
    follow_up[place] = process.follow_up
    moved = CountingProcess(
        place[process.patient], process.entry, process.time, process.event, process.number, follow_up
    )
    return RecurrentEndpoint(moved, part.protocol.endpoint.name)


def _effect(trial: Trial, rows: pd.DataFrame, found: WinStatistics, arm: str, statistic: str) -> Effect:
    each = getattr(found, statistic)
    return Effect(
        arm, trial.control, _MEASURES[statistic], each.estimate, each.low, each.high, each.standard_error, each.p,
        int(rows["arm"].isin([trial.control, arm]).sum()), "all pairs, errors of U-statistics",
        trial.protocol.analysis.level,
    )  # fmt: skip


def _wins(found: dict[str, WinStatistics]) -> pd.DataFrame:
    """Pairs that each outcome decides, and those that none does, arm by arm."""
    import pandas as pd

    parts = []
    for arm, each in found.items():
        table = each.decided().assign(arm=arm)
        tied = {"arm": arm, "endpoint": "none", "ties": each.ties, "tie_share": each.ties / each.pairs}
        parts.append(pd.concat([table, pd.DataFrame([tied])]))
    names = ["arm", "endpoint", "wins", "losses", "ties", "win_share", "loss_share", "tie_share"]
    return pd.concat(parts, ignore_index=True)[names].fillna(0.0)


def _unknown(trial: Trial, rows: pd.DataFrame) -> list[str]:
    told = []
    for part in trial.parts:
        lost = int((~rows.index.isin(part.outcome.index)).sum())
        if lost:
            told.append(
                f"{part.protocol.endpoint.name} is not known of {lost} subjects: it decides none of their pairs"
            )
    return told


def _one_sided(arm: str, found: WinStatistics) -> list[str]:
    if found.wins.sum() and found.losses.sum():
        return []
    side = "wins" if found.losses.sum() else "loses"
    return [f"{arm} never {side} a pair: the win ratio has neither limits nor p; look at the net benefit"]
