"""Parameter space: what is estimated of a population, as an unbounded vector, and back.

A fixed effect with a bound is estimated as the logarithm of its distance from it, one with two bounds on the logit
scale; the covariance of random effects by its Cholesky factor with the logarithm of the diagonal (Pinheiro and Bates
1996, doi:10.1007/BF00140873), so that every vector is a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from understudy.core.errors import ModelError
from understudy.inference.effects import Effects
from understudy.model.parts import Parameter
from understudy.model.population_model import PopulationModel

# Of differences of a gradient that is exact: coordinates are logarithms or fractions of the first value.
_DIFFERENCE = 1e-5


@dataclass(frozen=True, eq=False)
class Values:
    """A population's parameters.

    Parameters
    ----------
    fixed : float array, shape (fixed effects,)
        All of them, in the order of the model.
    blocks : tuple of float arrays
        Covariance of each block of random effects, in the order of the model.
    """

    fixed: np.ndarray
    blocks: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class ParameterSpace:
    """The parameters of a population that are estimated.

    Parameters
    ----------
    model : PopulationModel
        Its values are where estimation begins.
    effects : Effects

    Examples
    --------
    >>> from understudy import load_model
    >>> model = load_model("phenobarbital_neonates")
    >>> ParameterSpace(model, Effects(model)).names
    ('theta_CL', 'theta_V', 'theta_APGR', 'sigma2', 'omega(eta_CL)', 'omega(eta_V)')
    """

    model: PopulationModel
    effects: Effects

    @cached_property
    def fixed(self) -> tuple[int, ...]:
        """Places of the fixed effects that are estimated."""
        return tuple(k for k, parameter in enumerate(self.model.fixed) if not parameter.fixed)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Places of the blocks whose covariance is estimated."""
        found = []
        for k, block in enumerate(self.model.random):
            held = block.fixed or block.same or not any(block.covariance[i][i] for i in range(block.size))
            if not held:
                _require_definite(block.names, np.array(block.covariance), self.model.name)
                found.append(k)
        return tuple(found)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is estimated: fixed effects, then variances and covariances."""
        fixed = tuple(self.model.fixed[k].name for k in self.fixed)
        return fixed + tuple(
            omega_name(self.model.random[k].names, i, j)
            for k in self.blocks
            for i, j in zip(*self.free_entries(k), strict=True)
        )

    @cached_property
    def start(self) -> np.ndarray:
        """The model's own values, shape (parameters,)."""
        return self.vector(values_of(self.model))

    @cached_property
    def scales(self) -> tuple[_Scale, ...]:
        """How each estimated fixed effect becomes a number without bounds."""
        return tuple(_Scale.of(self.model.fixed[k], self.model.name) for k in self.fixed)

    def vector(self, values: Values) -> np.ndarray:
        """The vector of some values."""
        fixed = [scale.free(values.fixed[k]) for k, scale in zip(self.fixed, self.scales, strict=True)]
        parts = [
            np.array(fixed),
            *(_factor_vector(values.blocks[k], self.free_entries(k)) for k in self.blocks),
        ]
        return np.concatenate(parts)

    def values(self, vector: np.ndarray) -> Values:
        """The values at a vector."""
        own = values_of(self.model)
        fixed, blocks, place = own.fixed.copy(), list(own.blocks), len(self.fixed)
        for k, scale, free in zip(self.fixed, self.scales, vector, strict=False):
            fixed[k] = scale.natural(free)
        for k in self.blocks:
            length = self._length(k)
            factor = block_factor(
                vector[place : place + length], self.model.random[k].size, self.free_entries(k)
            )
            blocks[k], place = factor @ factor.T, place + length
        for k, block in enumerate(self.model.random):
            blocks[k] = blocks[k - 1] if block.same else blocks[k]
        return Values(fixed, tuple(blocks))

    def omega(self, values: Values) -> np.ndarray:
        """Covariance of a subject's vector of random effects, shape (n, n)."""
        from scipy.linalg import block_diag

        repeated = [m for m, times in zip(values.blocks, self.times, strict=True) for _ in range(times)]
        return block_diag(*repeated) if repeated else np.zeros((0, 0))

    @cached_property
    def omega_slopes(self) -> np.ndarray:
        """Derivatives of `omega` by each variance and covariance of `names`, shape (those, n, n)."""
        from scipy.linalg import block_diag

        found = []
        for k in self.blocks:
            for i, j in zip(*self.free_entries(k), strict=True):
                parts, origin = [], 0
                for place, (block, times) in enumerate(zip(self.model.random, self.times, strict=True)):
                    origin = origin if block.same else place
                    unit = np.zeros((block.size, block.size))
                    if origin == k:
                        unit[i, j] = unit[j, i] = 1.0
                    parts += [unit] * times
                found.append(block_diag(*parts))
        size = self.effects.active.size
        return np.array(found).reshape(len(found), size, size)

    def gradient(self, vector: np.ndarray, by_fixed: np.ndarray, by_omega: np.ndarray) -> np.ndarray:
        """Derivatives by the vector.

        Parameters
        ----------
        vector : float array, shape (parameters,)
        by_fixed : float array, shape (..., estimated fixed effects)
        by_omega : float array, shape (..., active, active)
            By the entries of omega, as if all were free; symmetric.

        Returns
        -------
        float array, shape (..., parameters)
        """
        return self._by_vector(vector, by_fixed, self._by_block(by_omega))

    def penalty(self, vector: np.ndarray) -> float:
        """What priors add to minus two log-likelihoods; zero where there are none."""
        values = self.values(vector)
        found = sum(prior.penalty(self._fixed_values(values)) for prior in self.model.priors)
        return float(found + sum(self.model.random[k].prior.penalty(values.blocks[k]) for k in self._known))

    def penalty_gradient(self, vector: np.ndarray) -> np.ndarray:
        """Derivatives of `penalty` by the vector, shape (parameters,)."""
        values, by_name = self.values(vector), dict.fromkeys(self.model.fixed_values, 0.0)
        for prior in self.model.priors:
            for name, slope in prior.slopes(self._fixed_values(values)).items():
                by_name[name] += slope
        by_block = {k: np.zeros_like(values.blocks[k]) for k in self.blocks}
        for k in {*self.blocks} & {*self._known}:
            by_block[k] = self.model.random[k].prior.slopes(values.blocks[k])
        by_fixed = np.array([by_name[self.model.fixed[k].name] for k in self.fixed])
        return self._by_vector(vector, by_fixed, by_block)

    def penalty_curvature(self, vector: np.ndarray) -> np.ndarray:
        """Second derivatives of `penalty` by the vector, shape (parameters, parameters), by differences."""
        size = vector.size
        if not self.has_priors:
            return np.zeros((size, size))
        moves = _DIFFERENCE * np.eye(size)
        ahead, behind = (
            np.array([self.penalty_gradient(vector + sign * move) for move in moves]) for sign in (1.0, -1.0)
        )
        found = (ahead - behind) / (2.0 * _DIFFERENCE)
        return 0.5 * (found + found.T)

    @property
    def has_priors(self) -> bool:
        """Whether anything is known of the parameters before the data."""
        return bool(self.model.priors or self._known)

    def _fixed_values(self, values: Values) -> dict[str, float]:
        return {p.name: float(v) for p, v in zip(self.model.fixed, values.fixed, strict=True)}

    @cached_property
    def _known(self) -> tuple[int, ...]:
        """Places of the blocks that have a prior."""
        return tuple(k for k, b in enumerate(self.model.random) if b.prior is not None and not b.same)

    def _by_vector(
        self, vector: np.ndarray, by_fixed: np.ndarray, by_block: Mapping[int, np.ndarray]
    ) -> np.ndarray:
        slopes = np.array([s.slope(v) for s, v in zip(self.scales, vector, strict=False)])
        found, place = [by_fixed * slopes], len(self.fixed)
        for k in self.blocks:
            size, length = self.model.random[k].size, self._length(k)
            factor = block_factor(vector[place : place + length], size, self.free_entries(k))
            by_factor = 2.0 * by_block[k] @ factor
            by_factor = np.where(np.eye(size, dtype=bool), by_factor * factor, by_factor)
            found.append(by_factor[..., *self.free_entries(k)])
            place += length
        return np.concatenate(found, axis=-1)

    def jacobian(self, vector: np.ndarray) -> np.ndarray:
        """Derivatives of the named values by the vector, shape (parameters, parameters)."""
        size, step = vector.size, 1e-6
        moved = vector + step * np.concatenate([np.eye(size), -np.eye(size)])
        found = np.array([self.named(self.values(each)) for each in moved])
        return ((found[:size] - found[size:]) / (2 * step)).T

    def named(self, values: Values) -> np.ndarray:
        """Values in the order of `names`."""
        lower = [values.blocks[k][self.free_entries(k)] for k in self.blocks]
        return np.concatenate([values.fixed[list(self.fixed)], *lower])

    def values_of_named(self, named: np.ndarray) -> Values:
        """Values whose `named` these are."""
        own, place = values_of(self.model), len(self.fixed)
        fixed, blocks = own.fixed.copy(), list(own.blocks)
        fixed[list(self.fixed)] = named[:place]
        for k in self.blocks:
            rows, columns = self.free_entries(k)
            matrix = np.zeros_like(blocks[k])
            matrix[rows, columns] = matrix[columns, rows] = named[place : place + len(rows)]
            blocks[k], place = matrix, place + len(rows)
        for k, block in enumerate(self.model.random):
            blocks[k] = blocks[k - 1] if block.same else blocks[k]
        return Values(fixed, tuple(blocks))

    def with_values(self, values: Values) -> PopulationModel:
        """The model with other values."""
        named = {p.name: float(v) for p, v in zip(self.model.fixed, values.fixed, strict=True)}
        changed = {self.model.fixed[k].name for k in self.fixed}
        random = tuple(
            replace(block, covariance=tuple(map(tuple, matrix.tolist())), standard_errors=(), source=None)
            for block, matrix in zip(self.model.random, values.blocks, strict=True)
        )
        kept = {name: value for name, value in named.items() if name in changed}
        return replace(self.model.with_values(**kept), random=random)

    @cached_property
    def times(self) -> tuple[int, ...]:
        """How often each block stands in a subject's omega."""
        return tuple(1 if block.level == "subject" else self.effects.occasions for block in self.model.random)

    def _length(self, block: int) -> int:
        return len(self.free_entries(block)[0])

    def free_entries(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of a block's factor that are estimated: a covariance of zero stays zero, as in NONMEM."""
        if block not in self._entries:
            matrix = np.array(self.model.random[block].covariance)
            free = np.tril((matrix != 0.0) | (np.abs(np.linalg.cholesky(matrix)) > 0.0))
            self._entries[block] = np.nonzero(free)
        return self._entries[block]

    @cached_property
    def _entries(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """What `free_entries` has found: every step of a search asks for it."""
        return {}

    def _by_block(self, by_omega: np.ndarray) -> Mapping[int, np.ndarray]:
        """Derivatives by each estimated block: the sum over all places where it stands."""
        active = np.flatnonzero(self.effects.active)
        full = np.zeros((*by_omega.shape[:-2], self.effects.active.size, self.effects.active.size))
        full[..., active[:, None], active] = by_omega
        found: dict[int, np.ndarray] = {}
        place, origin = 0, 0
        for k, (block, times) in enumerate(zip(self.model.random, self.times, strict=True)):
            origin = origin if block.same else k
            for _ in range(times):
                here = slice(place, place + block.size)
                found[origin] = found.get(origin, 0.0) + full[..., here, here]
                place += block.size
        return found


def values_of(model: PopulationModel) -> Values:
    """The values that a model has."""
    return Values(
        np.array([p.value for p in model.fixed]), tuple(np.array(block.covariance) for block in model.random)
    )


def omega_name(effects: tuple[str, ...], i: int, j: int) -> str:
    """Name of a variance or covariance.

    Examples
    --------
    >>> omega_name(("eta_CL", "eta_V"), 0, 0), omega_name(("eta_CL", "eta_V"), 1, 0)
    ('omega(eta_CL)', 'omega(eta_V,eta_CL)')
    """
    return f"omega({effects[i]})" if i == j else f"omega({effects[i]},{effects[j]})"


@dataclass(frozen=True)
class _Scale:
    """From a bounded number to one without bounds, which `unit` scales where there are none."""

    lower: float
    upper: float
    unit: float

    @classmethod
    def of(cls, parameter: Parameter, place: str) -> _Scale:
        lower, upper, value = parameter.lower, parameter.upper, parameter.value
        if not lower < value < upper:
            raise ModelError(
                f"{parameter.name} begins at {value:g}, not inside of its bounds {lower:g} and {upper:g}",
                place=place,
                repair="begin between the bounds, or hold the parameter: fixed=True",
            )
        return cls(lower, upper, abs(value) or 1.0)

    def free(self, value: float) -> float:
        if np.isfinite(self.lower) and np.isfinite(self.upper):
            return float(np.log((value - self.lower) / (self.upper - value)))
        if np.isfinite(self.lower):
            return float(np.log(value - self.lower))
        return float(-np.log(self.upper - value)) if np.isfinite(self.upper) else value / self.unit

    def natural(self, free: float | np.ndarray) -> float | np.ndarray:
        with np.errstate(over="ignore"):
            if np.isfinite(self.lower) and np.isfinite(self.upper):
                return self.lower + (self.upper - self.lower) / (1.0 + np.exp(-free))
            if np.isfinite(self.lower):
                return self.lower + np.exp(free)
            return self.upper - np.exp(-free) if np.isfinite(self.upper) else free * self.unit

    def slope(self, free: float | np.ndarray) -> float | np.ndarray:
        value = self.natural(free)
        if np.isfinite(self.lower) and np.isfinite(self.upper):
            return (value - self.lower) * (self.upper - value) / (self.upper - self.lower)
        if np.isfinite(self.lower):
            return value - self.lower
        return self.upper - value if np.isfinite(self.upper) else 0.0 * free + self.unit


def _require_definite(names: tuple[str, ...], matrix: np.ndarray, place: str) -> None:
    if np.linalg.eigvalsh(matrix).min() <= 1e-12 * np.abs(matrix).max():
        raise ModelError(
            f"the covariance of {', '.join(names)} is singular where estimation begins",
            place=place,
            repair="begin with smaller correlations and variances above zero, or hold the block: fixed=True",
        )


def _factor_vector(matrix: np.ndarray, free: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    factor = np.linalg.cholesky(matrix)
    np.fill_diagonal(factor, np.log(np.diag(factor)))
    return factor[free]


def block_factor(vector: np.ndarray, size: int, free: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Cholesky factors of a block, shape (..., size, size), from its coordinates, shape (..., free entries)."""
    factor, diagonal = np.zeros((*vector.shape[:-1], size, size)), np.arange(size)
    factor[..., free[0], free[1]] = vector
    with np.errstate(over="ignore"):
        factor[..., diagonal, diagonal] = np.exp(factor[..., diagonal, diagonal])
    return factor
