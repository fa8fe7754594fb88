"""Extrapolation: what a fit has seen, and whether a question lies outside of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core import units
from understudy.engine.schedule import Schedule, find_inputs
from understudy.engine.simulate import simulate
from understudy.inference.predictor import Predictor
from understudy.model.model import Model
from understudy.model.parts import Output
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

_MOMENTS = 201
# Ends of a range are met by rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Seen:
    """The range of one quantity.

    Parameters
    ----------
    quantity : str
    lower, upper : float
    unit : str
    """

    quantity: str
    lower: float
    upper: float
    unit: str = "1"


@dataclass(frozen=True)
class TrainingRange:
    """What the records of a fit held.

    Parameters
    ----------
    entries : tuple of Seen
        Amounts of single doses and the sum of a patient's doses, by route; covariates; times of measurements; and what
        went into the networks, in the fitted patients themselves from their first record to their last measurement.
    """

    entries: tuple[Seen, ...]

    @classmethod
    def of(cls, model: PopulationModel, records: Records, modes: np.ndarray) -> TrainingRange:
        """Of a fitted population, its records and the patients' random effects, shape (patients, effects)."""
        predictor = Predictor(with_arguments(model), records)
        entries = [*_doses(predictor), *_covariates(predictor)]
        entries.append(_entry("time of measurement", predictor.time, model.structural.time_unit))
        last = np.array(
            [predictor.time[predictor.patient == k].max() for k in range(len(predictor.patients))]
        )
        begin = predictor.schedule.begin
        grid = begin[:, None] + np.linspace(0, 1, _MOMENTS) * (last - begin)[:, None]
        for label, name, unit in arguments(model):
            entries.append(_entry(label, predictor.on_grid(modes[None], grid, name), unit))
        return cls(tuple(entries))


@dataclass(frozen=True, eq=False, repr=False)
class ExtrapolationCheck:
    """A question beside what was seen.

    Parameters
    ----------
    table : DataFrame
        One row a quantity: quantity, unit, seen_from, seen_to, asked_from, asked_to, outside.
    """

    table: pd.DataFrame

    @property
    def outside(self) -> tuple[str, ...]:
        """Quantities of which something asked was never seen."""
        return tuple(self.table.loc[self.table["outside"], "quantity"])

    def __repr__(self) -> str:
        if not self.outside:
            return "Within what the fit has seen."
        rows = self.table[self.table["outside"]].itertuples()
        told = [
            f"  {row.quantity}: asked {row.asked_from:.4g} to {row.asked_to:.4g}, "
            f"seen {row.seen_from:.4g} to {row.seen_to:.4g} {'' if row.unit == '1' else row.unit}".rstrip()
            for row in rows
        ]
        return "\n".join(["EXTRAPOLATION: outside what the fit has seen.", *told])


def check_extrapolation(
    seen: TrainingRange,
    model: PopulationModel,
    *,
    records: Records | None = None,
    regimen: Regimen | str | None = None,
    patients: pd.DataFrame | None = None,
    times: Sequence[float] | np.ndarray | None = None,
) -> ExtrapolationCheck:
    """Say which doses, covariates, times and inputs of networks a fit has not seen.

    Inputs of networks are those of typical patients, whose random effects are zero (or columns of `patients`).

    Parameters
    ----------
    seen : TrainingRange
        Of a `HybridFit`.
    model : PopulationModel
        The fitted one.
    records : Records, optional
        Patients with doses of their own; or else:
    regimen, patients, times
        As for `simulate`.
    """
    import pandas as pd

    asked = (
        _asked_of_records(model, records)
        if records is not None
        else _asked_of_regimen(model, regimen, patients, times)
    )
    known = {entry.quantity: entry for entry in seen.entries}
    rows = [_compared(known.get(entry.quantity), entry) for entry in asked]
    return ExtrapolationCheck(pd.DataFrame(rows))


def arguments(model: PopulationModel) -> list[tuple[str, str, str]]:
    """Label, output of `with_arguments` and unit of everything that goes into a network."""
    assigned = {item.name: item for item in model.structural.assignments}
    found = []
    for network in model.structural.networks:
        for call in network.calls_among(assigned):
            for name, unit in zip(network.argument_names(call), network.input_units, strict=True):
                found.append((f"{network.name}({assigned[name].expression})", f"seen_{name}", unit))
    return found


def with_arguments(model: PopulationModel) -> PopulationModel:
    """The population with what goes into its networks among its outputs."""
    structural = model.structural
    added = tuple(Output(name, name.removeprefix("seen_"), unit) for _, name, unit in arguments(model))
    return replace(model, structural=replace(structural, outputs=(*structural.outputs, *added)))


