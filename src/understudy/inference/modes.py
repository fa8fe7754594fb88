"""modes: where the posterior of each subject's random effects is highest.

Maximum a posteriori estimates (Sheiner and Beal 1982, J Pharm Sci 71:1344-1348, doi:10.1002/jps.2600711209) by Fisher
scoring with step halving, all subjects at once.
"""

from __future__ import annotations

import numpy as np

from understudy.inference.likelihood import Likelihood

_MOST_STEPS, _RACE, _HALVINGS, _LONGEST = 100, 4, 12, 3.0
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
        modes, _, arrived = _climb(likelihood, start, _MOST_STEPS)
        return modes, ~arrived
    zero = np.zeros((likelihood.count, likelihood.predictor.effects.omega.shape[0]))
    raced = [_climb(likelihood, begin, _RACE)[:2] for begin in _displaced(likelihood, zero)]
    starts = [zero, _best(raced)[0]] if raced else [zero]
    climbed = [_climb(likelihood, begin, _MOST_STEPS) for begin in starts]
    modes, value = _best([(modes, np.where(arrived, value, np.inf)) for modes, value, arrived in climbed])
    return modes, ~np.isfinite(value)


def _best(found: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Each subject's modes of the lowest value."""
    modes, values = np.array([mode for mode, _ in found]), np.array([value for _, value in found])
    best, subject = values.argmin(axis=0), np.arange(values.shape[1])
    return modes[best, subject], values[best, subject]


def _displaced(likelihood: Likelihood, zero: np.ndarray) -> list[np.ndarray]:
    """Starts one standard deviation of the population away from zero, either way along each random effect."""
    starts = []
    for index, spread in zip(likelihood.active, np.sqrt(np.diag(likelihood.omega)), strict=True):
        for sign in (-1.0, 1.0):
            starts.append(zero.copy())
            starts[-1][:, index] = sign * spread
    return starts


def _climb(likelihood: Likelihood, start: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where at most `most` steps lead from a start, the value there, and which subjects have arrived at a mode."""
    modes, value = start, likelihood.value(start[None])[0]
    moving, decrement = np.isfinite(value), np.where(np.isfinite(value), 0.0, np.inf)
    for _ in range(most if likelihood.active.size else 0):
        step, promised = _scoring_step(likelihood, modes)
        decrement = np.where(moving, promised, decrement)
        moving &= decrement >= _ARRIVED
        if not moving.any():
            break
        modes, value, moving = _improve(likelihood, modes, value, step, moving)
    # Rounding can keep a subject from arriving to the last digit, at a point that is the mode all the same.
    return modes, value, decrement < _NEAR


def _scoring_step(likelihood: Likelihood, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fisher scoring: the step, and what it promises (the squared length in posterior standard deviations).

    Far from the mode the curvature says little about the way there: a step is cut to `_LONGEST` standard deviations
    of the population.
    """
    at = likelihood.slopes(modes[None])
    gradient, curvature = likelihood.gradient(modes[None], at)[0], likelihood.expected_curvature(at)[0]
    usable = np.isfinite(gradient).all(axis=1) & np.isfinite(curvature).all(axis=(1, 2))
    step = np.zeros_like(gradient)
    step[usable] = -np.linalg.solve(curvature[usable], gradient[usable][..., None])[..., 0]
    promised = np.where(usable, -(np.where(usable[:, None], gradient, 0.0) * step).sum(axis=1), np.inf)
    length = np.sqrt(np.einsum("ni,ij,nj->n", step, likelihood.precision, step))
    full = np.zeros_like(modes)
    full[:, likelihood.active] = step * np.minimum(1.0, _LONGEST / np.maximum(length, _LONGEST))[:, None]
    return full, promised


def _improve(
    likelihood: Likelihood, modes: np.ndarray, value: np.ndarray, step: np.ndarray, moving: np.ndarray
):
    """Halve the steps until each moving subject improves; those that no halving improves have come to rest."""
    modes, value, waiting = modes.copy(), value.copy(), moving.copy()
    for _ in range(_HALVINGS):
        tried = modes + np.where(waiting[:, None], step, 0.0)
        found = likelihood.value(tried[None])[0]
        better = waiting & (found < value)
        modes[better], value[better] = tried[better], found[better]
        waiting &= ~better
        if not waiting.any():
            break
        step = 0.5 * step
    return modes, value, moving & ~waiting
