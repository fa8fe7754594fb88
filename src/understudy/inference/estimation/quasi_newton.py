"""Quasi-Newton minimisation of an objective function that is a sum over subjects.

The first model of the curvature is the sum of the subjects' outer products of gradients (Berndt, Hall, Hall and
Hausman 1974, Ann Econ Soc Meas 3:653-665), which near an optimum is the curvature itself; from then on it is updated by
BFGS (Nocedal and Wright 2006, Numerical optimization, chapter 6, doi:10.1007/978-0-387-40065-5), damped so that it
stays positive definite (procedure 18.2 there).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

# A step may change no coordinate by more: coordinates are logarithms or fractions of the first value.
_LONGEST = 1.0
_SUFFICIENT, _MOST_HALVINGS = 1e-4, 25


@dataclass(frozen=True, eq=False)
class Point:
    """An objective function at one place.

    Parameters
    ----------
    vector : float array, shape (parameters,)
    value : float
        Infinite where it is undefined.
    gradients : float array, shape (N, parameters)
        Of each subject's part.
    state : object
        What the evaluation leaves for the next one, such as the subjects' modes.
    shared : float array, shape (parameters,), optional
        Derivatives of what is no subject's part: of priors.
    """

    vector: np.ndarray
    value: float
    gradients: np.ndarray
    state: object = None
    shared: np.ndarray | None = None

    @property
    def gradient(self) -> np.ndarray:
        """Of the whole, shape (parameters,)."""
        own = self.gradients.sum(axis=0)
        return own if self.shared is None else own + self.shared


@dataclass(frozen=True, eq=False)
class Iteration:
    """How far a minimisation has come.

    Parameters
    ----------
    number : int
    point : Point
    curvature : float array, shape (parameters, parameters)
        Model of the second derivatives.
    promise : float
        By how much the value would still fall if the model were exact.
    stuck : bool
        Whether no step along the gradient lowers the value any more.
    """

    number: int
    point: Point
    curvature: np.ndarray
    promise: float
    stuck: bool = False


def iterations(
    evaluate: Callable[[np.ndarray, Point | None], Point], start: Point, curvature: np.ndarray | None = None
) -> Iterator[Iteration]:
    """Go downhill; the caller says when it is enough.

    Parameters
    ----------
    evaluate : function of (vector, Point or None) to Point
        The point is one near by that is known already.
    start : Point
    curvature : float array, shape (parameters, parameters), optional
        Model of the second derivatives to begin with.

    Yields
    ------
    Iteration
        The first is the start; after one that is stuck, none follow.
    """
    model = outer_products(start.gradients) if curvature is None else curvature
    now = Iteration(0, start, model, _promise(start.gradient, model))
    yield now
    while not now.stuck:
        now = _next(evaluate, now)
        yield now


def outer_products(gradients: np.ndarray) -> np.ndarray:
    """Model of the second derivatives of minus twice a log-likelihood, from subjects' gradients; positive definite."""
    found = 0.5 * gradients.T @ gradients
    sizes = np.sqrt(np.maximum(np.diag(found), 1e-12))
    # As a correlation matrix, so that a ridge means the same for every coordinate.
    scaled = found / np.outer(sizes, sizes) + 1e-3 * np.eye(len(found))
    return scaled * np.outer(sizes, sizes)


def _promise(gradient: np.ndarray, curvature: np.ndarray) -> float:
    return 0.5 * float(gradient @ _newton(curvature, gradient))


def _newton(curvature: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The curvature's inverse times the gradient; coordinates of which nothing depends may be of any size."""
    sizes = np.sqrt(np.diag(curvature))
    return np.linalg.solve(curvature / np.outer(sizes, sizes), gradient / sizes) / sizes


def _next(evaluate: Callable[[np.ndarray, Point | None], Point], now: Iteration) -> Iteration:
    found = _downhill(evaluate, now.point, -_newton(now.curvature, now.point.gradient))
    model = now.curvature
    if found is None:
        # The model may be what is wrong: begin anew along the subjects' own gradients.
        model = outer_products(now.point.gradients)
        found = _downhill(evaluate, now.point, -_newton(model, now.point.gradient))
    if found is None:
        return replace(now, number=now.number + 1, stuck=True)
    step = found.vector - now.point.vector
    model = _updated(model, step, found.gradient - now.point.gradient)
    return Iteration(now.number + 1, found, model, _promise(found.gradient, model))


def _downhill(
    evaluate: Callable[[np.ndarray, Point | None], Point], point: Point, step: np.ndarray
) -> Point | None:
    """A point that is lower by a fair part of what the slope says, or None."""
    step = step * min(1.0, _LONGEST / max(np.abs(step).max(), 1e-300))
    slope = float(point.gradient @ step)
    for _ in range(_MOST_HALVINGS):
        found = evaluate(point.vector + step, point)
        if found.value <= point.value + _SUFFICIENT * slope and np.isfinite(found.gradients).all():
            return found
        factor = _shorter(point.value, slope, found.value)
        step, slope = step * factor, slope * factor
    return None


def _shorter(value: float, slope: float, found: float) -> float:
    """Where the parabola through what is known has its minimum, within limits."""
    bend = found - value - slope
    return float(np.clip(-0.5 * slope / bend, 0.1, 0.5)) if np.isfinite(found) and bend > 0 else 0.2


def _updated(model: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    moved = model @ step
    size = float(step @ moved)
    if size <= 0.0:
        return model
    agreed = float(step @ change)
    if agreed < 0.2 * size:
        # Powell's damping.
        share = 0.8 * size / (size - agreed)
        change = share * change + (1.0 - share) * moved
        agreed = float(step @ change)
    return model - np.outer(moved, moved) / size + np.outer(change, change) / agreed
