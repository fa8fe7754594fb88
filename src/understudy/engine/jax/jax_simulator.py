"""A patient's levels as a pure JAX function of parameters and amounts, to be compiled, mapped, differentiated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.jax.jax_expression import everything, value, with_assignments
from understudy.engine.jax.jax_extra import require_doubles, require_jax
from understudy.engine.jax.jax_timeline import Dosing, dosing, moves
from understudy.engine.jax.jax_walk import Derivatives, Stop, Tables, Walk, follow
from understudy.engine.parameters import flatten
from understudy.engine.problem import Tolerances, unroll
from understudy.engine.schedule import Schedule, from_doses
from understudy.engine.simulate import _asked_times, _doses
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen


@dataclass(frozen=True, eq=False)
class Simulator:
    """Outputs of one patient's schedule as a function that JAX can trace.

    Called with parameters it gives an array of shape (times, outputs). A time that the solver does not reach is not a
    number: inside a function that is traced there is no room for a status.

    Parameters
    ----------
    model : Model
        Without events that the solution sets off. Its parameters stay as they are over time.
    schedule : Schedule
        Of one patient.
    outputs : tuple of str
    tolerances : Tolerances
    derivatives : {"reverse", "forward", "both", "none"}
        By which modes of differentiation one may go through the solver. Reverse costs memory for the steps taken,
        forward does not; both together cost as much as all the steps allowed.
    """

    model: Model
    schedule: Schedule
    outputs: tuple[str, ...]
    tolerances: Tolerances
    derivatives: Derivatives = "reverse"

    def __post_init__(self) -> None:
        require_jax()
        if self.model.events:
            raise SimulationError(
                "the JAX engine knows no events that the solution sets off",
                place=self.model.name,
                repair="use simulate(..., engine='kernel')",
            )
        if len(self.schedule.patients) != 1:
            raise SimulationError(
                f"a simulator follows one patient, and the schedule has {len(self.schedule.patients)}",
                place=self.model.name,
                repair="make one simulator each, or map over parameters with jax.vmap",
            )
        _ = self.dosing

    @cached_property
    def dosing(self) -> Dosing:
        """The doses with what is known of them beforehand."""
        return dosing(self.schedule, self.model)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters in the order of an array of them."""
        return self.model.parameter_names

    @property
    def parameters(self) -> dict[str, float]:
        """The model's own values."""
        return {item.name: item.value for item in self.model.parameters}

    @property
    def amounts(self) -> np.ndarray:
        """Amounts of the doses, shape (dose records,), in the model's unit."""
        return self.schedule.amount[self.schedule.dosed]

    @property
    def times(self) -> np.ndarray:
        """Times of the observations, shape (times,)."""
        return self.schedule.time[self.schedule.observed]

    def __call__(self, parameters: Mapping[str, Any] | Any = None, amounts: Any = None) -> Any:
        """Outputs at the observation times, shape (times, outputs).

        Parameters
        ----------
        parameters : mapping of name to number, or array, shape (parameters,), optional
            A mapping may name some only; the others have the model's values.
        amounts : array, shape (dose records,), optional
            Instead of those of the schedule.

        Raises
        ------
        SimulationError
            Where JAX is set to 32 bits, or a parameter is unknown.
        """
        require_doubles()
        import jax
        import jax.numpy as jnp

        values = self._values(parameters)
        given = jnp.asarray(self.amounts if amounts is None else amounts, float)
        times, states = self._states(values, given)
        expressions = [self.model.output(name).expression for name in self.outputs]

        def read(time: Any, row: Any) -> Any:
            known = everything(self.model, time, row, values)
            return jnp.stack([jnp.asarray(value(item, known), float) for item in expressions])

        return jax.vmap(read)(times, states)

    def _values(self, parameters: Any) -> Any:
        import jax.numpy as jnp

        if parameters is not None and not isinstance(parameters, Mapping):
            return jnp.asarray(parameters, float)
        given = parameters or {}
        unknown = sorted(given.keys() - {*self.parameter_names})
        if unknown:
            raise SimulationError(
                f"no parameter {unknown[0]!r}",
                place=self.model.name,
                repair=f"parameters: {', '.join(self.parameter_names)}",
            )
        known = self.parameters | dict(given)
        return jnp.stack([jnp.asarray(known[name], float) for name in self.parameter_names])

    def _states(self, values: Any, amounts: Any) -> tuple[Any, Any]:
        """Times and states of the observations."""
        import jax.numpy as jnp

        model, schedule = self.model, self.schedule
        named = {name: values[k] for k, name in enumerate(self.parameter_names)}
        known = with_assignments(model, named)
        start = jnp.stack([jnp.asarray(value(state.initial, known), float) for state in model.states])
        doses = np.bincount(self.dosing.entry, minlength=len(model.doses))
        unrolled, slots = unroll(model, doses.tolist())
        empty = [item.value for item in unrolled.parameters[len(self.parameter_names) :]]
        row = jnp.concatenate([values, jnp.asarray(empty, float)])
        walk = Walk(
            unrolled,
            tuple(map(tuple, slots.tolist())),
            self.tolerances.max_steps,
            self.derivatives,
            on_looks=False,
        )
        parts = moves(model, schedule, self.dosing, amounts, known)
        order = jnp.lexsort((parts.kind, parts.sequence, parts.time))
        # What comes after the last observation is of no interest to anybody.
        time = jnp.minimum(parts.time[order], schedule.time[schedule.observed][-1])
        stops = Stop(time, parts.kind[order], parts.target[order], parts.value[order], time[:, None])
        tables = Tables(row[None], start[None], jnp.zeros((1, start.size)), jnp.zeros(1, int))
        exact = (self.tolerances.relative, self.tolerances.absolute)
        seen, _ = follow(walk, tables, start, 0, jnp.asarray(schedule.begin[0], float), stops, exact)
        place = jnp.argsort(order)[-self.times.size :]
        return self.times, seen[place, 0]


