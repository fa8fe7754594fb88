"""twin: the command that makes twins of patients; see `app.twin`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import argument, flag, option


def twin(
    data: Annotated[Path, argument("Records (.csv), a study (.toml) or a control stream with data.", "DATA")],
    model: Annotated[
        str, option("--model", "-m", help="The population: a name or a file.", metavar="MODEL")
    ] = "",
    patient: Annotated[
        list[str] | None, option("--patient", help="Only this patient; repeated.", metavar="ID")
    ] = None,
    units: Annotated[
        list[str] | None, option("--units", "-u", help="TIME=h,AMT=mg,DV=mg/L", metavar="COLUMN=UNIT")
    ] = None,
    columns: Annotated[
        list[str] | None, option(help="DV=conc: the column conc is DV.", metavar="NAME=COLUMN")
    ] = None,
    method: Annotated[str, option(help="laplace, map, sir or nuts.", metavar="NAME")] = "laplace",
    regimen: Annotated[str, option("--regimen", "-r", help="Doses to forecast.", metavar="REGIMEN")] = "",
    since: Annotated[
        str,
        option(
            help="When these begin: last (record), a time (doses recorded from then on do not count), or none (no drug "
            "before).",
            metavar="TIME",
        ),
    ] = "last",
    times: Annotated[str, option(help="When to look or sample, from then on: 1,2,24.", metavar="TIMES")] = "",
    target: Annotated[
        str,
        option(help="Choose a dose: 'Cp trough 15 to 30 mg/L', or peak, mean, auc, time.", metavar="TARGET"),
    ] = "",
    amounts: Annotated[
        str, option(help="To choose from: '50, 75 mg', '1 to 6 mg/kg by 0.5'.", metavar="AMOUNTS")
    ] = "",
    intervals: Annotated[str, option(help="Between doses: '12, 24 h'.", metavar="TIMES")] = "",
    tablets: Annotated[str, option(help="Strengths that amounts are made of.", metavar="AMOUNTS")] = "",
    most_daily: Annotated[float | None, option(help="Greatest amount in 24 h.", metavar="AMOUNT")] = None,
    window: Annotated[str, option(help="When the target holds: '96 to 120'.", metavar="TIMES")] = "",
    limit: Annotated[
        list[str] | None, option("--limit", help="'Cp peak above 40 mg/L in 5 %'.", metavar="LIMIT")
    ] = None,
    at_least: Annotated[float, option(help="Probability of the target that is required.", metavar="P")] = 0.0,
    next_sample: Annotated[
        str, option(help="When to sample to know this: CL, 'Cp at 24'.", metavar="QUANTITY")
    ] = "",
    draws: Annotated[int, option(help="Draws of each twin.", metavar="N", min=1)] = 1000,
    seed: Annotated[int, option(help="Seed of the draws.", metavar="N", min=0)] = 0,
    out: Annotated[
        Path | None, option("--out", "-o", help="Write the last table, .csv.", metavar="FILE")
    ] = None,
    jobs: Annotated[int, option("--jobs", "-j", help="Threads; 0: one per core.", metavar="N", min=0)] = 0,
    json: Annotated[bool, flag("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Make twins of patients: parameters, forecasts, the dose for a target, the time of the next sample."""
    from understudy.app.twin import TwinQuestion
    from understudy.app.twin_view import run

    asked = (data, model, tuple(units or ()), tuple(columns or ()), tuple(patient or ()), method, draws, seed)
    dosing = (amounts, intervals, tablets, most_daily, window, tuple(limit or ()), at_least)
    run(TwinQuestion(*asked, regimen, since, times, target, *dosing, next_sample, jobs), out, json)
