"""Run an emulation: from its file and table to numbers, tables and sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from understudy.causal.emulation.clones import clone_trials
from understudy.causal.emulation.emulation_file import FIRST_ROW, Emulation
from understudy.causal.emulation.emulation_report import EmulationReport
from understudy.causal.emulation.emulation_section import EmulationSection, WeightSection
from understudy.causal.emulation.g_formula import GFormula, g_formula
from understudy.causal.emulation.g_models import Evolution, GModels
from understudy.causal.emulation.marginal_structural_model import (
    StructuralEffect,
    StructuralModel,
    marginal_structural_model,
)
from understudy.causal.emulation.outcome_model import OutcomeModel
from understudy.causal.emulation.period_columns import require_columns
from understudy.causal.emulation.person_periods import PersonPeriods, person_periods
from understudy.causal.emulation.point_effect import PointEffect, PointModels, point_effect
from understudy.causal.emulation.point_table import point_table
from understudy.causal.emulation.result_tables import (
    course_numbers,
    course_tables,
    g_numbers,
    g_tables,
    point_numbers,
    point_tables,
    sequential_numbers,
    sequential_tables,
)
from understudy.causal.emulation.sequential_emulation import (
    CurveSettings,
    SequentialEmulation,
    emulate_trials,
)
from understudy.causal.emulation.terms import columns_needed
from understudy.causal.emulation.trial_sequence import TrialSequence, trial_sequence
from understudy.causal.emulation.trial_weights import TrialWeights
from understudy.causal.emulation.weight_model import WeightModel
from understudy.core.record import Record, Stopwatch

_CITATIONS = {
    "point treatment": "Hernán & Robins, Causal Inference: What If, 2020",
    "marginal structural model": "Robins, Hernán & Brumback 2000, doi:10.1097/00001648-200009000-00011",
    "g-formula": "Robins 1986, doi:10.1016/0270-0255(86)90088-6",
    "clone, censor, weight": "Hernán 2018, doi:10.1136/bmj.k182",
}
_SEQUENTIAL = "Hernán & Robins 2016, doi:10.1093/aje/kwv254"


def run_emulation(emulation: Emulation) -> EmulationReport:
    """Estimate what an emulation asks for.

    Parameters
    ----------
    emulation : Emulation
        From `load_emulation`.

    Returns
    -------
    EmulationReport

    Raises
    ------
    DataError
        With every bad row of the table by its number.
    StudyError
        For models that have no estimate.
    """
    watch, section = Stopwatch(), emulation.section
    with watch.stage("estimate"):
        found, numbers, tables, notes = _METHODS.get(section.method, _sequential)(emulation)
    record = Record.make(
        "emulate a target trial", stopwatch=watch, inputs=emulation.inputs, seed=section.seed, method=section.method,
        settings=emulation.settings, citations=(_CITATIONS.get(section.method, _SEQUENTIAL),),
    )  # fmt: skip
    record = replace(record, numbers=numbers)
    return EmulationReport(
        section.title, section.method, numbers, tables, tuple(dict.fromkeys(notes)), record, found
    )


def periods_of(emulation: Emulation) -> PersonPeriods:
    """The checked person-periods of an emulation."""
    data, columns = (
        emulation.section.data,
        columns_needed(emulation.section, map(str, emulation.table.columns)),
    )
    require_columns(emulation.table, data.categorical, data.file)
    return person_periods(
        emulation.table, id=data.id, period=data.period, treatment=data.treatment, outcome=data.outcome,
        eligible=data.eligible, censored=data.censored, covariates=columns, categorical=data.categorical,
        gaps=data.gaps, missing=data.missing, measure=data.measure, place=data.file, first_row=FIRST_ROW,
    )  # fmt: skip


def sequence_of(emulation: Emulation, periods: PersonPeriods) -> TrialSequence:
    """The emulated trials of an emulation."""
    section, place = emulation.section, emulation.section.data.file
    trials = section.trials
    if section.clones is not None:
        asked = section.clones
        made = clone_trials(
            _between(periods, trials.first, trials.last), asked.grace, sustained=asked.sustained, starts=asked.starts,
            last_follow_up=trials.last_follow_up, censored_period=trials.censored_period, place=place,
        )  # fmt: skip
    else:
        made = trial_sequence(
            periods, section.method, first_trial=trials.first, last_trial=trials.last,
            last_follow_up=trials.last_follow_up, censored_period=trials.censored_period, place=place,
        )  # fmt: skip
    return made.sample_controls(trials.share_of_controls, section.seed)


def _between(periods: PersonPeriods, first: int | None, last: int | None) -> PersonPeriods:
    """With eligibility only in some periods."""
    inside = periods.eligible.copy()
    inside &= periods.period >= (periods.period.min() if first is None else first)
    inside &= periods.period <= (periods.period.max() if last is None else last)
    return replace(periods, eligible=inside)


def _sequential(emulation: Emulation) -> tuple[SequentialEmulation, Any, Any, Any]:
    section = emulation.section
    asked = section.outcome_model
    model = OutcomeModel(
        asked.covariates, asked.trial_period, asked.follow_up, asked.varying_effect, asked.dose
    )
    curves = CurveSettings(**section.curves.model_dump(), seed=section.seed)
    found = emulate_trials(
        sequence_of(emulation, periods_of(emulation)), model, _weights(section), curves, level=section.level
    )
    told = () if section.data.eligible else ("no column of eligibility is named: every period is eligible",)
    return found, sequential_numbers(found), sequential_tables(found), (*told, *found.notes)


def _point(emulation: Emulation) -> tuple[tuple[PointEffect, ...], Any, Any, Any]:
    section, data = emulation.section, emulation.section.data
    asked = section.point_treatment
    require_columns(emulation.table, data.categorical, data.file)
    table = point_table(
        emulation.table, treatment=data.treatment, outcome=data.outcome, place=data.file, first_row=FIRST_ROW,
        covariates=columns_needed(section, map(str, emulation.table.columns)), categorical=data.categorical,
        missing=data.missing,
    )  # fmt: skip
    outcome = asked.treatment_model if asked.outcome_model is None else asked.outcome_model
    models = PointModels(
        asked.treatment_model, outcome, asked.modified_by, asked.stabilised, section.truncate
    )
    found = tuple(
        point_effect(table, method, models, resamples=asked.resamples, seed=section.seed, level=section.level)
        for method in asked.methods
    )
    notes = [note for each in found for note in each.notes]
    return found, point_numbers(found), point_tables(found), notes


def _course(emulation: Emulation) -> tuple[StructuralEffect, Any, Any, Any]:
    section = emulation.section
    asked = section.structural_model
    found = marginal_structural_model(
        periods_of(emulation), _weights(section), StructuralModel(asked.exposure, asked.terms, asked.time),
        measure=section.data.measure, resamples=asked.resamples, seed=section.seed, level=section.level,
    )  # fmt: skip
    return found, course_numbers(found), course_tables(found), found.notes


def _strategies(emulation: Emulation) -> tuple[GFormula, Any, Any, Any]:
    section = emulation.section
    asked = section.g_formula
    models = GModels(
        tuple(Evolution(each.name, each.kind, each.terms) for each in section.covariate),
        asked.treatment_model, asked.outcome_model,
    )  # fmt: skip
    found = g_formula(
        periods_of(emulation), models, section.strategies, horizon=asked.horizon, simulated=asked.simulated,
        resamples=asked.resamples, measure=section.data.measure, seed=section.seed,
    )  # fmt: skip
    return found, g_numbers(found), g_tables(found), found.notes


def _weights(section: EmulationSection) -> TrialWeights:
    return TrialWeights(_model(section.switch_weights), _model(section.censoring_weights), section.truncate)


def _model(section: WeightSection | None) -> WeightModel | None:
    return None if section is None else WeightModel(section.denominator, section.numerator, section.pool)


_METHODS = {"point treatment": _point, "marginal structural model": _course, "g-formula": _strategies}
