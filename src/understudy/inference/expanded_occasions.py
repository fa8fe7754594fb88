"""expand_occasions: effects between occasions written as effects of the subject, one for each occasion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from understudy.core.expression import Expression
from understudy.model.parts import Assignment
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects


@dataclass(frozen=True, eq=False)
class ExpandedOccasions:
    """A population whose random effects all belong to the subject.

    Parameters
    ----------
    model : PopulationModel
        An effect between occasions, ``eta``, has become ``eta_1``, ``eta_2``, … in the order of `Effects`, each with a
        covariate that is one on its occasion and zero elsewhere.
    indicators : mapping of covariate to int
        The occasion, from zero, that it stands for.
    """

    model: PopulationModel
    indicators: Mapping[str, int]

    def columns(self, occasion: np.ndarray) -> dict[str, np.ndarray]:
        """The indicators for the occasion of every row."""
        return {name: (occasion == which).astype(float) for name, which in self.indicators.items()}


def expand_occasions(model: PopulationModel, occasions: int) -> ExpandedOccasions:
    """Write effects between occasions as effects of the subject.

    Parameters
    ----------
    model : PopulationModel
    occasions : int
        Most occasions that any subject has.

    Examples
    --------
    >>> from understudy import Model
    >>> level = Model("level", "h", {"y": 1}, {"A": "1"}, {"A": "0"}, outputs={"Y": "y"})
    >>> between = RandomEffects(("eta",), ((0.1,),), level="occasion")
    >>> model = PopulationModel("p", level, {"y": "theta + eta"}, {"theta": 1}, (between,), {"Y": "1"})
    >>> expand_occasions(model, 2).model.individual[0].expression
    Expression('theta + (on_occasion_1 * eta_1 + on_occasion_2 * eta_2)')
    """
    between = [block for block in model.random if block.level == "occasion"]
    if not between:
        return ExpandedOccasions(model, {})
    taken = {
        *model.fixed_values,
        *model.eta_names,
        *model.covariate_names,
        *(i.name for i in model.individual),
    }
    indicators: dict[str, int] = {}
    covariates: list[Covariate] = []
    replacements: dict[str, Expression] = {}
    for how in dict.fromkeys(block.interpolation for block in between):
        names = [_free(f"on_occasion_{k + 1}", taken) for k in range(occasions)]
        indicators |= {name: k for k, name in enumerate(names)}
        covariates += [Covariate(name, interpolation=how, reference=0.0) for name in names]
        for eta in (eta for block in between if block.interpolation == how for eta in block.names):
            terms = " + ".join(f"{on} * {eta}_{k + 1}" for k, on in enumerate(names))
            replacements[eta] = Expression(f"({terms})")
    return ExpandedOccasions(_rewritten(model, occasions, covariates, replacements), indicators)


def _rewritten(
    model: PopulationModel,
    occasions: int,
    covariates: list[Covariate],
    replacements: Mapping[str, Expression],
) -> PopulationModel:
    individual = [
        Assignment(i.name, i.expression.substitute(replacements), i.unit, i.description)
        for i in model.individual
    ]
    residual = [replace(r, variance=r.variance.substitute(replacements)) for r in model.residual]
    distributions = [
        replace(d, parameters=tuple(
            replace(p, expression=p.expression.substitute(replacements)) for p in d.parameters
        ))
        for d in model.distributions
    ]  # fmt: skip
    return replace(
        model,
        individual=tuple(individual),
        random=tuple(copy for block in model.random for copy in _copies(block, occasions)),
        residual=tuple(residual),
        distributions=tuple(distributions),
        covariates=(*model.covariates, *covariates),
    )


def _copies(block: RandomEffects, occasions: int) -> list[RandomEffects]:
    if block.level == "subject":
        return [block]
    names = [tuple(f"{name}_{k + 1}" for name in block.names) for k in range(occasions)]
    return [replace(block, names=each, level="subject", same=k > 0) for k, each in enumerate(names)]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
