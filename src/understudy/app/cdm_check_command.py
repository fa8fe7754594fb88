"""CDM check command: `understudy rwe check CDM`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from understudy.app.options import Json, argument, option

if TYPE_CHECKING:
    from understudy.causal.cdm.cdm_check import CdmCheck


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


def _table(title: str, style: str = "bold") -> Any:
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style=style, box=None, padding=(0, 2, 0, 0))


def _rows(found: CdmCheck) -> Any:
    """Rows of the tables, the large ones first; empty ones are named in one line."""
    table = _table("Rows")
    table.add_column("")
    table.add_column("", justify="right")
    filled = {name: count for name, count in found.rows.items() if count}
    for name, count in sorted(filled.items(), key=lambda each: -each[1]):
        table.add_row(name, _shown(count))
    empty = [name for name, count in found.rows.items() if not count]
    if empty:
        table.caption = f"without rows: {', '.join(empty)}"
        table.caption_justify = "left"
    return table


def _shown(count: int) -> str:
    from understudy.causal.masking import masked

    return f"{count:,}" if masked(count).isdigit() else masked(count)


def _faults(title: str, faults: tuple[Any, ...], style: str) -> Any:
    table = _table(title, f"bold {style}")
    for name, justify in (
        ("table", "left"),
        ("rows", "right"),
        ("what is wrong", "left"),
        ("what to do", "left"),
    ):
        table.add_column(
            name, justify=justify, style="" if name != "what to do" else "dim", header_style="dim"
        )
    for each in faults:
        table.add_row(each.table, each.shown_rows if each.rows else "", each.cause, each.repair)
    return table
