"""Population prior: what is believed of a population's parameters before the data, as a density of their vector.

Priors that the model has are taken as they are. What has none gets a weakly informative one: fixed effects normal about
the initial estimate on the scale on which they have no bounds; standard deviations of random effects half-t (Gelman
2006, doi:10.1214/06-BA117A), their correlations LKJ (Lewandowski, Kurowicka and Joe 2009,
doi:10.1016/j.jmva.2009.04.008). Densities are of the parameters' vector: each has the logarithm of the derivatives of
what it was stated for in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.inference.estimation.omega_factor import OmegaFactor
from understudy.inference.estimation.parameter_space import ParameterSpace
from understudy.model.prior import NormalPrior

# Degrees of freedom of the half-t distribution: tails that let data decide, with a finite variance.
FREEDOM = 3.0


@dataclass(frozen=True)
class WeakPriors:
    """How weak priors are that a model does not state.

    Parameters
    ----------
    log_sd : float
        Standard deviation about the initial estimate of a fixed effect with one bound, in logarithms of its distance
        from the bound. One with two bounds is uniform between them.
    relative_sd : float
        That of a fixed effect without bounds, as a multiple of the initial estimate's size (of one where that is zero).
    omega_scale : float
        Scale of the half-t distribution of a random effect's standard deviation, as a multiple of the initial one.
    lkj : float
        Exponent plus one of the correlations' determinant: 1 is uniform, more draws them to zero.
    """

    log_sd: float = 2.0
    relative_sd: float = 10.0
    omega_scale: float = 2.5
    lkj: float = 2.0


@dataclass(frozen=True, eq=False)
class PopulationPrior:
    """The prior density of a population's parameters.

    Parameters
    ----------
    space : ParameterSpace
    weak : WeakPriors
    """

    space: ParameterSpace
    weak: WeakPriors

    def __call__(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-densities up to a constant, shape (copies,), and gradients, at vectors of shape (copies, parameters)."""
        value, gradient = self._stated(vectors)
        for column in range(len(self.space.fixed)):
            own = self._of_fixed(column, vectors[:, column])
            value, gradient[:, column] = value + own[0], gradient[:, column] + own[1]
        for block in self.space.blocks:
            own = self._of_block(block, vectors)
            value = value + own[0]
            gradient[:, self.factor.coordinates(block)] += own[1]
        return value, gradient

    @cached_property
    def factor(self) -> OmegaFactor:
        """Of the covariance of random effects."""
        return OmegaFactor(self.space)

    @cached_property
    def scales(self) -> np.ndarray:
        """Standard deviation of each default prior, in the vector's coordinates; infinite where there is none."""
        found = np.full(len(self.space.names), np.inf)
        for column, scale in enumerate(self.space.scales):
            if self._stated_scale(column) is None and not (
                np.isfinite(scale.lower) and np.isfinite(scale.upper)
            ):
                bounded = np.isfinite(scale.lower) or np.isfinite(scale.upper)
                found[column] = self.weak.log_sd if bounded else self.weak.relative_sd
        return found

    def sentences(self) -> tuple[str, ...]:
        """What was believed of each parameter, in words."""
        return (*self._fixed_sentences(), *self._omega_sentences())

    def defaults(self) -> tuple[str, ...]:
        """Names of parameters whose priors the model does not state."""
        model, space = self.space.model, self.space
        fixed = [model.fixed[k].name for c, k in enumerate(space.fixed) if self._stated_scale(c) is None]
        random = [
            f"omega({n})"
            for k in space.blocks
            if model.random[k].prior is None
            for n in model.random[k].names
        ]
        return (*fixed, *random)

    def _stated(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The model's own priors, as densities of what they are stated for."""
        value, gradient = np.zeros(len(vectors)), np.zeros_like(vectors)
        for prior in self.space.model.priors:
            own, by_free = self._normal_of(prior, vectors)
            value, gradient = value + own, gradient + by_free
        for block in self.space.blocks:
            if self.space.model.random[block].prior is not None:
                own, by_free = self._inverse_wishart(block, vectors)
                value[:] += own
                gradient[:, self.factor.coordinates(block)] += by_free
        return value, gradient

    def _normal_of(self, prior: NormalPrior, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One of fixed effects, of which some may be held; derivatives by the vector."""
        model, column = self.space.model, {k: c for c, k in enumerate(self.space.fixed)}
        places = {p.name: k for k, p in enumerate(model.fixed)}
        away = np.empty((len(vectors), len(prior.names)))
        speed, gradient = np.zeros_like(away), np.zeros_like(vectors)
        for k, name in enumerate(prior.names):
            value = np.full(len(vectors), model.fixed[places[name]].value)
            if places[name] in column:
                scale, free = self.space.scales[column[places[name]]], vectors[:, column[places[name]]]
                value, speed[:, k] = scale.natural(free), scale.slope(free)
            if prior.scale == "log":
                speed[:, k], value = speed[:, k] / value, np.log(value)
            away[:, k] = value - prior.means[k]
        pull = np.linalg.solve(np.array(prior.covariance), away.T).T
        for k, name in enumerate(prior.names):
            if places[name] in column:
                gradient[:, column[places[name]]] -= pull[:, k] * speed[:, k]
        return -0.5 * (away * pull).sum(axis=1), gradient

    def _inverse_wishart(self, block: int, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """That of a block of random effects; derivatives by the block's coordinates."""
        rows, columns = self.space.free_entries(block)
        prior = self.space.model.random[block].prior
        factor = self.factor.block(vectors, block)
        diagonal = np.diagonal(factor, axis1=1, axis2=2)
        inverse = np.linalg.inv(factor)
        within = inverse @ np.array(prior.mode) @ np.swapaxes(inverse, 1, 2)
        value = -prior.weight * (np.log(diagonal).sum(axis=1) + 0.5 * np.trace(within, axis1=1, axis2=2))
        # The derivatives of both by the factor: its inverse, transposed, times one less what is within.
        unit = np.eye(factor.shape[-1])
        by_factor = -prior.weight * np.swapaxes(inverse, 1, 2) @ (unit - within)
        by_factor = np.where(unit > 0, by_factor * factor, by_factor)
        return value, by_factor[:, rows, columns]

    def _stated_scale(self, column: int) -> str | None:
        """The scale of the model's prior of a fixed effect, None where it has none."""
        name = self.space.model.fixed[self.space.fixed[column]].name
        return next((prior.scale for prior in self.space.model.priors if name in prior.names), None)

    def _of_fixed(self, column: int, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A fixed effect's default density, or what takes its own to the vector's coordinate; with the derivative."""
        scale, stated = self.space.scales[column], self._stated_scale(column)
        if stated is None and np.isfinite(self.scales[column]):
            away = (free - self.space.start[column]) / self.scales[column]
            return -0.5 * away**2, -away / self.scales[column]
        value, slope = scale.natural(free), scale.slope(free)
        found, bent = np.log(slope), _log_slope(scale, value)
        if stated == "log":
            found, bent = found - np.log(value), bent - slope / value
        return found, bent

    def _of_block(self, block: int, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same of a block of random effects, with derivatives by its coordinates."""
        rows, columns = self.space.free_entries(block)
        random, size = self.space.model.random[block], self.space.model.random[block].size
        factor = self.factor.block(vectors, block)
        logs = vectors[:, self.factor.coordinates(block)][:, rows == columns]
        weights = np.bincount(columns, minlength=size) + 1.0
        value, by_log = logs @ weights, np.broadcast_to(weights, logs.shape)
        by_factor = np.zeros_like(factor)
        if random.prior is None:
            spread = np.sqrt((factor**2).sum(axis=-1))
            own, by_spread = self._weak_block(block, spread, rows, columns)
            value = value + own + 2.0 * (self.weak.lkj - 1.0) * logs.sum(axis=1)
            by_log = by_log + 2.0 * (self.weak.lkj - 1.0)
            by_factor = (by_spread / spread**2)[..., None] * factor
        diagonal = np.arange(size)
        by_factor[:, diagonal, diagonal] = by_factor[:, diagonal, diagonal] * np.exp(logs) + by_log
        return value, by_factor[:, rows, columns]

    def _weak_block(
        self, block: int, spread: np.ndarray, rows: np.ndarray, columns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What standard deviations, shape (copies, size), add to a default density; derivatives by their logarithms."""
        size = spread.shape[1]
        covariances = np.bincount(rows, minlength=size) + np.bincount(columns, minlength=size) - 2.0
        powers = 1.0 + covariances + 2.0 * (self.weak.lkj - 1.0)
        squares = (spread / self.omega_scales(block)) ** 2 / FREEDOM
        value = -0.5 * (FREEDOM + 1.0) * np.log1p(squares) - powers * np.log(spread)
        return value.sum(axis=1), -(FREEDOM + 1.0) * squares / (1.0 + squares) - powers

    def omega_scales(self, block: int) -> np.ndarray:
        """Scales of the half-t distributions of a block's standard deviations."""
        return self.weak.omega_scale * np.sqrt(np.diag(self.space.model.random[block].covariance))

    def _fixed_sentences(self) -> Iterator[str]:
        for column, k in enumerate(self.space.fixed):
            parameter, scale = self.space.model.fixed[k], self.space.scales[column]
            if (stated := self._stated_scale(column)) is not None:
                yield f"{parameter.name}: the model's, normal{' of its logarithm' if stated == 'log' else ''}"
            elif np.isfinite(scale.lower) and np.isfinite(scale.upper):
                yield f"{parameter.name}: default, uniform between {scale.lower:g} and {scale.upper:g}"
            else:
                yield f"{parameter.name}: default, {self._normal(parameter.value, scale)}"

    def _normal(self, value: float, scale) -> str:
        if not (np.isfinite(scale.lower) or np.isfinite(scale.upper)):
            return (
                f"normal about {value:.4g} with standard deviation {self.weak.relative_sd * scale.unit:.3g}"
            )
        bound = scale.lower if np.isfinite(scale.lower) else scale.upper
        what = "logarithm" if bound == 0 else f"logarithm of the distance from {bound:g}"
        return f"{what} normal about that of {value:.4g} with standard deviation {self.weak.log_sd:g}"

    def _omega_sentences(self) -> Iterator[str]:
        for k in self.space.blocks:
            block = self.space.model.random[k]
            if block.prior is not None:
                yield f"omega({', '.join(block.names)}): the model's, inverse Wishart"
                continue
            for name, scale in zip(block.names, self.omega_scales(k), strict=True):
                yield f"sd({name}): default, half-t with {FREEDOM:g} degrees of freedom and scale {scale:.3g}"
            if block.size > 1:
                yield f"correlations of {', '.join(block.names)}: default, LKJ({self.weak.lkj:g})"


def _log_slope(scale, value: np.ndarray) -> np.ndarray | float:
    """Derivative of the logarithm of a scale's slope by the unbounded coordinate."""
    if np.isfinite(scale.lower) and np.isfinite(scale.upper):
        return (scale.upper + scale.lower - 2.0 * value) / (scale.upper - scale.lower)
    if np.isfinite(scale.lower):
        return 1.0
    return -1.0 if np.isfinite(scale.upper) else 0.0
