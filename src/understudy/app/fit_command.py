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
        str | None,
        option(
            "--method",
            "-m",
            help="fo, foce, focei (default), laplace, agq, imp, impmap, its, saem or nuts.",
            metavar="NAME",
        ),
    ] = None,
    covariance: Annotated[
        str | None,
        option(help="Standard errors from: sandwich (default), R, S or none.", metavar="KIND"),
    ] = None,
    starts: Annotated[
        int | None, option(help="Starts, 1 by default; the best is kept.", metavar="N", min=1)
    ] = None,
    seed: Annotated[
        int | None, option(help="Seed of perturbed starts and of draws.", metavar="N", min=0)
    ] = None,
    initial: Annotated[
        list[str] | None,
        option("--initial", help="Where to begin: theta_CL=0.006; repeated.", metavar="NAME=VALUE"),
    ] = None,
    fixed: Annotated[
        list[str] | None, option("--fixed", help="What is held: theta_CL; repeated.", metavar="NAME")
    ] = None,
    draws: Annotated[
        int | None, option(help="Of nuts: draws of each chain, 1000 by default.", metavar="N", min=1)
    ] = None,
    warmup: Annotated[
        int | None, option(help="Of nuts: draws before these, 500 by default.", metavar="N", min=1)
    ] = None,
    chains: Annotated[
        int | None, option(help="Of nuts: 4 by default; of saem: of each subject.", metavar="N", min=1)
    ] = None,
    acceptance: Annotated[
        float | None,
        option(help="Of nuts: 0.8 by default; 0.95 where trajectories diverge.", metavar="SHARE"),
    ] = None,
    checkpoint: Annotated[
        Path | None, option(help="Keep every iteration there, and go on from it.", metavar="FILE")
    ] = None,
    out: Annotated[
        Path | None, option("--out", "-o", help="Write the fit (.json) or its table (.csv).", metavar="FILE")
    ] = None,
    jobs: Jobs = 0,
    quiet: Annotated[bool, flag("--quiet", "-q", help="Show no progress.")] = False,
    json: Json = False,
) -> None:
    """Estimate a population's parameters from records; of a study as its table fit says, but for options."""
    from understudy.app.fit_view import FitQuestion, named_numbers, run

    wishes = {"method": method, "covariance": covariance, "starts": starts, "seed": seed}
    wishes |= {"initial": named_numbers(initial, "--initial"), "fixed": tuple(fixed) if fixed else None}
    settings = {"draws": draws, "warmup": warmup, "chains": chains, "acceptance": acceptance}
    wishes["settings"] = {name: value for name, value in settings.items() if value is not None} or None
    given = {name: value for name, value in wishes.items() if value is not None}
    run(FitQuestion(file, data, tuple(units or ()), given, checkpoint, out, jobs), quiet, json)
