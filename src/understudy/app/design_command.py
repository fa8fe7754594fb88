"""Design command: the options of ``understudy design``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Jobs, Json, argument, flag, option


def design(
    file: Annotated[
        str, argument("A design (.toml), or a population model: of the library, or a file.", "FILE")
    ],
    patients: Annotated[float | None, option("--patients", "-n", help="Of one group.", metavar="N")] = None,
    regimen: Annotated[str, option("--regimen", "-r", help="'100 mg every 24 h x 7'", metavar="DOSES")] = "",
    times: Annotated[
        list[str] | None, option("--times", "-t", help="0.5,1,2,6 or Cp=0.5,1; repeated.", metavar="TIMES")
    ] = None,
    covariate: Annotated[
        list[str] | None,
        option("--covariate", help="WT=70, or WT=50,70,90; repeated.", metavar="NAME=VALUES"),
    ] = None,
    method: Annotated[str, option("--method", "-m", help="fo or foce.", metavar="NAME")] = "fo",
    matrix: Annotated[str, option(help="block or full.", metavar="KIND")] = "block",
    window: Annotated[
        list[str] | None, option("--window", "-w", help="0.25-24: find times in it; repeated.", metavar="A-B")
    ] = None,
    candidates: Annotated[str, option(help="1,2,4,8: find times among these.", metavar="TIMES")] = "",
    spacing: Annotated[float, option(help="Least time between samples.", metavar="T", min=0)] = 0.0,
    dose: Annotated[
        list[str] | None, option(help="Doses that may be chosen too; repeated.", metavar="DOSES")
    ] = None,
    criterion: Annotated[str, option(help="D, Ds or A.", metavar="NAME")] = "D",
    interest: Annotated[
        list[str] | None, option(help="Parameter that Ds or A is about; repeated.", metavar="NAME")
    ] = None,
    algorithm: Annotated[str, option(help="exchange or multiplicative.", metavar="NAME")] = "exchange",
    power: Annotated[
        list[str] | None,
        option(help="Patients for a power of 80 % to see it; repeated.", metavar="PARAMETER"),
    ] = None,
    seed: Annotated[int, option(help="Seed of draws and starts.", metavar="N", min=0)] = 0,
    out: Annotated[
        Path | None, option("--out", "-o", help="Write all numbers, .json.", metavar="FILE")
    ] = None,
    plot: Annotated[
        Path | None, option(help="Draw samples over the typical course: .html, .svg or .png.", metavar="FILE")
    ] = None,
    jobs: Jobs = 0,
    quiet: Annotated[bool, flag("--quiet", "-q", help="Print no design, only what it tells.")] = False,
    json: Json = False,
) -> None:
    """Expected precision of a population study before it is made, and better sampling times."""
    from understudy.app.design_question import DesignOptions, read_question
    from understudy.app.design_view import run

    options = DesignOptions(
        patients, regimen, tuple(times or ()), tuple(covariate or ()), method, matrix, tuple(window or ()), candidates,
        spacing, tuple(dose or ()), criterion, tuple(interest or ()), algorithm, tuple(power or ()), seed,
    )  # fmt: skip
    run(read_question(file, options), out, plot, jobs, quiet, json)
