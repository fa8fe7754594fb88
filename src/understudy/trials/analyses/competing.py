"""Competing: events of which the first prevents the others, by cause-specific and subdistribution hazards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.biostatistics.survival.cox import CoxFit, cox
from understudy.biostatistics.survival.cumulative_incidence import cumulative_incidence
from understudy.biostatistics.survival.fine_gray import FineGrayFit, fine_gray
from understudy.trials.analyses.adjustment import design_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.analyses.hazards import doubts_of, ratio_of
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def fine_gray_analysis(trial: Trial) -> Analysed:
    """Subdistribution hazard ratio of the first cause, and the cause-specific one of every cause beside it."""
    rows, told = usable(trial, trial.outcome)
    design, level = design_of(trial, rows), trial.protocol.analysis.level
    matrix, names = design.matrix[:, 1:], design.names[1:]
    cause, causes = rows["cause"].astype(int), list(trial.protocol.endpoint.causes)
    first = fine_gray(rows["time"], cause, matrix, names=names, level=level)
    effects = [
        _effect(trial, rows, first, arm, f"subdistribution hazard ratio of {causes[0]}", 1)
        for arm in trial.arms[1:]
    ]
    for k, name in enumerate(causes, 1):
        if not (cause == k).any():
            told = (*told, f"nobody had {name}: it has no hazard ratio")
            continue
        fit = cox(rows["time"], cause == k, matrix, names=names, level=level)
        measure = f"cause-specific hazard ratio of {name}"
        effects += [_effect(trial, rows, fit, arm, measure, k) for arm in trial.arms[1:]]
        told = (*told, *(f"{name}: {each}" for each in doubts_of(fit)))
    tables = {"coefficients": first.table(), "incidence": incidence_table(trial)}
    return Analysed("fine-gray", tuple(effects), tables, told)


def _effect(
    trial: Trial, rows: pd.DataFrame, fit: CoxFit | FineGrayFit, arm: str, measure: str, cause: int
) -> Effect:
    own, name = rows[rows["arm"].isin([trial.control, arm])], f"arm[{arm}]"
    if isinstance(fit, CoxFit):
        numbers, method = ratio_of(fit, name), "Cox regression, efron ties"
    else:
        row, method = fit.table().set_index("covariate").loc[name], "Fine-Gray"
        numbers = tuple(float(row[each]) for each in ("hazard_ratio", "low", "high", "standard_error", "p"))
    return Effect(
        arm, trial.control, measure, *numbers, len(own), method, trial.protocol.analysis.level,
        int((own["cause"] == cause).sum()),
    )  # fmt: skip


def incidence_table(trial: Trial) -> pd.DataFrame:
    """Cumulative incidence of each cause in each arm (Aalen-Johansen); arms without any event have no rows."""
    import pandas as pd

    arms, parts = trial.subjects["arm"].reindex(trial.outcome.index), []
    for arm in trial.arms:
        own = trial.outcome[(arms == arm).to_numpy()]
        if not (own["cause"] > 0).any():
            continue
        found = cumulative_incidence(
            own["time"], own["cause"].astype(int), level=trial.protocol.analysis.level
        )
        parts.append(_whole(found.table(), own).assign(arm=arm))
    names = dict(enumerate(trial.protocol.endpoint.causes, 1))
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(name=whole["cause"].map(names))


def _whole(table: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Each cause's steps from randomisation to the last time that anyone was watched."""
    import pandas as pd

    parts = []
    for _, steps in table.groupby("cause"):
        zero = dict.fromkeys(("events", "incidence", "standard_error", "low", "high"), 0.0)
        begin = steps.iloc[[0]].assign(time=0.0, at_risk=float(len(own)), **zero)
        last = float(own["time"].max())
        end = steps.iloc[[-1]].assign(time=last, at_risk=float((own["time"] >= last).sum()), events=0.0)
        parts += [begin, steps, end] if last > steps["time"].max() else [begin, steps]
    return pd.concat(parts)
