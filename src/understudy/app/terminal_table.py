"""Terminal table: a data frame of text as a table on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def table_of(frame: pd.DataFrame, title: str) -> Any:
    """A data frame of text as a table of the terminal, its index first."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in frame:
        table.add_column(str(name), justify="right")
    for label, row in zip(frame.index, frame.itertuples(index=False), strict=True):
        table.add_row(str(label), *map(str, row))
    return table
