"""OutcomeDensity: the log-density of all observations of one outcome that is no level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem, SimulationError
from understudy.inference.distributions import FAMILIES, Family
from understudy.model.distribution import MEASURED, Distribution

if TYPE_CHECKING:
    from understudy.core.expression import Expression
    from understudy.data.records import Records
    from understudy.engine.schedule import Schedule
    from understudy.model.population_model import PopulationModel


@dataclass(frozen=True, eq=False)
class OutcomeDensity:
    """Observations of one outcome and how they are distributed.

    Parameters
    ----------
    distribution : Distribution
    here : int array, shape (m,)
        Places among all observations.
    outcome : float array, shape (m,)
    before : int array, shape (m,)
        Place, among these, of the same patient's observation before; -1 for the first.
    """

    distribution: Distribution
    here: np.ndarray
    outcome: np.ndarray
    before: np.ndarray

    @classmethod
    def of(
        cls, distribution: Distribution, output: np.ndarray, raw: np.ndarray, patient: np.ndarray
    ) -> OutcomeDensity:
        """Of all observations, of which some are of this outcome; they are in order of patient and time."""
        here = np.flatnonzero(output == distribution.output)
        own = patient[here]
        before = np.where(
            np.r_[False, own[1:] == own[:-1]] if here.size else [], np.arange(here.size) - 1, -1
        )
        return cls(distribution, here, raw[here], before.astype(int))

    def require_possible(self, row: np.ndarray, source: str) -> None:
        """Raise where an outcome is none that the distribution can give.

        Parameters
        ----------
        row : int array, shape (observations,)
            Line of the file of each observation.
        source : str
        """
        row = row[self.here]
        possible = self.family.valid(self.outcome, self.distribution.parameter_names)
        problems = [
            Problem(
                f"no outcome of {self.distribution.output} ({self.distribution.kind})",
                f"write {self.family.outcomes}", int(row[k]), "DV", f"{self.outcome[k]:g}",
            )
            for k in np.flatnonzero(~possible)
        ]  # fmt: skip
        if problems:
            raise DataError(problems, place=source)

    def require_risk(
        self, schedule: Schedule, observation_row: np.ndarray, row: np.ndarray, records: Records
    ) -> None:
        """Raise where the records do not say how long a patient was at risk of an event.

        Parameters
        ----------
        schedule : Schedule
        observation_row, row : int arrays, shape (observations,)
            Row of the schedule, and line of the file, of each observation.
        records : Records
        """
        if self.distribution.kind != "time_to_event":
            return
        if records.table["evid"].isin((3, 4)).any():
            raise SimulationError(
                f"resets (EVID 3, 4) would set the cumulative hazard of {self.distribution.output} back",
                place=records.source,
                repair="write the records without resets",
            )
        mine = observation_row[self.here]
        begin = schedule.time[schedule.start[:-1]][schedule.patient[mine]]
        counts = np.r_[self.before[1:] < 0, True] | (self.outcome > 0)
        lost = (self.before < 0) & (schedule.time[mine] <= begin) & counts
        if lost.any():
            raise SimulationError(
                f"{self.distribution.output} is observed at the very start of the patient's records, without a time "
                "at risk before",
                place=f"{records.source}, row {int(row[self.here][lost][0])}",
                repair="begin each patient with a row (EVID 2) at the time when observation began",
            )

    @property
    def family(self) -> Family:
        """How it computes."""
        return FAMILIES[self.distribution.kind]

    @cached_property
    def equations(self) -> Mapping[str, Expression]:
        """The parameters' equations by name, thresholds in order."""
        return {name: self.distribution.equation(name) for name in self.distribution.parameter_names}

    @property
    def known(self) -> dict[str, np.ndarray]:
        """The outcomes themselves, by the name that equations give them."""
        return {MEASURED: self.outcome} if self.distribution.kind == "log_likelihood" else {}

    def parameters(self, known: Mapping[str, np.ndarray], shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Value of each parameter at each observation, shape (copies, m)."""
        values = {
            name: np.broadcast_to(np.asarray(equation.evaluate(known | self.known), dtype=float), shape)
            for name, equation in self.equations.items()
        }
        return self.since_before(values)

    def since_before(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The same with what a cumulative hazard has grown by since the observation before in its place.

        Parameters
        ----------
        values : mapping of str to float array, shape (copies, m) or (copies, m, effects)
        """
        if "cumulative" not in values:
            return values
        whole = values.pop("cumulative")
        first = (self.before < 0).reshape(1, -1, *[1] * (whole.ndim - 2))
        return values | {"increment": whole - np.where(first, 0.0, whole[:, self.before])}

    def information(self, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        """Minus the log-density of each observation, shape (copies, m)."""
        with np.errstate(all="ignore"):
            return -self.family.log_density(self.outcome, parameters)

    def slopes(self, parameters: Mapping[str, np.ndarray], moved: Mapping[str, np.ndarray]) -> np.ndarray:
        """Derivatives of `information` along effects, shape (copies, m, effects).

        Parameters
        ----------
        parameters : mapping of str to float array, shape (copies, m)
        moved : mapping of str to float array, shape (copies, m, effects)
            Derivatives of the parameters.
        """
        with np.errstate(all="ignore"):
            by = self.family.slopes(self.outcome, parameters)
            return -sum(by[name][..., None] * moved[name] for name in by)

    def draws(self, uniform: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        """Outcomes as they might have come out, from uniform numbers of shape (copies, m).

        Raises
        ------
        SimulationError
            Where such outcomes cannot be drawn at the records' times.
        """
        output = self.distribution.output
        if self.family.draws is None:
            raise SimulationError(
                f"{output} cannot be drawn: its log-likelihood says nothing of how it comes about",
                place=output,
                repair="declare one of the other distributions",
            )
        if self.distribution.kind == "time_to_event" and (self.outcome == 1).any():
            raise SimulationError(
                f"the times of {output} are outcomes themselves: they cannot be drawn at the records' times",
                place=output,
                repair="draw them with understudy.inference.event_times.simulate_events",
            )
        return self.family.draws(uniform, parameters)


def find_densities(
    model: PopulationModel, output: np.ndarray, raw: np.ndarray, patient: np.ndarray
) -> tuple[OutcomeDensity, ...]:
    """Of all outcomes that are no levels and were observed; arrays have the shape (observations,)."""
    found = [OutcomeDensity.of(item, output, raw, patient) for item in model.distributions]
    return tuple(each for each in found if each.here.size)
