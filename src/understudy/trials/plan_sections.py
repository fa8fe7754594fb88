"""Plan sections: the tables of a plan file, what is thought to be true of a trial that nobody has run yet."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from understudy.core.section import Number, Section, Text, Whole, complaint
from understudy.trials.design_section import DesignSection
from understudy.trials.plan_model import ModelSection, TreatmentSection

_OF = {
    "survival": ("median", "rates", "hazard_ratio"),
    "continuous": ("mean",),
    "binary": ("probability",),
}


class SwitchSection(Section):
    """``switch`` of an arm: patients change to another arm's hazard at a time."""

    to: Text = Field(description="the other arm")
    at: Number = Field(description="time since randomisation", ge=0)
    probability: Number = Field(default=1.0, description="share of patients who change", ge=0, le=1)


class ArmSection(TreatmentSection):
    """One of ``[arms]``: what is true of it. With ``[model]``: what its patients are given."""

    median: Number | None = Field(default=None, description="survival: median time, constant hazard", gt=0)
    rates: tuple[Number, ...] = Field(default=(), description="survival: hazards in pieces")
    hazard_ratio: Number | tuple[Number, ...] | None = Field(
        default=None, description="survival: to the control arm; several, with breaks, change over time"
    )
    breaks: tuple[Number, ...] = Field(
        default=(), description="survival: times at which rates or ratios change"
    )
    delay: Number = Field(default=0.0, description="survival: time until the hazard ratio begins", ge=0)
    cured: Number | None = Field(
        default=None, description="survival: share without a hazard at all", ge=0, lt=1
    )
    switch: SwitchSection | None = Field(default=None, description="survival: a change of treatment")
    mean: Number | None = Field(default=None, description="continuous: mean; high is good")
    probability: Number | None = Field(
        default=None,
        description="binary: of a response, which is good; of a toxicity in a dose escalation",
        ge=0,
        le=1,
    )
    dose: Number | None = Field(default=None, description="dose, for dose ranging", ge=0)
    column: Text | None = Field(
        default=None, description="of [patients] file: the outcome of each patient in this arm"
    )
    positive: ArmSection | None = Field(
        default=None, description="what is true of those with the biomarker, if other"
    )


class EndpointSection(Section):
    """``[endpoint]``: what is measured."""

    kind: Literal["survival", "continuous", "binary"] = Field(description="survival, continuous or binary")
    unit: Text = Field(default="month", description="unit of all times")


class PatientsSection(Section):
    """``[patients]``: what is true of all arms."""

    sd: Number = Field(default=1.0, description="continuous: standard deviation", gt=0)
    trend: Number = Field(
        default=0.0, description="change of all means, or log odds, from the first to the hundredth patient"
    )
    adherence: tuple[Number, Number] | None = Field(
        default=None, description="survival: mean and precision of the share of treatment that is taken"
    )
    prevalence: Number | None = Field(
        default=None, description="share of those with the biomarker", gt=0, lt=1
    )
    file: Text | None = Field(
        default=None,
        description="a table of patients with their outcome in every arm, drawn with replacement",
    )
    biomarker: Text | None = Field(
        default=None, description="column of the file: 1 for those with the biomarker"
    )


class AssuranceSection(Section):
    """``[assurance]``: how unsure the effects of the first scenario are."""

    sd: Number = Field(
        description="standard deviation of the log hazard ratio, the mean difference or the log odds", gt=0
    )
    draws: Whole = Field(default=100, description="of what is true", ge=10)


class PlanSection(Section):
    """A plan file. `understudy.trials.load_plan` reads it."""

    title: Text = Field(description="one line, the heading of the report")
    seed: Whole = Field(default=1, description="seed of all random numbers", ge=0, le=2**63 - 1)
    endpoint: EndpointSection = Field(description="what is measured")
    arms: dict[Text, ArmSection] = Field(
        description="what is true of each arm; the first is the control", min_length=1
    )
    scenarios: dict[Text, dict[Text, ArmSection]] = Field(
        default_factory=dict, description="other truths by name: arms that differ from [arms]"
    )
    patients: PatientsSection = Field(default_factory=PatientsSection, description="what is true of all")
    model: ModelSection | None = Field(default=None, description="virtual patients of a model of the library")
    assurance: AssuranceSection | None = Field(default=None, description="how unsure the effects are")
    design: DesignSection = Field(description="the trial")

    @model_validator(mode="after")
    def _complete(self) -> PlanSection:
        if self.design.effects or self.design.delay:
            raise complaint("a plan's effects are said twice", "say them in [arms] and [scenarios]", "design")
        for scenario, arms in self.scenarios.items():
            unknown = [arm for arm in arms if arm not in self.arms]
            if unknown:
                raise complaint(
                    f"the scenario {scenario!r} has an arm {unknown[0]!r}", f"name some of {', '.join(self.arms)}",
                    f"scenarios.{scenario}",
                )  # fmt: skip
        if self.model is None and self.patients.file is None:
            for arms in (self.arms, *self.scenarios.values()):
                self._known(arms)
        if self.patients.file is not None:
            missing = [arm for arm, each in self.arms.items() if each.column is None]
            if missing:
                raise complaint(
                    f"the arm {missing[0]!r} has no column of the file", "give column", f"arms.{missing[0]}"
                )
        tabled = self.model is not None or self.patients.file is not None
        if tabled and (self.scenarios or self.assurance):
            raise complaint(
                "scenarios and assurance are of arms that are described",
                "leave them out, or write another plan",
            )
        return self

    def _known(self, arms: dict[str, ArmSection]) -> None:
        keys = _OF[self.endpoint.kind]
        for arm, each in arms.items():
            for own in (each, *((each.positive,) if each.positive else ())):
                given = [key for key in keys if getattr(own, key) not in (None, ())]
                if len(given) != 1:
                    raise complaint(
                        f"the arm {arm!r} has {' and '.join(given) or 'no outcome'}",
                        f"give one of {', '.join(keys)} for a {self.endpoint.kind} endpoint", f"arms.{arm}",
                    )  # fmt: skip
        first = next(iter(self.arms))
        if first in arms and arms[first].hazard_ratio is not None:
            raise complaint("the control has a hazard ratio", "give median or rates", f"arms.{first}")
