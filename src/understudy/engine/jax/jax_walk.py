"""One patient from event to event in JAX: diffrax between the events, all kinds of events in one scan.

Between two events time runs from zero to one, whatever their distance: so an event's time may be what a derivative is
taken by (a lag, an infusion's end), and events that fall together cost nothing. Nothing here branches in Python on a
number: patients are mapped over, derivatives flow through.

diffrax: Kidger 2021, On Neural Differential Equations, University of Oxford, arXiv:2202.02435. Tsit5: Tsitouras 2011,
doi:10.1016/j.camwa.2011.06.002. Kvaerno5: Kværnø 2004, doi:10.1023/B:BITN.0000046811.70614.38.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from understudy.engine.jax.jax_expression import rates
from understudy.engine.problem import NEVER, NOT_FINITE, OK, STEP_COLLAPSED, TOO_MANY_STEPS
from understudy.engine.timeline import ADD, BOLUS, PROFILE, RATE, REINITIALISE, ROW, STEADY, STOP_INFUSIONS
from understudy.model.model import Model

Derivatives = Literal["none", "forward", "reverse", "both"]

# Steps below this part of the way between two events lead nowhere.
_SMALLEST = 1e-14
# A state that has been zero so far is measured by this part of the largest, as in the reference engine.
_SEED = 1e-6


@dataclass(frozen=True)
class Walk:
    """What is fixed before anything is traced.

    Parameters
    ----------
    model : Model
        Without absorption profiles (see `unroll_profiles`).
    slots : tuple of (int, int)
        For each input, the parameter column of its first dose slot and how many slots it has.
    max_steps : int
        Steps allowed between two events.
    derivatives : {"none", "forward", "reverse", "both"}
        By which modes of differentiation one may go through the solver.
    on_looks : bool
        Whether steps end at the observations instead of being interpolated there.
    """

    model: Model
    slots: tuple[tuple[int, int], ...]
    max_steps: int
    derivatives: Derivatives = "none"
    on_looks: bool = False

    @property
    def implicit(self) -> bool:
        """Whether steps are implicit.

        So they are where a derivative goes through a state that cannot be negative: such a state that an explicit
        step has left empty keeps the derivative that it had, and would go on with it when it fills again.
        """
        return self.model.stiff or (self.derivatives != "none" and bool(_nonnegative(self.model).any()))


class Tables(NamedTuple):
    """What events refer to: parameter rows and their initial states, steady states and their rows."""

    values: Any
    initial: Any
    steady: Any
    steady_row: Any


class Stop(NamedTuple):
    """An event, and the times of the observations between the event before and this one, in order."""

    time: Any
    kind: Any
    target: Any
    value: Any
    looks: Any


class Standing(NamedTuple):
    """Where a patient stands."""

    time: Any
    states: Any
    infusions: Any
    parameters: Any
    used: Any
    peak: Any
    status: Any
    failed_at: Any
    steps: Any


def follow(
    walk: Walk, tables: Tables, start: Any, first_row: Any, begin: Any, stops: Stop, exact: Any
) -> tuple:
    """States at a patient's observations.

    Parameters
    ----------
    walk : Walk
    tables : Tables
    start : array, shape (states,)
    first_row : int
    begin : float
    stops : Stop of arrays, shape (stops,) each, `looks` (stops, observations between two)
    exact : (float, float)
        Relative and absolute tolerance.

    Returns
    -------
    seen : array, shape (stops, observations between two, states)
    standing : Standing
        At the end.
    """
    import jax
    import jax.numpy as jnp

    finite = jnp.isfinite(start).all() & jnp.isfinite(stops.time).all()
    first = Standing(
        time=begin,
        states=jnp.where(finite, start, 0.0),
        infusions=jnp.zeros_like(start),
        parameters=tables.values[first_row],
        used=jnp.zeros(max(len(walk.slots), 1), int),
        peak=jnp.zeros_like(start),
        status=jnp.where(finite, OK, NOT_FINITE),
        failed_at=jnp.where(finite, jnp.nan, begin),
        steps=jnp.asarray(0),
    )
    step = partial(_to_next_stop, walk, tables, exact)
    standing, seen = jax.lax.scan(step, first, stops)
    return seen, standing


def _to_next_stop(walk: Walk, tables: Tables, exact: Any, here: Standing, stop: Stop) -> tuple[Standing, Any]:
    there, seen = _advance(walk, exact, here, stop)
    return _apply(walk, tables, there, stop), seen


def _advance(walk: Walk, exact: Any, here: Standing, stop: Stop) -> tuple[Standing, Any]:
    """Integrate to the stop's time; states at its looks on the way, not-a-number where they were not reached."""
    import jax.numpy as jnp
    from jax.lax import stop_gradient

    until = jnp.maximum(stop.time, here.time)
    span = until - here.time
    going = (here.status == OK) & (span > 0)
    peak = jnp.maximum(here.peak, jnp.abs(stop_gradient(here.states)))
    scale = _scale(peak, stop_gradient(jnp.abs(here.infusions).max() * span))
    last = jnp.nextafter(stop_gradient(until), -jnp.inf)

    def slope(part: Any, scaled: Any, _: Any) -> Any:
        time = here.time + part * span
        # What changes its form where the integration stops has its old form up to there.
        time = time - stop_gradient(jnp.maximum(time - last, 0.0))
        return span * _speed(walk, time, scaled * scale, here, exact[1] * scale) / scale

    # Of events that fall together by chance each still moves on its own: the way between has a derivative.
    pushed = (
        here.states
        if walk.derivatives == "none"
        else here.states + scale * slope(0.0, here.states / scale, None)
    )
    end = jnp.where(going, 1.0, 0.0)
    looks = jnp.clip((stop.looks - here.time) / jnp.where(going, span, 1.0), 0.0, end)
    found = _integrate(walk, exact, slope, here.states / scale, end, stop_gradient(looks))
    states = _floored(walk.model, jnp.where(going, found.end * scale, pushed))
    status = jnp.where(
        found.status == OK, jnp.where(jnp.isfinite(states).all(), OK, NOT_FINITE), found.status
    )
    status = jnp.where(here.status == OK, status, here.status)
    fine = status == OK
    seen = jnp.where(going, _floored(walk.model, found.seen * scale), states)
    was_reached = (here.status == OK) & (fine | (looks <= found.reached))
    there = here._replace(
        time=until,
        states=jnp.where(fine, states, here.states),
        peak=jnp.maximum(peak, jnp.where(fine, jnp.abs(stop_gradient(states)), 0.0)),
        status=status,
        failed_at=jnp.where((here.status == OK) & ~fine, here.time + found.reached * span, here.failed_at),
        steps=here.steps + jnp.where(going, found.steps, 0),
    )
    return there, jnp.where(was_reached[:, None], seen, jnp.nan)


