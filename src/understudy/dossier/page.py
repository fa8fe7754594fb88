"""Page: the blocks a report is made of, independent of how they look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from understudy.core.unit_label import unit_label

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True)
class Text:
    """A paragraph; `quiet` for remarks, `alert` for what must not be overlooked."""

    body: str
    manner: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: str = "bullets"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    title : str
    unit : str
        As models write it.
    numeric : bool
        Aligned to the right.
    group : str
        Title above neighbouring columns of the same group.
    manner : str
        Style of its cells: ``"code"``, ``"label"``.
    """

    title: str
    unit: str = ""
    numeric: bool = False
    group: str = ""
    manner: str = ""

    @property
    def heading(self) -> str:
        """Unit for reading, empty where there is none."""
        return unit_label(self.unit)


@dataclass(frozen=True)
class Table:
    """Rows of cells, text or `Markup`; a row of a single cell is a heading above those that follow."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str | Markup, ...], ...]
    caption: str = ""
    manner: str = ""
    kind: str = "table"

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} - {1, len(self.columns)}
        if widths:
            raise ValueError(f"rows of {sorted(widths)} cells in a table of {len(self.columns)} columns")

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Group titles with the number of columns below each; empty where no column has one."""
        if not any(column.group for column in self.columns):
            return ()
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return tuple(found)


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption.

    Parameters
    ----------
    drawing : Markup
    caption : str
    chart : altair chart or None
        Of which it was drawn, for those who want to draw it otherwise.
    """

    drawing: Markup
    caption: str
    chart: alt.TopLevelMixin | None = field(default=None, repr=False, compare=False)
    kind: str = "figure"


@dataclass(frozen=True)
class Section:
    """A chapter of the report."""

    key: str
    title: str
    blocks: tuple[Text | Bullets | Table | Figure, ...]


def section(key: str, title: str, blocks: Iterable[Text | Bullets | Table | Figure | None]) -> Section | None:
    """A section of the blocks that are there, or None where there is none.

    Examples
    --------
    >>> section("a", "A", [None]) is None
    True
    """
    present = tuple(block for block in blocks if block is not None)
    return Section(key, title, present) if present else None