def _asked_of_records(model: PopulationModel, records: Records) -> list[Seen]:
    none = np.zeros((len(records.ids), len(model.eta_names)))
    return list(TrainingRange.of(model, records, none).entries)


def _asked_of_regimen(
    model: PopulationModel,
    regimen: Regimen | str | None,
    patients: pd.DataFrame | None,
    times: Sequence[float] | np.ndarray | None,
) -> list[Seen]:
    base = model.structural
    plan = Regimen.parse(regimen) if isinstance(regimen, str) else regimen
    shown = simulate(model, patients, plan, times, outputs=base.output_names[:1])
    table = _table(patients, model, len(shown.patients))
    moments = shown.times
    entries = _planned(plan.in_time_unit(base.time_unit), table, float(moments.max()), base) if plan else []
    labels = {item.name: item.unit for item in model.covariates}
    entries += [
        _entry(f"covariate {name}", table[name].to_numpy(float), unit)
        for name, unit in labels.items()
        if name in table
    ]
    entries.append(_entry("time of measurement", moments, base.time_unit))
    names = arguments(model)
    if names:
        dense = np.linspace(0.0, float(moments.max()), _MOMENTS)
        told = [name for _, name, _ in names]
        outcome = simulate(with_arguments(model), patients, plan, dense, outputs=told).raise_failures()
        entries += [_entry(label, outcome[name].values, unit) for label, name, unit in names]
    return entries


def _table(patients: pd.DataFrame | None, model: PopulationModel, count: int) -> pd.DataFrame:
    import pandas as pd

    typical = {item.name: item.reference for item in model.covariates if item.reference is not None}
    table = pd.DataFrame(index=range(count)) if patients is None else patients
    return table.assign(**{name: value for name, value in typical.items() if name not in table})


def _planned(plan: Regimen, table: pd.DataFrame, until: float, base: Model) -> list[Seen]:
    """Amounts of a regimen's doses, in the units of the states they enter."""
    doses = plan.events(table.set_axis([str(k) for k in range(len(table))]), until=until)
    states = {state.name: state.unit for state in base.states}
    entries = []
    for (route, unit), rows in doses.groupby(["route", "unit"]):
        entry = base.doses[find_inputs(route, base)[0]]
        wanted = states[entry.state]
        amounts = rows["amt"].to_numpy(float) * units.factor(unit, wanted)
        total = (rows["amt"] * (rows["addl"] + 1)).groupby(rows["id"]).sum() * units.factor(unit, wanted)
        entries.append(_entry(f"dose {entry.name}", amounts, wanted))
        entries.append(_entry(f"sum of doses {entry.name}", total.to_numpy(float), wanted))
    return entries


def _doses(predictor: Predictor) -> list[Seen]:
    return _amounts(predictor.schedule, predictor.model.structural)


def _amounts(schedule: Schedule, base: Model) -> list[Seen]:
    entries = []
    rows = schedule.dosed
    owner = schedule.owner(rows)
    for k, entry in enumerate(base.doses):
        own = schedule.entry[rows] == k
        if own.any():
            unit = next(state.unit for state in base.states if state.name == entry.state)
            amounts, count = schedule.amount[rows[own]], schedule.additional[rows[own]] + 1
            total = np.bincount(owner[own], weights=amounts * count, minlength=len(schedule.patients))
            entries += [
                _entry(f"dose {entry.name}", amounts, unit),
                _entry(f"sum of doses {entry.name}", total, unit),
            ]
    return entries


def _covariates(predictor: Predictor) -> list[Seen]:
    labels = {item.name: item.unit for item in predictor.model.covariates}
    return [
        _entry(f"covariate {name}", values, labels.get(name, "1"))
        for name, values in predictor.covariates.items()
    ]


def _entry(quantity: str, values: np.ndarray, unit: str) -> Seen:
    return Seen(quantity, float(np.nanmin(values)), float(np.nanmax(values)), unit)


def _compared(seen: Seen | None, asked: Seen) -> dict:
    """A row of the table; what was never seen at all is outside."""
    lower, upper = (np.nan, np.nan) if seen is None else (seen.lower, seen.upper)
    margin = _ROUNDING * max(abs(lower), abs(upper)) if seen else 0.0
    inside = seen is not None and lower - margin <= asked.lower and asked.upper <= upper + margin
    return {
        "quantity": asked.quantity,
        "unit": asked.unit,
        "seen_from": lower,
        "seen_to": upper,
        "asked_from": asked.lower,
        "asked_to": asked.upper,
        "outside": not inside,
    }
