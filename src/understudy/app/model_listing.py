"""Model listing: what ``understudy models`` answers, one model or many."""

from __future__ import annotations

from pathlib import Path

from understudy.app.flux_view import show_network
from understudy.app.model_card import card_json, show_card
from understudy.app.model_list import list_json, matching, show_list
from understudy.app.terminal import console, print_json
from understudy.formats.flux_balance import FluxBalance
from understudy.formats.load import format_of, load, load_model
from understudy.library.catalogue import entry, models, names


def show(name: str, as_json: bool) -> None:
    """Print all models, one by its name or file, or those in which some words occur.

    Raises
    ------
    ModelError
        Where nothing is found, with the nearest names.
    """
    if name in names() or (name and format_of(Path(name)) is not None):
        card = entry(name) if name in names() else None
        model = load(name)
        if isinstance(model, FluxBalance):
            print_json(model.to_json()) if as_json else show_network(model, console())
        else:
            model = load_model(name)
            print_json(card_json(card, model)) if as_json else show_card(card, model, console())
        return
    found = matching(models(), name)
    if not found:
        entry(name)
    print_json(list_json(found)) if as_json else show_list(found, console())
