"""Model list: the library on the terminal, family by family."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

from understudy.library.entry import Entry

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_LARGE_FAMILY = 20


def matching(cards: Iterable[Entry], text: str) -> list[Entry]:
    """Cards in which every word of a text occurs.

    Examples
    --------
    >>> from understudy.library.catalogue import models
    >>> [card.name for card in matching(models(), "warfarin lag")]
    ['warfarin_adults', 'warfarin_adults_no_lag']
    """
    words = text.lower().replace("_", " ").split()

    def searched(card: Entry) -> str:
        return " ".join((card.name.replace("_", " "), card.title, card.family, card.purpose)).lower()

    return [card for card in cards if all(word in searched(card) for word in words)]


def show_list(cards: Iterable[Entry], to: Console) -> None:
    """Print names and purposes, a table for each family."""
    from rich.text import Text

    for family, members in groupby(cards, key=lambda card: card.family):
        group = list(members)
        kind = ", with differences between patients" if group[0].kind == "population" else ""
        to.print(Text.assemble((family, "bold cyan"), (kind, "dim")))
        shown, endings = _condensed(group)
        to.print(_table(shown))
        if endings:
            to.print(f"  each also with {' or '.join(endings)} at the end of its name", style="dim")
        to.print()
    to.print("One of them in full: understudy models NAME", style="dim")


def list_json(cards: Iterable[Entry]) -> list[dict[str, Any]]:
    """Names, families, kinds and purposes as JSON data."""
    fields = ("name", "title", "family", "kind", "purpose", "tested", "limits")
    return [{field: getattr(card, field) for field in fields} for card in cards]


def _condensed(cards: list[Entry]) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Names and purposes; of a large family in which all names have the same variants, the endings of these."""
    everything = [(card.name, card.purpose) for card in cards]
    names = [card.name for card in cards]
    stems = [card for card in cards if not any(card.name.startswith(f"{name}_") for name in names)]
    endings = {
        tuple(name.removeprefix(stem.name) for name in names if name.startswith(f"{stem.name}_"))
        for stem in stems
    }
    if len(cards) <= _LARGE_FAMILY or len(endings) != 1:
        return everything, ()
    return [(stem.name, stem.title) for stem in stems], endings.pop()


def _table(rows: list[tuple[str, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, purpose in rows:
        table.add_row(Text(name, style="bold"), Text(purpose))
    return table
