"""Building commands: how sure estimates are, and which covariates matter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, flag, option

File = Annotated[
    str,
    argument("A study (.toml), a control stream, or with --data a model, or a fit (.json).", "FILE"),
]
Data = Annotated[
    Path | None, option("--data", "-d", help="Records (.csv), not the file's own.", metavar="FILE")
]
Units = Annotated[
    list[str] | None, option("--units", "-u", help="Of --data: TIME=h,AMT=mg,DV=mg/L.", metavar="NAME=UNIT")
]
Method = Annotated[str, option("--method", "-m", help="fo, foce, focei, …", metavar="NAME")]
Estimated = Annotated[
    Path | None, option("--fit", help="A fit of these records (.json), not made again.", metavar="FILE")
]
Seed = Annotated[int, option(help="Seed of all draws.", metavar="N", min=0)]
Processes = Annotated[int, option("--jobs", "-j", help="Processes; 0: one per core.", metavar="N", min=0)]
Checkpoint = Annotated[
    Path | None, option(help="Keep every estimation there, and go on from it.", metavar="FILE")
]
Out = Annotated[
    Path | None,
    option("--out", "-o", help="Write the table (.csv) or a chart (.html, .svg, .png).", metavar="FILE"),
]
Quiet = Annotated[bool, flag("--quiet", "-q", help="Show no progress.")]
Level = Annotated[float, option(help="Of the intervals.", metavar="P")]


def bootstrap(
    file: File,
    data: Data = None,
    units: Units = None,
    samples: Annotated[int, option("--samples", "-n", help="Resampled studies.", metavar="N", min=2)] = 200,
    stratify: Annotated[
        str, option("--stratify-on", help="Draw within each value of this covariate.", metavar="COLUMN")
    ] = "",
    bca: Annotated[
        bool, flag("--bca", help="BCa intervals: also estimate without each patient in turn.")
    ] = False,
    level: Level = 0.95,
    estimated: Estimated = None,
    method: Method = "focei",
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    out: Out = None,
    jobs: Processes = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Tell how sure estimates are, by estimating again from resampled patients."""
    from understudy.app.building_view import Asked, run_bootstrap

    asked = Asked(file, data, tuple(units or ()), estimated, method, seed, jobs, out, quiet, json)
    run_bootstrap(asked, samples, stratify, "BCa" if bca else "percentile", level, checkpoint)


def profile(
    file: File,
    parameters: Annotated[
        list[str] | None,
        option("--parameter", "-p", help="theta_CL, omega(eta_CL), …; by default all.", metavar="NAME"),
    ] = None,
    data: Data = None,
    units: Units = None,
    level: Level = 0.95,
    estimated: Estimated = None,
    method: Method = "focei",
    seed: Seed = 0,
    out: Out = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Tell how sure estimates are, by likelihood profiles."""
    from understudy.app.building_view import Asked, run_profile

    asked = Asked(file, data, tuple(units or ()), estimated, method, seed, 1, out, quiet, json)
    run_profile(asked, tuple(parameters or ()), level)


def sir(
    file: File,
    data: Data = None,
    units: Units = None,
    samples: Annotated[str, option(help="In each iteration.", metavar="NUMBERS")] = "500,500,1000",
    resamples: Annotated[str, option(help="In each iteration.", metavar="NUMBERS")] = "200,250,500",
    inflation: Annotated[
        float, option(help="Of the variances that the first samples are drawn with.", metavar="X")
    ] = 1.0,
    level: Level = 0.95,
    estimated: Estimated = None,
    method: Method = "focei",
    seed: Seed = 0,
    out: Out = None,
    jobs: Processes = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Tell how sure estimates are, by sampling importance resampling."""
    from understudy.app.building_view import Asked, run_sir

    asked = Asked(file, data, tuple(units or ()), estimated, method, seed, jobs, out, quiet, json)
    run_sir(asked, samples, resamples, inflation, level)


def search(
    file: File,
    candidates: Annotated[
        list[str],
        option(
            "--effect",
            "-e",
            help="CL=WT,SEX or CL=WT:power:linear: covariates to try, and how.",
            metavar="PARAMETER=COVARIATES",
        ),
    ],
    data: Data = None,
    units: Units = None,
    forward: Annotated[float, option(help="Kept in a forward step below this.", metavar="P")] = 0.05,
    backward: Annotated[float, option(help="Kept in a backward step below this.", metavar="P")] = 0.01,
    method: Method = "focei",
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Write the log (.csv) or the final fit (.json).", metavar="FILE"),
    ] = None,
    jobs: Processes = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Find covariates that explain how patients differ: forward selection, backward elimination."""
    from understudy.app.building_view import Asked, run_search

    asked = Asked(file, data, tuple(units or ()), None, method, seed, jobs, out, quiet, json)
    run_search(asked, tuple(candidates), forward, backward, checkpoint)


def compare(
    fits: Annotated[list[Path], argument("Fits (.json) of the same records.", "FIT...")],
    nested: Annotated[
        list[str] | None,
        option("--nested", help="LARGE=SMALL: names of the files, without .json.", metavar="LARGE=SMALL"),
    ] = None,
    json: Json = False,
) -> None:
    """Put fits of the same records side by side, with likelihood ratio tests."""
    from understudy.app.building_view import run_compare

    run_compare(tuple(fits), tuple(nested or ()), json)
