"""CDM commands: `understudy rwe check CDM` and `understudy rwe copy DATABASE FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from understudy.app.options import Json, argument, option

if TYPE_CHECKING:
    from understudy.causal.cdm.cdm_check import CdmCheck
    from understudy.causal.cdm.fault import Fault


def check(
    cdm: Annotated[Path, argument("Folder of CSV or Parquet files, or a .duckdb file.", "CDM")],
    schema: Annotated[str | None, option(help="Schema of a .duckdb file.", metavar="NAME")] = None,
    memory: Annotated[str | None, option(help="Memory DuckDB may take, such as 4GB.", metavar="SIZE")] = None,
    spill: Annotated[
        Path | None, option(help="Folder for what does not fit into memory.", metavar="DIR")
    ] = None,
    json: Json = False,
) -> None:
    """Report what is in an OMOP CDM, and everything wrong with it (exit code 1 on errors)."""
    from understudy.app.terminal import print_json
    from understudy.causal.cdm import check as check_cdm

    found = check_cdm(cdm, schema=schema, memory=memory, spill=spill)
    print_json(found.to_json()) if json else show(found)
    raise typer.Exit(0 if found.ok else 1)


def copy(
    source: Annotated[str, argument("Its address, as ibis takes it: postgres://user@host/name.", "DATABASE")],
    file: Annotated[Path, argument("The DuckDB file to make.", "FILE")],
    schema: Annotated[str | None, option(help="Schema of the CDM's tables.", metavar="NAME")] = None,
    concept: Annotated[
        list[int] | None,
        option("--concept", "-c", help="Only persons with a record of it or its descendants.", metavar="ID"),
    ] = None,
    json: Json = False,
) -> None:
    """Copy an OMOP CDM out of a database into a DuckDB file, through ibis."""
    from understudy.app.terminal import console, print_json
    from understudy.causal.cdm import check as check_cdm
    from understudy.causal.cdm import copy_cdm

    made = check_cdm(copy_cdm(source, file, schema=schema, persons_with=concept))
    if json:
        print_json({"file": str(file), **made.to_json()})
    else:
        console().print(f"{file}: {made!r}", soft_wrap=True)


def show(found: CdmCheck) -> None:
    """Print a check."""
    from rich.text import Text

    from understudy.app.terminal import console

    to = console()
    vocabulary = f" · vocabulary {found.vocabulary}" if found.vocabulary else ""
    by = "as cdm_source says" if found.version_by == "cdm_source" else "by its columns"
    to.print(Text(found.name, style="bold"))
    to.print(Text(f"OMOP CDM {found.version}, {by}{vocabulary}", style="dim"))
    if found.observed:
        to.print(Text(f"observed from {found.observed[0]} to {found.observed[1]}", style="dim"))
    to.print()
    to.print(_rows(found))
    for title, faults, style in (("Errors", found.errors, "red"), ("Warnings", found.warnings, "yellow")):
        if faults:
            to.print()
            to.print(_faults(f"{title} ({len(faults)})", faults, style))
    to.print()
    told = "No error." if found.ok else "Correct the errors: results would be wrong, or cannot be had."
    to.print(Text(told, style="green" if found.ok else "bold red"))


def _rows(found: CdmCheck) -> Any:
    """Rows of the tables, the large ones first; empty ones are named in one line."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column()
    table.add_column(justify="right")
    shown = dict(found.table().itertuples(index=False))
    for name, count in sorted(found.rows.items(), key=lambda each: -each[1]):
        if count:
            table.add_row(name, f"{count:,}" if shown[name].isdigit() else shown[name])
    empty = [name for name, count in found.rows.items() if not count]
    none = [Text(f" none in {', '.join(empty)}", style="dim")] if empty else []
    return Group(Text("Rows", style="bold"), table, *none)


def _faults(title: str, faults: tuple[Fault, ...], style: str) -> Any:
    """What is wrong, one line a kind, and beneath it where."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    kinds: dict[tuple[str, str], list[str]] = {}
    for each in faults:
        where = " ".join(
            [each.table, each.shown_rows * bool(each.rows), f"({each.detail})" * bool(each.detail)]
        )
        kinds.setdefault((each.cause, each.repair), []).append(" ".join(where.split()))
    lines: list[Any] = [Text(title, style=f"bold {style}")]
    for (cause, repair), places in kinds.items():
        told = Text.assemble(cause, (f" → {repair}" * bool(repair), "dim"))
        lines.append(Padding(told, (0, 0, 0, 1)))
        lines.append(Padding(Text(", ".join(places), style="dim"), (0, 0, 0, 3)))
    return Group(*lines)
