"""Model commands: list, show and convert models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, flag, option


def models(
    name: Annotated[str, argument("A model, a model file, or words to look for.", "NAME")] = "",
    json: Json = False,
) -> None:
    """List the library, or show one model: equations, parameters, sources, limits."""
    from understudy.app.model_listing import show

    show(name, json)


def show(
    model: Annotated[str, argument("Name in the library, or a model file.", "MODEL")],
    code: Annotated[bool, flag("--code", help="Show the code made for it, not its card.")] = False,
    jacobian: Annotated[
        bool, flag("--jacobian", help="With --code: that of the Jacobian, for stiff systems.")
    ] = False,
) -> None:
    """Show one model: its card, or the code made for it."""
    if code or jacobian:
        from understudy.app.model_code import show as show_code

        show_code(model, jacobian)
    else:
        from understudy.app.model_listing import show as show_model

        show_model(model, as_json=False)


def convert(
    model: Annotated[str, argument("Name in the library, or a model file.", "MODEL")],
    to: Annotated[str, option("--to", help="sbml, antimony or nonmem.", metavar="FORMAT")],
    out: Annotated[
        Path | None,
        option("--out", "-o", help="The file to write; standard output otherwise.", metavar="FILE"),
    ] = None,
) -> None:
    """Write a model in a format of others."""
    from understudy.app.conversion import run

    run(model, to, out)
