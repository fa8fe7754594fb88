"""Fluxes: the package ``fbc`` of SBML, reactions with bounds and an objective instead of kinetic laws."""

from __future__ import annotations

import math
from typing import Any

from understudy.formats.flux_balance import FluxBalance
from understudy.formats.sbml.constant_value import constant_value
from understudy.formats.sbml.content import Content
from understudy.formats.sbml.place import Place


def is_flux_balance(model: Any) -> bool:
    """Whether a model says what its reactions shall achieve, and of none how fast it goes."""
    plugin = model.getPlugin("fbc")
    lawless = all(model.getReaction(k).getKineticLaw() is None for k in range(model.getNumReactions()))
    return plugin is not None and plugin.getNumObjectives() > 0 and lawless


def read_fluxes(model: Any, file: str) -> FluxBalance:
    """The linear program of a model.

    Raises
    ------
    FormatError
        For stoichiometries, bounds or objectives that are no numbers.
    """
    content = Content(model, file, lawless=True)
    objective = _objective(model, file)
    bounds = [_bounds(model, content, model.getReaction(k)) for k in range(model.getNumReactions())]
    names = tuple(reaction.name for reaction in content.reactions)
    return FluxBalance(
        name=model.getName() or model.getId() or file,
        reactions=names,
        lower=tuple(low for low, _ in bounds),
        upper=tuple(high for _, high in bounds),
        stoichiometry=_balances(content),
        objective=_weights(objective, content, file),
        objective_name=objective.getId() or "objective",
        maximise=objective.getType() == "maximize",
    )


def _balances(content: Content) -> dict[str, dict[str, float]]:
    balances: dict[str, dict[str, float]] = {}
    identifiers = {each.amount: each.identifier for each in content.species.values()}
    for reaction in content.reactions:
        for amount, tree in reaction.changes.items():
            value = constant_value(tree, content.draft)
            if value is None or not math.isfinite(value):
                raise reaction.place.refuse(
                    "a stoichiometry is no constant number", "flux balance needs constant stoichiometries"
                )
            balances.setdefault(identifiers[amount], {})[reaction.name] = value
    return balances


def _objective(model: Any, file: str) -> Any:
    plugin = model.getPlugin("fbc")
    active = plugin.getActiveObjective()
    if active is None:
        raise Place(file, 0, "listOfObjectives").refuse(
            "no objective is active", "name one as activeObjective"
        )
    return active


def _weights(objective: Any, content: Content, file: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for k in range(objective.getNumFluxObjectives()):
        item = objective.getFluxObjective(k)
        if item.getReaction() not in content.draft.names:
            raise Place.of(file, item).refuse(f"the reaction {item.getReaction()!r} is not defined")
        name = content.draft.names[item.getReaction()]
        weights[name] = weights.get(name, 0.0) + item.getCoefficient()
    return weights


def _bounds(model: Any, content: Content, reaction: Any) -> tuple[float, float]:
    """What the rate of a reaction must keep within: of the second version parameters, of the first a list."""
    plugin = reaction.getPlugin("fbc")
    low, high = (-math.inf if reaction.getReversible() else 0.0), math.inf
    for k in range(model.getPlugin("fbc").getNumFluxBounds()):
        bound = model.getPlugin("fbc").getFluxBound(k)
        if bound.getReaction() == reaction.getId():
            if bound.getOperation() in ("greaterEqual", "equal"):
                low = bound.getValue()
            if bound.getOperation() in ("lessEqual", "equal"):
                high = bound.getValue()
    if plugin is not None and hasattr(plugin, "isSetLowerFluxBound"):
        if plugin.isSetLowerFluxBound():
            low = _parameter(plugin.getLowerFluxBound(), content, reaction)
        if plugin.isSetUpperFluxBound():
            high = _parameter(plugin.getUpperFluxBound(), content, reaction)
    return low, high


def _parameter(identifier: str, content: Content, reaction: Any) -> float:
    from understudy.formats.sbml import term

    place = content.place(reaction)
    if identifier not in content.draft.names:
        raise place.refuse(f"the bound {identifier!r} is not defined", "define it as a parameter")
    value = constant_value(term.name(content.draft.names[identifier]), content.draft)
    if value is None or math.isnan(value):
        raise place.refuse(f"the bound {identifier!r} has no constant value", "give it one")
    return value
