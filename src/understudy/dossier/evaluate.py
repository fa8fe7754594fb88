"""evaluate: the main job, from a study file to a dossier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.core.dataset_file import save_dataset
from understudy.core.record import Record, Stopwatch
from understudy.dossier.plan import Findings, Plan
from understudy.dossier.population_content import population_content
from understudy.dossier.regimen_comparison import TWINS, VIRTUAL, Comparison, compare, comparison_target
from understudy.dossier.report import summary_of, write
from understudy.dossier.report_content import ReportContent
from understudy.dossier.study import Study
from understudy.dossier.study_fit import require_success, study_fit, without_held_back
from understudy.dossier.typical_content import typical_content
from understudy.dossier.typical_patient import TypicalPatient, answer_typical
from understudy.engine.parameters import structural
from understudy.engine.problem import Tolerances
from understudy.engine.solve import EXACT_ENGINES, choose
from understudy.inference.diagnose import Diagnostics, diagnose
from understudy.inference.diagnostics.estimates import drawn_models
from understudy.inference.diagnostics.visual_check import visual_predictive_check
from understudy.inference.hold_out import ForecastCheck, check_forecasts
from understudy.inference.individualise import Twins, individualise
from understudy.inference.twins.uncertain_draws import uncertain_draws
from understudy.model.population_model import PopulationModel
from understudy.population.strata import Stratification
from understudy.population.virtual import virtual_patients

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False, repr=False)
class Dossier:
    """What `evaluate` found, and where it lies.

    Parameters
    ----------
    folder : Path
        With ``report.html``, ``tables/``, ``outcome.nc`` and ``record.json``.
    files : tuple of Path
    content : ReportContent
        Everything that the report shows.
    summary : tuple of str
        The sentences at its head.
    record : Record
        What made it.
    """

    folder: Path
    files: tuple[Path, ...]
    content: ReportContent
    summary: tuple[str, ...]
    record: Record

    def to_json(self) -> dict[str, Any]:
        """The main numbers as JSON data."""
        content = self.content
        return {
            "title": content.title,
            "summary": list(self.summary),
            "forecast": _rows(content.forecast_scores),
            "attainment": _rows(content.attainment),
            "doses": _rows(content.doses),
            "failures": dict(content.failures),
            "files": [path.relative_to(self.folder).as_posix() for path in self.files],
            "record": self.record.to_json(),
        }

    def __repr__(self) -> str:
        return "\n".join([f"Dossier: {self.content.title}", *(f"  {sentence}" for sentence in self.summary)])


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    import json

    return json.loads(frame.to_json(orient="records"))


def evaluate(
    study: Study | str | Path,
    *,
    out: str | Path | None = None,
    seed: int | None = None,
    jobs: int = 0,
    progress: Progress | None = None,
) -> Dossier:
    """Answer a study's question and write the dossier.

    Parameters
    ----------
    study : Study or path of its TOML file
    out : path, optional
        Folder of the dossier; the study's own where None.
    seed : int, optional
        Instead of the study's.
    jobs : int
        Threads, 0 for one per core. The numbers do not depend on it.
    progress : callable, optional
        Called with a stage's name and the fraction of it that is done.

    Returns
    -------
    Dossier

    Raises
    ------
    UnderstudyError
        With what is wrong in the study, the records or the model; then nothing is written.

    Examples
    --------
    >>> dossier = evaluate("examples/phenobarbital/study.toml", out="dossier")  # doctest: +SKIP
    """
    watch, tell = Stopwatch(), progress or (lambda stage, fraction: None)
    plan = _stage(watch, tell, "Reading the study", lambda done: _prepare(study, seed, jobs))
    stage = partial(_stage, watch, tell)
    plan = _fitted(plan, stage)
    findings = _find(plan, stage)
    folder = Path(out) if out else plan.study.output_folder
    return _stage(watch, tell, "Writing the dossier", lambda done: _write(plan, findings, watch, folder))


def _stage(
    watch: Stopwatch, tell: Progress, name: str, work: Callable[[Callable[[float], None]], Any]
) -> Any:
    """Run a stage, timed and reported; `work` is given a function to report its own progress."""
    tell(name, 0.0)
    with watch.stage(name):
        result = work(lambda done: tell(name, done))
    tell(name, 1.0)
    return result


def _prepare(given: Study | str | Path, seed: int | None, jobs: int) -> Plan:
    study = given if isinstance(given, Study) else Study.read(given)
    model, records = study.load_model(), study.read_records()
    if not isinstance(model, PopulationModel):
        return Plan(study, records, model, study.seed if seed is None else seed, jobs, ())
    if study.model_fit is not None:
        require_success(study.model_fit, f"[model] file: {study.model.file}")
    unit = {covariate.name: covariate.unit for covariate in model.covariates}
    strata = tuple(
        Stratification(
            s.covariate, s.cuts, records.units.get(s.covariate, unit.get(s.covariate, "")), s.labels
        )
        for s in study.population.strata
    )
    return Plan(study, records, model, study.seed if seed is None else seed, jobs, strata)


Stage = Callable[[str, Callable[[Callable[[float], None]], Any]], Any]


def _fitted(plan: Plan, stage: Stage) -> Plan:
    """The plan with the parameters that the study's ``[fit]`` says."""
    section = plan.study.fit
    if section is None or section.use is False or not isinstance(plan.model, PopulationModel):
        return plan
    found = stage(
        "Estimating the parameters",
        lambda done: study_fit(plan.study, plan.model, plan.records, plan.seed, plan.jobs),
    )
    plan = replace(plan, fit=found, model=found.model)
    more = stage(
        "Estimating without held-back levels",
        lambda done: without_held_back(found, plan.study, plan.records, plan.output, plan.seed, plan.jobs),
    )
    return replace(plan, fit=more)


