"""Protocol: the tables of ``trial.toml``, what was compared, in whom, by which measure and with which analysis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from understudy.core.section import Number, Section, Text, Whole, complaint
from understudy.trials.condition import Condition
from understudy.trials.design_section import DesignSection
from understudy.trials.endpoint_section import EndpointSection, Rows
from understudy.trials.multiplicity_section import MultiplicitySection


class SubjectsSection(Section):
    """``[subjects]``: the table with one row a subject."""

    file: Text = Field(description="CSV, gzipped CSV or SAS transport file (.xpt), relative to the protocol")
    id: Text | None = Field(
        default=None, description="column that names the subject; the row's number, if left out"
    )
    arm: Text = Field(description="column of the arm to which the subject was randomised")
    keep: Rows = Field(
        default_factory=dict,
        description='rows that are randomised subjects: { ITTFL = "Y" }; all, if left out',
    )
    death: Text | None = Field(
        default=None,
        description="column of the time of death since randomisation, in the endpoint's unit; empty for the living",
    )


class ArmsSection(Section):
    """``[arms]``: what was compared."""

    control: Text | Number = Field(
        description="the arm that others are compared with, as the column writes it"
    )
    treated: Annotated[tuple[Text | Number, ...], Field(min_length=1)] = Field(
        description="the other arms; subjects of arms that are not named are left out, and counted"
    )
    labels: dict[Text, Text] = Field(
        default_factory=dict, description='what reports call them: { "0" = "zidovudine" }'
    )
    doses: dict[Text, Number] = Field(
        default_factory=dict, description='dose of each arm, for a test of dose response: { "Placebo" = 0 }'
    )

    @model_validator(mode="after")
    def _apart(self) -> ArmsSection:
        names = [arm_name(each) for each in (self.control, *self.treated)]
        twice = [name for k, name in enumerate(names) if name in names[:k]]
        if twice:
            raise complaint(f"the arm {twice[0]!r} is given twice", "name every arm once")
        unknown = [each for each in (*self.labels, *self.doses) if each not in names]
        if unknown:
            raise complaint(f"{unknown[0]!r} is no arm of this trial", f"arms: {', '.join(names)}")
        return self


class IntercurrentEvent(Section):
    """``[[estimand.events]]``: what may happen after randomisation that changes what is measured or means."""

    name: Text = Field(description="such as discontinuation, rescue medication or transplant")
    strategy: Literal[
        "treatment policy", "hypothetical", "composite", "while on treatment", "principal stratum"
    ] = Field(description="how ICH E9(R1) has it handled")
    when: Rows | None = Field(default=None, description="subjects or rows to whom it happened")
    time: Text | None = Field(default=None, description="column of when it happened, in the endpoint's unit")


class EstimandSection(Section):
    """``[estimand]``: what is to be estimated, in the words of ICH E9(R1)."""

    population: Text = Field(default="all randomised subjects", description="in whom")
    summary: Text | None = Field(
        default=None, description="summary measure, such as hazard ratio; that of the analysis, if left out"
    )
    events: tuple[IntercurrentEvent, ...] = Field(default=(), description="intercurrent events")


class AnalysisSection(Section):
    """``[analysis]``: the primary analysis."""

    method: Text | None = Field(
        default=None,
        description="such as cox, ancova, mmrm, logistic; that of the endpoint's kind, if left out",
    )
    covariates: tuple[Text, ...] = Field(default=(), description="columns that are adjusted for")
    categorical: tuple[Text, ...] = Field(
        default=(), description="those of all covariates that are categories although written as numbers"
    )
    strata: tuple[Text, ...] = Field(default=(), description="columns whose combinations are strata")
    missing: Text = Field(
        default="as observed", description="as observed, or a kind of imputation, such as jump to reference"
    )
    imputations: Whole = Field(default=100, description="how often missing values are drawn", ge=2)
    horizon: Number | None = Field(
        default=None,
        description="time to which means, risks and numbers of events are taken; "
        "the last at which all arms were watched, if left out",
        gt=0,
    )
    covariance: Text = Field(
        default="unstructured",
        description="of visits in a mixed model: unstructured, or one such as heterogeneous Toeplitz or AR(1)",
    )
    degrees_of_freedom: Literal["kenward-roger", "satterthwaite"] = Field(
        default="kenward-roger", description="of a mixed model: kenward-roger, or satterthwaite"
    )
    at_most: Whole | None = Field(
        default=None, description="of recurrent events: those after this number are left out", ge=1
    )
    level: Number = Field(default=0.95, description="of intervals", gt=0.5, lt=1)
    published: dict[Text, dict[Text, Number]] = Field(
        default_factory=dict,
        description="what was published, by arm: { drug = { estimate = 0.69, lower = 0.55, upper = 0.87 } }",
    )


class SecondarySection(EndpointSection):
    """``[[secondary]]``: another endpoint, with the keys of ``[endpoint]`` and its own analysis."""

    name: Text = Field(description="what reports call it")
    analysis: AnalysisSection | None = Field(
        default=None,
        description="its analysis; the usual one with the primary's covariates and strata, if left out",
    )
    estimand: EstimandSection | None = Field(
        default=None, description="its estimand; the primary's intercurrent events, if left out"
    )


class Criterion(Section):
    """``[[criteria]]``: a criterion of eligibility, as data."""

    name: Text = Field(description="in words")
    rule: Rows = Field(description="who meets it: { age = { at_least = 18 } }")


class SafetySection(Section):
    """``[safety]``: the harm that is weighed against the effect."""

    name: Text = Field(default="the safety event", description="what reports call it")
    event: Rows = Field(description='subjects who had it: { DSRAEFL = "Y" }')


class BaselineSection(Section):
    """``[baseline]``: what is known of subjects before randomisation."""

    covariates: tuple[Text, ...] = Field(default=(), description="columns measured before randomisation")
    categorical: tuple[Text, ...] = Field(default=(), description="those that are categories")
    after: tuple[Text, ...] = Field(
        default=(), description="columns that were measured after randomisation; they may select nobody"
    )


class HistorySection(Section):
    """``[history]``: earlier patients on control, from whom a prognostic score is learned."""

    file: Text = Field(description="their table, one row a patient; CSV, gzipped CSV or SAS transport file")
    id: Text | None = Field(default=None, description="column that names the patient; the row, if left out")
    keep: Rows = Field(
        default_factory=dict, description="rows that are patients on control; all, if left out"
    )
    columns: dict[Text, Text] = Field(
        default_factory=dict, description='columns called otherwise than in the trial: { AGE = "age_years" }'
    )
    event: Rows | None = Field(
        default=None, description="when the event happened; as in the trial, if left out"
    )
    known: Rows | None = Field(default=None, description="when that is known; as in the trial, if left out")
    other_people: bool = Field(
        default=False, description="these are other people than the trial's even where names are the same"
    )
    score_file: Text | None = Field(
        default=None, description="file of the frozen score, which `trial dossier` adjusts the trial for"
    )
    score: Text | None = Field(
        default=None,
        description="hash of the score as registered before the trial was opened; no other is taken",
    )


class ForecastSection(Section):
    """``[forecast]``: a measure of subjects over time, to be foretold from its first values."""

    name: Text = Field(default="the measure", description="what reports call it")
    file: Text | None = Field(
        default=None, description="table with a row a measurement; the endpoint's, if left out"
    )
    id: Text | None = Field(default=None, description="column of that table that names the subject")
    keep: Rows = Field(default_factory=dict, description="rows of that table that are the measure")
    time: Text = Field(description="column of the time of a measurement, since randomisation")
    value: Text = Field(description="column of the measurement; an empty cell is a missed visit")
    unit: Text = Field(default="", description="unit of the measurement")
    first: Whole | None = Field(default=None, description="the first so many measurements are known", ge=1)
    until: Number | None = Field(default=None, description="or all measurements up to this time are known")
    fewest: Whole = Field(default=1, description="later measurements that a subject must have to count", ge=1)
    covariates: tuple[Text, ...] = Field(
        default=(), description="baseline columns that forecasts know besides the arm; those of [baseline]"
    )
    by: Text = Field(default="arm", description="column of subgroups within which intervals shall hold too")
    methods: Annotated[
        tuple[Literal["carry forward", "own line", "mixed", "boosted"], ...], Field(min_length=1)
    ] = Field(
        default=("carry forward", "own line", "mixed", "boosted"),
        description="carry forward, own line, mixed (linear mixed effects), boosted (trees)",
    )
    scale: Literal["identity", "log", "sqrt"] = Field(
        default="identity", description="on which the measure is modelled"
    )
    limits: tuple[Number, Number] | None = Field(
        default=None, description="between which the measure lies; forecasts are cut there"
    )
    level: Number = Field(default=0.9, description="of intervals", gt=0.5, lt=1)

    @model_validator(mode="after")
    def _known(self) -> ForecastSection:
        if (self.first is None) == (self.until is None):
            raise complaint(
                "what is known of a subject?", "give first = 3 (measurements) or until = 12 (a time)"
            )
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise complaint(f"limits {list(self.limits)}", "give the lower one first")
        return self


class Protocol(Section):
    """A trial as its protocol describes it. `understudy.trials.load_trial` reads it with its tables."""

    title: Text = Field(description="one line, the heading of the report")
    question: Text = Field(default="", description="what the trial was to show")
    seed: Whole = Field(default=1, description="seed of all random numbers", ge=0, le=2**63 - 1)
    subjects: SubjectsSection = Field(description="the randomised subjects")
    arms: ArmsSection = Field(description="what was compared")
    endpoint: EndpointSection = Field(description="what was measured")
    estimand: EstimandSection = Field(default_factory=EstimandSection, description="what is estimated")
    analysis: AnalysisSection = Field(default_factory=AnalysisSection, description="the primary analysis")
    secondary: tuple[SecondarySection, ...] = Field(default=(), description="other endpoints")
    multiplicity: MultiplicitySection | None = Field(
        default=None, description="how errors are kept over endpoints and arms"
    )
    baseline: BaselineSection = Field(default_factory=BaselineSection, description="covariates of subjects")
    safety: SafetySection | None = Field(default=None, description="a harm, counted in treated subjects")
    design: DesignSection | None = Field(default=None, description="a new trial, to be simulated")
    criteria: tuple[Criterion, ...] = Field(default=(), description="criteria of eligibility")
    history: HistorySection | None = Field(default=None, description="earlier patients on control")
    forecast: ForecastSection | None = Field(default=None, description="a measure over time, to be foretold")

    @model_validator(mode="after")
    def _names_apart(self) -> Protocol:
        names = [each.name for each in (self.endpoint, *self.secondary)]
        twice = [name for k, name in enumerate(names) if name in names[:k]]
        if twice:
            raise complaint(f"two endpoints are called {twice[0]!r}", "give every endpoint its own name")
        return self

    @model_validator(mode="after")
    def _criteria_before(self) -> Protocol:
        for criterion in self.criteria:
            used = [column for column in Condition.of(criterion.rule).columns if column in self.late]
            if used:
                raise complaint(
                    f"the criterion {criterion.name!r} looks at {used[0]}, which was measured after randomisation",
                    "select by what was known before: a later measure may be an effect of treatment",
                )
        return self

    @model_validator(mode="after")
    def _covariates_before(self) -> Protocol:
        named = {
            "baseline.covariates": self.baseline.covariates,
            "analysis.covariates": self.analysis.covariates,
            "analysis.strata": self.analysis.strata,
            "subjects.keep": Condition.of(self.subjects.keep).columns,
        }
        for k, each in enumerate(self.secondary, 1):
            own = each.analysis or self.analysis
            named[f"secondary[{k}].analysis"] = (*own.covariates, *own.strata)
        for key, columns in named.items():
            known_later = self.baseline.after if key == "subjects.keep" else self.late
            used = [column for column in columns if column in known_later]
            if used:
                raise complaint(
                    f"{key} names {used[0]}, which was measured after randomisation",
                    "name what was known before: a later measure may be an effect of treatment",
                )
        return self

    @property
    def late(self) -> frozenset[str]:
        """Columns of the subjects' table that are known after randomisation only.

        Those named so, and those of endpoints in that table, of intercurrent events, of harms and of death.
        """
        endpoints = [each for e in (self.endpoint, *self.secondary) for each in (e.outcomes or (e,))]
        own = [e for e in endpoints if e.file in (None, self.subjects.file)]
        named = [*self.baseline.after, *(name for e in own for name in e.columns)]
        named += [event.time for event in self.estimand.events if event.time]
        named += Condition.of(self.safety.event).columns if self.safety else ()
        named += [self.subjects.death] if self.subjects.death else []
        return frozenset(named)


def arm_name(value: Any) -> str:
    """An arm as reports write it before it has a label: 1.0 is 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def labels_of(protocol: Protocol) -> Mapping[str, str]:
    """Label of each arm by its name, the control first."""
    names = [arm_name(each) for each in (protocol.arms.control, *protocol.arms.treated)]
    return {name: protocol.arms.labels.get(name, name) for name in names}
