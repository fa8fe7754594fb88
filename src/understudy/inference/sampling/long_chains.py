"""Long chains: one density of many dimensions, drawn from with a warm-up in windows, to be taken up again at any stage.

The warm-up is Stan's (Stan Reference Manual, section on adaptation): a first stage in which chains come to where the
density is, windows that double in length and after each of which the metric is learnt anew, a last stage for the step
size. All chains learn one metric. The covariance of the leading coordinates is learnt whole, of the others the
variances alone: of hundreds of dimensions a few hundred draws say no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from understudy.inference.sampling.nuts import Run, StepNumbers, run_chains

# Lengths of the first stage, the first window and the last stage, for warm-ups of at least 150 draws.
_FIRST, _WINDOW, _LAST = 75, 25, 50
# Draws of the last stage of short warm-ups: a step size from fewer may be one at which every trajectory diverges.
_LEAST = 10
# Draws that the metric begun with is worth.
_WORTH = 5.0
# Draws after the warm-up that are made at once.
_BATCH = 50


def stages(warmup: int) -> tuple[int, ...]:
    """Lengths of the stages of a warm-up; after all but the first and the last the metric is learnt anew.

    Examples
    --------
    >>> stages(500), stages(100), stages(20)
    ((75, 25, 50, 100, 200, 50), (15, 75, 10), (3, 7, 10))
    """
    if warmup < 150:
        first, last = round(0.15 * warmup), max(round(0.1 * warmup), min(_LEAST, warmup // 2))
        return first, warmup - first - last, last
    left, found, window = warmup - _FIRST - _LAST, [], _WINDOW
    while left:
        # The last window takes what would be too little for another one.
        window = left if left < 3 * window else window
        found.append(window)
        left, window = left - window, 2 * window
    return (_FIRST, *found, _LAST)


@dataclass(frozen=True, eq=False)
class Stand:
    """Where the chains stand after a stage.

    Parameters
    ----------
    stage : int
        Stages of the warm-up and batches of draws that are done.
    last : float array, shape (chains, dimensions)
    root : float array, shape (leading, leading)
        Lower triangular root of the leading coordinates' covariance.
    spread : float array, shape (others,)
        Standard deviations of the other coordinates.
    step_size : float array, shape (chains,)
    samples : float array, shape (chains, draws, dimensions)
    energy : float array, shape (chains, draws)
    accepted : float array, shape (chains,)
        Sum over the draws of their mean acceptance.
    divergences, saturated, leapfrogs : int arrays, shape (chains,)
    """

    stage: int
    last: np.ndarray
    root: np.ndarray
    spread: np.ndarray
    step_size: np.ndarray
    samples: np.ndarray
    energy: np.ndarray
    accepted: np.ndarray
    divergences: np.ndarray
    saturated: np.ndarray
    leapfrogs: np.ndarray

    @classmethod
    def begin(cls, start: np.ndarray, leading: int) -> Stand:
        """Before the first stage, at starts of shape (chains, dimensions)."""
        chains, size = start.shape
        none, count = np.zeros(chains), np.zeros(chains, np.int64)
        return cls(
            0, start, np.eye(leading), np.ones(size - leading), np.full(chains, size**-0.25),
            np.zeros((chains, 0, size)), np.zeros((chains, 0)), none, count, count, count,
        )  # fmt: skip

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, for a checkpoint."""
        return {each.name: np.asarray(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def of_arrays(cls, data: Mapping[str, np.ndarray]) -> Stand:
        """What `arrays` told."""
        given = {each.name: np.asarray(data[each.name]) for each in fields(cls)}
        size = given["last"].shape[1]
        # An empty list has lost its shape on the way.
        given["samples"] = given["samples"].reshape(len(given["last"]), -1, size)
        given["energy"] = given["energy"].reshape(len(given["last"]), -1)
        counts = {n: given[n].astype(np.int64) for n in ("divergences", "saturated", "leapfrogs")}
        return cls(**given | counts | {"stage": int(given["stage"])})

    def inward(self, x: np.ndarray) -> np.ndarray:
        """From the density's coordinates to those of the metric."""
        size = len(self.root)
        leading = np.linalg.solve(self.root, x[..., :size].T).T if size else x[..., :0]
        return np.concatenate([leading, x[..., size:] / self.spread], axis=-1)

    def outward(self, y: np.ndarray) -> np.ndarray:
        """And back."""
        size = len(self.root)
        return np.concatenate([y[..., :size] @ self.root.T, y[..., size:] * self.spread], axis=-1)

    def slopes(self, gradient: np.ndarray) -> np.ndarray:
        """A gradient in the coordinates of the metric."""
        size = len(self.root)
        return np.concatenate([gradient[..., :size] @ self.root, gradient[..., size:] * self.spread], axis=-1)


@dataclass(frozen=True, eq=False)
class LongChains:
    """Chains of the No-U-Turn sampler on one density.

    Parameters
    ----------
    log_density : function
        From points of shape (chains, dimensions) to log-densities, shape (chains,), and gradients.
    warmup, draws : int
    seed : int
    acceptance : float
        Mean acceptance probability that step sizes are made for.
    doublings : int
        Most doublings of a trajectory.
    """

    log_density: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    warmup: int
    draws: int
    seed: int = 0
    acceptance: float = 0.8
    doublings: int = 10

    def run(self, stand: Stand) -> Iterator[Stand]:
        """The stages that are left, one by one."""
        warming = stages(self.warmup)
        while stand.stage < len(warming) or stand.samples.shape[1] < self.draws:
            stand = self._warmed(stand, warming) if stand.stage < len(warming) else self._drawn(stand)
            yield stand

    def _warmed(self, stand: Stand, warming: tuple[int, ...]) -> Stand:
        count = warming[stand.stage]
        run = self._run(stand, count, 0)
        last = stand.outward(run.last[:, 0])
        found = replace(stand, stage=stand.stage + 1, last=last, step_size=run.step_size[:, 0])
        if stand.stage in (0, len(warming) - 1) or count < 2:
            return found
        return _learnt(found, stand.outward(run.samples[:, :, 0]))

    def _drawn(self, stand: Stand) -> Stand:
        count = min(_BATCH, self.draws - stand.samples.shape[1])
        run = self._run(stand, 0, count)
        return replace(
            stand,
            stage=stand.stage + 1,
            last=stand.outward(run.last[:, 0]),
            samples=np.concatenate([stand.samples, stand.outward(run.samples[:, :, 0])], axis=1),
            energy=np.concatenate([stand.energy, run.energy[:, :, 0]], axis=1),
            accepted=stand.accepted + count * run.acceptance[:, 0],
            divergences=stand.divergences + run.divergences[:, 0],
            saturated=stand.saturated + run.saturated[:, 0],
            leapfrogs=stand.leapfrogs + run.leapfrogs[:, 0],
        )

    def _run(self, stand: Stand, warmup: int, draws: int) -> Run:
        def turned(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            value, gradient = self.log_density(stand.outward(y[:, 0]))
            return value[:, None], stand.slopes(gradient)[:, None]

        numbers = StepNumbers(self.seed, f"nuts stage {stand.stage}", np.arange(1))
        return run_chains(
            turned, stand.inward(stand.last)[:, None], warmup, draws, numbers, acceptance=self.acceptance,
            doublings=self.doublings, step_size=stand.step_size[:, None],
        )  # fmt: skip


def _learnt(stand: Stand, samples: np.ndarray) -> Stand:
    """With the metric of a window's draws, shape (chains, draws, dimensions)."""
    flat, size = samples.reshape(-1, samples.shape[-1]), len(stand.root)
    share = len(flat) / (len(flat) + _WORTH)
    leading = np.atleast_2d(np.cov(flat[:, :size], rowvar=False)) if size else np.zeros((0, 0))
    root = np.linalg.cholesky(share * leading + (1.0 - share) * np.eye(size))
    spread = np.sqrt(share * flat[:, size:].var(axis=0) + 1.0 - share)
    # In other coordinates another step size is right: it is sought from the first again.
    begin = np.full_like(stand.step_size, samples.shape[-1] ** -0.25)
    return replace(stand, root=root, spread=spread, step_size=begin)
