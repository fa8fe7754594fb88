"""Repeated: a measurement at several visits, by a mixed model for repeated measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.biostatistics.mmrm import mmrm
from understudy.core.errors import StudyError
from understudy.trials.analyses.adjustment import design_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.analyses.means import MEASURE, effect_of
from understudy.trials.protocol import arm_name

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def mmrm_analysis(trial: Trial) -> Analysed:
    """Difference of adjusted means at the visit asked for, or the last; unstructured covariance, or a simpler one.

    Degrees of freedom are Kenward and Roger's, with their covariance, or Satterthwaite's.

    Arm, visit, their interaction, the baseline with its interaction with visits, and the covariates are in the model.
    """
    rows, told = usable(trial, trial.outcome)
    rows = rows.assign(visit=rows["visit"].map(arm_name))
    extra = {"visit": rows["visit"].tolist()}
    crossed = [("arm", "visit")]
    if "baseline" in rows:
        extra["baseline"] = rows["baseline"].tolist()
        crossed.append(("baseline", "visit"))
    order = visits_of(trial, rows)
    design = design_of(trial, rows, extra, interactions=crossed)
    section = trial.protocol.analysis
    level, freedom = section.level, section.degrees_of_freedom
    fit = mmrm(
        rows["value"], rows.index.tolist(), rows["visit"].tolist(), design, structure=section.covariance,
        freedom=freedom, visits=order, level=level,
    )  # fmt: skip
    told_as = f"MMRM, {section.covariance}, {freedom.title()}"
    differences, at = fit.differences("arm", by=["visit"]), visit_at(trial, order)
    effects = [
        effect_of(
            differences[f"{arm} - {trial.control}, {visit}"],
            arm,
            trial.control,
            f"{MEASURE} at visit {visit}",
            rows,
            told_as,
            level,
        )
        for visit in (at, *(v for v in order if v != at))
        for arm in trial.arms[1:]
    ]
    tables = {
        "adjusted means": fit.least_squares_means(["arm", "visit"]).table().reset_index(),
        "coefficients": fit.table().reset_index(),
    }
    return Analysed("mmrm", tuple(effects), tables, told)


def visits_of(trial: Trial, rows: pd.DataFrame) -> list[str]:
    """Visits in their order: by number, or as they first come in the table."""
    source = trial.outcome["visit"].map(arm_name).drop_duplicates()
    names = [name for name in source if name in set(rows["visit"])]
    try:
        return sorted(names, key=float)
    except ValueError:
        return names


def visit_at(trial: Trial, order: list[str]) -> str:
    """The visit at which arms are compared.

    Raises
    ------
    StudyError
        If there is none of that name.
    """
    wanted = trial.protocol.endpoint.at
    name = order[-1] if wanted is None else arm_name(wanted)
    if name not in order:
        raise StudyError(
            f"there is no visit {name!r}", place="endpoint.at", repair=f"visits: {', '.join(order)}"
        )
    return name
