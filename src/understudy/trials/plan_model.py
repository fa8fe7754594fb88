"""Plan model: ``[model]`` of a plan and what its arms are given, the patients being virtual ones of a library model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from understudy.core.errors import StudyError
from understudy.core.random import normals
from understudy.core.section import Number, Section, Text, Whole, checked, complaint
from understudy.model.population_model import PopulationModel
from understudy.population.virtual import virtual_patients
from understudy.trials.designs.model_patients import model_patients
from understudy.trials.designs.treatment import (
    Crossing,
    Crossover,
    DoseChange,
    EventByHazard,
    FirstVisit,
    OutputHazard,
    Response,
    Treatment,
    ValueAt,
)

if TYPE_CHECKING:
    import pandas as pd

    from understudy.model.model import Model
    from understudy.trials.designs.patients import ResampledPatients


class CrossingSection(Section):
    """``when``: what is seen at a visit."""

    output: Text = Field(description="output of the model")
    above: Number | None = Field(default=None, description="limit beyond which it is met")
    below: Number | None = Field(default=None, description="or below which")
    relative_to: Literal["start", "lowest", "highest"] | None = Field(
        default=None,
        description="whether the limit is of the ratio to the first, or the lowest or highest value so far",
    )

    @model_validator(mode="after")
    def _made(self) -> CrossingSection:
        checked(self.crossing)
        return self

    def crossing(self) -> Crossing:
        """What it stands for."""
        return Crossing(self.output, self.above, self.below, self.relative_to)


class DoseChangeSection(Section):
    """One of ``changes`` of an arm."""

    when: CrossingSection = Field(description="what is seen")
    factor: Number = Field(description="by which later doses are multiplied; 0 stops", ge=0)
    least: Number = Field(default=0.0, description="no lower than this share of the plan", ge=0, le=1)
    most: Number = Field(default=1.0, description="no higher than this share of the plan", ge=1)


class CrossoverSection(Section):
    """``crossover`` of an arm."""

    when: CrossingSection = Field(description="what is seen")
    to: Text = Field(description="the other arm")
    probability: Number = Field(default=1.0, description="share of patients who change", ge=0, le=1)


class TreatmentSection(Section):
    """What the virtual patients of an arm are given."""

    regimen: Text | None = Field(default=None, description="model: doses, as a sentence; none, if left out")
    adherence: tuple[Number, Number] | None = Field(
        default=None, description="model: mean and precision of each patient's share of doses that are taken"
    )
    changes: tuple[DoseChangeSection, ...] = Field(default=(), description="model: doses that visits change")
    crossover: CrossoverSection | None = Field(
        default=None, description="model: change to another arm's treatment"
    )

    def treatment(self) -> Treatment:
        """What it stands for."""
        over = self.crossover
        changes = tuple(
            DoseChange(each.when.crossing(), each.factor, each.least, each.most) for each in self.changes
        )
        return Treatment(
            self.regimen, self.adherence, changes,
            None if over is None else Crossover(over.when.crossing(), over.to, over.probability),
        )  # fmt: skip


class HazardSection(Section):
    """A hazard that hangs on an output: rate · exp(slope · (output - reference))."""

    output: Text = Field(description="output of the model")
    rate: Number = Field(description="events per unit of the model's time at the reference", gt=0)
    slope: Number = Field(default=0.0, description="log hazard ratio per unit of the output")
    reference: Number = Field(default=0.0, description="value of the output")

    def hazard(self) -> OutputHazard:
        """What it stands for."""
        return OutputHazard(self.output, self.rate, self.slope, self.reference)


class ValueSection(Section):
    """``value``: an output at a visit."""

    output: Text = Field(description="output of the model")
    visit: Number = Field(description="time of the visit", ge=0)
    change: bool = Field(default=False, description="take off the first visit's value")
    better: Literal["higher", "lower"] = Field(default="higher", description="which is good")


class ModelSection(Section):
    """``[model]``: virtual patients, simulated by the engine in every arm. One of event, first, response, value."""

    name: Text = Field(description="of the library, or a file")
    patients: Whole = Field(default=2000, description="virtual patients that trials draw from", ge=10)
    variation: dict[Text, Number] = Field(
        default_factory=dict,
        description="standard deviation of the logarithm of parameters, for a model without random effects",
    )
    until: Number = Field(description="longest follow-up, in the model's time unit", gt=0)
    visit_every: Number = Field(description="time between visits, in the model's time unit", gt=0)
    event: HazardSection | None = Field(
        default=None, description="survival: an event whose hazard hangs on an output"
    )
    first: CrossingSection | None = Field(
        default=None, description="survival: the first visit at which this is seen"
    )
    response: CrossingSection | None = Field(
        default=None, description="binary: whether this is seen at a visit"
    )
    value: ValueSection | None = Field(default=None, description="continuous: an output at a visit")
    leaving: HazardSection | None = Field(default=None, description="hazard of leaving the trial")
    biomarker: tuple[Text, Number] | None = Field(
        default=None, description='column of the patients and limit from which they are positive: ["CL", 5.0]'
    )

    @model_validator(mode="after")
    def _one(self) -> ModelSection:
        given = [key for key in ("event", "first", "response", "value") if getattr(self, key) is not None]
        if len(given) != 1:
            raise complaint(
                f"the endpoint is {' and '.join(given) or 'nothing'}",
                "give one of event, first, response, value",
            )
        if self.until / self.visit_every > 500:
            raise complaint("more than 500 visits", "make visits rarer")
        return self

    @property
    def kind(self) -> str:
        """Of the endpoint."""
        return "binary" if self.response else "continuous" if self.value else "survival"

    def goal(self) -> EventByHazard | FirstVisit | Response | ValueAt:
        """The endpoint."""
        if self.event is not None:
            return EventByHazard(self.event.hazard())
        if self.first is not None:
            return FirstVisit(self.first.crossing())
        if self.response is not None:
            return Response(self.response.crossing())
        return ValueAt(self.value.output, self.value.visit, self.value.change, self.value.better)


def planned_patients(
    section: ModelSection, arms: Mapping[str, TreatmentSection], seed: int, jobs: int = 1
) -> ResampledPatients:
    """Virtual patients of a plan, in every arm."""
    from understudy.formats.load import load_model

    model = load_model(section.name)
    visits = np.append(np.arange(0.0, section.until - 1e-9, section.visit_every), section.until)
    return model_patients(
        model, _drawn(section, model, seed), {arm: each.treatment() for arm, each in arms.items()}, visits,
        section.goal(), leaving=None if section.leaving is None else section.leaving.hazard(),
        biomarker=section.biomarker, seed=seed, jobs=jobs,
    )  # fmt: skip


def _drawn(section: ModelSection, model: Model | PopulationModel, seed: int) -> pd.DataFrame:
    import pandas as pd

    if isinstance(model, PopulationModel):
        if section.variation:
            raise StudyError(
                f"{section.name} has random effects of its own",
                place="model.variation",
                repair="leave it out",
            )
        return virtual_patients(model, count=section.patients, seed=seed)
    values = {each.name: float(each.value) for each in model.parameters}
    unknown = [name for name in section.variation if name not in values]
    if unknown:
        raise StudyError(
            f"the model has no parameter {unknown[0]!r}",
            place="model.variation",
            repair=f"one of {', '.join(values)}",
        )
    spread = normals(seed, "plan variation", range(section.patients), max(len(section.variation), 1))
    columns = {
        name: values[name] * np.exp(sd * spread[:, k])
        for k, (name, sd) in enumerate(section.variation.items())
    }
    return pd.DataFrame(columns, index=[f"v{k + 1}" for k in range(section.patients)])
