"""subpopulation: the model of one part of a mixture."""

from __future__ import annotations

from dataclasses import replace

from understudy.core.expression import Expression
from understudy.model.population_model import PopulationModel


def subpopulation(model: PopulationModel, number: int) -> PopulationModel:
    """The model in which everybody belongs to one subpopulation: its number stands where the covariate did.

    Parameters
    ----------
    model : PopulationModel
        With a mixture.
    number : int
        From 1.
    """
    known = {model.mixture.covariate: Expression(number)}
    return replace(
        model,
        mixture=None,
        covariates=tuple(c for c in model.covariates if c.name != model.mixture.covariate),
        individual=tuple(replace(i, expression=i.expression.substitute(known)) for i in model.individual),
        residual=tuple(replace(r, variance=r.variance.substitute(known)) for r in model.residual),
        distributions=tuple(
            replace(
                d,
                parameters=tuple(replace(p, expression=p.expression.substitute(known)) for p in d.parameters),
            )
            for d in model.distributions
        ),
    )
