"""evaluate: the main job, from a study file to a dossier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.core.dataset_file import save_dataset
from understudy.core.record import Record, Stopwatch
from understudy.dossier.regimen_comparison import (
    TWINS,
    VIRTUAL,
    Comparison,
    compare,
    comparison_target,
    dose_table,
)
from understudy.dossier.report import summary_of, write
from understudy.dossier.report_content import ReportContent
from understudy.dossier.study import Study
from understudy.dossier.typical_content import typical_content, undeclared_units
from understudy.dossier.typical_patient import TypicalPatient, answer_typical
from understudy.engine.parameters import structural
from understudy.engine.problem import Tolerances
from understudy.engine.solve import EXACT_ENGINES, choose
from understudy.inference.diagnose import Diagnostics, diagnose
from understudy.inference.diagnostics.visual_check import visual_predictive_check
from understudy.inference.hold_out import ForecastCheck, check_forecasts
from understudy.inference.individualise import Twins, individualise
from understudy.model.population_model import PopulationModel
from understudy.population.strata import Stratification
from understudy.population.virtual import virtual_patients

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from understudy.data.records import Records
    from understudy.model.model import Model

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


@dataclass(frozen=True, eq=False)
class _Plan:
    """A study made ready: its parts loaded, checked and in the model's units."""

    study: Study
    records: Records | None
    model: Model | PopulationModel
    seed: int
    jobs: int
    strata: tuple[Stratification, ...]

    @property
    def draws(self) -> int:
        return self.study.evaluation.draws

    @property
    def interval(self) -> float:
        return self.study.evaluation.interval


@dataclass(frozen=True, eq=False)
class _Findings:
    """What the stages found."""

    check: ForecastCheck
    twins: Twins
    diagnostics: Diagnostics
    vpc: pd.DataFrame
    comparisons: tuple[Comparison, ...]

    @property
    def failures(self) -> dict[str, str]:
        named = dict(self.check.failures) | self.twins.failures
        return named | {
            name: text for comparison in self.comparisons for name, text in comparison.failures.items()
        }


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
    findings = _find(plan, partial(_stage, watch, tell))
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


def _prepare(given: Study | str | Path, seed: int | None, jobs: int) -> _Plan:
    study = given if isinstance(given, Study) else Study.read(given)
    model, records = study.load_model(), study.read_records()
    if not isinstance(model, PopulationModel):
        return _Plan(study, records, model, study.seed if seed is None else seed, jobs, ())
    unit = {covariate.name: covariate.unit for covariate in model.covariates}
    strata = tuple(
        Stratification(
            s.covariate, s.cuts, records.units.get(s.covariate, unit.get(s.covariate, "")), s.labels
        )
        for s in study.population.strata
    )
    return _Plan(study, records, model, study.seed if seed is None else seed, jobs, strata)


def _find(plan: _Plan, stage: Callable[[str, Callable], Any]) -> _Findings | TypicalPatient:
    """Every stage between reading and writing."""
    if not isinstance(plan.model, PopulationModel):
        return answer_typical(plan.study, plan.model, plan.records, plan.jobs, stage)
    check = stage("Forecasting held-back levels", lambda done: _check(plan))
    made = stage("Making twins", lambda done: individualise(plan.model, plan.records, jobs=plan.jobs))
    twins = made.succeeded()
    diagnostics = stage("Comparing with the data", lambda done: _diagnose(plan, twins))
    vpc = stage("Visual predictive check", lambda done: _visual_check(plan))
    in_twins = stage("Regimens in the twins", lambda done: _in_twins(plan, twins, done))
    in_virtual = stage("Regimens in virtual patients", lambda done: _in_virtual(plan, done))
    return _Findings(check, made, diagnostics, vpc, (in_twins, in_virtual))


def _check(plan: _Plan) -> ForecastCheck:
    # The output that the target is about, where it has been measured.
    target = plan.study.target.output
    output = target if target in plan.model.output_names else None
    return check_forecasts(
        plan.model, plan.records, output=output, interval=plan.interval, seed=plan.seed, jobs=plan.jobs
    )


def _diagnose(plan: _Plan, twins: Twins) -> Diagnostics:
    return diagnose(twins, draws=plan.draws, interval=plan.interval, seed=plan.seed, jobs=plan.jobs)


def _visual_check(plan: _Plan) -> pd.DataFrame:
    import pandas as pd

    columns = ["output", "time", "n", "quantile", "observed", "low", "median", "high"]
    if not len(plan.records.observations):
        return pd.DataFrame(columns=columns)
    check = visual_predictive_check(
        plan.model, plan.records, interval=plan.interval, seed=plan.seed, jobs=plan.jobs
    )
    return check.quantiles[columns]


def _in_twins(plan: _Plan, twins: Twins, done: Callable[[float], None]) -> Comparison:
    return _compare(plan, TWINS, twins.draws(plan.draws, plan.seed), twins.covariates, done)


