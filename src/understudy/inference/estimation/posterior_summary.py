"""Posterior summary: what draws of a population's posterior say, and whether they can be believed.

Limits: R-hat 1.01 and 400 effective draws (Vehtari et al. 2021, doi:10.1214/20-BA1221), E-BFMI 0.3 (Stan's); an R-hat
above 1.05 is no success.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from understudy.inference.estimation.importance_objective import importance_objective
from understudy.inference.estimation.method import Estimate
from understudy.inference.estimation.population_coordinates import PopulationCoordinates
from understudy.inference.estimation.population_density import PopulationDensity
from understudy.inference.sampling.convergence import bulk_ess, rank_rhat, tail_ess
from understudy.inference.sampling.energy import ebfmi
from understudy.inference.sampling.long_chains import Stand

AGREEING, APART, ENOUGH, LEAST_EBFMI = 1.01, 1.05, 400, 0.3
# A default prior whose standard deviation is less than twice the posterior's, or that lies further away than two of
# its own, has had a say.
_SHARE, _AWAY = 0.5, 2.0
_INTERVAL = (0.025, 0.975)
# Part of omega that is added to individuals' covariances where the likelihood is drawn about them.
_LEAST_SPREAD = 1e-6
_SAMPLES = 1000  # of each individual, for the likelihood at the posterior mean


def posterior_estimate(
    density: PopulationDensity, coordinates: PopulationCoordinates, stand: Stand, told: Mapping[str, Any]
) -> Estimate:
    """Posterior means with all that is known of them."""
    points = coordinates.points(stand.samples)
    vectors, space = points[..., : density.parameters], density.task.space
    named = named_draws(density, vectors)
    each = _each(space.names, named)
    individuals = _individuals(density, points)
    vector = space.vector(space.values_of_named(named.mean(axis=(0, 1))))
    objective, error = _objective(density, vector, individuals)
    details = {
        **told,
        "posterior": each,
        "individuals": _agreement(density, points),
        "chains": len(named),
        "draws_per_chain": named.shape[1],
        "divergences": int(stand.divergences.sum()),
        "saturated": int(stand.saturated.sum()),
        "ebfmi": ebfmi(stand.energy).tolist(),
        "step_size": stand.step_size.tolist(),
        "acceptance": (stand.accepted / named.shape[1]).tolist(),
        "leapfrogs_per_draw": float(stand.leapfrogs.sum() / named[..., 0].size),
        "priors": density.prior.sentences(),
        "objective_of": "the likelihood at the posterior means by importance sampling, without priors",
        "effects_sd": np.sqrt(np.diagonal(individuals[1], axis1=1, axis2=2)).tolist(),
        "draws": {name: named[..., k].tolist() for k, name in enumerate(space.names)},
    }
    status, succeeded = _status(details)
    flat = named.reshape(-1, named.shape[-1])
    return Estimate(
        vector, objective, individuals[2], succeeded, status, named.shape[0] * named.shape[1], error,
        details=details, named_covariance=np.atleast_2d(np.cov(flat, rowvar=False)),
        warnings=(*_doubts(details), *_prior_doubts(density, vectors)),
    )  # fmt: skip


def named_draws(density: PopulationDensity, vectors: np.ndarray) -> np.ndarray:
    """Values by name, shape (chains, draws, parameters), of vectors of the same shape."""
    space = density.task.space
    flat = vectors.reshape(-1, vectors.shape[-1])
    return np.array([space.named(space.values(each)) for each in flat]).reshape(vectors.shape)


def _each(names: tuple[str, ...], named: np.ndarray) -> dict[str, dict[str, float]]:
    """Of every parameter."""
    flat = named.reshape(-1, named.shape[-1])
    low, median, high = np.quantile(flat, (_INTERVAL[0], 0.5, _INTERVAL[1]), axis=0)
    bulk, sd = bulk_ess(named), flat.std(axis=0, ddof=1)
    columns = {
        "mean": flat.mean(axis=0), "median": median, "sd": sd, "low": low, "high": high,
        "rhat": rank_rhat(named), "ess_bulk": bulk, "ess_tail": tail_ess(named), "mcse": sd / np.sqrt(bulk),
    }  # fmt: skip
    return {n: {what: float(v[k]) for what, v in columns.items()} for k, n in enumerate(names)}


def _agreement(density: PopulationDensity, points: np.ndarray) -> dict[str, float]:
    """The worst of all random effects of the individuals; nothing where there are none."""
    if not density.factor.active.size:
        return {}
    draws = np.array([density.effects(chain)[..., density.factor.active] for chain in points])
    return {
        "rhat": float(rank_rhat(draws).max()),
        "ess_bulk": float(bulk_ess(draws).min()),
        "ess_tail": float(tail_ess(draws).min()),
    }


def _individuals(density: PopulationDensity, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posterior means and covariances of active random effects, and the means of all, shape (N, ...)."""
    count, size = density.individuals
    total, square, seen = np.zeros((count, size)), np.zeros((count, size, size)), 0
    full = np.zeros((count, density.task.space.effects.active.size))
    # Chain by chain: all draws of all individuals at once may be much. From the first draw, lest squares cancel.
    first = density.effects(points[0, :1])[0][:, density.factor.active]
    for chain in points:
        all_of_them = density.effects(chain)
        effects = all_of_them[..., density.factor.active] - first
        total, seen, full = total + effects.sum(axis=0), seen + len(chain), full + all_of_them.sum(axis=0)
        square = square + np.einsum("sna,snb->nab", effects, effects)
    mean = total / seen
    return mean + first, square / seen - mean[:, :, None] * mean[:, None, :], full / seen