def _speed(walk: Walk, time: Any, states: Any, here: Standing, nothing: Any) -> Any:
    """How fast the states change; one that cannot be negative and is empty loses nothing more.

    The equations of an implicit step have no solution where a rate jumps: there the loss ends over the last bit, of
    the size that counts as `nothing` in each state.
    """
    import jax.numpy as jnp

    held = _nonnegative(walk.model)
    found = rates(walk.model, time, _floored(walk.model, states), here.parameters) + here.infusions
    if not held.any():
        return found
    left = jnp.clip(states / nothing, 0.0, 1.0) if walk.implicit else jnp.where(states > 0.0, 1.0, 0.0)
    return jnp.where(held & (found < 0.0), left * found, found)


def _floored(model: Model, states: Any) -> Any:
    """States of shape (..., states); those that cannot be negative end, within the tolerance, a little below zero."""
    import jax.numpy as jnp

    held = _nonnegative(model)
    return jnp.where(held & (states < 0.0), 0.0, states) if held.any() else states


def _nonnegative(model: Model) -> np.ndarray:
    return np.array([state.nonnegative for state in model.states])


def _scale(peak: Any, infused: Any) -> Any:
    """What each state is measured by: the largest value it has had, or a little where it has had none."""
    import jax.numpy as jnp

    largest = jnp.maximum(peak.max(), infused)
    return jnp.where(peak > 0, peak, jnp.where(largest > 0, _SEED * largest, 1.0))


class _Found(NamedTuple):
    end: Any
    seen: Any
    status: Any
    reached: Any
    steps: Any


