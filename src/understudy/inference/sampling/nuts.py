"""nuts: the No-U-Turn sampler, many chains on many densities at once.

Hoffman MD, Gelman A. The No-U-Turn sampler. J Mach Learn Res 2014;15:1593-1623 (arXiv:1111.4246): doubling, the
criterion of a U-turn, dual averaging of the step size. Draws are chosen along a trajectory by their weights, as of
Betancourt M. A conceptual introduction to Hamiltonian Monte Carlo (arXiv:1701.02434), appendix A.3: uniformly within a
subtree, in favour of the new half between subtrees.

The recursion is unrolled: of each subtree only those points are kept that a later one is compared with, as many as it
has levels. So every chain is at a place of its own in a tree of its own, and each evaluation of the densities moves all
of them by one step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from understudy.core.random import uniforms
from understudy.inference.sampling.metric import LogDensity, learnt_roots, turned
from understudy.inference.sampling.step_size import StepSize

# An error of the energy from which a trajectory is called divergent, as in Stan.
_DIVERGENT = 1000.0
_BLOCK = 32  # steps for which random numbers are drawn at once


@dataclass(frozen=True, eq=False)
class Chains:
    """What `sample_nuts` drew.

    Parameters
    ----------
    samples : float array, shape (chains, draws, targets, dimensions)
    acceptance : float array, shape (chains, targets)
        Mean acceptance probability of a step after the warm-up.
    step_size : float array, shape (chains, targets)
    divergences : int array, shape (chains, targets)
        Trajectories after the warm-up whose energy was lost.
    evaluations : int
        Calls of the log-density.
    """

    samples: np.ndarray
    acceptance: np.ndarray
    step_size: np.ndarray
    divergences: np.ndarray
    evaluations: int


def sample_nuts(
    log_density: LogDensity,
    start: np.ndarray,
    *,
    draws: int = 250,
    warmup: int = 200,
    seed: int = 0,
    keys: np.ndarray | None = None,
    acceptance: float = 0.8,
    doublings: int = 10,
) -> Chains:
    """Draw from several densities, each by several chains.

    Coordinates should be of the order of the densities' standard deviations. In the first half of the warm-up the
    covariance of each density is learnt, over its chains; in the second the step size in coordinates that it
    standardises.

    Parameters
    ----------
    log_density : callable
        From points of shape (chains, targets, dimensions) to log-densities, shape (chains, targets), and their
        gradients. Minus infinity where it is undefined.
    start : float array, shape (chains, targets, dimensions)
    draws : int
        Of each chain, after the warm-up.
    warmup : int
        Draws that are thrown away.
    seed : int
    keys : int array, shape (targets,)
        Numbers of the targets: one's draws depend on the seed and on its number, not on the others.
    acceptance : float
        Acceptance probability that the step size is made for.
    doublings : int
        Most doublings of a trajectory.

    Examples
    --------
    >>> def normal(x):
    ...     return -0.5 * (x**2).sum(axis=-1), -x
    >>> chains = sample_nuts(normal, np.zeros((4, 1, 2)), draws=500)
    >>> bool(abs(chains.samples.var() - 1) < 0.1)
    True
    """
    numbers = np.arange(start.shape[1]) if keys is None else np.asarray(keys)
    goal = {"acceptance": acceptance, "doublings": doublings}
    early, late = warmup // 2, warmup - warmup // 2
    learnt = run_chains(log_density, start, early, 0, StepNumbers(seed, "nuts warm-up", numbers), **goal)
    root = learnt_roots(learnt.samples, start.shape)
    inverse = np.linalg.inv(root)
    begin = np.einsum("nij,cnj->cni", inverse, learnt.last)
    found = run_chains(
        turned(log_density, root), begin, late, draws, StepNumbers(seed, "nuts", numbers), **goal
    )
    return Chains(
        np.einsum("nij,csnj->csni", root, found.samples[:, late:]),
        found.acceptance,
        found.step_size,
        found.divergences,
        learnt.evaluations + found.evaluations,
    )


@dataclass
class StepNumbers:
    """Random numbers for every chain, step by step; shape (chains, targets, count).

    Parameters
    ----------
    seed : int
    purpose : str
    keys : int array, shape (targets,)
    """

    seed: int
    purpose: str
    keys: np.ndarray
    block: np.ndarray = field(default_factory=lambda: np.empty(0))

    def at(self, step: int, chains: int, count: int) -> np.ndarray:
        if step % _BLOCK == 0:
            drawn = [
                uniforms(self.seed, f"{self.purpose} {chain} {step}", self.keys, _BLOCK * count)
                for chain in range(chains)
            ]
            self.block = np.array(drawn).reshape(chains, len(self.keys), _BLOCK, count)
        return self.block[:, :, step % _BLOCK]


@dataclass(frozen=True, eq=False)
class Run:
    """What `run_chains` drew; arrays of shape (chains, targets), but for the first three.

    Parameters
    ----------
    samples : float array, shape (chains, draws, targets, dimensions)
        Those of the warm-up first.
    energy : float array, shape (chains, draws, targets)
        Minus the log-density and the momentum's part, where each trajectory began.
    last : float array, shape (chains, targets, dimensions)
    acceptance, step_size : float arrays
    divergences, saturated, leapfrogs : int arrays
        After the warm-up: trajectories whose energy was lost, those that reached the limit on doublings, steps.
    evaluations : int
    """

    samples: np.ndarray
    energy: np.ndarray
    last: np.ndarray
    acceptance: np.ndarray
    step_size: np.ndarray
    divergences: np.ndarray
    saturated: np.ndarray
    leapfrogs: np.ndarray
    evaluations: int


def run_chains(
    log_density: LogDensity, start: np.ndarray, warmup: int, draws: int, numbers: StepNumbers, *,
    acceptance: float, doublings: int, step_size: np.ndarray | None = None,
) -> Run:  # fmt: skip
    """All chains from their starts to their last draw; step sizes are learnt in the warm-up, from given ones or not."""
    chains, targets, size = start.shape
    learning = StepSize.begin(start, acceptance, step_size)
    forest = _Forest(log_density, start, warmup, warmup + draws, doublings, learning)
    step = 0
    forest.begin(np.ones((chains, targets), bool), numbers.at(0, chains, 3 + size))
    while forest.growing.any():
        step += 1
        forest.grow(numbers.at(step, chains, 3 + size))
    counted = np.maximum(forest.counted, 1)
    return Run(
        np.moveaxis(forest.samples, 2, 1),
        np.moveaxis(forest.energies, 2, 1),
        forest.x,
        forest.accepted / counted,
        forest.step.size,
        forest.divergences,
        forest.saturated,
        forest.steps,
        step + 1,
    )


class _Forest:
    """The trajectories of all chains, each grown by one step at a time. Arrays are of shape (chains, targets, ...)."""

    def __init__(self, log_density, start, warmup: int, total: int, doublings: int, step: StepSize):
        self.log_density, self.warmup, self.total, self.doublings = log_density, warmup, total, doublings
        self.step = step
        shape, size = start.shape[:2], start.shape[2]
        self.x = start.copy()
        self.value, self.gradient = _evaluate(log_density, start)
        self.samples, self.energies = np.zeros((*shape, total, size)), np.zeros((*shape, total))
        self.done = np.zeros(shape, np.int64)
        self.divergences, self.saturated, self.steps = (np.zeros(shape, np.int64) for _ in range(3))
        self.counted, self.accepted = np.zeros(shape), np.zeros(shape)
        self.edge = {side: [np.zeros_like(start) for _ in range(3)] for side in (-1, 1)}
        self.now = [np.zeros_like(start) for _ in range(3)]
        self.kept, self.fresh = _Choice.like(start), _Choice.like(start)
        self.energy, self.acceptance, self.leapfrogs = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.depth, self.leaf = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.way = np.ones(shape)
        self.marked = [np.zeros((max(doublings, 1), *start.shape)) for _ in range(2)]

    @property
    def growing(self) -> np.ndarray:
        """Chains that have draws to make."""
        return self.done < self.total

    def begin(self, which: np.ndarray, numbers: np.ndarray) -> None:
        """New momenta, and trajectories of one point."""
        from scipy.special import ndtri

        momentum = ndtri(numbers[..., 3:])
        for state in self.edge.values():
            for held, new in zip(state, (self.x, momentum, self.gradient), strict=True):
                held[which] = new[which]
        energy = self.value - 0.5 * (momentum**2).sum(axis=-1)
        self.energy[which], self.acceptance[which], self.leapfrogs[which] = energy[which], 0.0, 0.0
        self.kept.take(which, self.x, self.value, self.gradient)
        self.kept.weight[which] = 0.0
        self.depth[which] = 0
        self._sprout(which, numbers)

    def _sprout(self, which: np.ndarray, numbers: np.ndarray) -> None:
        """A new subtree, forwards or backwards from an end of the trajectory."""
        self.way[which] = np.where(numbers[..., 0] < 0.5, -1.0, 1.0)[which]
        for k, held in enumerate(self.now):
            end = np.where((self.way > 0)[..., None], self.edge[1][k], self.edge[-1][k])
            held[which] = end[which]
        self.leaf[which], self.fresh.weight[which] = 0, -np.inf

    def grow(self, numbers: np.ndarray) -> None:
        """One leapfrog step of every chain, and what follows from it."""
        growing = self.growing
        change, value = self._leap()
        self.acceptance += np.where(growing, np.minimum(1.0, np.exp(np.minimum(change, 0.0))), 0.0)
        self.leapfrogs += growing
        self.fresh.add(growing, change, numbers[..., 1], self.now[0], value, self.now[2])
        lost = growing & (change < -_DIVERGENT)
        turned = self._turned_back(growing)
        self.leaf += growing
        ended = lost | turned
        whole = growing & ~ended & (self.leaf == 2**self.depth)
        ended |= self._join(whole, numbers)
        self._finish(ended & growing, lost, numbers)
        self._sprout(whole & ~ended, numbers)

    def _leap(self) -> tuple[np.ndarray, np.ndarray]:
        """The next point of every subtree: how much its energy differs from the start's, and its log-density."""
        x, momentum, gradient = self.now
        span = (self.way * self.step.size)[..., None]
        # A divergent trajectory may leave the range of numbers.
        with np.errstate(invalid="ignore", over="ignore"):
            momentum += 0.5 * span * gradient
            x += span * momentum
            value, gradient[...] = _evaluate(self.log_density, x)
            momentum += 0.5 * span * gradient
            change = value - 0.5 * (momentum**2).sum(axis=-1) - self.energy
        return np.where(np.isnan(change), -np.inf, change), value

    def _turned_back(self, growing: np.ndarray) -> np.ndarray:
        """Whether a subtree within the new one, of which this is the last point, has made a U-turn.

        The point with the number n, counted from 0, ends as many subtrees as its binary digits end in ones; those began
        at points that are kept at places counted by the ones among the other digits.
        """
        x, momentum, _ = self.now
        place = _ones(self.leaf >> 1)
        even = growing & (self.leaf % 2 == 0)
        turned = np.zeros_like(growing)
        ending = _trailing_ones(self.leaf)
        for k in range(int(place[growing].max(initial=0)) + 1):
            here = even & (place == k)
            self.marked[0][k][here], self.marked[1][k][here] = x[here], momentum[here]
            asked = growing & ~even & (k <= place) & (k > place - ending)
            if asked.any():
                along = self.way[..., None] * (x - self.marked[0][k])
                turned |= asked & _is_turning(along, self.marked[1][k], momentum)
        return turned

    def _join(self, whole: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Join complete subtrees to their trajectories; which of these are thereby at their end."""
        taken = whole & (np.log(numbers[..., 2]) < self.fresh.weight - self.kept.weight)
        self.kept.take(taken, self.fresh.x, self.fresh.value, self.fresh.gradient)
        self.kept.weight[whole] = np.logaddexp(self.kept.weight, self.fresh.weight)[whole]
        for side, state in self.edge.items():
            here = whole & (self.way == side)
            for held, new in zip(state, self.now, strict=True):
                held[here] = new[here]
        self.depth += whole
        (left, before, _), (right, after, _) = self.edge[-1], self.edge[1]
        return whole & (_is_turning(right - left, before, after) | (self.depth >= self.doublings))

    def _finish(self, ended: np.ndarray, lost: np.ndarray, numbers: np.ndarray) -> None:
        """Note the draws of trajectories that have ended, learn from them, and begin new ones."""
        if not ended.any():
            return
        self.x[ended] = self.kept.x[ended]
        self.value[ended], self.gradient[ended] = self.kept.value[ended], self.kept.gradient[ended]
        chain, target = np.nonzero(ended)
        self.samples[chain, target, self.done[ended]] = self.x[ended]
        self.energies[chain, target, self.done[ended]] = -self.energy[ended]
        mean = self.acceptance / np.maximum(self.leapfrogs, 1)
        warm = ended & (self.done < self.warmup)
        self.step.learn(warm, mean, last=self.done == self.warmup - 1)
        after = ended & ~warm
        self.counted += after
        self.accepted += np.where(after, mean, 0.0)
        self.divergences += after & lost
        self.saturated += after & (self.depth >= self.doublings)
        self.steps += np.where(after, self.leapfrogs, 0).astype(np.int64)
        self.done += ended
        self.begin(ended & self.growing, numbers)


@dataclass(eq=False)
class _Choice:
    """A point chosen among those of a tree, and the logarithm of the tree's weight."""

    x: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    weight: np.ndarray

    @classmethod
    def like(cls, start: np.ndarray) -> _Choice:
        shape = start.shape[:2]
        return cls(np.zeros_like(start), np.zeros(shape), np.zeros_like(start), np.zeros(shape))

    def take(self, which: np.ndarray, x: np.ndarray, value: np.ndarray, gradient: np.ndarray) -> None:
        self.x[which], self.value[which], self.gradient[which] = x[which], value[which], gradient[which]

    def add(self, which, change, uniform, x, value, gradient) -> None:
        """One more point, chosen with the probability that its weight has among all."""
        weight = np.logaddexp(self.weight, change)
        with np.errstate(invalid="ignore"):
            self.take(which & (np.log(uniform) < change - weight), x, value, gradient)
        self.weight[which] = weight[which]


def _evaluate(log_density: LogDensity, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-density and gradient with minus infinity and zero where they are undefined."""
    value, gradient = log_density(x)
    stands = np.isfinite(value) & np.isfinite(gradient).all(axis=-1)
    return np.where(stands, value, -np.inf), np.where(stands[..., None], gradient, 0.0)


def _is_turning(along: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Whether either end moves towards the other."""
    with np.errstate(invalid="ignore", over="ignore"):
        return ((along * before).sum(axis=-1) <= 0) | ((along * after).sum(axis=-1) <= 0)


def _ones(number: np.ndarray) -> np.ndarray:
    """Ones among the binary digits."""
    return np.bitwise_count(number).astype(np.int64)


def _trailing_ones(number: np.ndarray) -> np.ndarray:
    """Ones at the end of the binary digits."""
    return _ones(number & ~(number + 1))
