"""Survival patients: times to an event from hazards that change with time, cure, adherence and changes of arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.trials.designs.patients import Endpoint, Outcomes


@dataclass(frozen=True)
class Hazard:
    """A hazard in pieces, with a fraction of patients who are cured.

    Parameters
    ----------
    rates : float or sequence of float
        Events per unit of time in each piece.
    breaks : sequence of float
        Times at which the next piece begins, one fewer than rates.
    cured : float
        Fraction without a hazard at all.

    Examples
    --------
    >>> Hazard.of_median(12.0).survival(12.0)
    0.5
    >>> round(Hazard((0.1, 0.05), (6.0,)).survival(12.0), 4)  # exp(-0.6 - 0.3)
    0.4066
    """

    rates: float | Sequence[float]
    breaks: Sequence[float] = ()
    cured: float = 0.0

    def __post_init__(self):
        rates = (self.rates,) if isinstance(self.rates, (int, float)) else tuple(self.rates)
        object.__setattr__(self, "rates", tuple(float(rate) for rate in rates))
        object.__setattr__(self, "breaks", tuple(float(each) for each in self.breaks))
        edges = (0.0, *self.breaks)
        rising = all(first < second for first, second in zip(edges, self.breaks, strict=False))
        if (
            len(self.rates) != len(edges)
            or not rising
            or not min(self.rates) > 0
            or not all(map(math.isfinite, self.rates))
        ):
            raise SimulationError(
                f"rates {self.rates} with breaks {self.breaks}",
                place="Hazard",
                repair="give rates above zero, and one rising break fewer than rates",
            )
        if not 0 <= self.cured < 1:
            raise SimulationError(
                f"a cured fraction of {self.cured}", place="Hazard.cured", repair="give 0 to below 1"
            )

    @classmethod
    def of_median(cls, median: float) -> Hazard:
        """A constant hazard with this median survival time."""
        if not median > 0 or not math.isfinite(median):
            raise SimulationError(f"a median of {median}", place="Hazard", repair="give a time above 0")
        return cls(math.log(2) / median)

    def times(
        self, ratio: float | Sequence[float], *, delay: float = 0.0, breaks: Sequence[float] = ()
    ) -> Hazard:
        """This hazard times a ratio, from a delay on; or times ratios that change at breaks.

        Examples
        --------
        >>> Hazard(0.1).times(0.5, delay=3.0)
        Hazard(rates=(0.1, 0.05), breaks=(3.0,), cured=0.0)
        >>> Hazard(0.1).times((1.5, 0.5), breaks=(4.0,))  # harm first, benefit later: curves that cross
        Hazard(rates=(0.15000000000000002, 0.05), breaks=(4.0,), cured=0.0)
        """
        ratios = (float(ratio),) if isinstance(ratio, (int, float)) else tuple(float(each) for each in ratio)
        steps = tuple(float(each) for each in breaks)
        if len(ratios) != len(steps) + 1 or (delay and steps) or delay < 0 or not min(ratios) > 0:
            raise SimulationError(
                f"ratios {ratios} with breaks {steps} and a delay of {delay:g}",
                place="Hazard.times",
                repair="give a ratio above 0 and a delay, or one break fewer than ratios",
            )
        if delay:
            ratios, steps = (1.0, *ratios), (float(delay),)
        factor = Hazard(ratios, steps)
        edges = tuple(sorted({*self.breaks, *steps}))
        starts = (0.0, *edges)
        return replace(self, rates=(self._at(starts) * factor._at(starts)).tolist(), breaks=edges)

    def survival(self, time: float) -> float:
        """Probability to be without an event at a time."""
        cumulative = float(_cumulative(np.asarray(time, dtype=float), self.rates, self.breaks))
        return self.cured + (1 - self.cured) * math.exp(-cumulative)

    def _at(self, times: Sequence[float]) -> NDArray[np.float64]:
        return np.asarray(self.rates)[np.searchsorted(self.breaks, times, side="right")]


@dataclass(frozen=True)
class Switch:
    """A change of treatment at a time after randomisation, if no event came before: a crossover, another dose.

    Parameters
    ----------
    arm, to : str
        Patients of ``arm`` have the hazard of ``to`` from then on; ``to`` may name one of ``treatments``.
    at : float
        Time since randomisation.
    probability : float
        Share of patients who change.
    """

    arm: str
    to: str
    at: float
    probability: float = 1.0


@dataclass(frozen=True)
class SurvivalPatients:
    """Patients with a time to one event.

    Parameters
    ----------
    hazards : mapping of str to Hazard
        An arm each, the first the control.
    adherence : tuple of float or None
        Mean and precision (a + b) of a beta distribution of the share of treatment that is taken; the logarithm of a
        patient's hazard ratio to the control arm is multiplied by it. None: all is taken.
    switches : tuple of Switch
        At most one for each arm.
    treatments : mapping of str to Hazard
        Hazards to switch to that are no arms, as that of a reduced dose.

    Examples
    --------
    >>> control = Hazard.of_median(12.0)
    >>> patients = SurvivalPatients({"control": control, "drug": control.times(0.7)})
    >>> patients.outcomes(np.arange(3), 10, seed=1).value.shape
    (3, 10, 2)
    """

    hazards: Mapping[str, Hazard]
    adherence: tuple[float, float] | None = None
    switches: tuple[Switch, ...] = ()
    treatments: Mapping[str, Hazard] | None = None
    endpoint: ClassVar[Endpoint] = "survival"

    def __post_init__(self):
        if not self.hazards:
            raise SimulationError("no arm", place="SurvivalPatients.hazards", repair="name the control first")
        known = {**self.hazards, **(self.treatments or {})}
        for each in self.switches:
            if (
                each.arm not in self.hazards
                or each.to not in known
                or not 0 <= each.probability <= 1
                or each.at < 0
            ):
                raise SimulationError(
                    f"{each}", place="switches", repair="name known arms, a time from 0 and a probability"
                )
        if len({each.arm for each in self.switches}) < len(self.switches):
            raise SimulationError("two switches of one arm", place="switches", repair="keep one for each arm")
        if self.adherence is not None and not (0 < self.adherence[0] < 1 and self.adherence[1] > 0):
            raise SimulationError(
                f"adherence {self.adherence}",
                place="adherence",
                repair="give a mean between 0 and 1, and a precision",
            )

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, the control first."""
        return tuple(self.hazards)

    def null(self) -> SurvivalPatients:
        """Every arm with the hazard of the control; what patients switch to as well."""
        control = self.hazards[self.arms[0]]
        return replace(
            self,
            hazards={arm: control for arm in self.arms},
            treatments={name: control for name in self.treatments or {}},
        )

    def outcomes(self, trials: NDArray[np.int64], count: int, seed: int) -> Outcomes:
        """See `Patients.outcomes`. A patient has one uniform number for all arms."""
        from scipy.special import ndtri

        uniform = uniforms(seed, "trial event", trials, count)
        value = np.empty((*uniform.shape, len(self.arms)))
        adherence = self._adherence(trials, count, seed)
        for index, arm in enumerate(self.arms):
            value[..., index] = self._times(arm, -np.log(uniform), adherence, trials, seed)
        covariates = {} if adherence is None else {"adherence": adherence}
        return Outcomes(value, ndtri(uniform), covariates)

    def _times(self, arm: str, exponential, adherence, trials, seed: int) -> NDArray[np.float64]:
        count = exponential.shape[1]
        rates, breaks = self._rates(arm, adherence)
        time = _invert(exponential, rates, breaks)
        for each in self.switches:
            if each.arm == arm:
                new_rates, new_breaks = self._rates(each.to, adherence)
                at = np.full(exponential.shape, each.at)
                shift = _cumulative(at, new_rates, new_breaks) - _cumulative(at, rates, breaks)
                changed = uniforms(seed, f"trial switch {arm}", trials, count) < each.probability
                changed &= time > each.at
                later = _invert(np.maximum(exponential + shift, 0.0), new_rates, new_breaks)
                time = np.where(changed, later, time)
        cured = self.hazards[arm].cured
        if cured:
            time[uniforms(seed, "trial cure", trials, count) < cured] = np.inf
        return time

    def _adherence(self, trials, count: int, seed: int):
        if self.adherence is None:
            return None
        from scipy.special import betaincinv

        mean, precision = self.adherence
        uniform = uniforms(seed, "trial adherence", trials, count)
        return betaincinv(mean * precision, (1 - mean) * precision, uniform)

    def _rates(self, name: str, adherence):
        """Rates in pieces, and their breaks; between the control's and the treatment's where some is not taken."""
        own = {**self.hazards, **(self.treatments or {})}[name]
        control = self.hazards[self.arms[0]]
        if adherence is None or own == control:
            return own.rates, own.breaks
        breaks = tuple(sorted({*own.breaks, *control.breaks}))
        starts = (0.0, *breaks)
        low, ratio = control._at(starts), np.log(own._at(starts) / control._at(starts))
        return [base * np.exp(adherence * log) for base, log in zip(low, ratio, strict=True)], breaks


def _cumulative(time, rates, breaks):
    """Cumulative hazard at times; rates are numbers or arrays like the times."""
    total = 0.0
    edges = (0.0, *breaks, math.inf)
    for rate, start, end in zip(rates, edges, edges[1:], strict=False):
        total = total + rate * np.clip(time - start, 0.0, end - start)
    return total


def _invert(exponential, rates, breaks):
    """Times at which the cumulative hazard reaches the exponential numbers."""
    left = exponential
    edges = (0.0, *breaks, math.inf)
    time = np.zeros(exponential.shape)
    for rate, start, end in zip(rates, edges, edges[1:], strict=False):
        spent = np.minimum(left / rate, end - start)
        time += spent
        left = np.maximum(left - rate * spent, 0.0)
    return time
