"""Tumour command: the options of `understudy trial tumour`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, flag, option


def tumour(
    table: Annotated[Path, argument("Sizes of lesions, a CSV with a row a measurement.", "TABLE")],
    patient: Annotated[
        list[str] | None, option(help="Column that names the patient; may be repeated.", metavar="COLUMN")
    ] = None,
    day: Annotated[
        str, option(help="Column of the day, from the start of treatment.", metavar="COLUMN")
    ] = "day",
    size: Annotated[str, option(help="Column of the size, mm.", metavar="COLUMN")] = "size",
    too_small: Annotated[
        float, option(help="Size of what is too small to measure.", metavar="MM", min=0)
    ] = 2.0,
    forecast: Annotated[bool, flag("--forecast", help="Forecast later sizes from three visits.")] = False,
    survival: Annotated[
        Path | None, option(help="Survival of the patients, a CSV with a row a patient.", metavar="FILE")
    ] = None,
    time: Annotated[
        str, option(help="Its column of days to death or the last word.", metavar="COLUMN")
    ] = "time",
    dead: Annotated[str, option(help="Its column of deaths: 1, else 0.", metavar="COLUMN")] = "dead",
    arm: Annotated[str, option(help="Its column of the arm.", metavar="COLUMN")] = "arm",
    treated: Annotated[str, option(help="The arm that is treated.", metavar="ARM")] = "treated",
    association: Annotated[
        str, option(help="What acts on death: value, slope, value and slope, effects.", metavar="NAME")
    ] = "value",
    direct: Annotated[
        bool, flag("--direct", help="Treatment may act on death beside its effect on size.")
    ] = False,
    patients: Annotated[int, option(help="Of an arm of simulated trials.", metavar="N", min=20)] = 500,
    draws: Annotated[int, option(help="Of parameters, a trial each.", metavar="N", min=20)] = 200,
    seed: Annotated[int, option(help="Seed of folds and draws.", metavar="N", min=0)] = 0,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Folder for the report, tables, charts and record.", metavar="DIR"),
    ] = None,
    json: Json = False,
) -> None:
    """Class courses of lesions by progression and resistance, forecast them, tie them to survival."""
    from understudy.app.trial_tumour import run
    from understudy.trials.tumour import SurvivalTable

    names = tuple(patient or ("patient",))
    tied = None if survival is None else SurvivalTable(survival, names, time, dead, arm, treated)
    reading = {"patient": names, "day": day, "size": size, "too_small": too_small}
    options = {
        "association": association,
        "direct": direct,
        "patients": patients,
        "draws": draws,
        "seed": seed,
    }
    run(table, reading, out, json, forecast=forecast, survival=tied, **options)
