"""Model code: the expressions and the LLVM IR that are made for a model, on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from understudy.app.terminal import console
from understudy.core.errors import ModelError
from understudy.core.expression import Expression
from understudy.engine.code import code_listing
from understudy.engine.code.invariant import invariants
from understudy.engine.parameters import structural
from understudy.formats.load import load_model
from understudy.model.model import Model


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
    profiled = any(entry.profile is not None for entry in model.doses)
    if not profiled:
        # Where doses enter by a profile, their times stand behind the parameters and nothing is worked out beforehand.
        given, (model, equations) = model, invariants(model)
        _once(given, model, equations)
    if of_jacobian:
        title, lines, code = "jacobian", code_listing.list_jacobian(model), code_listing.jacobian_code(model)
    else:
        title, lines = "right_hand_side", code_listing.list_right_hand_side(model)
        code = code_listing.right_hand_side_code(model)
    _block(f"{model.name}: {title}, in the order of computation", lines)
    if profiled:
        _block("", ["Each dose with an absorption profile adds a term, which is not shown."])
    _block(f"LLVM IR of {title}, eight patients a call", code.splitlines())


def _once(given: Model, model: Model, equations: tuple[Expression, ...]) -> None:
    """What is worked out before the first step, in the order of computation."""
    names = model.parameter_names[len(given.parameters) :]
    used = set().union(*(item.names for item in equations))
    for item in reversed(given.constant_assignments):
        used |= item.expression.names if item.name in used else set()
    lines = [f"{a.name} = {a.expression.text}" for a in given.constant_assignments if a.name in used]
    lines += [f"{name} = {item.text}" for name, item in zip(names, equations, strict=True)]
    if lines:
        _block(f"{model.name}: once for each row of parameters", lines)


def _block(heading: str, lines: Iterable[str]) -> None:
    """A heading and lines as they stand: code is copied, and must not be folded."""
    to = console()
    if heading:
        to.print(heading, style="bold cyan", markup=False, highlight=False)
    for line in lines:
        to.print(f"  {line}".rstrip(), markup=False, highlight=False, soft_wrap=True)
    to.print()
