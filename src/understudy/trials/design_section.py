"""Design section: ``[design]`` of a protocol or a plan, a new trial that is to be simulated."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from understudy.core.section import Number, Section, Text, Whole, checked, complaint
from understudy.trials.condition import Condition

EFFICACY = (
    "o'brien-fleming", "pocock", "power", "hwang-shih-decani",
    "o'brien-fleming limits", "pocock limits", "wang-tsiatis limits", "haybittle-peto limits",
)  # fmt: skip
KINDS = (
    "re_estimation",
    "adaptive",
    "multi_arm",
    "platform",
    "enrichment",
    "dose_ranging",
    "escalation",
    "single_arm",
)


def _condition(data: dict[str, Any]) -> dict[str, Any]:
    checked(lambda: Condition.of(data))
    return data


class ReEstimationSection(Section):
    """``[design.re_estimation]``: a second stage that grows where the first was promising."""

    interim: Number = Field(
        default=0.5, description="share of patients, or of events, at the look", gt=0, lt=1
    )
    most: Number = Field(default=2.0, description="largest size, as a multiple of the planned", gt=1)
    power: Number = Field(
        default=0.9, description="conditional power that the larger stage shall have", gt=0.5, lt=1
    )
    blinded: Number | None = Field(
        default=None,
        description="difference that shall be shown: a blinded look at the variance then sets the size, for `power`",
        gt=0,
    )
    weighted: bool = Field(
        default=True, description="keep the planned weights of the stages (Cui, Hung and Wang)"
    )


class AdaptiveSection(Section):
    """``[design.adaptive]``: response-adaptive randomisation."""

    batch: Whole = Field(default=20, description="patients between two changes of the allocation", ge=1)
    power: Number = Field(default=0.5, description="of P(best) in the allocation: 0 even, 1 Thompson's", ge=0)
    superiority: Number = Field(default=0.975, description="P(better than control) that wins", gt=0, lt=1)
    drop: Number = Field(default=0.0, description="an arm gets nobody while P(best) is below", ge=0, lt=1)
    futility: Number = Field(default=0.0, description="stop when no arm's P(better) reaches this", ge=0, lt=1)
    stop_early: bool = Field(default=False, description="stop when an arm wins")
    hazard_prior: tuple[Number, Number] | None = Field(
        default=None, description="survival: events and time at risk that the prior is worth: [0.5, 10]"
    )


class MultiArmSection(Section):
    """``[design.multi_arm]``: treatments against one control, looks that drop arms; patients are shared evenly."""

    keep: Whole | None = Field(default=None, description="most treatments that go on after a look", ge=1)
    futility: tuple[Number, ...] = Field(
        default=(),
        description="limits of Z at or below which an arm is dropped, one for each look but the last",
    )
    control_events: Whole | None = Field(
        default=None, description="survival: events of the control arm at the last look", ge=2
    )


class PlatformSection(Section):
    """``[design.platform]``: treatments that enter and leave; ``events`` are of a treatment and its controls."""

    per_arm: Whole = Field(description="patients after whom a treatment leaves", ge=4)
    entry: dict[Text, Whole] = Field(
        default_factory=dict,
        description="number of the patient with whom an arm opens; from the first, if left out",
    )
    futility: Number | None = Field(
        default=None, description="Z at or below which a treatment leaves half way"
    )
    non_concurrent: bool = Field(default=False, description="use controls from before a treatment opened")


class EnrichmentSection(Section):
    """``[design.enrichment]``: goes on in those with a biomarker if they alone benefit."""

    first: Whole = Field(description="patients of the first stage", ge=8)
    all_limit: Number = Field(default=0.5, description="Z of all above which all go on")
    positive_limit: Number = Field(default=0.5, description="else Z of the positive above which they go on")
    margin: Number = Field(default=0.0, description="Z of the negative above which they may go on")
    positive: Annotated[dict[Text, Any], AfterValidator(_condition)] = Field(
        default_factory=dict, description="protocol: who is positive, as a condition: { EGFR = 1 }"
    )


class ShapeSection(Section):
    """One of ``[design.dose_ranging] shapes``."""

    model: Literal["linear", "linear log", "emax", "sigmoid emax", "exponential", "quadratic", "logistic"] = (
        Field(description="its model")
    )
    parameters: tuple[Number, ...] = Field(
        default=(), description="its guessed parameters: [ED50], [ED50, hill], …"
    )

    @model_validator(mode="after")
    def _count(self) -> ShapeSection:
        need = {"linear": 0, "sigmoid emax": 2, "logistic": 2}.get(self.model, 1)
        if len(self.parameters) != need:
            raise complaint(
                f"{self.model} has {len(self.parameters)} parameters", f"give {need}, as parameters = [...]"
            )
        return self


class DoseRangingSection(Section):
    """``[design.dose_ranging]``: parallel doses, MCP-Mod; doses are those of ``[arms]``."""

    effect: Number = Field(description="wanted difference to no dose", gt=0)
    shapes: tuple[ShapeSection, ...] = Field(description="candidate shapes", min_length=1)
    selection: Literal["criterion", "largest t", "average"] = Field(
        default="criterion", description="which model gives the target dose"
    )


class EscalationSection(Section):
    """``[design.escalation]``: finds the maximum tolerated dose; a binary response is a toxicity, arms are doses."""

    rule: Literal["3+3", "boin", "keyboard", "crm"] = Field(description="which rule chooses doses")
    target: Number = Field(default=0.3, description="toxicity rate that is sought", gt=0, lt=1)
    cohort: Whole = Field(default=3, description="patients of a cohort", ge=1)
    start: Whole = Field(default=1, description="number of the first dose", ge=1)
    window: Number = Field(default=1.0, description="time for a toxicity to be seen", ge=0)
    skeleton: tuple[Number, ...] = Field(
        default=(), description="crm: prior toxicity rates, rising, one a dose"
    )
    half_width: Number = Field(
        default=0.05, description="crm without a skeleton: of its indifference interval", gt=0
    )
    guess: Whole = Field(
        default=1, description="crm without a skeleton: number of the dose thought the best", ge=1
    )


class SingleArmSection(Section):
    """``[design.single_arm]``: one treated arm, stopped by the predictive probability of success; binary. The control's
    probability is the one that is no advance."""

    looks: tuple[Whole, ...] = Field(
        default=(), description="numbers of patients at the looks before the last"
    )
    reference: Number = Field(description="response rate that is no advance", gt=0, lt=1)
    success: Number = Field(
        default=0.95, description="P(rate above the reference) that is a success", gt=0, lt=1
    )
    futility: Number = Field(
        default=0.05, description="predictive probability below which it stops", ge=0, lt=1
    )
    efficacy: Number = Field(default=1.0, description="and above which it stops", gt=0, le=1)


class DesignSection(Section):
    """``[design]``: a new trial. Two parallel arms, unless one of the tables says otherwise."""

    patients: Whole = Field(description="of all arms together, at most as planned", ge=3)
    events: Whole | None = Field(
        default=None,
        description="survival: events at the last analysis; without it one analysis after follow_up",
        ge=2,
    )
    follow_up: Number = Field(
        default=0.0,
        description="time from the last enrolment, or to the measurement, in the endpoint's unit",
        ge=0,
    )
    allocation: tuple[Whole, Whole] = Field(
        default=(1, 1), description="control and treated subjects in half a block"
    )
    alpha: Number = Field(default=0.025, description="one-sided", gt=0, lt=0.5)
    looks: Whole | tuple[Number, ...] = Field(
        default=1,
        description="analyses, the last one too; or their shares of the information: [0.4, 0.7, 1.0]",
    )
    efficacy: Literal[
        "o'brien-fleming", "pocock", "power", "hwang-shih-decani",
        "o'brien-fleming limits", "pocock limits", "wang-tsiatis limits", "haybittle-peto limits",
    ] = Field(
        default="o'brien-fleming",
        description="how alpha is spent over the looks (Lan and DeMets); or the shape of classical limits",
    )  # fmt: skip
    efficacy_parameter: Number | None = Field(
        default=None,
        description="rho of power, gamma of hwang-shih-decani, delta of wang-tsiatis, early limit of haybittle-peto",
    )
    futility: bool = Field(
        default=False,
        description="stop for futility too (Hwang, Shih and DeCani; not binding); needs power",
    )
    futility_gamma: Number = Field(default=-2.0, description="gamma of the spending for futility")
    power: Number = Field(default=0.9, description="that limits for futility are made for", gt=0.5, lt=1)
    weights: tuple[tuple[Number, Number], ...] = Field(
        default=((0.0, 0.0),),
        description="survival: Fleming and Harrington's weights of the log-rank test; several: max-combo",
    )
    enrolment: Number = Field(description="subjects per unit of time", gt=0)
    ramp: Number = Field(default=0.0, description="time in which enrolment comes up to speed", ge=0)
    sites: Whole | None = Field(default=None, description="number of sites", ge=1)
    site_variation: Number = Field(
        default=0.0, description="coefficient of variation of the sites' rates", ge=0
    )
    dropout: Number = Field(default=0.0, description="hazard of being lost, per unit of time", ge=0)
    dropout_by_prognosis: Number = Field(
        default=0.0,
        description="log ratio of that hazard per standard deviation of prognosis: above 0, the ill leave more",
    )
    visit_every: Number | None = Field(
        default=None, description="survival: events are found at visits so far apart", gt=0
    )
    effects: dict[Text, Number | dict[Text, Number]] = Field(
        default_factory=dict,
        description='protocol: more scenarios: { "half of it" = 0.85 }, hazard ratios, or differences of means or '
        "risks; by arm: { mixed = { low = 1.0, high = 0.7 } }",
    )
    delay: Number = Field(
        default=0.0, description="protocol, survival: time until the effect begins, in every scenario", ge=0
    )
    re_estimation: ReEstimationSection | None = Field(default=None, description="sample-size re-estimation")
    adaptive: AdaptiveSection | None = Field(default=None, description="response-adaptive randomisation")
    multi_arm: MultiArmSection | None = Field(default=None, description="multi-arm multi-stage")
    platform: PlatformSection | None = Field(default=None, description="platform trial")
    enrichment: EnrichmentSection | None = Field(default=None, description="enrichment by a biomarker")
    dose_ranging: DoseRangingSection | None = Field(default=None, description="MCP-Mod")
    escalation: EscalationSection | None = Field(default=None, description="dose escalation")
    single_arm: SingleArmSection | None = Field(
        default=None, description="one arm, by predictive probability"
    )

    @property
    def kind(self) -> str:
        """Which of the tables there is; ``parallel`` without one."""
        return next((name for name in KINDS if getattr(self, name) is not None), "parallel")

    @property
    def several_arms(self) -> bool:
        """Whether all treated arms take part; else one."""
        return self.kind in ("adaptive", "multi_arm", "platform", "dose_ranging", "escalation", "single_arm")

    @model_validator(mode="after")
    def _one_kind(self) -> DesignSection:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) > 1:
            raise complaint(f"the design is {' and '.join(given)} at once", "keep one of these tables")
        many = self.looks != 1
        if many and self.kind not in ("parallel", "multi_arm"):
            raise complaint(f"looks of a design of {self.kind}", "leave them out: it has looks of its own")
        if self.futility and self.kind != "parallel":
            raise complaint(f"futility of a design of {self.kind}", "give the limit in its own table")
        if isinstance(self.looks, int) and not 1 <= self.looks <= 20:
            raise complaint(f"{self.looks} looks", "give 1 to 20, or their shares of the information")
        if self.weights != ((0.0, 0.0),) and self.kind not in ("parallel", "multi_arm", "platform"):
            raise complaint(f"weights of a design of {self.kind}", "leave them out: it has the log-rank test")
        if self.efficacy_parameter is not None and self.efficacy in _PLAIN:
            raise complaint(f"{self.efficacy} has no parameter", "leave efficacy_parameter out")
        return self


_PLAIN = ("o'brien-fleming", "pocock", "o'brien-fleming limits", "pocock limits")
