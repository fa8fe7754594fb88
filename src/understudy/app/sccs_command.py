"""SCCS command: the options of `understudy rwe sccs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, option


def sccs(
    intervals: Annotated[
        Path, argument("Persons' time in intervals, a CSV with a row an interval.", "TABLE")
    ],
    exposure: Annotated[list[str], option(help="Column of an exposure; may be repeated.", metavar="COLUMN")],
    covariate: Annotated[
        list[str] | None, option(help="Column to adjust for; may be repeated.", metavar="COLUMN")
    ] = None,
    person: Annotated[
        list[str] | None, option(help="Column that names the person; may be repeated.", metavar="COLUMN")
    ] = None,
    days: Annotated[str, option(help="Column of the length.", metavar="COLUMN")] = "days",
    events: Annotated[str, option(help="Column of the number of events.", metavar="COLUMN")] = "events",
    level: Annotated[float, option(help="Of intervals.", metavar="SHARE", min=0.01, max=0.9999)] = 0.95,
    out: Annotated[
        Path | None, option("--out", "-o", help="Folder for estimates and profiles.", metavar="DIR")
    ] = None,
    json: Json = False,
) -> None:
    """Self-controlled case series: rates within persons, in and outside of exposures."""
    from understudy.app.sccs_view import SccsColumns, run

    columns = SccsColumns(tuple(person or ("person",)), days, events, tuple(exposure), tuple(covariate or ()))
    run(intervals, columns, level, out, json)
