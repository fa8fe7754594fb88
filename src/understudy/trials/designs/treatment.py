"""Treatment: what the patients of an arm are given, and what their course changes about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.model.regimen import Regimen
from understudy.trials.designs.patients import Endpoint

Reference = Literal["start", "lowest", "highest"]
Values = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Crossing:
    """When an output of the model has gone too far, as seen at visits.

    Parameters
    ----------
    output : str
    above, below : float, optional
        One limit; it is met beyond it.
    relative_to : "start", "lowest" or "highest", optional
        Whether the limit is of the ratio to the first visit's value, or to the lowest or highest value so far.

    Examples
    --------
    >>> progression = Crossing("S", above=1.2, relative_to="lowest")
    >>> progression.met({"S": np.array([[100.0, 60.0, 71.0, 73.0]])}).tolist()
    [[False, False, False, True]]
    """

    output: str
    above: float | None = None
    below: float | None = None
    relative_to: Reference | None = None

    def __post_init__(self):
        if (self.above is None) == (self.below is None) or not np.isfinite(self._limit):
            raise SimulationError(
                f"limits above {self.above} and below {self.below}", place=f"Crossing of {self.output}",
                repair="give one finite limit",
            )  # fmt: skip
        if self.relative_to not in (None, "start", "lowest", "highest"):
            raise SimulationError(
                f"relative to {self.relative_to!r}", place=f"Crossing of {self.output}",
                repair="give start, lowest, highest, or nothing",
            )  # fmt: skip

    def met(self, values: Values) -> NDArray[np.bool_]:
        """At which visits, shape (patients, visits)."""
        value = values[self.output]
        if self.relative_to == "start":
            value = value / value[:, :1]
        elif self.relative_to == "lowest":
            value = value / np.minimum.accumulate(value, axis=1)
        elif self.relative_to == "highest":
            value = value / np.maximum.accumulate(value, axis=1)
        return value > self.above if self.above is not None else value < self.below

    @property
    def _limit(self) -> float:
        return self.above if self.above is not None else (np.nan if self.below is None else self.below)


@dataclass(frozen=True)
class DoseChange:
    """Doses that are changed at a visit at which something is seen: less if toxic, more if not enough.

    Parameters
    ----------
    when : Crossing
    factor : float
        All later doses are multiplied by it, once for each visit at which it is met; 0 stops the treatment.
    least, most : float
        Limits of the product, as shares of the planned dose.
    """

    when: Crossing
    factor: float
    least: float = 0.0
    most: float = 1.0

    def __post_init__(self):
        if not 0 <= self.factor < np.inf or not 0 <= self.least <= 1 <= self.most:
            raise SimulationError(
                f"factor {self.factor}, from {self.least} to {self.most}", place="DoseChange",
                repair="give a factor from 0, least up to 1 and most from 1",
            )  # fmt: skip


@dataclass(frozen=True)
class Crossover:
    """A change to another arm's treatment, from its beginning, at the first visit at which something is seen.

    Parameters
    ----------
    when : Crossing
        Such as progression.
    to : str
        The other arm.
    probability : float
        Share of the patients who change.
    """

    when: Crossing
    to: str
    probability: float = 1.0

    def __post_init__(self):
        if not 0 <= self.probability <= 1:
            raise SimulationError(
                f"probability {self.probability}", place="Crossover", repair="give one from 0 to 1"
            )


@dataclass(frozen=True)
class Treatment:
    """What an arm is given.

    Parameters
    ----------
    regimen : Regimen or str, optional
        Such as ``"200 mg every 3 weeks for 18 doses"``; none without one.
    adherence : tuple of float, optional
        Mean and precision (a + b) of a beta distribution of each patient's share of doses that are taken; doses are
        left out at random. None: all are taken.
    changes : tuple of DoseChange
    crossover : Crossover, optional
    """

    regimen: Regimen | str | None = None
    adherence: tuple[float, float] | None = None
    changes: tuple[DoseChange, ...] = ()
    crossover: Crossover | None = None

    def __post_init__(self):
        if self.adherence is not None and not (0 < self.adherence[0] < 1 and self.adherence[1] > 0):
            raise SimulationError(
                f"adherence {self.adherence}", place="Treatment.adherence",
                repair="give a mean between 0 and 1, and a precision",
            )  # fmt: skip

    @property
    def outputs(self) -> tuple[str, ...]:
        """Outputs that its rules look at."""
        rules = (*self.changes, *((self.crossover,) if self.crossover else ()))
        return tuple(rule.when.output for rule in rules)


@dataclass(frozen=True)
class OutputHazard:
    """A hazard that hangs on an output: rate · exp(slope · (output - reference)).

    Parameters
    ----------
    output : str
    rate : float
        Events per unit of the model's time where the output is ``reference``.
    slope : float
        Log hazard ratio per unit of the output.
    reference : float
    """

    output: str
    rate: float
    slope: float = 0.0
    reference: float = 0.0

    def __post_init__(self):
        if not self.rate > 0 or not np.isfinite([self.rate, self.slope, self.reference]).all():
            raise SimulationError(
                f"{self!r}", place="OutputHazard", repair="give a rate above 0 and finite numbers"
            )

    def times(self, at: NDArray[np.float64], values: Values, uniform: NDArray) -> NDArray[np.float64]:
        """Times at which the cumulative hazard reaches -log(uniform), infinite where it does not by the last.

        Parameters
        ----------
        at : array, shape (times,)
            Between them the logarithm of the hazard is taken as a line's mean: the trapezium rule.
        values : mapping of str to array, shape (patients, times)
        uniform : array, shape (patients,)
        """
        hazard = self.rate * np.exp(self.slope * (values[self.output] - self.reference))
        steps = np.diff(at) * 0.5 * (hazard[:, 1:] + hazard[:, :-1])
        total = np.concatenate([np.zeros((len(hazard), 1)), np.cumsum(steps, axis=1)], axis=1)
        need = -np.log(uniform)
        place = (total < need[:, None]).sum(axis=1)
        happens = place < total.shape[1]
        after = np.minimum(place, total.shape[1] - 1)
        rows, before = np.arange(len(total)), np.maximum(after - 1, 0)
        part = (need - total[rows, before]) / np.maximum(total[rows, after] - total[rows, before], 1e-300)
        found = at[before] + np.clip(part, 0.0, 1.0) * (at[after] - at[before])
        return np.where(happens, np.maximum(found, 1e-9), np.inf)


@dataclass(frozen=True)
class EventByHazard:
    """Endpoint: the time to an event whose hazard hangs on an output, such as death and the size of a tumour."""

    hazard: OutputHazard
    endpoint: ClassVar[Endpoint] = "survival"


@dataclass(frozen=True)
class FirstVisit:
    """Endpoint: the time of the first visit at which something is seen, such as progression; infinite for never."""

    when: Crossing
    endpoint: ClassVar[Endpoint] = "survival"


@dataclass(frozen=True)
class Response:
    """Endpoint: whether something is seen at one of the visits up to a time (all of them without one)."""

    when: Crossing
    by: float | None = None
    endpoint: ClassVar[Endpoint] = "binary"


@dataclass(frozen=True)
class ValueAt:
    """Endpoint: an output at a visit.

    Parameters
    ----------
    output : str
    visit : float
        One of the visits.
    change : bool
        Whether the first visit's value is taken off.
    better : "higher" or "lower"
        Designs take a high measurement as good: where a lower one is, its negative is the endpoint.
    """

    output: str
    visit: float
    change: bool = False
    better: Literal["higher", "lower"] = "higher"
    endpoint: ClassVar[Endpoint] = "continuous"
