"""Tables: every frame of a report as CSV text, with units in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.dossier.fit_section import estimate_frame
from understudy.dossier.report_content import ReportContent

if TYPE_CHECKING:
    import pandas as pd

_LEVELS = (
    "observed",
    "predicted",
    "population",
    "population_lower",
    "population_upper",
    "individual",
    "individual_lower",
    "individual_upper",
    "previous",
    "lower",
    "upper",
    "median",
    "low",
    "high",
    "mae",
    "rmse",
    "bias",
)
TABLE_NAMES = (
    "records.csv",
    "exclusions.csv",
    "parameters.csv",
    "observations.csv",
    "individual_curves.csv",
    "visual_predictive_check.csv",
    "forecasts.csv",
    "forecast_scores.csv",
    "attainment.csv",
    "profiles.csv",
    "doses.csv",
    "failures.csv",
    "levels.csv",
    "courses.csv",
    "prediction_errors.csv",
    "estimates.csv",
)


def tables(content: ReportContent) -> dict[str, str]:
    """The report's frames by file name.

    A column with a unit is headed ``name [unit]``, such as ``time [h]``; a column without brackets has none:
    names, counts, fractions. Where outputs differ in unit, a column ``unit`` says which holds for the row.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    dict of str to str
        CSV with a header line, UTF-8, a missing value as an empty cell. Frames without rows are left out.
    """
    frames = (
        *([content.records.to_frame()] if content.records else [content.exclusions.head(0)]),
        content.exclusions,
        _parameters(content),
        _with_levels(content.observations, content),
        _with_levels(content.curves, content),
        _with_levels(content.vpc, content),
        _with_levels(content.forecast, content),
        _with_levels(content.forecast_scores, content),
        content.attainment,
        _with_levels(content.profile, content, content.target.output),
        _doses(content),
        _failures(content),
        *_of_typical(content),
        estimate_frame(content.fit) if content.fit else content.exclusions.head(0),
    )
    return {name: _csv(frame) for name, frame in zip(TABLE_NAMES, frames, strict=True) if len(frame)}


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.10g")


def _headed(frame: pd.DataFrame, units: dict[str, str]) -> pd.DataFrame:
    """The frame with units in its header."""
    return frame.rename(
        columns=lambda name: f"{name} [{units[name]}]" if units.get(name, "1") != "1" else name
    )


def _with_levels(frame: pd.DataFrame, content: ReportContent, output: str = "") -> pd.DataFrame:
    """Time in the time unit and levels in their output's."""
    outputs = list(dict.fromkeys(frame["output"])) if "output" in frame else [output or content.first_output]
    units = {name: content.unit(name) for name in outputs}
    if len(set(units.values())) > 1:
        return _headed(frame.assign(unit=frame["output"].map(units)), {"time": content.time_unit})
    return _headed(
        frame, {"time": content.time_unit, **dict.fromkeys(_LEVELS, next(iter(units.values()), "1"))}
    )


def _doses(content: ReportContent) -> pd.DataFrame:
    known = (*content.model.structural.parameters, *content.model.covariates)
    own = {item.name: item.unit for item in known if item.name in content.covariates_in_doses}
    return _headed(content.doses, own)


def _parameters(content: ReportContent) -> pd.DataFrame:
    import pandas as pd

    replaced = {item.name for item in content.model.individual}
    parameters = [p for p in content.model.structural.parameters if p.name not in replaced]
    rows = [
        (p.name, p.description, p.value, p.unit, p.standard_error, str(p.source or ""))
        for p in (*content.model.fixed, *parameters)
    ]
    rows += [
        (
            name,
            "variance of a random effect",
            block.covariance[k][k],
            "1",
            _error(block, k),
            str(block.source or ""),
        )
        for block in content.model.random
        for k, name in enumerate(block.names)
    ]
    columns = ["parameter", "meaning", "value", "unit", "standard_error", "source"]
    return pd.DataFrame(rows, columns=columns)


def _of_typical(content: ReportContent) -> tuple[pd.DataFrame, ...]:
    """Levels, courses and errors of a mechanism's typical patient, all empty for a population."""
    import pandas as pd

    found = content.typical
    if found is None:
        return (pd.DataFrame(),) * 3
    unit = content.unit(content.target.output)
    units = dict.fromkeys(("peak", "mean", "lowest", "last"), unit) | dict.fromkeys(
        ("peak_time", "end"), content.time_unit
    )
    return (
        _headed(found.levels, units),
        _headed(found.courses, {"time": content.time_unit}),
        _with_levels(found.check, content),
    )


def _error(block, k: int) -> float | None:
    return block.standard_errors[k] if block.standard_errors else None


def _failures(content: ReportContent) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(content.failures.items()), columns=["id", "reason"])
