"""Model patients: virtual patients of a library model, each simulated by the engine in every arm of a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.core import units
from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.engine.parameters import measured_columns, parameter_rows, structural
from understudy.engine.schedule import find_inputs, from_doses, one_by_one
from understudy.engine.solve import solve
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen
from understudy.trials.designs.patients import ResampledPatients
from understudy.trials.designs.treatment import (
    EventByHazard,
    FirstVisit,
    OutputHazard,
    Response,
    Treatment,
    ValueAt,
    Values,
)

if TYPE_CHECKING:
    import pandas as pd

Goal = EventByHazard | FirstVisit | Response | ValueAt
_COLUMNS = ("id", "time", "amt", "rate", "ii", "addl", "ss", "route")
_BETWEEN = 4  # times between two visits at which a hazard is looked at


def model_patients(
    model: Model | PopulationModel,
    patients: pd.DataFrame,
    treatments: Mapping[str, Treatment],
    visits: Sequence[float],
    endpoint: EventByHazard | FirstVisit | Response | ValueAt,
    *,
    leaving: OutputHazard | None = None,
    biomarker: tuple[str, float] | None = None,
    seed: int = 1,
    jobs: int = 1,
) -> ResampledPatients:
    """Simulate how every virtual patient would fare in every arm; designs then draw their trials' patients from them.

    Parameters
    ----------
    model : Model or PopulationModel
    patients : DataFrame
        One row a patient: covariates and random effects, as of `virtual_patients`, or draws of twins; thousands of
        them, so that trials that draw from them differ.
    treatments : mapping of str to Treatment
        An arm each, the first the control.
    visits : sequence of float
        From 0, rising, in the model's time unit, to the longest time that anybody is followed: nobody is observed
        after the last. What is seen at a visit changes the doses from then on.
    endpoint : EventByHazard, FirstVisit, Response or ValueAt
    leaving : OutputHazard, optional
        Hazard of leaving the trial: with a slope, those whose output is worse leave more often (informative dropout).
        It is of each arm's own course.
    biomarker : tuple of (str, float), optional
        A column of the patients and a limit: those at or above it are positive, for `Enrichment`.
    seed : int
    jobs : int
        Threads of the engine, 0 for one per core.

    Returns
    -------
    ResampledPatients
        With the patients' columns as covariates; times are in the model's unit.

    Raises
    ------
    SimulationError
        For visits, outputs or arms that are not there, and patients whose simulation fails.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy.trials.designs.treatment import Crossing
    >>> tumour = Model(
    ...     "tumour", "day", {"kg": (0.005, "1/day"), "kd": (0.02, "1/day/mg"), "ke": (0.1, "1/day")},
    ...     {"A": "mg", "S": ("mm", 80.0)}, {"A": "-ke * A", "S": "(kg - kd * A) * S"}, outputs={"S": ("S", "mm")},
    ... )
    >>> people = pd.DataFrame({"kg": np.linspace(0.002, 0.01, 50)})
    >>> arms = {"control": Treatment(), "drug": Treatment("1 mg every 7 days for 20 doses")}
    >>> progression = FirstVisit(Crossing("S", above=1.2, relative_to="lowest"))
    >>> found = model_patients(tumour, people, arms, np.arange(0, 365, 28.0), progression)
    >>> bool((found.values[:, 1] >= found.values[:, 0]).all())
    True
    """
    times, place = _grid(visits)
    names = _check(model, patients, treatments, endpoint, leaving, biomarker)
    course = _Course(model, patients, dict(treatments), times, place, names, seed, jobs)
    columns, lost = [], []
    last = np.full(len(patients), times[-1])
    for arm in treatments:
        values = course.values(arm)
        columns.append(_outcome(endpoint, times, place, values, course.uniform("event")))
        gone = last if leaving is None else leaving.times(times, values, course.uniform("leaving"))
        lost.append(np.minimum(gone, last))
    covariates = {str(name): patients[name].to_numpy(float) for name in patients.columns}
    if biomarker is not None:
        covariates["biomarker"] = (covariates[biomarker[0]] >= biomarker[1]).astype(float)
    return ResampledPatients(
        tuple(treatments),
        np.stack(columns, axis=1),
        endpoint.endpoint,
        covariates,
        lost=np.stack(lost, axis=1),
    )


@dataclass(frozen=True, eq=False)
class _Course:
    """The patients' courses in the arms of a protocol."""

    model: Model | PopulationModel
    table: pd.DataFrame
    treatments: dict[str, Treatment]
    times: NDArray[np.float64]
    place: NDArray[np.int64]
    outputs: tuple[str, ...]
    seed: int
    jobs: int

    def uniform(self, purpose: str) -> NDArray[np.float64]:
        """A number a patient, the same in every arm."""
        return uniforms(self.seed, f"course {purpose}", range(len(self.table)), 1)[:, 0]

    def values(self, arm: str) -> Values:
        """Outputs of all patients at all times, after what visits changed."""
        treatment = self.treatments[arm]
        doses = self.taken[arm]
        values = self._simulate(doses, np.arange(len(self.table)))
        if not treatment.outputs:
            return values
        state = _Rules(self, arm, doses)
        for visit in range(1, len(self.place) - 1):
            changed = state.look(values, visit)
            if len(changed):
                again = self._simulate(state.doses, changed)
                for name, each in again.items():
                    values[name][changed] = each
        return values

    def seen(self, values: Values, visit: int) -> Values:
        """Outputs at the visits up to one."""
        return {name: each[:, self.place[: visit + 1]] for name, each in values.items()}

    @cached_property
    def planned(self) -> dict[str, pd.DataFrame]:
        """Doses of each arm's regimen, one row a dose, patients by their position."""
        return {arm: self._planned(treatment.regimen) for arm, treatment in self.treatments.items()}

    def _planned(self, regimen: Regimen | str | None) -> pd.DataFrame:
        import pandas as pd

        if regimen is None:
            return pd.DataFrame({name: [] for name in _COLUMNS})
        base = structural(self.model)
        plan = Regimen.parse(regimen) if isinstance(regimen, str) else regimen
        plan = plan.in_time_unit(base.time_unit)
        flat = self.table.set_axis([str(k) for k in range(len(self.table))])
        doses = plan.events(flat, until=float(self.times[-1]) if plan.is_open else None)
        factors = np.ones(len(doses))
        for (unit, route), rows in doses.groupby(["unit", "route"]).indices.items():
            state = base.doses[find_inputs(route, base)[0]].state
            factors[rows] = units.factor(unit, next(each.unit for each in base.states if each.name == state))
        scaled = doses.assign(
            amt=doses["amt"] * factors, rate=doses["rate"] * factors, id=doses["id"].astype(int)
        )
        return one_by_one(scaled)[list(_COLUMNS)].sort_values(["id", "time"], ignore_index=True)

    @cached_property
    def taken(self) -> dict[str, pd.DataFrame]:
        """Doses of each arm that are taken."""
        return {arm: self._taken(arm) for arm in self.treatments}

    def _taken(self, arm: str) -> pd.DataFrame:
        doses, adherence = self.planned[arm], self.treatments[arm].adherence
        if adherence is None or not len(doses):
            return doses
        from scipy.special import betaincinv

        mean, precision = adherence
        share = betaincinv(mean * precision, (1 - mean) * precision, self.uniform("adherence"))
        owner = doses["id"].to_numpy(int)
        number = doses.groupby("id").cumcount().to_numpy()
        drawn = uniforms(self.seed, "course doses taken", range(len(self.table)), int(number.max()) + 1)
        return doses[drawn[owner, number] < share[owner]].reset_index(drop=True)

    def _simulate(self, doses: pd.DataFrame, rows: NDArray[np.int64]) -> Values:
        """Outputs of some patients, shape (patients, times) each."""
        own = doses[np.isin(doses["id"].to_numpy(int), rows)]
        own = own.assign(id=own["id"].astype(int).astype(str))
        names = [str(k) for k in rows]
        # A visit sees what is there before that day's dose.
        schedule = from_doses(own, names, self.times, np.array(True), structural(self.model))
        kept = self.table.iloc[rows]
        known = set(measured_columns(kept.columns, self.model)) | set(_known(self.model))
        columns = {str(name): kept[name].to_numpy(float) for name in kept.columns if name in known}
        answer = solve(schedule, parameter_rows(self.model, schedule, columns), self.outputs, jobs=self.jobs)
        failed = np.flatnonzero(answer.solution.status)
        if len(failed):
            raise SimulationError(
                f"{len(failed)} of {len(rows)} patients could not be simulated: {answer.solution.messages[failed[0]]}",
                place=f"patient {self.table.index[rows[failed[0]]]}",
                repair="look at its covariates and random effects",
            )
        shape = (len(rows), len(self.times))
        return {name: np.array(answer.outputs[name]).reshape(shape) for name in self.outputs}


