"""Population content: what the report of a population shows and assumes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.record import Record
from understudy.dossier.plan import Findings, Plan
from understudy.dossier.regimen_comparison import comparison_target, dose_table
from understudy.dossier.report_content import ReportContent
from understudy.dossier.study_fit import StudyFit, checked_fit
from understudy.dossier.typical_content import undeclared_units

if TYPE_CHECKING:
    import pandas as pd


def population_content(plan: Plan, findings: Findings, record: Record) -> ReportContent:
    """The report's content for a population.

    Parameters
    ----------
    plan : Plan
    findings : Findings
    record : Record
    """
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
        forecast_sentence=f"{check.sentence} {_in_sample(plan)}",
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
        fit=checked_fit(plan.fit, plan.records, plan.interval, plan.jobs) if plan.fit else None,
    )


def _exclusions(findings: Findings) -> pd.DataFrame:
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


def _in_sample(plan: Plan) -> str:
    """Whether the held-back levels have played a part in the parameters, in a sentence."""
    found = plan.fit
    if found is None:
        told, model_fit = plan.study.model.built_on_these_patients, plan.study.model_fit
        known = model_fit is not None and model_fit.records_hash == plan.records.hash
        return _IN_SAMPLE[True if told is None and known else told]
    if not found.same_records:
        return f"The parameters were estimated from {found.records_named}."
    if found.refit is None:
        return _IN_SAMPLE[True]
    return (
        f"For these forecasts the parameters were estimated anew, from the {found.refit.observations:,} of "
        f"{found.fit.observations:,} measurements that were not held back: no forecast level played a part in them."
    )


def _parameters(plan: Plan) -> str:
    """Where the population's parameters are from, and whether their uncertainty is carried on."""
    found = plan.fit
    if found is None and plan.study.model_fit is not None:
        return (
            f"Parameters of the population are fixed at the estimates in {Path(plan.study.model.file).name}; their own "
            "uncertainty is not carried on, as a study's [fit] would."
        )
    if found is None:
        return "Parameters of the population are fixed at their published values; their uncertainty is not carried on."
    head = f"Parameters of the population are those estimated from {found.records_named} (chapter Fit)."
    if not found.drawn:
        return f"{head} Their own uncertainty is not carried on{_why_not(plan, found)}."
    return (
        f"{head} Their uncertainty is carried on: {len(found.drawn)} sets of fixed effects, residual error and "
        f"covariances of random effects are drawn from {_distribution(found)}. Virtual patients take turns with them; "
        f"under {len(plan.twin_models)} of them the twins are made anew, for regimens and for forecasts."
    )


def _distribution(found: StudyFit) -> str:
    if found.fit.details.get("draws"):
        return f"the draws that {found.fit.method} kept"
    return (
        "the normal distribution with the covariance of the estimates, on the scale on which parameters are estimated "
        "(logarithms or logits of bounded ones, Cholesky factors of covariances)"
    )


def _why_not(plan: Plan, found: StudyFit) -> str:
    if not plan.study.fit.uncertainty:
        return ", as the study asks"
    return ": the fit has no covariance of its estimates"


def _assumptions(plan: Plan) -> tuple[str, ...]:
    covariates = ", ".join(plan.model.covariate_names) or "none"
    share = f"{100 * plan.interval:g} %"
    return (
        _parameters(plan),
        _in_sample(plan),
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
