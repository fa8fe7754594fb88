"""Fit command: what ``understudy fit`` is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Jobs, Json, argument, flag, option


def fit(
    file: Annotated[
        str,
        argument(
            "A study (.toml), a control stream, or with --data a model of the library or a file.", "FILE"
        ),
    ],
    data: Annotated[
        Path | None, option("--data", "-d", help="Records (.csv), not the file's own.", metavar="FILE")
    ] = None,
    units: Annotated[
        list[str] | None,
        option("--units", "-u", help="Of --data: TIME=h,AMT=mg,DV=mg/L.", metavar="NAME=UNIT"),
    ] = None,
    method: Annotated[
        str,
        option(
            "--method",
            "-m",
            help="fo, foce, focei, laplace, agq, imp, impmap, its, saem or nuts.",
            metavar="NAME",
        ),
    ] = "focei",
    covariance: Annotated[
        str, option(help="Standard errors from: sandwich, R, S or none.", metavar="KIND")
    ] = "sandwich",
    starts: Annotated[int, option(help="Starts; the best is kept.", metavar="N", min=1)] = 1,
    seed: Annotated[int, option(help="Seed of perturbed starts and of draws.", metavar="N", min=0)] = 0,
    checkpoint: Annotated[
        Path | None, option(help="Keep every iteration there, and go on from it.", metavar="FILE")
    ] = None,
    out: Annotated[
        Path | None, option("--out", "-o", help="Write the fit (.json) or its table (.csv).", metavar="FILE")
    ] = None,
    jobs: Jobs = 0,
    quiet: Annotated[bool, flag("--quiet", "-q", help="Show no iterations.")] = False,
    json: Json = False,
) -> None:
    """Estimate a population's parameters from records."""
    from understudy.app.fit_view import FitQuestion, run

    asked = FitQuestion(
        file, data, tuple(units or ()), method, covariance, starts, seed, checkpoint, out, jobs
    )
    run(asked, quiet, json)
