"""Multi-arm survival: several treatments against one control on times to an event, with looks that drop arms.

Royston, Parmar and Qian, Stat Med 22, 2239 (2003), doi:10.1002/sim.1430: looks are timed by the control arm's events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.event_times import EventTimes
from understudy.trials.designs.patients import Patients, observed
from understudy.trials.designs.runs import Runs

if TYPE_CHECKING:
    from understudy.trials.designs.multi_arm import MultiArmMultiStage


def run_survival(
    design: MultiArmMultiStage, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int
) -> Runs:
    """Run trials of a design on times to an event; see `Design.run`."""
    arms, count = design.treatments + 1, len(trials)
    number = np.broadcast_to(np.arange(design.patients) % arms, (count, design.patients))
    value, lost = observed(patients.outcomes(trials, design.patients, seed), number, conduct, trials, seed)
    trial = _Arms(
        conduct.recruitment.times(trials, design.patients, seed),
        *(
            np.stack([each[:, arm::arms] for arm in range(arms)], axis=2)
            for each in (conduct.seen(value), lost)
        ),
    )
    number = np.broadcast_to(np.arange(design.patients).reshape(-1, arms), (count, design.per_arm, arms))
    entry = trial.entry_of(number)
    going, active = np.ones((count, arms), bool), np.ones(count, bool)
    rejected, estimate = np.zeros((count, arms - 1), bool), np.full((count, arms - 1), np.nan)
    looks, duration = np.zeros(count, dtype=np.int64), np.zeros(count)
    events = np.zeros(count)
    for look, t in enumerate(design.times):
        here = going & active[:, None]
        when = trial.when(entry, max(1, round(t * design.control_events)))
        looks += active
        duration = np.where(active, when, duration)
        z, effect, seen = trial.tests(entry, when, design.weights)
        estimate = np.where(here[:, 1:], effect, estimate)
        events = np.where(active, seen, events)
        rejected |= here[:, 1:] & (z >= design.limits[look])
        if look + 1 < len(design.times):
            going[:, 1:] &= ~design.dropped(np.where(going[:, 1:], z, -np.inf), look)
        active &= ~rejected.any(axis=1) & going[:, 1:].any(axis=1)
        entry = np.where(active[:, None, None], trial.rescheduled(entry, when, going), entry)
    enrolled = (entry <= duration[:, None, None]).sum(axis=1)
    futile = ~rejected.any(axis=1) & ~going[:, 1:].any(axis=1)
    names = tuple(f"{arm} better" for arm in patients.arms[1:])
    return Runs(names, rejected, enrolled, duration, looks, futile, estimate, {"events": events})


@dataclass(frozen=True, eq=False)
class _Arms:
    """Recruitment, shape (trials, all patients), and each arm's patients, shape (trials, patients of an arm, arms)."""

    recruitment: NDArray[np.float64]
    time: NDArray[np.float64]
    lost: NDArray[np.float64]

    def entry_of(self, number: NDArray[np.int64]) -> NDArray[np.float64]:
        """Calendar times of the patients with these numbers in the order of enrolment."""
        flat = np.minimum(number, self.recruitment.shape[1] - 1).reshape(len(number), -1)
        return np.take_along_axis(self.recruitment, flat, axis=1).reshape(number.shape)

    def when(self, entry: NDArray[np.float64], events: int) -> NDArray[np.float64]:
        """Calendar time of so many events of the control arm."""
        control = self._between(entry, ())
        return control.when(np.isfinite(control.entry), np.full(len(entry), events))

    def tests(self, entry, when, weights):
        """Z, log hazard ratio of each treatment, and events of all arms."""
        found = []
        for arm in range(1, entry.shape[2]):
            pair = self._between(entry, (arm,))
            found.append(pair.test_at(pair.entry <= when[:, None], when, weights))
        own = self._between(entry, ())
        control = own.test_at(own.entry <= when[:, None], when)[2]
        seen = control + sum(events - control for _, _, events in found)
        return np.stack([z for z, _, _ in found], axis=1), np.stack([e for _, e, _ in found], axis=1), seen

    def rescheduled(self, entry, when, going) -> NDArray[np.float64]:
        """Enrolment after a look: the arms that go on share all who come, the others get nobody."""
        inside = entry <= when[:, None, None]
        have = inside.sum(axis=1, keepdims=True)
        first = (self.recruitment <= when[:, None]).sum(axis=1)[:, None, None]
        rank = (np.cumsum(going, axis=1) - 1)[:, None, :]
        later = np.arange(entry.shape[1])[None, :, None] - have
        number = first + rank + later * going.sum(axis=1)[:, None, None]
        new = np.where(going[:, None, :], self.entry_of(np.maximum(number, 0)), np.inf)
        return np.where(inside, entry, new)

    def _between(self, entry, treatments: tuple[int, ...]) -> EventTimes:
        """The control arm, and treatments."""
        chosen = (0, *treatments)
        flat = [
            np.concatenate([each[..., arm] for arm in chosen], axis=1)
            for each in (entry, self.time, self.lost)
        ]
        treated = np.repeat([arm > 0 for arm in chosen], entry.shape[1])
        return EventTimes(np.broadcast_to(treated, flat[0].shape), *flat)
