"""Model listing: what ``understudy models`` answers, one model or many."""

from __future__ import annotations

from pathlib import Path

from understudy.app.flux_view import show_network
from understudy.app.model_card import card_json, show_card
from understudy.app.model_list import list_json, matching, show_list
from understudy.app.terminal import console, print_json
from understudy.formats.flux_balance import FluxBalance
from understudy.formats.load import format_of, load, model_in
from understudy.inference.fit import Fit
from understudy.library.catalogue import entry, models, names


def show(name: str, as_json: bool) -> None:
    """Print all models, one by its name or file, or those in which some words occur.

    Raises
    ------
    ModelError
        Where nothing is found, with the nearest names.
    """
    if name in names() or (name and format_of(Path(name)) is not None):
        _show_one(name, as_json)
        return
    found = matching(models(), name)
    if not found:
        entry(name)
    print_json(list_json(found)) if as_json else show_list(found, console())


def _show_fit(found: Fit) -> None:
    """The estimates, and the card of the model that they are of."""
    to = console()
    to.print(str(found), markup=False, highlight=False)
    if found.model is not None:
        to.print()
        show_card(None, found.model, to)


def _show_one(name: str, as_json: bool) -> None:
    card = entry(name) if name in names() else None
    found = load(name)
    if isinstance(found, FluxBalance):
        print_json(found.to_json()) if as_json else show_network(found, console())
    elif isinstance(found, Fit):
        print_json(found.to_json()) if as_json else _show_fit(found)
    elif as_json:
        print_json(card_json(card, model_in(found, name)))
    else:
        show_card(card, model_in(found, name), console(), beside=getattr(found, "facts", None))