def _integrate(walk: Walk, exact: Any, slope: Any, start: Any, end: Any, looks: Any) -> _Found:
    """Solve from 0 to `end` with diffrax."""
    import diffrax
    import jax.numpy as jnp

    solver = diffrax.Kvaerno5() if walk.implicit else diffrax.Tsit5()
    steps = diffrax.PIDController(rtol=exact[0], atol=exact[1], dtmin=_SMALLEST)
    if walk.on_looks:
        steps = diffrax.ClipStepSizeController(steps, step_ts=looks)
    watched = [diffrax.SubSaveAt(t1=True), diffrax.SubSaveAt(ts=looks)]
    found = diffrax.diffeqsolve(
        diffrax.ODETerm(slope), solver, jnp.zeros_like(end), end, None, start, stepsize_controller=steps,
        saveat=diffrax.SaveAt(subs=watched), max_steps=walk.max_steps, adjoint=_adjoint(walk), throw=False,
    )  # fmt: skip
    collapsed = jnp.where(found.result == diffrax.RESULTS.max_steps_reached, TOO_MANY_STEPS, STEP_COLLAPSED)
    status = jnp.where(found.result == diffrax.RESULTS.successful, OK, collapsed)
    return _Found(found.ys[0][0], found.ys[1], status, found.ts[0][0], found.stats["num_steps"])


def _adjoint(walk: Walk) -> Any:
    import diffrax

    kinds = {
        "none": diffrax.ForwardMode,
        "forward": diffrax.ForwardMode,
        "reverse": diffrax.RecursiveCheckpointAdjoint,
        "both": diffrax.DirectAdjoint,
    }
    return kinds[walk.derivatives]()


def _apply(walk: Walk, tables: Tables, here: Standing, stop: Stop) -> Standing:
    """The stop's event: what it is decides which of all possible changes holds."""
    import jax.numpy as jnp

    kind, target, value = stop.kind, stop.target, stop.value
    hit = jnp.arange(here.states.size) == target
    states = here.states + jnp.where(hit & (kind == BOLUS), value, 0.0)
    states = jnp.where(kind == REINITIALISE, _taken(tables.initial, target), states)
    base = jnp.where(value == ADD, states - _taken(tables.initial, _taken(tables.steady_row, target)), 0.0)
    states = jnp.where(kind == STEADY, base + _taken(tables.steady, target), states)
    stopped = (kind == REINITIALISE) | (kind == STOP_INFUSIONS)
    infusions = jnp.where(stopped, 0.0, here.infusions + jnp.where(hit & (kind == RATE), value, 0.0))
    parameters, used = _parameters(walk, tables, here, stop, stopped)
    return here._replace(states=states, infusions=infusions, parameters=parameters, used=used)


def _taken(table: Any, row: Any) -> Any:
    """A row of a table, or any row where the number means something else."""
    import jax.numpy as jnp

    return table[jnp.clip(row, 0, table.shape[0] - 1)]


def _parameters(walk: Walk, tables: Tables, here: Standing, stop: Stop, stopped: Any) -> tuple[Any, Any]:
    """Parameters and counts of doses in slots after the event; slots outlive a change of row."""
    import jax.numpy as jnp

    column = jnp.arange(here.parameters.size)
    own = here.parameters.size - 2 * sum(count for _, count in walk.slots)
    changed = (stop.kind == ROW) & (column < own)
    parameters = jnp.where(changed, _taken(tables.values, stop.target), here.parameters)
    if own == here.parameters.size:
        return parameters, here.used
    first = jnp.asarray([column for column, _ in walk.slots])
    is_dose = stop.kind == PROFILE
    free = _taken(first, stop.target) + 2 * _taken(here.used, stop.target)
    parameters = jnp.where(is_dose & (column == free), stop.value, parameters)
    parameters = jnp.where(is_dose & (column == free + 1), here.time, parameters)
    empty = jnp.where((column - own) % 2 == 0, 0.0, NEVER)
    parameters = jnp.where(stopped & (column >= own), empty, parameters)
    taken = is_dose & (jnp.arange(here.used.size) == stop.target)
    return parameters, jnp.where(stopped, 0, here.used + jnp.where(taken, 1, 0))
