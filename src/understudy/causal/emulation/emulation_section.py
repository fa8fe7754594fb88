"""Emulation section: the tables of ``emulation.toml``, what is compared in which records, and by which models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from understudy.core.section import Number, Section, Text, Whole, checked, complaint

Method = Literal[
    "intention to treat", "per protocol", "as treated", "clone, censor, weight",
    "point treatment", "marginal structural model", "g-formula",
]  # fmt: skip
_CourseName = Literal["none", "linear", "quadratic", "cubic", "spline", "categorical"]
Terms = tuple[Text, ...]
_SEQUENTIAL = ("intention to treat", "per protocol", "as treated", "clone, censor, weight")
# Which sections a method reads.
_SECTIONS: dict[str, tuple[Method, ...]] = {
    "trials": _SEQUENTIAL,
    "outcome_model": _SEQUENTIAL,
    "curves": _SEQUENTIAL,
    "switch_weights": ("per protocol", "as treated", "clone, censor, weight", "marginal structural model"),
    "censoring_weights": (*_SEQUENTIAL, "marginal structural model"),
    "clones": ("clone, censor, weight",),
    "point_treatment": ("point treatment",),
    "structural_model": ("marginal structural model",),
    "g_formula": ("g-formula",),
    "covariate": ("g-formula",),
    "strategies": ("g-formula",),
}
_NEEDED = {
    "clone, censor, weight": ("clones", "switch_weights"),
    "point treatment": ("point_treatment",),
    "marginal structural model": ("structural_model", "switch_weights"),
    "g-formula": ("g_formula", "covariate", "strategies"),
}


class DataSection(Section):
    """``[data]``: the table, one row a person and period; for a point treatment one row a person."""

    file: Text = Field(description="CSV or gzipped CSV, in the folder of this file or below it")
    id: Text | None = Field(
        default=None, description="column of the person; for a point treatment none is needed"
    )
    period: Text | None = Field(default=None, description="column of the period, a whole number")
    treatment: Text = Field(description="column of treatment in the period: 0 or 1")
    outcome: Text = Field(description="column of the outcome in the period: 0 or 1; or a measure")
    eligible: Text | None = Field(
        default=None,
        description="column of eligibility, 0 or 1: a trial starts there; every period, if left out",
    )
    censored: Text | None = Field(
        default=None, description="column of 0 and 1: the person was lost in the period"
    )
    categorical: Terms = Field(
        default=(), description="covariates that are categories although written as numbers"
    )
    measure: bool = Field(
        default=False, description="the outcome is a measure, known in a person's last period"
    )
    gaps: Literal["refuse", "end follow-up", "keep"] = Field(
        default="refuse", description="where a person's periods do not follow each other"
    )
    missing: Literal["refuse", "carry forward", "complete cases"] = Field(
        default="refuse",
        description="missing covariates: an error, the person's last value, or (point treatment) rows left out",
    )


class TrialsSection(Section):
    """``[trials]``: which trials start, and how long they are followed."""

    first: Whole | None = Field(default=None, description="first period in which a trial starts")
    last: Whole | None = Field(default=None, description="last period in which a trial starts")
    last_follow_up: Whole | None = Field(
        default=None, description="periods after the start that are followed", ge=0
    )
    censored_period: Literal["as TrialEmulation", "outcome known", "outcome unknown"] = Field(
        default="as TrialEmulation", description="of the period in which a person was lost, see the docs"
    )
    share_of_controls: Number = Field(
        default=1.0, description="share of rows without the outcome that are used, weighted up", gt=0, le=1
    )


class ClonesSection(Section):
    """``[clones]``: strategies with a grace period."""

    grace: Whole = Field(description="periods after the start in which treatment may still begin", ge=0)
    sustained: bool = Field(default=False, description="whether stopping departs from the strategy too")
    starts: Literal["first", "all"] = Field(
        default="first", description="clones in a person's first eligible period, or in every one"
    )


class OutcomeModelSection(Section):
    """``[outcome_model]``: the pooled logistic model of the trials."""

    covariates: Terms = Field(
        default=(), description='terms at the start of the trial: "age", "age^2", "age:sex"'
    )
    trial_period: _CourseName = Field(default="quadratic", description="course over the period of the start")
    follow_up: _CourseName = Field(default="quadratic", description="course over follow-up time")
    varying_effect: bool = Field(default=False, description="the effect of treatment follows that course too")
    dose: Literal["linear", "quadratic"] = Field(
        default="linear", description="as treated: over treated periods"
    )


class WeightSection(Section):
    """``[switch_weights]``, ``[censoring_weights]``: chances of treatment and of being lost."""

    denominator: Terms = Field(
        description="terms that confound; history too, such as previous(x), previous_treatment"
    )
    numerator: Terms = Field(
        default=(), description="terms of the stabilising model, which the outcome model has too"
    )
    pool: Literal["none", "numerator", "both"] = Field(
        default="none", description="which is one model whatever the previous treatment"
    )


class CurvesSection(Section):
    """``[curves]``: cumulative incidence, standardised to the trials."""

    horizon: Whole | None = Field(
        default=None, description="last follow-up time; the longest, if left out", ge=0
    )
    draws: Whole = Field(default=200, description="of coefficients, for intervals", ge=50, le=100_000)
    resamples: Whole = Field(
        default=0, description="of persons, for intervals instead; 0 for none", ge=0, le=100_000
    )
    trial_period: Whole | None = Field(
        default=None, description="period whose trials are the population; all trials, if left out"
    )


class PointSection(Section):
    """``[point_treatment]``: a treatment given once."""

    methods: Annotated[
        tuple[Literal["unadjusted", "weighting", "standardisation", "doubly robust"], ...],
        Field(min_length=1),
    ] = Field(
        default=("unadjusted", "weighting", "standardisation", "doubly robust"),
        description="what to estimate by",
    )
    treatment_model: Terms = Field(description="terms of the chance of treatment")
    outcome_model: Terms | None = Field(
        default=None, description="terms of the outcome; those of treatment, if left out"
    )
    modified_by: Terms = Field(default=(), description="terms of the outcome that the effect varies with")
    stabilised: bool = Field(default=True, description="weights times the share with that treatment")
    resamples: Whole = Field(
        default=0, description="of persons, for a bootstrap beside; 0 for none", ge=0, le=100_000
    )


class StructuralSection(Section):
    """``[structural_model]``: a marginal structural model."""

    exposure: Literal["current", "cumulative", "ever"] = Field(
        default="current",
        description="treatment in the period, treated periods so far, or whether there was any",
    )
    terms: Terms = Field(
        default=(), description="known at the beginning, such as first(age); in the numerator too"
    )
    time: _CourseName = Field(default="quadratic", description="course of the chance of an event over time")
    resamples: Whole = Field(default=0, description="of persons; 0 for none", ge=0, le=100_000)


class EvolutionSection(Section):
    """``[[covariate]]``: how a covariate of a period depends on what was before, in the order they evolve."""

    name: Text = Field(description="column")
    kind: Literal["binary", "normal"] = Field(description="drawn by a logistic regression, or a linear one")
    terms: Terms = Field(description="such as previous(x), previous_treatment, time, first(x)")


class GFormulaSection(Section):
    """``[g_formula]``: simulation of strategies."""

    treatment_model: Terms = Field(description="terms of the chance of treatment in a period")
    outcome_model: Terms = Field(description="terms of the outcome; treatment is that of the period")
    horizon: Whole | None = Field(default=None, description="last time that is simulated", ge=0)
    simulated: Whole = Field(default=10_000, description="persons", ge=100, le=10_000_000)
    resamples: Whole = Field(default=0, description="of persons; 0 for none", ge=0, le=100_000)


class EmulationSection(Section):
    """An emulation of a target trial. `understudy.causal.emulation.load_emulation` reads it with its table."""

    title: Text = Field(description="one line")
    method: Method = Field(description="what is estimated")
    seed: Whole = Field(default=1, description="seed of all random numbers", ge=0, le=2**63 - 1)
    level: Number = Field(default=0.95, description="of intervals", gt=0.5, lt=1)
    truncate: Number | None = Field(
        default=None, description="quantile at which weights are cut, such as 0.99", gt=0.5, lt=1
    )
    data: DataSection = Field(description="the table")
    trials: TrialsSection = Field(default_factory=TrialsSection, description="which trials start")
    outcome_model: OutcomeModelSection = Field(
        default_factory=OutcomeModelSection, description="model of the trials"
    )
    switch_weights: WeightSection | None = Field(default=None, description="chances of treatment")
    censoring_weights: WeightSection | None = Field(default=None, description="chances of being lost")
    curves: CurvesSection = Field(default_factory=CurvesSection, description="cumulative incidence")
    clones: ClonesSection | None = Field(default=None, description="strategies with a grace period")
    point_treatment: PointSection | None = Field(default=None, description="a treatment given once")
    structural_model: StructuralSection | None = Field(
        default=None, description="a marginal structural model"
    )
    g_formula: GFormulaSection | None = Field(default=None, description="simulation of strategies")
    covariate: tuple[EvolutionSection, ...] = Field(default=(), description="how covariates evolve")
    strategies: dict[Text, Text] = Field(
        default_factory=dict, description='rules of treatment: { never = "0", low = "cd4 < 350" }'
    )

    @model_validator(mode="after")
    def _fitting(self) -> EmulationSection:
        given = self.model_fields_set
        lost = [name for name in _NEEDED.get(self.method, ()) if name not in given]
        if lost:
            raise complaint(f"the method {self.method!r} needs [{lost[0]}]", f"add [{lost[0]}]")
        unfit = [name for name, methods in _SECTIONS.items() if name in given and self.method not in methods]
        if unfit:
            others = " or ".join(repr(each) for each in _SECTIONS[unfit[0]])
            raise complaint(
                f"[{unfit[0]}] has no meaning for the method {self.method!r}",
                f"leave it out, or take the method {others}", unfit[0],
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _columns(self) -> EmulationSection:
        point = self.method == "point treatment"
        lost = [] if point else [name for name in ("id", "period") if getattr(self.data, name) is None]
        if lost:
            raise complaint(
                f"which column has the {lost[0]}?", f'give {lost[0]} = "…" in [data]', f"data.{lost[0]}"
            )
        if self.data.missing == "complete cases" and not point:
            raise complaint(
                "to leave rows out would tear holes into persons' courses",
                'say missing = "carry forward", or fill the values in', "data.missing",
            )  # fmt: skip
        if self.data.missing == "carry forward" and point:
            raise complaint(
                "a person has one row: nothing is there to carry forward", 'say missing = "complete cases"'
            )
        if self.data.measure and self.method not in ("marginal structural model", "g-formula"):
            raise complaint(
                "a measure at the end has no meaning for this method", "leave measure out", "data.measure"
            )
        if self.censoring_weights is not None and self.data.censored is None:
            raise complaint(
                "[censoring_weights] without a column of who was lost", 'give censored = "…" in [data]'
            )
        return self

    @model_validator(mode="after")
    def _rules(self) -> EmulationSection:
        from understudy.causal.emulation.strategy import Strategy

        for name, rule in self.strategies.items():
            checked(lambda name=name, rule=rule: Strategy(name, rule))
        return self