def simulator(
    model: Model | PopulationModel,
    regimen: Regimen | str | None = None,
    times: Sequence[float] | np.ndarray = (),
    *,
    outputs: Iterable[str] | None = None,
    patient: Mapping[str, float] | None = None,
    before_dose: bool = False,
    weight: str = "WT",
    surface: str = "BSA",
    tolerances: Tolerances | None = None,
    derivatives: Derivatives = "reverse",
) -> Simulator:
    """The levels that a regimen gives, as a pure JAX function of parameters and amounts.

    ``jax.jit``, ``jax.vmap`` and ``jax.grad`` work through it, and derivatives go through everything that is a number:
    parameters and weights of networks, amounts, bioavailability, lag, modelled rate and duration, initial values.

    Parameters
    ----------
    model : Model or PopulationModel
        Of a population, fixed and random effects and covariates are the parameters.
    regimen : Regimen or str, optional
    times : array of float, shape (m,)
        Observation times in the model's time unit, rising.
    outputs : iterable of str, optional
        All where None.
    patient : mapping of name to number, optional
        Values that the parameters have instead of the model's, and weight or surface for doses by them.
    before_dose, weight, surface
        As in `simulate`.
    tolerances : Tolerances, optional
    derivatives : {"reverse", "forward", "both", "none"}
        ``"reverse"`` for ``jax.grad`` and ``jax.jacrev``, ``"forward"`` for ``jax.jvp`` and ``jax.jacfwd``; ``"both"``
        needs a small ``max_steps`` in `tolerances`.

    Returns
    -------
    Simulator

    Raises
    ------
    MissingExtraError
        Where JAX, diffrax or Equinox is not installed.
    SimulationError
        For doses at steady state, events that the solution sets off, or times that do not rise.

    Examples
    --------
    >>> import jax
    >>> decay = Model(
    ...     "decay", "h", {"k": (0.1, "1/h")}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": ("A", "mg")}
    ... )
    >>> levels = simulator(decay, "100 mg", [0.0, 10.0], derivatives="forward")
    >>> with jax.enable_x64(True):
    ...     slope = jax.jacfwd(lambda k: levels({"k": k})[1, 0])(0.1)
    >>> round(float(slope), 3), float(round(-10 * 100 * np.exp(-1.0), 3))
    (-367.879, -367.879)
    """
    import pandas as pd

    require_jax()
    base, own = flatten(model), dict(patient or {})
    base = base.with_values(**{name: number for name, number in own.items() if name in base.parameter_names})
    grid = _asked_times(times)
    if (np.diff(grid) < 0).any():
        raise SimulationError("the observation times do not rise", place=str(times)[:80], repair="sort them")
    doses = _doses(regimen, pd.DataFrame(own, index=["0"]), grid, base, weight, surface)
    schedule = from_doses(doses, ["0"], grid, np.array(before_dose), base)
    names = tuple(outputs) if outputs is not None else base.output_names
    for name in names:
        base.output(name)
    return Simulator(base, schedule, names, tolerances or Tolerances(), derivatives)
