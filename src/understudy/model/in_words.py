"""In words: what a population model says beside its equations, in phrases for readers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import numpy as np

from understudy.model.distribution import Distribution
from understudy.model.effect_shape import box_cox_effect, t_effect
from understudy.model.population_model import PopulationModel
from understudy.model.residual import Residual

_KINDS = {
    "bernoulli": "yes or no (Bernoulli)",
    "ordinal": "grades (cumulative logits)",
    "poisson": "counts (Poisson)",
    "negative_binomial": "counts (negative binomial)",
    "zero_inflated_poisson": "counts (zero-inflated Poisson)",
    "time_to_event": "events in time (hazard)",
    "log_likelihood": "by a log-likelihood of the model's own",
}
_METHODS = {
    "M1": "left out below (M1)",
    "M3": "below it only known to be there (M3)",
    "M4": "below it only known to be there, and above zero (M4)",
}


def kind_of_outcome(item: Distribution) -> str:
    """What an outcome is, and how it is distributed.

    Examples
    --------
    >>> kind_of_outcome(Distribution("seizures", "poisson"))
    'counts (Poisson)'
    """
    return _KINDS[item.kind]


def limits_of(residual: Residual, number: Callable[[float], str] = "{:g}".format) -> str:
    """Limits of quantification, and what measurements beyond them say; empty where there are none.

    Examples
    --------
    >>> limits_of(Residual("C", "s * C ** 2", lower_limit=0.5))
    'from 0.5, below it only known to be there (M3)'
    """
    words = (("from", residual.lower_limit), ("to", residual.upper_limit))
    told = " ".join(f"{word} {number(limit)}" for word, limit in words if limit is not None)
    return f"{told}, {_METHODS[residual.blq]}" if residual.lower_limit is not None else told


def shape_of(effect: str, model: PopulationModel) -> str:
    """How a random effect is distributed: normal, or the transform of a normal one that its equations make of it.

    Examples
    --------
    >>> from understudy import load_model
    >>> shape_of("eta_CL", load_model("phenobarbital_neonates"))
    'normal'
    """
    for item in model.individual:
        if effect in item.expression.names:
            for node in ast.walk(item.expression.tree):
                found = _shape(effect, node)
                if found:
                    return found
    return "normal"


def _shape(effect: str, node: ast.AST) -> str:
    """The transform that a part of an equation is, where it is one of a random effect."""
    if not isinstance(node, (ast.Call, ast.BinOp)):
        return ""
    parts = list(ast.walk(node))
    functions = {
        each.func.id for each in parts if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
    }
    names = {each.id for each in parts if isinstance(each, ast.Name)} - functions - {effect}
    numbers = {
        str(each.value)
        for each in parts
        if isinstance(each, ast.Constant) and isinstance(each.value, (int, float))
    }
    for shape in sorted(names | numbers):
        if _same(node, box_cox_effect(effect, shape).tree):
            return f"Box-Cox transform of a normal effect, by {shape}"
        # A scale before the effect binds it first: what follows it is looked for.
        if _same(node, t_effect(effect, shape).tree.right):
            return f"Student's t, {shape} degrees of freedom"
    return ""


def _same(one: ast.AST, other: ast.AST) -> bool:
    return ast.dump(one) == ast.dump(other)


def prior_phrases(model: PopulationModel) -> Iterator[tuple[str, str]]:
    """What is known before the data: parameters, and the distribution of each.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from understudy import load_model
    >>> from understudy.model.prior import NormalPrior
    >>> told = replace(load_model("phenobarbital_neonates"), priors=(NormalPrior("theta_APGR", 0.0, 0.0025),))
    >>> list(prior_phrases(told))
    [('theta_APGR', 'normal, mean 0, SD 0.05')]
    """
    for prior in model.priors:
        scale = "normal" if prior.scale == "identity" else "log-normal, of the logarithms"
        spread = np.sqrt(np.diag(prior.covariance))
        matrix = np.array(prior.covariance)
        together = bool(np.count_nonzero(matrix - np.diag(np.diag(matrix))))
        for name, mean, error in zip(prior.names, prior.means, spread, strict=True):
            joined = (
                f" (correlated with {', '.join(n for n in prior.names if n != name)})" if together else ""
            )
            yield name, f"{scale}{':' if prior.scale == 'log' else ','} mean {mean:g}, SD {error:.4g}{joined}"
    for block in model.random:
        if block.prior is not None and not block.same:
            mode = ", ".join(
                f"{value:g}" for value in np.array(block.prior.mode)[np.tril_indices(block.size)]
            )
            yield (
                f"omega({', '.join(block.names)})",
                f"inverse Wishart, mode {mode} (lower triangle), {block.prior.degrees:g} degrees of freedom",
            )


def mixture_phrases(model: PopulationModel) -> Iterator[tuple[str, str, float]]:
    """Subpopulations: ``GROUP = 1``, the equation of its probability, and its value."""
    if model.mixture is not None:
        shares = model.mixture.shares(model.fixed_values)
        for number, (equation, share) in enumerate(zip(model.mixture.probabilities, shares, strict=True), 1):
            yield f"{model.mixture.covariate} = {number}", equation.text, float(share)


def correlation_phrases(model: PopulationModel) -> Iterator[tuple[str, str]]:
    """Which residual errors go together, and the equation of how closely."""
    for item in model.correlations:
        yield " and ".join(item.outputs), f"correlation {item.correlation}"
    for residual in model.residual:
        if residual.autocorrelation is not None:
            unit = model.structural.time_unit
            yield (
                f"{residual.output}, successive",
                f"half-life of the correlation {residual.autocorrelation} {unit}",
            )
