"""modes: where the posterior of each subject's random effects is highest.

Maximum a posteriori estimates (Sheiner and Beal 1982, J Pharm Sci 71:1344-1348, doi:10.1002/jps.2600711209) by Fisher
scoring with step halving, all subjects and all starts at once.
"""

from __future__ import annotations

import numpy as np

from understudy.inference.likelihood import Likelihood

_MOST_STEPS, _RACE, _PATIENCE, _HALVINGS, _LONGEST = 100, 4, 12, 12, 3.0
# Arrived when the next step is below this, and all but arrived below that, in units of the posterior's standard
# deviations squared.
_ARRIVED, _NEAR = 1e-10, 1e-4


def find_modes(likelihood: Likelihood, start: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Modes of all subjects' random effects at once, shape (N, n), and which subjects failed.

    A posterior can have several maxima (a lag that may fall between different samples, absorption slower than
    elimination). Without a `start` of shape (N, n) the climb is from zero, and once more from the best that a few steps
    reach from one standard deviation either way along each random effect.
    """
    if start is not None:
        modes, _, arrived = _climb(likelihood, start[None], _MOST_STEPS)
        return modes[0], ~arrived[0]
    starts = likelihood.zero
    displaced = _displaced(likelihood)
    if len(displaced):
        modes, value, _ = _climb(likelihood, displaced, _RACE)
        starts = np.concatenate([starts, _best(modes, value)[0][None]])
    modes, value, arrived = _climb(likelihood, starts, _MOST_STEPS)
    modes, value = _best(modes, np.where(arrived, value, np.inf))
    return modes, ~np.isfinite(value)


def _best(modes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each subject's modes of the lowest value, of shape (N, n) from (starts, N, n)."""
    best, subject = values.argmin(axis=0), np.arange(values.shape[1])
    return modes[best, subject], values[best, subject]


def _displaced(likelihood: Likelihood) -> np.ndarray:
    """Starts one standard deviation of the population away from zero, either way along each random effect."""
    spread = np.sqrt(np.diag(likelihood.omega))
    starts = np.repeat(likelihood.zero, 2 * spread.size, axis=0)
    for k, index in enumerate(likelihood.active):
        starts[2 * k, :, index], starts[2 * k + 1, :, index] = -spread[k], spread[k]
    return starts


def _climb(likelihood: Likelihood, start: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where at most `most` steps lead from starts of shape (starts, N, n), the values there, and what has arrived."""
    modes, value = start, likelihood.value(start)
    moving, decrement = np.isfinite(value), np.where(np.isfinite(value), 0.0, np.inf)
    for count in range(most if likelihood.active.size else 0):
        step, promised = _scoring_step(likelihood, modes, exact=count >= _PATIENCE)
        decrement = np.where(moving, promised, decrement)
        moving &= decrement >= _ARRIVED
        if not moving.any():
            break
        modes, value, moving = _improve(likelihood, modes, value, step, moving)
    # Rounding can keep a subject from arriving to the last digit, at a point that is the mode all the same.
    return modes, value, decrement < _NEAR


def _scoring_step(likelihood: Likelihood, modes: np.ndarray, exact: bool) -> tuple[np.ndarray, np.ndarray]:
    """Fisher scoring: the step, and what it promises (the squared length in posterior standard deviations).

    Where the expected curvature is a bad guide it leads to the mode slowly: `exact` takes the curvature itself, where
    that is positive definite. Far from the mode the curvature says little about the way there: a step is cut to
    `_LONGEST` standard deviations of the population.
    """
    at = likelihood.slopes(modes)
    gradient, curvature = likelihood.gradient(modes, at), likelihood.expected_curvature(at)
    if exact:
        observed = np.array([likelihood.observed_curvature(each) for each in modes])
        curvature = np.where(definite(observed)[..., None, None], observed, curvature)
    usable = np.isfinite(gradient).all(axis=-1) & np.isfinite(curvature).all(axis=(-1, -2))
    step = np.zeros_like(gradient)
    step[usable] = -np.linalg.solve(curvature[usable], gradient[usable][..., None])[..., 0]
    promised = np.where(usable, -(np.where(usable[..., None], gradient, 0.0) * step).sum(axis=-1), np.inf)
    length = np.sqrt(np.einsum("kni,ij,knj->kn", step, likelihood.precision, step))
    full = np.zeros_like(modes)
    full[..., likelihood.active] = step * np.minimum(1.0, _LONGEST / np.maximum(length, _LONGEST))[..., None]
    return full, promised


def definite(matrices: np.ndarray) -> np.ndarray:
    """Which matrices, of shape (..., n, n), are finite and positive definite."""
    finite = np.isfinite(matrices).all(axis=(-1, -2))
    return finite & (np.linalg.eigvalsh(np.where(finite[..., None, None], matrices, 0.0)).min(axis=-1) > 0)


def _improve(
    likelihood: Likelihood, modes: np.ndarray, value: np.ndarray, step: np.ndarray, moving: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Halve the steps until each moving subject improves; those that no halving improves have come to rest."""
    modes, value, waiting = modes.copy(), value.copy(), moving.copy()
    for _ in range(_HALVINGS):
        tried = modes + np.where(waiting[..., None], step, 0.0)
        found = likelihood.value(tried)
        better = waiting & (found < value)
        modes[better], value[better] = tried[better], found[better]
        waiting &= ~better
        if not waiting.any():
            break
        step = 0.5 * step
    return modes, value, moving & ~waiting
