"""Synthesise command: the options of `understudy trial synthesise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, option


def synthesise(
    table: Annotated[Path, argument("Patients, .csv: a row a patient.", "TABLE")],
    columns: Annotated[
        list[str] | None,
        option("--columns", "-c", help="a,b,c: which columns; all, if left out.", metavar="NAMES"),
    ] = None,
    categorical: Annotated[
        list[str] | None, option(help="Columns of numbers that are codes; repeated.", metavar="NAMES")
    ] = None,
    method: Annotated[
        str, option(help="gaussian, or vine: a regular vine of pairs.", metavar="NAME")
    ] = "gaussian",
    rows: Annotated[
        int, option(help="Synthetic rows; 0: as many as they are made from.", metavar="N", min=0)
    ] = 0,
    held_out: Annotated[
        float,
        option(
            help="Share of the table that has no part in them, to judge by.", metavar="SHARE", min=0, max=0.9
        ),
    ] = 0.25,
    outcome: Annotated[
        str, option(help="Column that a model shall predict from the others.", metavar="COLUMN")
    ] = "",
    seed: Annotated[int, option(help="Seed of the draws.", metavar="N", min=0)] = 0,
    out: Annotated[
        Path | None, option("--out", "-o", help="Folder for rows, report, charts and record.", metavar="DIR")
    ] = None,
    json: Json = False,
) -> None:
    """Make rows like those of a table and of nobody, with their likeness and privacy."""
    from understudy.app.synthesis_view import run

    asked = _names(columns) or None
    settings = {"categorical": _names(categorical), "method": method, "held_out": held_out, "seed": seed}
    run(table, asked, outcome, out, json, rows=rows or None, **settings)


def _names(texts: list[str] | None) -> list[str]:
    return [name.strip() for text in texts or () for name in text.split(",") if name.strip()]
