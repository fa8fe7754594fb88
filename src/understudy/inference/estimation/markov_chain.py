"""Markov chains of all subjects' random effects, several for each subject, moved side by side.

Metropolis and Hastings' algorithm (doi:10.1093/biomet/57.1.97) with four kinds of proposals: drawn from the population;
drawn from a t distribution around what a subject's chains have visited; a random walk along one random effect; a random
walk along all of them, shaped by what the subject's chains have visited (Haario, Saksman and Tamminen 2001,
doi:10.2307/3318737). The walks' lengths are adapted to an acceptance of 0.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from understudy.core.random import normals, uniforms
from understudy.inference.likelihood import Likelihood

_ACCEPTANCE, FREEDOM = 0.3, 5
# Walks along one effect in each iteration, and along all.
_SINGLE, _WHOLE = 2, 1
# Iterations that what was visited remembers, and from when on it is good enough to propose by.
_AT_FIRST, _MEMORY, _KNOWN = 10, 30, 20


@dataclass(frozen=True, eq=False)
class Chains:
    """Where the chains stand.

    Parameters
    ----------
    effects : float array, shape (copies, N, active)
    plain : float array, shape (copies, columns)
        Predictions there, on the measurements' own scale.
    joint : float array, shape (copies, N)
        Minus twice the joint log-density there, at the parameters of the last move.
    lengths : float array, shape (active + 1,)
        Of the walks along each random effect, and of that along all, relative to what was visited.
    mean : float array, shape (N, active)
    covariance : float array, shape (N, active, active)
        Of what was visited.
    moves : int
        How often the chains have moved.
    acceptance : float array, shape (4,)
        Share of proposals taken in the last iteration: population, t, one effect, all effects.
    """

    effects: np.ndarray
    plain: np.ndarray
    joint: np.ndarray
    lengths: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    moves: int
    acceptance: np.ndarray

    def shifted(self, by: np.ndarray) -> Chains:
        """With effects moved by shape (N, active), as the means that they deviate from move the other way."""
        return replace(self, effects=self.effects + by, mean=self.mean + by)

    @property
    def weights(self) -> np.ndarray:
        """Of each copy, all the same, shape (copies, N)."""
        return np.full(self.effects.shape[:2], 1.0 / len(self.effects))

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays by name, for a checkpoint."""
        return {f"chains.{each.name}": np.asarray(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Chains:
        """What `arrays` gave."""
        found = {each.name: arrays[f"chains.{each.name}"] for each in fields(cls)}
        return cls(**found | {"moves": int(found["moves"])})


def full_vectors(likelihood: Likelihood, effects: np.ndarray) -> np.ndarray:
    """Active random effects as vectors of all, shape (copies, N, n)."""
    found = np.zeros((*effects.shape[:-1], likelihood.predictor.effects.active.size))
    found[..., likelihood.active] = effects
    return found


def begin(likelihood: Likelihood, copies: int, seed: int) -> Chains:
    """Chains that begin with draws from the population, at its middle where predictions are undefined there."""
    count, size = likelihood.count, likelihood.active.size
    z = normals(seed, "saem start", np.arange(count), copies * size).reshape(count, copies, size)
    effects = np.swapaxes(z, 0, 1) @ np.linalg.cholesky(likelihood.omega).T
    plain, data = _data(likelihood, effects)
    effects = np.where(np.isfinite(data)[..., None], effects, 0.0)
    plain, data = _data(likelihood, effects)
    covariance = np.broadcast_to(likelihood.omega, (count, size, size)).copy()
    none = np.zeros((count, size))
    return Chains(effects, plain, data, np.full(size + 1, 0.5), none, covariance, 0, np.zeros(4))


def data_of(likelihood: Likelihood, chains: Chains) -> np.ndarray:
    """The data's term where the chains stand, shape (copies, N)."""
    vectors = full_vectors(likelihood, chains.effects)
    moments = likelihood.predictor.moments(chains.plain, vectors, likelihood.fixed)
    return likelihood.data_term(*moments)


def _data(likelihood: Likelihood, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predictions on their own scale, and the data's term."""
    predictor, vectors = likelihood.predictor, full_vectors(likelihood, effects)
    plain = predictor.natural(vectors, likelihood.fixed)
    return plain, likelihood.data_term(*predictor.moments(plain, vectors, likelihood.fixed))


@dataclass
class _Walk:
    """Chains on their way through one iteration."""

    likelihood: Likelihood
    effects: np.ndarray
    plain: np.ndarray
    data: np.ndarray

    @property
    def joint(self) -> np.ndarray:
        return self.data + self.prior(self.effects)

    def prior(self, effects: np.ndarray) -> np.ndarray:
        """The random effects' quadratic form, shape (copies, N)."""
        return np.einsum("...i,ij,...j", effects, self.likelihood.precision, effects)

    def take(self, accepted: np.ndarray, effects: np.ndarray, plain: np.ndarray, data: np.ndarray) -> None:
        """Go where proposals of shape (copies, N) are accepted."""
        self.effects = np.where(accepted[..., None], effects, self.effects)
        self.plain = np.where(accepted[:, self.likelihood.predictor.owner], plain, self.plain)
        self.data = np.where(accepted, data, self.data)


class _Draws:
    """Random numbers of one iteration, handed out in order, shape (copies, N, …)."""

    def __init__(self, seed: int, iteration: int, copies: int, count: int, size: int):
        normal = 2 * size + _SINGLE + _WHOLE * size
        uniform = 3 + 2 * _SINGLE + _WHOLE
        who, purpose = np.arange(count), f"saem {iteration}"
        shape = (count, copies, -1)
        self._normals = normals(seed, purpose, who, copies * normal).reshape(shape).swapaxes(0, 1)
        self._uniforms = uniforms(seed, purpose + " u", who, copies * uniform).reshape(shape).swapaxes(0, 1)
        self._place = [0, 0]

    def normals(self, size: int) -> np.ndarray:
        return self._next(0, self._normals, size)

    def uniform(self) -> np.ndarray:
        return self._next(1, self._uniforms, 1)[..., 0]

    def _next(self, which: int, numbers: np.ndarray, size: int) -> np.ndarray:
        start = self._place[which]
        self._place[which] = start + size
        return numbers[..., start : start + size]


def move(likelihood: Likelihood, chains: Chains, seed: int, iteration: int, rate: float = 1.0) -> Chains:
    """One iteration of all kernels, and what is learnt from it for the next ones.

    Parameters
    ----------
    likelihood : Likelihood
    chains : Chains
    seed, iteration : int
        What the random numbers are keyed by.
    rate : float
        How fast proposals are adapted: one at first, going to zero, so that the chains keep their distribution.
    """
    copies, count, size = chains.effects.shape
    draws = _Draws(seed, iteration, copies, count, size)
    walk = _Walk(likelihood, chains.effects, chains.plain, data_of(likelihood, chains))
    rates, lengths = np.zeros(4), chains.lengths
    rates[:2] = _independent(walk, chains, draws)
    gain = rate / (1.0 + chains.moves) ** 0.5
    for _ in range(_SINGLE):
        accepted, which = _along_one(walk, chains, lengths, draws)
        rates[2] += accepted.mean() / _SINGLE
        lengths = _adapted(lengths, accepted, which, gain)
    for _ in range(_WHOLE):
        accepted = _along_all(walk, chains, lengths, draws)
        rates[3] += accepted.mean() / _WHOLE
        lengths = _adapted(lengths, accepted, np.full(accepted.shape, size), gain)
    stand = {"effects": walk.effects, "plain": walk.plain, "joint": walk.joint}
    return _remembered(replace(chains, **stand, lengths=lengths, acceptance=rates), likelihood, rate)


def _independent(walk: _Walk, chains: Chains, draws: _Draws) -> tuple[float, float]:
    """Proposals that do not depend on where the chains stand, all predicted at once."""
    copies, _, size = walk.effects.shape
    own = draws.normals(size) @ np.linalg.cholesky(walk.likelihood.omega).T
    spread = np.linalg.cholesky(chains.covariance)
    stretched = draws.normals(size) * t_stretch(draws.uniform())[..., None]
    visited = chains.mean + np.einsum("nij,cnj->cni", spread, stretched)
    both = np.concatenate([own, visited])
    plain, data = _data(walk.likelihood, both)
    with np.errstate(invalid="ignore"):
        taken = np.log(draws.uniform()) < 0.5 * (walk.data - data[:copies])
        walk.take(taken, own, plain[:copies], data[:copies])
        if chains.moves < _KNOWN:
            return float(taken.mean()), 0.0
        joint = data[copies:] + walk.prior(visited)
        ratio = 0.5 * (walk.joint - joint)
        ratio += _t_density(walk.effects - chains.mean, spread) - _t_density(visited - chains.mean, spread)
        again = np.log(draws.uniform()) < ratio
    walk.take(again, visited, plain[copies:], data[copies:])
    return float(taken.mean()), float(again.mean())


def t_stretch(uniform: np.ndarray) -> np.ndarray:
    """What makes normal numbers those of a t distribution of `FREEDOM` degrees of freedom."""
    from scipy.special import gammaincinv

    return np.sqrt(FREEDOM / (2.0 * gammaincinv(FREEDOM / 2.0, uniform)))


def _t_density(difference: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Logarithm of the density, up to a constant, shape (copies, N)."""
    whole = np.linalg.solve(spread, np.moveaxis(difference, 0, -1))
    return -0.5 * (FREEDOM + difference.shape[-1]) * np.log1p((whole**2).sum(axis=1) / FREEDOM).T


def _along_one(walk: _Walk, chains: Chains, lengths: np.ndarray, draws: _Draws):
    """A walk along one random effect of each chain, and which one it was."""
    size = walk.effects.shape[-1]
    which = np.minimum((draws.uniform() * size).astype(int), size - 1)
    spread = np.sqrt(np.diagonal(chains.covariance, axis1=1, axis2=2)) * lengths[:size]
    step = np.where(np.arange(size) == which[..., None], spread * draws.normals(1), 0.0)
    return _step(walk, step, draws), which


def _along_all(walk: _Walk, chains: Chains, lengths: np.ndarray, draws: _Draws) -> np.ndarray:
    spread = np.linalg.cholesky(chains.covariance) * lengths[-1]
    return _step(walk, np.einsum("nij,cnj->cni", spread, draws.normals(walk.effects.shape[-1])), draws)


def _step(walk: _Walk, step: np.ndarray, draws: _Draws) -> np.ndarray:
    effects = walk.effects + step
    plain, data = _data(walk.likelihood, effects)
    with np.errstate(invalid="ignore"):
        accepted = np.log(draws.uniform()) < 0.5 * (walk.joint - data - walk.prior(effects))
    walk.take(accepted, effects, plain, data)
    return accepted


def _adapted(lengths: np.ndarray, accepted: np.ndarray, which: np.ndarray, gain: float) -> np.ndarray:
    """Longer walks where more were accepted than should be, shorter ones where fewer were."""
    tried = np.bincount(which.ravel(), minlength=lengths.size)
    taken = np.bincount(which.ravel(), accepted.ravel(), minlength=lengths.size)
    excess = np.where(tried > 0, taken / np.maximum(tried, 1) - _ACCEPTANCE, 0.0)
    return np.clip(lengths * np.exp(2.0 * gain * excess), 1e-3, 20.0)


def _remembered(chains: Chains, likelihood: Likelihood, rate: float) -> Chains:
    """What was visited, with this iteration in it; never narrower than a hundredth of the population's variance."""
    weight = rate / (_AT_FIRST + min(chains.moves, _MEMORY))
    now = chains.effects.mean(axis=0)
    mean = chains.mean + weight * (now - chains.mean)
    apart = chains.effects - mean
    spread = np.einsum("cni,cnj->nij", apart, apart) / len(apart)
    floor = 1e-4 * np.diag(np.diag(likelihood.omega))
    covariance = chains.covariance + weight * (spread + floor - chains.covariance)
    return replace(chains, mean=mean, covariance=covariance, moves=chains.moves + 1)
