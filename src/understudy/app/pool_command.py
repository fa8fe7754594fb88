"""Pool command: the options of `understudy rwe pool`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, option


def pool(
    sites: Annotated[list[Path], argument("Files of sites, JSON.", "SITE...")],
    controls: Annotated[
        Path | None,
        option(help="Folder of site files of negative controls: their bias is taken off.", metavar="DIR"),
    ] = None,
    level: Annotated[float, option(help="Of intervals.", metavar="SHARE", min=0.01, max=0.9999)] = 0.95,
    out: Annotated[
        Path | None, option("--out", "-o", help="Folder for tables and a chart.", metavar="DIR")
    ] = None,
    json: Json = False,
) -> None:
    """Pool likelihood profiles of sites: fixed and random effects, prediction interval, correction of bias."""
    from understudy.app.pool_view import run

    run(sites, controls, level, out, json)
