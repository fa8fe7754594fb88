"""Verdict: what is wrong with an estimate that has been found, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from understudy.inference.estimation.method import Estimate, Task
from understudy.inference.estimation.outlying import outlying
from understudy.inference.estimation.parameter_space import Values
from understudy.inference.estimation.standard_errors import FLAT, Information

# A variance that has fallen to this share of where it began, and below this size.
_COLLAPSED, _SMALL = 1e-3, 1e-4
_AT_BOUND = 1e-3


def warnings(task: Task, estimate: Estimate, known: Information | None) -> tuple[str, ...]:
    """What is not identified, has collapsed, or lies on a bound; individuals and levels far out."""
    values = task.space.values(estimate.vector)
    return (
        *_unidentified(task.space.names, known),
        *_collapsed(task, values),
        *_on_bounds(task, values),
        *outlying(task, estimate),
    )


def _unidentified(names: tuple[str, ...], known: Information | None) -> Iterator[str]:
    if known is None or not np.isfinite(known.hessian).all():
        return
    least = known.eigenvalues[0]
    if least > FLAT:
        return
    weights = known.weakest / np.abs(known.weakest).max()
    parts = [f"{weights[k]:+.2g} {names[k]}" for k in np.argsort(-np.abs(weights)) if abs(weights[k]) > 0.1]
    why = "is no minimum" if least < -FLAT else "does not change"
    yield (
        f"not identified: the objective {why} along {', '.join(parts)} (smallest eigenvalue {least:.1g}); "
        "hold one of them, or drop it"
    )


def _collapsed(task: Task, values: Values) -> Iterator[str]:
    for k in task.space.blocks:
        block = task.space.model.random[k]
        for i, name in enumerate(block.names):
            variance, began = values.blocks[k][i, i], block.covariance[i][i]
            if variance < _COLLAPSED * began and variance < _SMALL:
                yield (
                    f"omega({name}) has collapsed to {variance:.1g}: the data show no such difference between "
                    "individuals; drop the effect"
                )
        spread = np.sqrt(np.diag(values.blocks[k]))
        correlation = values.blocks[k] / np.outer(spread, spread)
        for i, j in zip(*np.tril_indices(block.size, -1), strict=True):
            if abs(correlation[i, j]) > 0.99:
                yield (
                    f"{block.names[i]} and {block.names[j]} are correlated by {correlation[i, j]:.3f}: one random "
                    "effect would do for both"
                )


def _on_bounds(task: Task, values: Values) -> Iterator[str]:
    for k in task.space.fixed:
        parameter, value = task.space.model.fixed[k], values.fixed[k]
        size = max(abs(parameter.value), abs(value))
        for what, bound in (("lower", parameter.lower), ("upper", parameter.upper)):
            if np.isfinite(bound) and abs(value - bound) < _AT_BOUND * size:
                yield f"{parameter.name} lies at its {what} bound {bound:g}"
