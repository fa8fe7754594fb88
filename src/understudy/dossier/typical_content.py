"""Typical content: what the report of a mechanism without a population shows and assumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.core.record import Record
from understudy.dossier.report_content import ReportContent
from understudy.dossier.typical_patient import TypicalPatient, typical_target, without_population

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records
    from understudy.dossier.sections import Candidate
    from understudy.dossier.study import Study
    from understudy.model.model import Model

NO_INTERVALS = (
    "No number has an interval: the model is a mechanism alone. It says neither how patients differ (no random "
    "effects) nor how measurements scatter (no residual error), so its predictions are of one typical patient."
)


def typical_content(
    study: Study, model: Model, records: Records | None, found: TypicalPatient, record: Record
) -> ReportContent:
    """The report's content for a mechanism.

    Parameters
    ----------
    study : Study
    model : Model
    records : Records or None
    found : TypicalPatient
    record : Record
    """
    import pandas as pd

    none = dict.fromkeys(
        ("observations", "curves", "vpc", "forecast", "forecast_scores", "profile", "doses"), pd.DataFrame()
    )
    return ReportContent(
        title=study.title,
        question=study.question,
        created=record.started,
        assumptions=_assumptions(study, records),
        target=typical_target(study, model),
        regimens=tuple((candidate.name, _described(candidate, model)) for candidate in study.regimens),
        model=without_population(model),
        records=records.report() if records is not None else None,
        exclusions=_exclusions(found),
        forecast_sentence="",
        interval=study.evaluation.interval,
        attainment=found.attained,
        failures=found.failures,
        tested="",
        limits="A typical patient says nothing about the patients who are not typical: a level within the range here "
        "may be far outside it in many.",
        record=record,
        typical=found,
        **none,
    )


def _described(candidate: Candidate, model: Model) -> str:
    given = str(candidate.regimen) if candidate.doses else "No dose"
    changed = ", ".join(
        f"{name} = {value:g} {unit if (unit := model.parameter(name).unit) != '1' else ''}".strip()
        for name, value in candidate.parameters.items()
    )
    return f"{given}; {changed}" if changed else given


def _exclusions(found: TypicalPatient) -> pd.DataFrame:
    import pandas as pd

    rows = [{"id": name, "row": None, "reason": text} for name, text in found.failures.items()]
    return pd.DataFrame(rows, columns=["id", "row", "reason"])


def _assumptions(study: Study, records: Records | None) -> tuple[str, ...]:
    with_records = (
        "Records are only compared with predictions made from the doses in them: nothing is learned from them.",
        *(undeclared_units(records) if records is not None else ()),
    )
    return (
        NO_INTERVALS,
        "Parameters have the model's values, but where a regimen says otherwise; every course begins with the model's "
        "initial values.",
        "The share of time is counted at 120 evenly spaced times after the start, at a dose by the level before it; "
        "the peak is the highest level at these times and right after each dose.",
        *(with_records if records is not None else ("There are no records: no prediction is checked here.",)),
    )


def undeclared_units(records: Records) -> list[str]:
    """A sentence on the columns whose unit is taken on trust, if there are any."""
    declared = {name.partition(":")[0] for name in records.units}
    missing = [name for name in ("time", "amt", "dv", *records.covariates) if name not in declared]
    return [f"No unit is declared for {', '.join(missing)}: the model's unit is assumed."] if missing else []
