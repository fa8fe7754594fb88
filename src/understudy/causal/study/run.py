"""Run: a real-world study from its records to answers that may be seen, or that stay hidden."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import nan
from pathlib import Path

from understudy.causal.cdm.cdm import Cdm, open_cdm
from understudy.causal.cohort import Cohort
from understudy.causal.cohorts.population import population
from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.study.analysing import analyse, balance_of
from understudy.causal.study.analysis_section import AnalysisSection
from understudy.causal.study.answer import Answer, Finding
from understudy.causal.study.controls import ControlEstimates
from understudy.causal.study.diagnostics import judge
from understudy.causal.study.material import Material, Told, gather
from understudy.causal.study.result import StudyResult
from understudy.causal.study.sealed import Sealed
from understudy.causal.study.study import Study
from understudy.causal.study_population import StudyPopulation
from understudy.core.errors import StudyError
from understudy.core.record import Record, Stopwatch


def run_study(
    study: Study, cdm: Path | str | Cdm | None = None, told: Told | None = None, *, jobs: int = 0
) -> StudyResult:
    """Run a real-world study.

    Estimates are sealed as soon as they are made, and stay so unless every diagnostic passes: minimum detectable
    relative risk, balance of all covariates, equipoise, and systematic error by negative controls (the principles of
    LEGEND, Schuemie et al. 2020, doi:10.1093/jamia/ocaa103).

    Parameters
    ----------
    study : Study
        By `load_study`.
    cdm : path or Cdm, optional
        The records, in place of those that the file names.
    told : function of str, optional
        Is told what is being done.
    jobs : int
        Threads that estimate negative controls; 0: one per core. No number depends on it.

    Returns
    -------
    StudyResult

    Raises
    ------
    StudyError
        If there are no records, a concept set matches nothing, a side has nobody, or a negative control is an outcome.
    DataError
        If the records cannot be used.
    """
    told, watch = told or _silent, Stopwatch()
    if isinstance(cdm, Cdm):
        return _run(study, cdm, told, watch, jobs)
    path = cdm or study.cdm
    if path is None:
        raise StudyError(
            "the study does not say where its records are", repair="give --cdm, or write [cdm] path"
        )
    told("Opening the records")
    section = study.file.cdm
    with open_cdm(path, schema=section.database_schema, memory=section.memory) as opened:
        return _run(study, opened, told, watch, jobs)


def _silent(_: str) -> None:
    """Nobody is told."""


def _run(study: Study, cdm: Cdm, told: Told, watch: Stopwatch, jobs: int) -> StudyResult:
    with watch.stage("records, covariates and propensity scores"):
        material = gather(study, cdm, told)
    with watch.stage("negative controls"):
        told("Estimating negative controls")
        controls = _control_estimates(study, material, jobs)
    answers: list[Answer] = []
    with watch.stage("estimates and diagnostics"):
        for section in study.file.analyses:
            told(f"Analysing: {section.name}")
            answers += _answers(study, section, material, controls[section.name])
    record = Record.make(
        "real-world study", stopwatch=watch, inputs={**study.inputs, **material.hashes}, seed=study.file.seed,
        settings={"study": study.settings}, citations=_SOURCES,
    )  # fmt: skip
    return StudyResult(study, material, tuple(answers), controls, record)


def _control_estimates(study: Study, material: Material, jobs: int) -> dict[str, ControlEstimates | None]:
    """Of every analysis the estimates of negative controls; None without any."""
    names = [section.name for section in study.file.analyses]
    with ThreadPoolExecutor(jobs or os.cpu_count()) as threads:
        found = list(threads.map(partial(_one_control, study, material), material.controls.values()))
    return {name: _of_analysis(name, dict(zip(material.controls, found, strict=True))) for name in names}


def _one_control(study: Study, material: Material, control: Cohort) -> dict[str, EffectEstimate | str]:
    """By analysis its estimate, or why there is none."""
    sections = study.file.analyses
    try:
        people = population(material.compared, control, study.file.population)
    except StudyError as error:
        return dict.fromkeys((section.name for section in sections), error.cause)
    return {section.name: _estimate(section, people, material) for section in sections}


def _estimate(section: AnalysisSection, people: StudyPopulation, material: Material) -> EffectEstimate | str:
    try:
        return analyse(section, people, material).estimate
    except StudyError as error:
        return error.cause


def _of_analysis(name: str, found: dict[str, dict[str, EffectEstimate | str]]) -> ControlEstimates | None:
    own = {control: each[name] for control, each in found.items()}
    estimates = {control: each for control, each in own.items() if isinstance(each, EffectEstimate)}
    left_out = {control: each for control, each in own.items() if isinstance(each, str)}
    return ControlEstimates.of(estimates, left_out) if own else None


def _answers(
    study: Study, section: AnalysisSection, material: Material, controls: ControlEstimates | None
) -> Iterator[Answer]:
    for outcome, people in material.outcomes.items():
        analysed = analyse(section, people, material)
        balance = balance_of(people, analysed.adjustment, material)
        values = {
            "power": analysed.smallest_detectable,
            "balance": balance.largest if balance else nan,
            "equipoise": material.model.equipoise() if material.model else nan,
            "systematic error": controls.ease if controls else nan,
        }
        diagnostics = judge(values, study.file.diagnostics, section.waive)
        calibrated = controls.calibrate(analysed.estimate) if controls else None
        finding = Finding(analysed.estimate, calibrated, analysed.counts)
        yield Answer(
            section.name, outcome, diagnostics, analysed.estimate.measure,
            Sealed(finding, diagnostics.hidden_for), analysed.adjustment, analysed.counts.persons,
            sum(analysed.counts.events), balance,
        )  # fmt: skip


_SOURCES = (
    "Schuemie et al. 2020, Principles of Large-scale Evidence Generation and Evaluation across a Network of Databases "
    "(LEGEND), J Am Med Inform Assoc 27:1331-1337, doi:10.1093/jamia/ocaa103",
)
