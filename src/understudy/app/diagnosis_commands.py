"""Diagnosis commands: check a population model against records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Jobs, Json, argument, flag, option


def vpc(
    data: Annotated[Path, argument("Records (.csv), a study (.toml) or a control stream.", "DATA")],
    model: Annotated[
        str, option("--model", "-m", help="Name in the library, or a model file.", metavar="MODEL")
    ] = "",
    out: Annotated[
        Path | None, option("--out", "-o", help="Write .html, .svg, .png or .csv.", metavar="FILE")
    ] = None,
    stratify: Annotated[
        str, option("--strat", help="Group by this column of the records.", metavar="COLUMN")
    ] = "",
    cuts: Annotated[str, option(help="Where its groups end: 1.0,1.5.", metavar="NUMBERS")] = "",
    corrected: Annotated[bool, flag("--corrected", help="Correct for the prediction.")] = False,
    variability: Annotated[
        bool, flag("--variability", help="Correct for prediction and variability.")
    ] = False,
    over: Annotated[
        str, option(help="time, 'time after dose', prediction, or a column.", metavar="AXIS")
    ] = "time",
    bins: Annotated[str, option(help="How many, or their edges: 0,2,8,24.", metavar="BINS")] = "",
    binning: Annotated[
        str, option(help="By count, width, natural breaks, or each.", metavar="HOW")
    ] = "count",
    output: Annotated[str, option("--output", help="Only this output.", metavar="NAME")] = "",
    lower_limit: Annotated[
        float | None, option("--lloq", help="Lower limit of quantification.", metavar="NUMBER")
    ] = None,
    interval: Annotated[float, option(help="Probability of the ribbons.", metavar="P")] = 0.9,
    replicates: Annotated[int, option(help="Simulated studies.", metavar="N", min=2)] = 500,
    logarithmic: Annotated[bool, flag("--log", help="A logarithmic axis.")] = False,
    units: Annotated[
        list[str] | None, option("--units", "-u", help="TIME=h,AMT=mg,DV=mg/L", metavar="COLUMN=UNIT")
    ] = None,
    columns: Annotated[
        list[str] | None, option(help="DV=conc: the column conc is DV.", metavar="NAME=COLUMN")
    ] = None,
    seed: Annotated[int, option(help="Seed of the simulated studies.", metavar="N", min=0)] = 0,
    jobs: Jobs = 0,
    json: Json = False,
) -> None:
    """Compare records with studies that a population model simulates: a visual predictive check."""
    from understudy.app.diagnosis_view import CheckQuestion, check

    correction = "variability" if variability else "prediction" if corrected else "none"
    check(
        CheckQuestion(
            data, model, tuple(units or ()), tuple(columns or ()), stratify, cuts, correction, over, bins, binning,
            output, lower_limit, interval, replicates, logarithmic, seed, jobs, out, json,
        )
    )  # fmt: skip


def diagnose(
    data: Annotated[Path, argument("Records (.csv), a study (.toml) or a control stream.", "DATA")],
    model: Annotated[
        str, option("--model", "-m", help="Name in the library, or a model file.", metavar="MODEL")
    ] = "",
    out: Annotated[
        Path, option("--out", "-o", help="A folder, or one page (.html).", metavar="PLACE")
    ] = Path("diagnosis"),
    stratify: Annotated[
        str, option("--strat", help="Group the visual checks by this column.", metavar="COLUMN")
    ] = "",
    replicates: Annotated[int, option(help="Simulated studies.", metavar="N", min=2)] = 1000,
    units: Annotated[
        list[str] | None, option("--units", "-u", help="TIME=h,AMT=mg,DV=mg/L", metavar="COLUMN=UNIT")
    ] = None,
    columns: Annotated[
        list[str] | None, option(help="DV=conc: the column conc is DV.", metavar="NAME=COLUMN")
    ] = None,
    seed: Annotated[int, option(help="Seed of the simulated studies.", metavar="N", min=0)] = 0,
    jobs: Jobs = 0,
    quiet: Annotated[bool, flag("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Tell by every chart and table whether a population model fits its records."""
    from understudy.app.diagnosis_view import diagnose as run

    options = {"stratify": stratify, "replicates": replicates, "seed": seed, "jobs": jobs, "quiet": quiet}
    run(data, model, out, units or (), columns or (), **options)
