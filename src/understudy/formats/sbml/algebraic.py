"""Algebraic rules: which quantity each of them determines, and its value.

A rule ``0 = f`` determines one of the quantities in f that nothing else determines and that is not constant (Hucka et
al. 2019, J Integr Bioinform 16:20190021, section 4.9.5, doi:10.1515/jib-2019-0021). Where it enters linearly the rule
becomes an equation for it; all else is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.formats.sbml.draft import Draft, Zero
from understudy.formats.sbml.solution import expanded, slope_of, solved

if TYPE_CHECKING:
    from understudy.formats.sbml.content import Content


def solve_algebraic(content: Content) -> None:
    """Turn every term that is zero into an equation for the quantity that it determines.

    Raises
    ------
    FormatError
        Where that is not one quantity, or it enters in a way that has no solution here.
    """
    draft, waiting = content.draft, list(content.algebraic)
    # Constant species' carriers are as constant as they are.
    fixed = draft.constant | {each.carrier for each in content.species.values() if each.constant}
    while waiting:
        free = [(zero, _free(zero, draft, fixed)) for zero in waiting]
        chosen, name = _choose(free, draft)
        waiting.remove(chosen)
        _determine(name, chosen, draft)


def _free(zero: Zero, draft: Draft, fixed: set[str]) -> list[str]:
    """Names that a rule may determine."""
    known = {*draft.assigned, *draft.rates, *fixed, *draft.rate_names.values(), "t"}
    known |= {name for name, *_ in draft.delays}
    return sorted(draft.needs(zero.tree) & (zero.may_determine or draft.needs(zero.tree)) - known)


def _choose(free: list[tuple[Zero, list[str]]], draft: Draft) -> tuple[Zero, str]:
    """A rule, and what it determines."""
    # What events set is less likely meant than what nothing sets.
    unset = {zero: [name for name in names if name not in draft.changed] or names for zero, names in free}
    for zero, names in unset.items():
        if not names:
            raise zero.place.refuse(
                "nothing in the algebraic rule is left for it to determine",
                "declare one of its quantities not constant, or remove the rule",
            )
        if len(names) == 1:
            return zero, names[0]
    zero, names = next(iter(unset.items()))
    if len(set().union(*unset.values())) > len(unset):
        raise zero.place.refuse(
            f"the algebraic rule may determine {' or '.join(names)}",
            "declare constant all but the one that it determines",
        )
    return zero, names[0]


def _determine(name: str, zero: Zero, draft: Draft) -> None:
    tree = expanded(zero.tree, name, draft, zero.place)
    slope = slope_of(tree, name, draft, zero.place)
    if slope is None:
        raise zero.place.refuse(
            f"the algebraic rule is not linear in {name}, which it determines",
            f"write an assignment rule for {name}",
        )
    draft.assigned[name] = solved(tree, name, slope)
    draft.starts.pop(name, None)
    draft.places.setdefault(name, zero.place)