class _Rules:
    """Doses of an arm's patients as visits change them."""

    def __init__(self, course: _Course, arm: str, doses: pd.DataFrame):
        self.course, self.treatment = course, course.treatments[arm]
        self.doses = doses.reset_index(drop=True)
        count = len(course.table)
        self.share = np.ones(count)
        self.crossed = np.zeros(count, bool)
        over = self.treatment.crossover
        self.willing = course.uniform(f"crossover {arm}") < (over.probability if over else 0.0)

    def look(self, values: Values, visit: int) -> NDArray[np.int64]:
        """Patients whose doses a visit changes."""
        seen = self.course.seen(values, visit)
        now = float(self.course.times[self.course.place[visit]])
        changed = self._cross(seen, now) | self._change(seen, now)
        return np.flatnonzero(changed)

    def _change(self, seen: Values, now: float) -> NDArray[np.bool_]:
        before = self.share.copy()
        for rule in self.treatment.changes:
            met = rule.when.met(seen)[:, -1] & ~self.crossed
            # No rule brings back what another one took: a limit is no reason to go up, or down.
            new = np.clip(self.share * rule.factor, min(rule.least, 1.0), rule.most)
            new = np.minimum(new, self.share) if rule.factor < 1 else np.maximum(new, self.share)
            self.share = np.where(met, new, self.share)
        changed = (self.share != before) & ~self.crossed
        ratio = np.where(before > 0, self.share / np.where(before > 0, before, 1.0), 0.0)
        self._scale(np.where(changed, ratio, 1.0), now)
        return changed

    def _cross(self, seen: Values, now: float) -> NDArray[np.bool_]:
        import pandas as pd

        over = self.treatment.crossover
        if over is None:
            return self.crossed & False
        new = over.when.met(seen)[:, -1] & self.willing & ~self.crossed
        if not new.any():
            return new
        self.crossed |= new
        owner, time = self.doses["id"].to_numpy(int), self.doses["time"].to_numpy(float)
        kept = self.doses[~(new[owner] & (time >= now))] if len(owner) else self.doses
        others = self.course.taken[over.to]
        others = others[new[others["id"].to_numpy(int)]] if len(others) else others
        begun = others.assign(time=others["time"] + now)
        parts = [each for each in (kept, begun[begun["time"] <= self.course.times[-1]]) if len(each)]
        joined = pd.concat(parts) if parts else kept
        self.doses = joined.sort_values(["id", "time"], ignore_index=True, kind="stable")
        return new

    def _scale(self, ratio: NDArray[np.float64], now: float) -> None:
        if not len(self.doses):
            return
        owner, time = self.doses["id"].to_numpy(int), self.doses["time"].to_numpy(float)
        factor = np.where(time >= now, ratio[owner], 1.0)
        changed = self.doses.assign(amt=self.doses["amt"] * factor, rate=self.doses["rate"] * factor)
        # A dose of nothing is none; an infusion keeps its length.
        self.doses = changed[factor > 0].reset_index(drop=True)


