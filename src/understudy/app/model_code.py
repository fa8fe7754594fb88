"""Model code: the expressions and the LLVM IR that are made for a model, on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from understudy.app.terminal import console
from understudy.core.errors import ModelError
from understudy.dossier.model_file import load_model
from understudy.engine import code_listing
from understudy.engine.parameters import structural


def show(name: str, of_jacobian: bool) -> None:
    """Print the code of a model's right-hand side, or of its Jacobian.

    Raises
    ------
    ModelError
        Where there is no such model, or nothing to compile in it.
    """
    model = structural(load_model(name))
    if not model.states:
        raise ModelError(
            "the model has no states, so no code is made for it",
            place=model.name,
            repair="show it without --code",
        )
    if of_jacobian:
        title, lines, code = "jacobian", code_listing.list_jacobian(model), code_listing.jacobian_code(model)
    else:
        title, lines = "right_hand_side", code_listing.list_right_hand_side(model)
        code = code_listing.right_hand_side_code(model)
    _block(f"{model.name}: {title}, in the order of computation", lines)
    if any(entry.profile is not None for entry in model.doses):
        _block("", ["Each dose with an absorption profile adds a term, which is not shown."])
    _block(f"LLVM IR of {title}, eight patients a call", code.splitlines())


def _block(heading: str, lines: Iterable[str]) -> None:
    """A heading and lines as they stand: code is copied, and must not be folded."""
    to = console()
    if heading:
        to.print(heading, style="bold cyan", markup=False, highlight=False)
    for line in lines:
        to.print(f"  {line}".rstrip(), markup=False, highlight=False, soft_wrap=True)
    to.print()
