"""Typical patient: the answer of a mechanism without a population, and how far it is from records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.result import Outcome
from understudy.data.compatibility import output_name
from understudy.dossier.regimen_comparison import POINTS, Comparison, comparison_target
from understudy.engine.simulate import in_model_units, simulate
from understudy.model.population_model import PopulationModel
from understudy.population.attainment import Target, attainment

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from understudy.data.records import Records
    from understudy.dossier.sections import Candidate
    from understudy.dossier.study import Study
    from understudy.model.model import Model
    from understudy.model.regimen import Regimen

TYPICAL = "typical"
Stage = Callable[[str, Callable[[Callable[[float], None]], Any]], Any]


@dataclass(frozen=True, eq=False)
class TypicalPatient:
    """A mechanism's one patient under every regimen, and its predictions beside what was measured.

    Parameters
    ----------
    levels : DataFrame
        regimen, peak, peak_time, mean, lowest, last, end: of the target's output, over the whole course.
    courses : DataFrame
        regimen, time, output, value, unit: every output.
    check : DataFrame
        id, row, time, output, observed, predicted: each measurement; no rows where there are no records.
    failures : mapping of patient to sentence
        Patients of the records who could not be simulated.
    comparison : Comparison
        Of the target's output.
    """

    levels: pd.DataFrame
    courses: pd.DataFrame
    check: pd.DataFrame
    failures: Mapping[str, str]
    comparison: Comparison

    @property
    def attained(self) -> pd.DataFrame:
        """Share of time below, within and above the target, as `attainment_table` has it."""
        table = self.comparison.table(())
        return table[table["measure"] == "time"].reset_index(drop=True)

    def dataset(self) -> xr.Dataset:
        """Every output over time, by regimen."""
        import xarray as xr

        outputs = next(iter(self.comparison.outcomes.values())).outputs
        parts = [self.comparison.dataset(output, 0.9) for output in outputs]
        return xr.merge(parts, compat="override", combine_attrs="drop_conflicts")

    @property
    def errors(self) -> pd.DataFrame:
        """Prediction minus observation by output: n, patients, mae, rmse, bias."""
        import pandas as pd

        rows = []
        for output, part in self.check.dropna(subset=["observed", "predicted"]).groupby("output", sort=False):
            error = part["predicted"] - part["observed"]
            sizes = {"mae": error.abs().mean(), "rmse": np.sqrt((error**2).mean()), "bias": error.mean()}
            rows.append({"output": output, "n": len(part), "patients": part["id"].nunique()} | sizes)
        return pd.DataFrame(rows, columns=["output", "n", "patients", "mae", "rmse", "bias"])


def without_population(model: Model) -> PopulationModel:
    """A mechanism as a population in which nobody differs and nothing scatters."""
    return PopulationModel(model.name, model, sources=model.sources)


def typical_target(study: Study, model: Model) -> Target:
    """The study's target in the output's own unit."""
    wanted = study.target
    return comparison_target(wanted.output, wanted.low, wanted.high, wanted.unit, without_population(model))


def answer_typical(
    study: Study, model: Model, records: Records | None, jobs: int, stage: Stage
) -> TypicalPatient:
    """Every regimen in the typical patient, and the predictions of the records' measurements.

    Parameters
    ----------
    study : Study
    model : Model
    records : Records or None
    jobs : int
    stage : callable
        Runs a named piece of work and reports it.

    Raises
    ------
    SimulationError
        Where the patient cannot be simulated.
    """
    check, failures = _no_check(), {}
    if records is not None:
        work = lambda done: check_records(model, records, study.target.output, study.evaluation.engine, jobs)  # noqa: E731
        check, failures = stage("Comparing with the data", work)
    solved = stage("Regimens in the typical patient", lambda done: _solved(study, model, done))
    target, outcomes = typical_target(study, model), {name: before for name, (before, _) in solved.items()}
    attained = {name: attainment(outcome, target) for name, outcome in outcomes.items()}
    comparison = Comparison(TYPICAL, _one_row(), outcomes, attained)
    courses = _courses(solved)
    return TypicalPatient(_levels(courses, target.output), courses, check, failures, comparison)


def _one_row() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(index=[TYPICAL])


def _solved(
    study: Study, model: Model, done: Callable[[float], None]
) -> dict[str, tuple[Outcome, Outcome | None]]:
    found = {}
    for k, candidate in enumerate(study.regimens):
        found[candidate.name] = _before_and_after(study, model, candidate)
        done((k + 1) / len(study.regimens))
    return found


def _before_and_after(study: Study, model: Model, candidate: Candidate) -> tuple[Outcome, Outcome | None]:
    """Evenly spaced levels, before doses that fall on them; and those right after each dose, if any is given."""
    changed = model.with_values(**candidate.parameters) if candidate.parameters else model
    plan = candidate.regimen.in_time_unit(model.time_unit) if candidate.doses else None
    end = study.evaluation.until or plan.end
    ask = partial(_simulated, changed, plan, candidate.name, study.evaluation.engine)
    doses = plan.dose_times() if plan else np.empty(0)
    doses = np.unique(doses[doses < end])
    return ask(np.linspace(0.0, end, POINTS), True), ask(doses, False) if doses.size else None


def _simulated(
    model: Model, plan: Regimen | None, name: str, engine: str, times: np.ndarray, before_dose: bool
) -> Outcome:
    outcome = simulate(model, _one_row(), plan, times, before_dose=before_dose, engine=engine)
    if outcome.failures:
        raise SimulationError(
            f"the typical patient cannot be simulated: {outcome.failures[TYPICAL]}",
            place=f"{model.name}, {name}",
            repair="see the model's equations and values",
        )
    return outcome


def _courses(solved: Mapping[str, tuple[Outcome, Outcome | None]]) -> pd.DataFrame:
    import pandas as pd

    frames = [
        outcome.to_frame().assign(regimen=name, after=after)
        for name, both in solved.items()
        for after, outcome in enumerate(both)
        if outcome is not None
    ]
    joined = pd.concat(frames, ignore_index=True)
    # By regimen and output as they come; at the time of a dose the level before it is first.
    places = {name: {key: k for k, key in enumerate(joined[name].unique())} for name in ("regimen", "output")}
    keys = joined.assign(**{name: joined[name].map(place) for name, place in places.items()})
    order = keys.sort_values(["regimen", "output", "time", "after"], kind="stable").index
    return joined.loc[order, ["regimen", "time", "output", "value", "unit"]].reset_index(drop=True)


def _levels(courses: pd.DataFrame, output: str) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name, part in courses[courses["output"] == output].groupby("regimen", sort=False):
        times, values = part["time"].to_numpy(float), part["value"].to_numpy(float)
        highest = int(values.argmax())
        span = {"peak": values[highest], "peak_time": times[highest]}
        span |= {"mean": np.trapezoid(values, times) / (times[-1] - times[0]), "lowest": values.min()}
        rows.append({"regimen": name} | span | {"last": values[-1], "end": times[-1]})
    return pd.DataFrame(rows)


def _no_check() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=["id", "row", "time", "output", "observed", "predicted"])


def check_records(
    model: Model, records: Records, output: str, engine: str, jobs: int
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Each measurement beside what the mechanism predicts from the same doses.

    Parameters
    ----------
    model : Model
    records : Records
    output : str
        What measurements without a DVID are of.
    engine : str
    jobs : int

    Returns
    -------
    check : DataFrame
        id, row, time, output, observed, predicted, in the model's units; no prediction in a patient who failed.
    failures : dict of patient to sentence

    Raises
    ------
    DataError, SimulationError
        Where the records cannot be put to the model.
    """
    asked = _measured(model, records, output)
    outcome = simulate(asked, records, engine=engine, jobs=jobs)
    table = in_model_units(records, asked).table
    # The outcome holds each patient's own observation records, in their order.
    table = table[table["evid"] == 0]
    place, patient = table.groupby("id", sort=False).cumcount(), _positions(table["id"], outcome.patients)
    outputs = [output_name(asked, str(dvid)) for dvid in table["dvid"]]
    predicted = [outcome[name].values[i, j] for name, i, j in zip(outputs, patient, place, strict=True)]
    frame = table[["id", "row", "time"]].assign(output=outputs, observed=table["dv"], predicted=predicted)
    return frame[table["mdv"] == 0].reset_index(drop=True), outcome.failures


def _positions(ids: pd.Series, patients: np.ndarray) -> list[int]:
    known = {str(name): k for k, name in enumerate(patients)}
    return [known[str(name)] for name in ids]


def _measured(model: Model, records: Records, output: str) -> Model:
    """The model with that one output, where measurements do not say which they are of."""
    kinds = set(map(str, records.observations["dvid"]))
    if kinds == {""}:
        return replace(model, outputs=(model.output(output),))
    if "" in kinds:
        raise SimulationError(
            "some measurements have a DVID and others none",
            place=records.source,
            repair=f"write DVID for each of them: one of {', '.join(model.output_names)}",
        )
    return model