def _find(plan: Plan, stage: Stage) -> Findings | TypicalPatient:
    """Every stage between reading, estimating and writing."""
    if not isinstance(plan.model, PopulationModel):
        return answer_typical(plan.study, plan.model, plan.records, plan.jobs, stage)
    check = stage("Forecasting held-back levels", lambda done: _check(plan))
    made = stage("Making twins", lambda done: individualise(plan.model, plan.records, jobs=plan.jobs))
    twins = made.succeeded()
    diagnostics = stage("Comparing with the data", lambda done: _diagnose(plan, twins))
    vpc = stage("Visual predictive check", lambda done: _visual_check(plan))
    in_twins, left_out = stage("Regimens in the twins", lambda done: _in_twins(plan, twins, done))
    in_virtual = stage("Regimens in virtual patients", lambda done: _in_virtual(plan, done))
    return Findings(check, made, diagnostics, vpc, (in_twins, in_virtual), left_out)


def _check(plan: Plan) -> ForecastCheck:
    model, drawn = plan.model, plan.twin_models
    if plan.fit and plan.fit.refit:
        model = plan.fit.refit
        drawn = drawn_models(model, len(drawn), plan.seed) if drawn else ()
    how = {"interval": plan.interval, "seed": plan.seed, "jobs": plan.jobs}
    return check_forecasts(model, plan.records, output=plan.output, drawn=drawn, **how)


def _diagnose(plan: Plan, twins: Twins) -> Diagnostics:
    return diagnose(twins, draws=plan.draws, interval=plan.interval, seed=plan.seed, jobs=plan.jobs)


def _visual_check(plan: Plan) -> pd.DataFrame:
    import pandas as pd

    columns = ["output", "time", "n", "quantile", "observed", "low", "median", "high"]
    if not len(plan.records.observations):
        return pd.DataFrame(columns=columns)
    check = visual_predictive_check(
        plan.model, plan.records, interval=plan.interval, seed=plan.seed, jobs=plan.jobs
    )
    return check.quantiles[columns]


def _in_twins(plan: Plan, twins: Twins, done: Callable[[float], None]) -> tuple[Comparison, dict[str, str]]:
    """The regimens in the twins, and who is left out since no twin could be made under some parameters drawn."""
    if not plan.drawn:
        return _compare(plan, TWINS, twins.draws(plan.draws, plan.seed), twins.covariates, done), {}
    drawn, left_out = uncertain_draws(twins, plan.twin_models, plan.draws, plan.seed)
    return _compare(plan, TWINS, drawn, twins.covariates, done), left_out


def _in_virtual(plan: Plan, done: Callable[[float], None]) -> Comparison:
    # All covariates are resampled, for the strata; the model is given those it knows.
    patients = virtual_patients(
        plan.model,
        plan.records.baseline(),
        plan.study.population.size,
        plan.seed,
        drawn=plan.drawn,
    )
    own = (*plan.model.covariate_names, *plan.model.eta_names, *plan.model.fixed_values)
    return _compare(plan, VIRTUAL, patients[[name for name in patients if name in own]], patients, done)


def _compare(plan: Plan, source: str, patients, covariates, done: Callable[[float], None]) -> Comparison:
    target = plan.study.target
    return compare(
        source,
        patients,
        covariates,
        plan.model,
        plan.study.parsed_regimens(),
        comparison_target(target.output, target.low, target.high, target.unit, plan.model),
        plan.study.evaluation.engine,
        plan.jobs,
        done,
    )


def _write(plan: Plan, findings: Findings | TypicalPatient, watch: Stopwatch, folder: Path) -> Dossier:
    record = _record(plan, watch)
    if isinstance(findings, TypicalPatient):
        content = typical_content(plan.study, plan.model, plan.records, findings, record)
    else:
        content = population_content(plan, findings, record)
    files = [*write(content, folder), _store(plan, findings, folder, record)]
    record.write(folder / "record.json")
    return Dossier(folder, (*files, folder / "record.json"), content, summary_of(content), record)


def _store(plan: Plan, findings: Findings | TypicalPatient, folder: Path, record: Record) -> Path:
    import json

    dataset = findings.dataset() if isinstance(findings, TypicalPatient) else _levels(plan, findings)
    path = folder / f"outcome.{plan.study.outputs.format}"
    save_dataset(dataset.assign_attrs(record=json.dumps(record.to_json())), path)
    return path


def _levels(plan: Plan, findings: Findings) -> xr.Dataset:
    import xarray as xr

    output = plan.study.target.output
    parts = [comparison.dataset(output, plan.interval) for comparison in findings.comparisons]
    return xr.merge(parts, join="outer", compat="override", combine_attrs="drop_conflicts")


def _record(plan: Plan, watch: Stopwatch) -> Record:
    used, study = Tolerances(), plan.study
    engine = choose(structural(plan.model), study.evaluation.engine)
    asked, method = {}, "typical patient"
    if isinstance(plan.model, PopulationModel):
        asked = {"draws": plan.draws, "interval": plan.interval, "virtual_patients": study.population.size}
        method = "maximum a posteriori with Laplace's approximation"
    if plan.fit:
        asked["fit"] = plan.fit.described(study.fit) | {"parameter_sets_of_twins": len(plan.twin_models)}
    return Record.make(
        "evaluate",
        stopwatch=watch,
        inputs=study.input_hashes(),
        model=plan.model.hash,
        seed=plan.seed,
        method=f"{method}; {engine.replace('_', ' ')} engine",
        settings={
            **asked,
            **(
                {}
                if engine in EXACT_ENGINES
                else {"relative_tolerance": used.relative, "absolute_tolerance": used.absolute}
            ),
        },
        citations=tuple(str(source) for source in plan.model.sources),
    )
