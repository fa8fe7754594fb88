"""Simulation of the g-formula: persons live on from their first period under a strategy, drawn by fitted models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from understudy.causal.emulation.covariate_table import CovariateTable
from understudy.causal.emulation.g_models import Evolution, FittedG, GModels, LinearPart
from understudy.causal.emulation.person_periods import PersonPeriods
from understudy.causal.emulation.strategy import Strategy
from understudy.core.random import uniforms

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lives:
    """What becomes of simulated persons.

    Attributes
    ----------
    incidence : array, shape (times,)
        Mean cumulative incidence at the end of each period; NaN for a measure.
    mean : float
        Of the measure at the end; NaN for events.
    covariates : mapping of str to array, shape (times,)
        Means among those without the outcome before the period, treatment among them.
    """

    incidence: Array
    mean: float
    covariates: dict[str, Array]


def simulate_lives(
    periods: PersonPeriods, models: GModels, fitted: FittedG, strategy: Strategy, drawn: Array,
    draws: dict[str, Array],
) -> Lives:  # fmt: skip
    """Simulate persons over as many periods as there are draws for.

    Their first periods are those of the persons in the table, each as often as `drawn` has them.
    """
    count, times = draws["treatment"].shape
    pool = np.repeat(periods.starts, drawn.astype(int))
    start = pool[np.arange(count) % len(pool)]
    state = _first_state(periods, start)
    free, incidence, means = (
        np.ones(count),
        np.full(times, np.nan),
        {name: [] for name in _drawn_names(models)},
    )
    for time in range(times):
        if time:
            _move_on(state, models, fitted, {name: draws[name][:, time] for name in draws}, periods)
        state["time"], state["period"] = np.full(count, float(time)), periods.period[start] + float(time)
        _treat(state, fitted, strategy, draws["treatment"][:, time], periods)
        for name, values in means.items():
            values.append(float(free @ state[name] / free.sum()))
        if isinstance(fitted.outcome, LinearPart):
            continue
        free = free * (1 - fitted.outcome.chance(_table(state, periods), count))
        incidence[time] = 1 - free.mean()
    covariates = {name: np.array(values) for name, values in means.items()}
    if isinstance(fitted.outcome, LinearPart):
        return Lives(incidence, float(fitted.outcome.mean(_table(state, periods), count).mean()), covariates)
    return Lives(incidence, np.nan, covariates)


def draws_of(models: GModels, count: int, times: int, seed: int) -> dict[str, Array]:
    """Uniform numbers of each simulated person and period, by what they decide, shape (count, times).

    They are the same under every strategy, so that strategies differ by nothing else.
    """
    return {name: uniforms(seed, f"g-formula {name}", range(count), times) for name in _drawn_names(models)}


def _first_state(periods: PersonPeriods, start: NDArray) -> dict[str, Array]:
    """Columns of simulated persons in their first period."""
    state = {name: values[start] for name, values in periods.covariates.columns.items()}
    state |= {f"first({name})": values for name, values in list(state.items())}
    state |= {f"previous({name})": state[name] for name in periods.covariates.columns}
    nothing = np.zeros(len(start))
    history = ("previous_treatment", "cumulative_treatment", "time_on_regime")
    return state | {name: nothing.copy() for name in (*history, "treatment", "since", "time", "period")}


def _move_on(
    state: dict[str, Array], models: GModels, fitted: FittedG, draws: dict[str, Array], periods: PersonPeriods
) -> None:
    """To the next period: what was is the history, and covariates evolve."""
    state["time_on_regime"] = state["since"] + 1
    state["cumulative_treatment"] = state["cumulative_treatment"] + state["treatment"]
    state["previous_treatment"] = state["treatment"]
    state |= {f"previous({name})": state[name] for name in periods.covariates.columns}
    state["time"], state["period"] = state["time"] + 1, state["period"] + 1
    for each in models.covariates:
        state[each.name] = _evolved(each, fitted, _table(state, periods), draws[each.name])


def _evolved(each: Evolution, fitted: FittedG, table: CovariateTable, draw: Array) -> Array:
    part = fitted.covariates[each.name]
    if isinstance(part, LinearPart):
        return np.clip(part.mean(table, len(draw)) + part.spread * ndtri(draw), part.low, part.high)
    return (draw < part.chance(table, len(draw))).astype(float)


def _treat(
    state: dict[str, Array], fitted: FittedG, strategy: Strategy, draw: Array, periods: PersonPeriods
) -> None:
    """Decide treatment of the period, and note since when it is as it is."""
    chance = fitted.treatment.chance(_table(state, periods), len(draw))
    known = {**state, "natural_treatment": (draw < chance).astype(float)}
    state["treatment"] = strategy.treatment(known, len(draw)).copy()
    changed = (state["treatment"] != state["previous_treatment"]) | (state["time"] == 0)
    state["since"] = np.where(changed, 0.0, state["since"] + 1)


def _table(state: dict[str, Array], periods: PersonPeriods) -> CovariateTable:
    levels = periods.covariates.levels
    called = {f"{kind}({name})": own for kind in ("first", "previous") for name, own in levels.items()}
    return CovariateTable(state, {**levels, **called})


def _drawn_names(models: GModels) -> tuple[str, ...]:
    return (*(each.name for each in models.covariates), "treatment")