def _objective(
    density: PopulationDensity, vector: np.ndarray, individuals: tuple[np.ndarray, ...]
) -> tuple[float, float]:
    """Minus twice the log-likelihood at some parameters, with its Monte Carlo error."""
    likelihood = density.task.likelihood(vector)
    with np.errstate(all="ignore"):
        if not likelihood.active.size:
            return float(likelihood.value(likelihood.zero).sum()), 0.0
        mean, covariance, _ = individuals
        # Of chains that never moved there is no covariance: that they disagree is told, not that a matrix is singular.
        covariance = covariance + _LEAST_SPREAD * likelihood.omega
        found = importance_objective(likelihood, mean, covariance, _SAMPLES, density.task.seed)
    return found.objective, found.error


def _worst(details: Mapping[str, Any]) -> dict[str, float]:
    """Of parameters and individuals together; not-a-number where one is."""
    rows = [*details["posterior"].values(), *([details["individuals"]] if details["individuals"] else [])]
    worst = {"rhat": np.max, "ess_bulk": np.min, "ess_tail": np.min}
    return {name: float(of([row[name] for row in rows])) for name, of in worst.items()}


def _status(details: Mapping[str, Any]) -> tuple[str, bool]:
    worst = _worst(details)
    told = f"R-hat {worst['rhat']:.3f}, {min(worst['ess_bulk'], worst['ess_tail']):.0f} effective draws"
    if not worst["rhat"] <= APART:
        return f"the chains disagree: {told}; the limit is {APART}", False
    if any(_doubts(details)):
        return f"drawn, with doubts: {told}", True
    return f"the chains agree: {told}", True


def _doubts(details: Mapping[str, Any]) -> Iterator[str]:
    worst = _worst(details)
    few = min(worst["ess_bulk"], worst["ess_tail"])
    if not worst["rhat"] <= AGREEING:
        yield f"the chains do not agree well (R-hat {worst['rhat']:.3f}, above {AGREEING}): draw more, warm up longer"
    if not few >= ENOUGH:
        yield f"the draws are worth {few:.0f} independent ones, fewer than {ENOUGH}: draw more"
    if details["divergences"]:
        yield (
            f"{details['divergences']} trajectories diverged: a part of the posterior may be missing; "
            "NUTS(acceptance=0.95), or a firmer prior"
        )
    if details["saturated"]:
        yield f"{details['saturated']} trajectories were cut at the limit on doublings: draws depend on one another"
    if not min(details["ebfmi"]) >= LEAST_EBFMI:
        yield f"E-BFMI {min(details['ebfmi']):.2f}, below {LEAST_EBFMI}: tails of the posterior are hardly reached"


def _prior_doubts(density: PopulationDensity, vectors: np.ndarray) -> Iterator[str]:
    """That there are default priors, and which of them the data do not outweigh."""
    prior, space = density.prior, density.task.space
    if prior.defaults():
        yield f"default priors for {', '.join(prior.defaults())}: what they are is in details['priors']"
    flat = vectors.reshape(-1, vectors.shape[-1])
    weight = flat.std(axis=0) / prior.scales
    away = np.abs(flat.mean(axis=0) - space.start) / prior.scales
    strong = [space.names[k] for k in np.flatnonzero((weight > _SHARE) | (away > _AWAY))]
    for k in space.blocks:
        block = space.model.random[k]
        spread = np.sqrt((prior.factor.block(flat, k) ** 2).sum(axis=-1))
        open_ = spread.std(axis=0) > _SHARE * prior.omega_scales(k)
        strong += [
            f"omega({n})" for n, wide in zip(block.names, open_, strict=True) if wide and block.prior is None
        ]
    if strong:
        yield f"the data say little of {', '.join(strong)}: its default prior has a say; state one of your own"
