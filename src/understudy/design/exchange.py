"""Exchange: better designs by changing one sample, or one group's doses, at a time.

Coordinate exchange: Meyer RK, Nachtsheim CJ. The coordinate-exchange algorithm for constructing exact optimal
experimental designs. Technometrics 1995;37:60-69, doi:10.1080/00401706.1995.10485889.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.design.candidates import Candidates

# A change of less is none: it would be rounding.
_LEAST = 1e-9
_MOST_ROUNDS = 50


@dataclass(frozen=True, eq=False)
class Plan:
    """A choice among candidates.

    Parameters
    ----------
    regimens : tuple of int, length groups
    samples : tuple of int arrays
        Of each group, places in the list of all candidate samples.
    """

    regimens: tuple[int, ...]
    samples: tuple[np.ndarray, ...]

    def changed(self, group: int, regimen: int, samples: np.ndarray) -> Plan:
        """The same with another group."""
        regimens, own = list(self.regimens), list(self.samples)
        regimens[group], own[group] = regimen, samples
        return replace(self, regimens=tuple(regimens), samples=tuple(own))


@dataclass(frozen=True, eq=False)
class SampleList:
    """All candidate samples of all outputs in one list.

    Parameters
    ----------
    outputs : tuple of str, length n
    times : float array, shape (n,)
    usable : bool array, shape (n,)
    spacing : float
    """

    outputs: tuple[str, ...]
    times: np.ndarray
    usable: np.ndarray
    spacing: float

    @classmethod
    def of(cls, candidates: Candidates) -> SampleList:
        """Those of some candidates."""
        outputs = tuple(name for name, own in candidates.times.items() for _ in own)
        times = np.concatenate(list(candidates.times.values()))
        return cls(outputs, times, np.ones(times.size, dtype=bool), candidates.spacing)

    def nearest(self, wanted: Sequence[tuple[str, float]], place: str) -> np.ndarray:
        """Places of samples at outputs and times, or as near as the ones before leave room.

        Raises
        ------
        SimulationError
            Where there is no room.
        """
        found = np.array([], dtype=int)
        for output, time in wanted:
            room = self.room(output, found)
            if not room.size:
                raise _no_room(len(wanted), output, self.spacing, place)
            found = np.append(found, room[np.argmin(np.abs(self.times[room] - time))])
        return found

    def room(self, output: str, others: np.ndarray) -> np.ndarray:
        """Places that a sample of an output may have beside a patient's others."""
        same = np.array([k for k in others if self.outputs[k] == output], dtype=int)
        allowed = self.usable & np.array([name == output for name in self.outputs])
        away = np.abs(self.times[:, None] - self.times[same]).min(axis=1, initial=np.inf)
        return np.flatnonzero(allowed & (away > 0) & (away >= self.spacing * (1 - 1e-9)))


def _no_room(count: int, output: str, spacing: float, place: str) -> SimulationError:
    return SimulationError(
        f"there is no room for {count} samples of {output}, {spacing:g} apart", place=place,
        repair="allow more times, a smaller spacing, or fewer samples",
    )  # fmt: skip


# Information of a group by regimen and samples, shapes (int, int, (..., n)) to (models, ..., p, p).
GroupInformation = Callable[[int, int, np.ndarray], np.ndarray]
Score = Callable[[np.ndarray], np.ndarray]


class Exchange:
    """A plan that becomes better by single changes.

    Parameters
    ----------
    plan : Plan
    samples : SampleList
    regimens : int
        How many there are to choose from.
    information, score : functions
        Of a group, and of the sum of groups, shape (models, ..., p, p).
    """

    def __init__(
        self, plan: Plan, samples: SampleList, regimens: int, information: GroupInformation, score: Score
    ):
        self.plan, self.samples, self.regimens = plan, samples, regimens
        self.information, self.score = information, score
        chosen = zip(plan.regimens, plan.samples, strict=True)
        self.parts = [information(k, regimen, own) for k, (regimen, own) in enumerate(chosen)]
        self.value = float(score(sum(self.parts)))

    def run(self) -> Exchange:
        """Change until no single change is better."""
        for _ in range(_MOST_ROUNDS):
            before = self.value
            for group in range(len(self.parts)):
                self._change_doses(group)
                for position in range(self.plan.samples[group].size):
                    self._change_sample(group, position)
            if not self.value > before + _LEAST:
                break
        return self

    def _change_doses(self, group: int) -> None:
        now = self.plan.regimens[group]
        for regimen in range(self.regimens):
            if regimen != now:
                self._try(group, regimen, self.plan.samples[group][None])

    def _change_sample(self, group: int, position: int) -> None:
        own = self.plan.samples[group]
        places = self.samples.room(self.samples.outputs[own[position]], np.delete(own, position))
        if places.size:
            tried = np.repeat(own[None], places.size, axis=0)
            tried[:, position] = places
            self._try(group, self.plan.regimens[group], tried)

    def _try(self, group: int, regimen: int, tried: np.ndarray) -> None:
        """Take the best of some sets of samples where it is better than what there is."""
        found = self.information(group, regimen, tried)
        others = sum(part for k, part in enumerate(self.parts) if k != group)
        values = self.score(found + (others[:, None] if np.ndim(others) else 0.0))
        top = int(np.argmax(values))
        if values[top] > self.value + _LEAST:
            self.plan = self.plan.changed(group, regimen, tried[top])
            self.parts[group], self.value = found[:, top], float(values[top])


def random_plan(plan: Plan, samples: SampleList, regimens: int, seed: int, number: int) -> Plan:
    """A plan with as many samples of each output in each group, at random.

    Raises
    ------
    SimulationError
        Where the candidates leave no room for the samples.
    """
    groups = np.arange(len(plan.samples)) + number * len(plan.samples)
    most = max(own.size for own in plan.samples) + 1
    z = uniforms(seed, "design starts", groups, most)
    chosen = tuple(_drawn(own, samples, u[1:]) for own, u in zip(plan.samples, z, strict=True))
    return Plan(tuple(int(u * regimens) for u in z[:, 0]), chosen)


def _drawn(like: np.ndarray, samples: SampleList, z: np.ndarray) -> np.ndarray:
    """One sample after the other, each among those that the ones before leave room for."""
    found = np.array([], dtype=int)
    for k, u in zip(like, z, strict=False):
        room = samples.room(samples.outputs[k], found)
        if not room.size:
            raise _no_room(like.size, samples.outputs[k], samples.spacing, "a random start")
        found = np.append(found, room[int(u * room.size)])
    return found
