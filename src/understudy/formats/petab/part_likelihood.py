"""Part likelihood: how the measurements of one part of a problem fit what is simulated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from understudy.core.expression import TIME, Expression
from understudy.formats.petab.compiled_part import CompiledPart
from understudy.formats.petab.noise import Fit, measure
from understudy.formats.petab.passage import Passage
from understudy.formats.petab.run import Run
from understudy.formats.petab.slope import Known
from understudy.formats.petab.snapshot import Snapshot
from understudy.formats.petab.start import Start

# So many measurements that have no likelihood are told of one by one.
_MOST_TOLD = 5


@dataclass(frozen=True, eq=False)
class PartLikelihood:
    """How the measurements of a part fit.

    Parameters
    ----------
    fit : Fit
        In the order of the measurements.
    value, scale : float arrays, shape (measurements,)
        What was simulated, and the scale of its noise.
    gradient : float array, shape (directions,)
        Of the log-likelihood.
    messages : tuple of str
        Of what could not be simulated, or has no likelihood.
    """

    fit: Fit
    value: np.ndarray
    scale: np.ndarray
    gradient: np.ndarray
    messages: tuple[str, ...]


def part_likelihood(part: CompiledPart, theta: Known, directions: int, how: tuple) -> PartLikelihood:
    """Simulate a part, and measure how its measurements fit.

    Parameters
    ----------
    part : CompiledPart
    theta : Known
        The parameter table by names of equations.
    directions : int
        How many parameters the gradient is by.
    how : tuple
        Engine, tolerances and threads.
    """
    passage = Passage(part.model, theta, *how)
    seen = Run(part, Start(part, theta, directions), passage).measured()
    count = len(part.part.measurements)
    fit = Fit(*(np.full(count, np.nan) for _ in Fit._fields))
    value, scale, gradient = np.full(count, np.nan), np.full(count, np.nan), np.zeros(directions)
    for name, rows in _rows(part).items():
        here = _observed(part, theta, seen.take(rows), rows, name)
        for whole, values in zip((*fit, value, scale), (*here.fit, here.value, here.scale), strict=True):
            whole[rows] = values
        gradient += here.gradient
    names = list(part.part.experiments)
    lost = {names[place]: text for place, text in sorted(passage.failures.items())}
    messages = tuple(f"{name or 'the model as it is'}: {text}" for name, text in lost.items())
    unlikely = _unlikely(part, fit, value, scale, set(lost))
    return PartLikelihood(fit, value, scale, gradient, (*messages, *unlikely))


def _rows(part: CompiledPart) -> dict[str, np.ndarray]:
    """Places of the measurements of each observable."""
    found = defaultdict(list)
    for k, each in enumerate(part.part.measurements):
        found[each.observable].append(k)
    return {name: np.array(rows) for name, rows in found.items()}


def _unlikely(
    part: CompiledPart, fit: Fit, value: np.ndarray, scale: np.ndarray, lost: set[str]
) -> Iterator[str]:
    """Why measurements have no likelihood though they were simulated."""
    measured = part.part.measurements
    rows = [k for k in np.flatnonzero(~np.isfinite(fit.log_density)) if measured[k].experiment not in lost]
    for k in rows[:_MOST_TOLD]:
        row = measured[k].row
        bad_scale = not (np.isfinite(scale[k]) and scale[k] > 0)
        told = (
            f"the scale of the noise is {scale[k]:g}" if bad_scale else f"the simulated value is {value[k]:g}"
        )
        yield f"{row.file}, row {row.line}: {told}"
    if len(rows) > _MOST_TOLD:
        yield f"and {len(rows) - _MOST_TOLD} more measurements"


def _observed(
    part: CompiledPart, theta: Known, seen: Snapshot, rows: np.ndarray, name: str
) -> PartLikelihood:
    """The measurements of one observable."""
    formula, observable = part.formulae[name], part.part.observables[name]
    known = _known(part, theta, seen, rows, name)
    (value, way), (scale, scale_way) = known.of(formula.value), known.of(formula.noise)
    value, scale = (np.broadcast_to(each, rows.size) for each in (value, scale))
    measured = np.array([part.part.measurements[k].value for k in rows])
    fit = measure(measured, value, scale, observable.distribution, observable.transformation)
    gradient = np.zeros(seen.states_slope.shape[-1])
    for by, slope in ((fit.by_value, way), (fit.by_scale, scale_way)):
        if slope is not None:
            gradient += (by[:, None] * slope).sum(axis=0)
    return PartLikelihood(fit, value, scale, gradient, ())


def _known(
    part: CompiledPart,
    theta: Known,
    seen: Snapshot,
    rows: np.ndarray,
    observable: str,
) -> Known:
    """What an observable's equations need at its measurements, placeholders too."""
    formula = part.formulae[observable]
    needed = formula.value.names | formula.noise.names
    given = [part.overrides[k] for k in rows]
    used = {name for both in given for each in both for expression in each for name in expression.names}
    known = seen.known(part.model, theta, needed | used)
    known.put(TIME, seen.time)
    for which, placeholders in enumerate((formula.placeholders, formula.noise_placeholders)):
        for place, name in enumerate(placeholders):
            _put_placeholder(known, name, [each[which][place] for each in given])
    return known


def _put_placeholder(known: Known, name: str, given: list[Expression]) -> None:
    """One placeholder's values, measurement by measurement."""
    texts = np.array([expression.text for expression in given])
    value, slope = np.zeros(len(given)), None
    for expression in {each.text: each for each in given}.values():
        here = np.flatnonzero(texts == expression.text)
        found, way = known.of(expression)
        value[here] = np.broadcast_to(found, len(given))[here]
        if way is not None:
            slope = np.zeros((len(given), way.shape[-1])) if slope is None else slope
            slope[here] = np.broadcast_to(way, (len(given), way.shape[-1]))[here]
    known.put(name, value, slope)
