"""Sampling view: whether draws from a population's posterior can be believed, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.app.terminal_number import single
from understudy.inference.estimation.posterior_summary import AGREEING, APART, ENOUGH
from understudy.inference.fit import Fit

if TYPE_CHECKING:
    from rich.table import Table


def sampling_table(found: Fit) -> Table:
    """Agreement of the chains for every parameter, and for the worst of the individuals' random effects."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title="Chains", title_justify="left")
    table.add_column("parameter")
    for heading in ("median", "R-hat", "bulk ESS", "tail ESS", "Monte Carlo error"):
        table.add_column(heading, justify="right")
    for name, row in found.details["posterior"].items():
        table.add_row(name, single(row["median"], 5), *_agreement(row), single(row["mcse"], 2))
    if found.details["individuals"]:
        table.add_row("individuals, the worst", "", *_agreement(found.details["individuals"]), "")
    return table


def _agreement(row: dict) -> tuple[str, ...]:
    rhat, sizes = row["rhat"], (row["ess_bulk"], row["ess_tail"])
    style = "" if rhat <= AGREEING else "yellow" if rhat <= APART else "red"
    told = [f"[{style}]{rhat:.3f}[/]" if style else f"{rhat:.3f}"]
    return (*told, *(f"{size:.0f}" if size >= ENOUGH else f"[yellow]{size:.0f}[/]" for size in sizes))


def sampling_facts(found: Fit) -> str:
    """How the sampler fared, on one line."""
    told = found.details
    return (
        f"\n{told['chains']} chains of {told['draws_per_chain']} draws: {told['divergences']} divergences, "
        f"{told['saturated']} at the limit on doublings, E-BFMI {min(told['ebfmi']):.2f}, "
        f"{told['leapfrogs_per_draw']:.0f} steps a draw"
    )
