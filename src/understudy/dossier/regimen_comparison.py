"""Regimen comparison: every candidate regimen in the twins and in virtual patients, measured against the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core import units
from understudy.core.result import Outcome
from understudy.engine.simulate import simulate
from understudy.inference.diagnose import tails
from understudy.inference.individualise import Twins
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen
from understudy.population.attainment import Attainment, Target, attainment, attainment_table, best_regimens
from understudy.population.strata import Stratification

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TWINS, VIRTUAL = "twins", "virtual"
# Evenly spaced times per regimen, the last of them a trough: one interval after the last dose.
POINTS = 121


@dataclass(frozen=True, eq=False)
class Comparison:
    """One population under every regimen.

    Parameters
    ----------
    source : str
        ``twins`` or ``virtual``.
    covariates : DataFrame
        One row a patient.
    outcomes : mapping of regimen to Outcome
    attained : mapping of regimen to Attainment
        Of the patients who succeeded under every regimen.
    """

    source: str
    covariates: pd.DataFrame
    outcomes: Mapping[str, Outcome]
    attained: Mapping[str, Attainment]

    @property
    def failures(self) -> dict[str, str]:
        """Patients left out, with a sentence."""
        return {
            str(name): text for outcome in self.outcomes.values() for name, text in outcome.failures.items()
        }

    def table(self, strata: Sequence[Stratification]) -> pd.DataFrame:
        """Attainment overall and by stratum; see `attainment_table`."""
        patients = next(iter(self.attained.values())).patients
        covariates = self.covariates.loc[list(patients)]
        members = {s.covariate: s.members(covariates[s.covariate]) for s in strata}
        return attainment_table(self.attained, members, self.source)

    def profiles(self, target: Target, interval: float) -> pd.DataFrame:
        """Bands over time: source, regimen, time, low, median, high."""
        import pandas as pd

        low, high = tails(interval)
        frames = []
        for name, outcome in self.outcomes.items():
            stands = outcome.succeeded()
            values = np.moveaxis(stands[target.output].values, 1, 0).reshape(len(stands.times), -1)
            bands = np.nanquantile(values, (low, 0.5, high), axis=1)
            fixed = {"source": self.source, "regimen": name, "time": stands.times}
            frames.append(pd.DataFrame(fixed | dict(zip(("low", "median", "high"), bands, strict=True))))
        return pd.concat(frames, ignore_index=True)

    def best(self) -> pd.DataFrame:
        """The best regimen of each patient; see `best_regimens`."""
        return best_regimens(self.attained)

    def dataset(self, output: str, interval: float) -> xr.Dataset:
        """What is stored: every value, or quantiles over the draws where there are several."""
        import xarray as xr

        parts = [self._stored(outcome, output, interval) for outcome in self.outcomes.values()]
        joined = xr.concat(parts, dim="regimen", join="outer", combine_attrs="drop_conflicts")
        return joined.assign_coords(regimen=list(self.outcomes))

    def _stored(self, outcome: Outcome, output: str, interval: float) -> xr.Dataset:
        low, high = tails(interval)
        values = outcome[output]
        if "draw" in values.dims:
            values = values.quantile([low, 0.5, high], dim="draw", keep_attrs=True)
        renamed = values.rename({"patient": f"{self.source}_patient"}).rename(f"{self.source}_{output}")
        # Regimens may differ in length: their times are told apart by number.
        hours = renamed["time"]
        numbered = renamed.drop_vars("time").rename({"time": "point"})
        return numbered.to_dataset().assign(time=("point", hours.values, hours.attrs))


def compare(
    source: str,
    patients: pd.DataFrame,
    covariates: pd.DataFrame,
    model: PopulationModel,
    regimens: Sequence[tuple[str, Regimen]],
    target: Target,
    engine: str,
    jobs: int,
    progress: Callable[[float], None],
) -> Comparison:
    """Simulate every regimen in the same patients.

    Parameters
    ----------
    patients : DataFrame
        As for `simulate`; index (patient, draw) for twins.
    covariates : DataFrame
        One row a patient.
    progress : callable
        Told the fraction done.
    """
    outcomes = {}
    for k, (name, regimen) in enumerate(regimens):
        plan = regimen.in_time_unit(model.structural.time_unit)
        times = np.linspace(0.0, plan.end, POINTS)
        outcomes[name] = simulate(
            model, patients, plan, times, outputs=(target.output,), before_dose=True, engine=engine, jobs=jobs
        )
        progress((k + 1) / len(regimens))
    shared = _without_failures(outcomes)
    attained = {name: attainment(outcome, target) for name, outcome in shared.items()}
    return Comparison(source, covariates, outcomes, attained)


def _without_failures(outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """The same patients under every regimen: those whom no regimen failed."""
    failed = {name for outcome in outcomes.values() for name in outcome.failures}
    if not failed:
        return dict(outcomes)
    keep = {n: [p for p in o.dataset["patient"].values if p not in failed] for n, o in outcomes.items()}
    return {name: Outcome(outcome.dataset.sel(patient=keep[name])) for name, outcome in outcomes.items()}


def comparison_target(output: str, low: float, high: float, unit: str, model: PopulationModel) -> Target:
    """The target in the output's own unit."""
    own = model.structural.output(output).unit
    scale = units.factor(unit, own)
    return Target(output, low * scale, high * scale, own)


def dose_table(twins: Twins, comparison: Comparison) -> pd.DataFrame:
    """One row a patient: covariates, individual parameters, best regimen and its runner-up, with notes.

    Returns
    -------
    DataFrame
        id, covariates, individual parameters, best, within, below, above, se, runner_up, runner_up_within, note.
    """
    best = comparison.best()
    table = twins.table.drop(columns=[c for c in twins.table if c.startswith(("eta_", "se_"))])
    names = [
        *twins.covariates.columns,
        *(i.name for i in twins.model.individual if i.name in twins.model.structural.parameter_names),
    ]
    joined = table.loc[best.index, names].join(best.drop(columns="tied"))
    joined["note"] = _notes(best, twins)
    return joined.rename_axis("id").reset_index()


def _notes(best: pd.DataFrame, twins: Twins) -> list[str]:
    seen = dict(zip(twins.patients, twins.observations, strict=True))
    return ["; ".join(_note(row, int(seen[name]))) for name, row in best.iterrows()]


def _note(row: pd.Series, observations: int) -> list[str]:
    notes = []
    if row["tied"]:
        notes.append(f"no different from {row['runner_up']} within Monte Carlo error")
    if row["within"] < 0.5:
        notes.append("less than half of the time in range under every regimen")
    if observations == 0:
        notes.append("no measurement: the population's estimate")
    elif observations == 1:
        notes.append("one measurement only")
    return notes
