"""Emulation command: the options of `understudy rwe emulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, option


def emulate(
    path: Annotated[Path, argument("The emulation, in TOML: table, columns, method, models.", "EMULATION")],
    data: Annotated[
        Path | None, option(help="Folder of the table; that of the file, if left out.", metavar="DIR")
    ] = None,
    out: Annotated[
        Path | None, option("--out", "-o", help="Folder for tables, result and record.", metavar="DIR")
    ] = None,
    json: Json = False,
) -> None:
    """Emulate a target trial in records of persons and periods."""
    from understudy.app.rwe_emulation import run

    run(path, data, out, json)
