"""Flux view: a flux balance and its solution on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.terminal import console
from understudy.app.terminal_number import column
from understudy.formats.flux_balance import FluxBalance
from understudy.formats.load import format_of, load

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def solve_fluxes(name: str) -> bool:
    """Print the rates of a model that is a flux balance; whether it is one."""
    found = load(name) if format_of(Path(name)) is not None else None
    if not isinstance(found, FluxBalance):
        return False
    rates = found.solve()
    to, goal = console(), "largest" if found.maximise else "smallest"
    value = column([rates[found.objective_name]])[0]
    _say(to, found, f"steady state with the {goal} {found.objective_name}: {value}")
    cells = column(list(rates.values()))[: len(found.reactions)]
    to.print(_table(("reaction", "rate"), list(zip(found.reactions, cells, strict=True))))
    return True


def show_network(found: FluxBalance, to: Console) -> None:
    """Print a flux balance: objective, reactions and bounds."""
    terms = " + ".join(f"{value:g} {name}" for name, value in found.objective.items())
    _say(to, found, f"{'maximise' if found.maximise else 'minimise'} {found.objective_name} = {terms}")
    rows = [
        (name, _equation(found, name), f"{low:g}", f"{high:g}")
        for name, low, high in zip(found.reactions, found.lower, found.upper, strict=True)
    ]
    to.print(_table(("reaction", "equation", "lowest", "highest"), rows))


def _say(to: Console, found: FluxBalance, text: str) -> None:
    from rich.text import Text

    to.print(Text(found.name, style="bold"))
    to.print(
        Text(
            f"flux balance: {len(found.reactions)} reactions, {len(found.stoichiometry)} species", style="dim"
        )
    )
    to.print(Text(text))
    to.print()


def _equation(found: FluxBalance, reaction: str) -> str:
    """What a reaction takes and gives, of the species that are in balance."""
    changes = {name: row[reaction] for name, row in found.stoichiometry.items() if reaction in row}
    sides = [[_term(abs(v), n) for n, v in changes.items() if v * sign > 0] for sign in (-1, 1)]
    return " → ".join(" + ".join(side) or "∅" for side in sides)


def _term(value: float, name: str) -> str:
    return name if value == 1 else f"{value:g} {name}"


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("reaction", "equation") else "right")
    for row in rows:
        table.add_row(*row)
    return table