def _outcome(endpoint: Goal, times, place, values: Values, uniform) -> NDArray[np.float64]:
    """The endpoint of every patient, shape (patients,)."""
    if isinstance(endpoint, EventByHazard):
        return endpoint.hazard.times(times, values, uniform)
    seen = {name: each[:, place] for name, each in values.items()}
    visits = times[place]
    if isinstance(endpoint, ValueAt):
        where = np.flatnonzero(np.isclose(visits, endpoint.visit))
        if not len(where):
            raise SimulationError(
                f"no visit at {endpoint.visit:g}", place="ValueAt.visit", repair="give the time of a visit"
            )
        value = seen[endpoint.output][:, where[0]]
        value = value - seen[endpoint.output][:, 0] if endpoint.change else value
        return value if endpoint.better == "higher" else -value
    met = endpoint.when.met(seen)
    if isinstance(endpoint, Response):
        until = np.inf if endpoint.by is None else endpoint.by
        return met[:, visits <= until].any(axis=1).astype(float)
    met[:, 0] = False
    return np.where(met.any(axis=1), visits[met.argmax(axis=1)], np.inf)


def _grid(visits: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Times between visits too, and where the visits are among them."""
    at = np.asarray(visits, dtype=float)
    if at.ndim != 1 or len(at) < 2 or at[0] != 0 or not np.isfinite(at).all() or (np.diff(at) <= 0).any():
        raise SimulationError(
            f"visits {list(np.atleast_1d(at))[:8]}", place="visits", repair="give two or more, rising from 0"
        )
    parts = [np.linspace(start, stop, _BETWEEN, endpoint=False) for start, stop in pairwise(at)]
    return np.append(np.concatenate(parts), at[-1]), _BETWEEN * np.arange(len(at))


def _check(model, patients, treatments, endpoint, leaving, biomarker) -> tuple[str, ...]:
    """Outputs that are needed, or an error."""
    if not len(patients) or not treatments:
        raise SimulationError("no patients, or no arm", place="model_patients", repair="give some")
    for arm, treatment in treatments.items():
        over = treatment.crossover
        if over is not None and (over.to not in treatments or over.to == arm):
            raise SimulationError(
                f"{arm} crosses over to {over.to!r}", place="Crossover.to",
                repair=f"name another of {', '.join(treatments)}",
            )  # fmt: skip
    if biomarker is not None and biomarker[0] not in patients.columns:
        raise SimulationError(
            f"no column {biomarker[0]!r}", place="biomarker",
            repair=f"name one of {', '.join(map(str, patients.columns))}",
        )  # fmt: skip
    asked = [name for treatment in treatments.values() for name in treatment.outputs]
    asked += [endpoint.hazard.output] if isinstance(endpoint, EventByHazard) else []
    asked += [endpoint.output] if isinstance(endpoint, ValueAt) else []
    asked += [endpoint.when.output] if isinstance(endpoint, (FirstVisit, Response)) else []
    asked += [leaving.output] if leaving is not None else []
    known = structural(model).output_names
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise SimulationError(
            f"the model has no output {unknown[0]!r}", place=structural(model).name,
            repair=f"name one of {', '.join(known)}",
        )  # fmt: skip
    return tuple(dict.fromkeys(asked))


def _known(model: Model | PopulationModel) -> tuple[str, ...]:
    """Columns that say something to the model."""
    if isinstance(model, PopulationModel):
        return (*model.covariate_names, *model.eta_names, *model.fixed_values)
    return model.parameter_names
