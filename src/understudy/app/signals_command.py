"""Signals command: the options of `understudy rwe signals`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, flag, option


def signals(
    paths: Annotated[
        list[Path],
        argument("FAERS files, openFDA JSON, a table of pairs; folders and zip files too.", "FILES"),
    ],
    drug: Annotated[
        list[str] | None, option("--drug", "-d", help="Only this drug; repeated.", metavar="NAME")
    ] = None,
    event: Annotated[
        list[str] | None, option("--event", "-e", help="Only this event; repeated.", metavar="NAME")
    ] = None,
    comparator: Annotated[str, option(help="Against this drug only, not all others.", metavar="NAME")] = "",
    criteria: Annotated[
        str, option("--criteria", "-c", help="What a signal is; or ebgm, evans, ror, ic.", metavar="TEXT")
    ] = "EB05 > 2 and n >= 3",
    strata: Annotated[str, option(help="Expected within sex,age,year,…", metavar="NAMES")] = "",
    roles: Annotated[str, option(help="suspect, all, or codes: PS,SS,I.", metavar="NAMES")] = "suspect",
    names: Annotated[
        str, option(help="Drugs by substance, or name as reported.", metavar="NAME")
    ] = "substance",
    duplicates: Annotated[
        str, option(help="Taken out: none, rules, linkage or both.", metavar="NAME")
    ] = "none",
    undated: Annotated[bool, flag("--undated", help="Rules compare reports without a date too.")] = False,
    by: Annotated[str, option(help="Course over time: quarter or year.", metavar="PERIOD")] = "",
    column: Annotated[
        list[str] | None, option(help="Of a table of pairs: drug=COLUMN; repeated.", metavar="NAME=COLUMN")
    ] = None,
    most: Annotated[int, option(help="Rows shown on the terminal.", metavar="N", min=1)] = 15,
    public: Annotated[bool, flag("--public", help="The data are public: show counts below 5.")] = False,
    seed: Annotated[int, option(help="Of draws that judge change points.", metavar="N", min=0)] = 1,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Folder for report, tables, charts and record.", metavar="DIR"),
    ] = None,
    json: Json = False,
) -> None:
    """Search spontaneous reports for pairs of drug and event reported more often than expected: signals, not causes."""
    from understudy.app.signals_view import run

    asked = {
        "drugs": drug or (),
        "events": event or (),
        "comparator": comparator,
        "criteria": criteria,
        "drug_name": names,
        "duplicates": duplicates,
        "undated": undated,
        "by": by,
        "public": public,
        "seed": seed,
    }
    run(paths, asked, strata=strata, roles=roles, columns=column or (), most=most, out=out, as_json=json)
