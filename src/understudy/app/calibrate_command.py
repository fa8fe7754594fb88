"""Calibrate command: the options of `understudy rwe calibrate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, flag, option


class NullMethod(StrEnum):
    """How the null distribution is fitted."""

    likelihood = "likelihood"
    quadrature = "quadrature"
    mcmc = "mcmc"


def calibrate(
    controls: Annotated[
        Path, argument("Controls and estimates of interest, a CSV with a row each.", "CONTROLS")
    ],
    method: Annotated[
        NullMethod, option(help="Of the null: likelihood, quadrature or mcmc.", metavar="NAME")
    ] = NullMethod.likelihood,
    legacy: Annotated[
        bool, flag("--legacy", help="With positive controls: the logarithm of the sd is linear.")
    ] = False,
    level: Annotated[float, option(help="Of intervals.", metavar="SHARE", min=0.01, max=0.9999)] = 0.95,
    seed: Annotated[int, option(help="Seed of mcmc.", metavar="N", min=0)] = 0,
    out: Annotated[
        Path | None, option("--out", "-o", help="Folder for tables and charts.", metavar="DIR")
    ] = None,
    json: Json = False,
) -> None:
    """Calibrate estimates by negative controls: how far off estimates of nothing are, and what is left of yours."""
    from understudy.app.calibration_view import run

    run(controls, method.value, legacy, level, seed, out, json)
