"""NCA command: the options of `understudy nca`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import argument, flag, option


def nca(
    data: Annotated[Path, argument("Records, .csv with NONMEM's columns.", "DATA")],
    units: Annotated[
        list[str] | None, option("--units", "-u", help="TIME=h,AMT=mg,DV=mg/L", metavar="COLUMN=UNIT")
    ] = None,
    columns: Annotated[
        list[str] | None, option(help="DV=conc: the column conc is DV.", metavar="NAME=COLUMN")
    ] = None,
    route: Annotated[
        list[str] | None,
        option(help="extravascular (the default) or iv; or 1=extravascular,2=iv by CMT.", metavar="ROUTE"),
    ] = None,
    output: Annotated[list[str] | None, option(help="Only this DVID; repeated.", metavar="NAME")] = None,
    by: Annotated[list[str] | None, option(help="Group column; repeated.", metavar="COLUMN")] = None,
    lloq: Annotated[
        str, option(help="Limit of quantification: 0.1, or cp=0.1,met=0.05.", metavar="VALUE")
    ] = "",
    interval: Annotated[
        list[str] | None, option(help="0-24 or 0-inf, not one after each dose; repeated.", metavar="A-B")
    ] = None,
    partial: Annotated[
        list[str] | None, option(help="Area from 0 to 4 after each dose: 0-4; repeated.", metavar="A-B")
    ] = None,
    tau: Annotated[float | None, option(help="Dosing interval, if the records lack it.", metavar="T")] = None,
    steady_state: Annotated[
        float | None, option(help="Doses from this time on are at steady state.", metavar="T")
    ] = None,
    nominal_time: Annotated[
        str, option(help="Column of nominal times, used for TIME.", metavar="COLUMN")
    ] = "",
    area: Annotated[
        str, option(help="'lin up/log down', linear or lin-log.", metavar="METHOD")
    ] = "lin up/log down",
    blq: Annotated[
        str,
        option(help="Below the limit: before, between, after the others.", metavar="RULES"),
    ] = "keep,drop,keep",
    slope: Annotated[
        list[str] | None,
        option(help="1=9/12/24: the times of patient 1 that make lambda-z.", metavar="ID=TIMES"),
    ] = None,
    slope_exclude: Annotated[
        list[str] | None, option(help="1=12: times that do not enter lambda-z.", metavar="ID=TIMES")
    ] = None,
    include_cmax: Annotated[bool, flag("--include-cmax", help="Lambda-z may begin at Cmax.")] = False,
    out: Annotated[
        Path | None, option("--out", "-o", help="Write all parameters, .csv or .json.", metavar="FILE")
    ] = None,
    plots: Annotated[
        Path | None, option(help="Draw each curve with lambda-z: .html, .svg or .png.", metavar="FILE")
    ] = None,
    json: Annotated[bool, flag("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Non-compartmental analysis: areas, half-life, clearance and more of each patient, and their summary."""
    from understudy.app.nca_question import NCAOptions
    from understudy.app.nca_view import run

    options = NCAOptions(
        tuple(units or ()),
        tuple(columns or ()),
        tuple(route or ()),
        tuple(output or ()),
        tuple(by or ()),
        lloq,
        tuple(interval or ()),
        tuple(partial or ()),
        tau,
        steady_state,
        nominal_time,
        area,
        blq,
        tuple(slope or ()),
        tuple(slope_exclude or ()),
        include_cmax,
    )
    run(data, options, out, plots, json)