def _in_virtual(plan: _Plan, done: Callable[[float], None]) -> Comparison:
    # All covariates are resampled, for the strata; the model is given those it knows.
    patients = virtual_patients(plan.model, plan.records.baseline(), plan.study.population.size, plan.seed)
    known = [name for name in patients if name in (*plan.model.covariate_names, *plan.model.eta_names)]
    return _compare(plan, VIRTUAL, patients[known], patients, done)


def _compare(plan: _Plan, source: str, patients, covariates, done: Callable[[float], None]) -> Comparison:
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


def _write(plan: _Plan, findings: _Findings | TypicalPatient, watch: Stopwatch, folder: Path) -> Dossier:
    record = _record(plan, watch)
    if isinstance(findings, TypicalPatient):
        content = typical_content(plan.study, plan.model, plan.records, findings, record)
    else:
        content = _content(plan, findings, record)
    files = [*write(content, folder), _store(plan, findings, folder, record)]
    record.write(folder / "record.json")
    return Dossier(folder, (*files, folder / "record.json"), content, summary_of(content), record)


def _store(plan: _Plan, findings: _Findings | TypicalPatient, folder: Path, record: Record) -> Path:
    import json

    dataset = findings.dataset() if isinstance(findings, TypicalPatient) else _levels(plan, findings)
    path = folder / f"outcome.{plan.study.outputs.format}"
    save_dataset(dataset.assign_attrs(record=json.dumps(record.to_json())), path)
    return path


def _levels(plan: _Plan, findings: _Findings) -> xr.Dataset:
    import xarray as xr

    output = plan.study.target.output
    parts = [comparison.dataset(output, plan.interval) for comparison in findings.comparisons]
    return xr.merge(parts, join="outer", compat="override", combine_attrs="drop_conflicts")


def _record(plan: _Plan, watch: Stopwatch) -> Record:
    used, study = Tolerances(), plan.study
    engine = choose(structural(plan.model), study.evaluation.engine)
    asked, method = {}, "typical patient"
    if isinstance(plan.model, PopulationModel):
        asked = {"draws": plan.draws, "interval": plan.interval, "virtual_patients": study.population.size}
        method = "maximum a posteriori with Laplace's approximation"
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


def _content(plan: _Plan, findings: _Findings, record: Record) -> ReportContent:
    import pandas as pd

    study, check, model = plan.study, findings.check, plan.model
    in_twins = findings.comparisons[0]
    target = comparison_target(
        study.target.output, study.target.low, study.target.high, study.target.unit, model
    )
    return ReportContent(
        title=study.title,
        question=study.question,
        created=record.started,
        assumptions=_assumptions(plan),
        target=target,
        regimens=tuple((name, str(regimen)) for name, regimen in study.parsed_regimens()),
        model=model,
        records=plan.records.report(),
        exclusions=_exclusions(findings),
        observations=findings.diagnostics.observations,
        curves=findings.diagnostics.curves,
        vpc=findings.vpc,
        forecast=check.table,
        forecast_scores=check.scores,
        forecast_sentence=f"{check.sentence} {_IN_SAMPLE[study.model.built_on_these_patients]}",
        interval=plan.interval,
        attainment=pd.concat([c.table(plan.strata) for c in findings.comparisons], ignore_index=True),
        profile=pd.concat(
            [c.profiles(target, plan.interval) for c in findings.comparisons], ignore_index=True
        ),
        doses=dose_table(findings.twins.succeeded(), in_twins),
        failures=findings.failures,
        tested=model.population,
        limits=model.limits,
        record=record,
    )


def _exclusions(findings: _Findings) -> pd.DataFrame:
    import pandas as pd

    rows = [{"id": name, "row": None, "reason": text} for name, text in findings.failures.items()]
    return pd.DataFrame(rows, columns=["id", "row", "reason"])


# Whether the patients of the study are those whom the model was estimated from.
_IN_SAMPLE = {
    True: "The model's parameters were estimated from these very patients, held-back levels included: in others the "
    "forecasts would be less exact.",
    False: "The model's parameters were estimated from other patients.",
    None: "The study does not say whether the model's parameters were estimated from these very patients; if they "
    "were, forecasts in others would be less exact.",
}


def _assumptions(plan: _Plan) -> tuple[str, ...]:
    covariates = ", ".join(plan.model.covariate_names) or "none"
    share = f"{100 * plan.interval:g} %"
    return (
        "Parameters of the population are fixed at their published values; their own uncertainty is not carried on.",
        _IN_SAMPLE[plan.study.model.built_on_these_patients],
        "A twin is the posterior of one patient's random effects given all of that patient's levels, approximated by "
        f"a normal distribution around its mode; {plan.draws} draws from it are simulated.",
        f"The {plan.study.population.size:,} virtual patients have covariates ({covariates}) resampled from the "
        "patients in the data, whole rows at a time, and random effects drawn from the population.",
        "Every patient starts without drug; covariates stay as at the first record.",
        "The share of time is counted at 120 evenly spaced times after the first dose; the trough is the level one "
        "interval after the last dose. Levels are true ones, without the scatter of a measurement.",
        "Where regimens are no different for a patient within Monte Carlo error, that one is named for the patient "
        "which is best over all patients.",
        f"Intervals hold with a probability of {share} unless another is given.",
        *undeclared_units(plan.records),
    )
