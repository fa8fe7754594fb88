"""Study file: what a real-world study compares, how, and what its estimates have to pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from understudy.causal.cdm.concept_set import ConceptSet
from understudy.causal.cohorts.definition import CohortDefinition
from understudy.causal.cohorts.population_settings import PopulationSettings
from understudy.causal.covariates.settings import CovariateSettings
from understudy.causal.propensity.settings import PropensitySettings
from understudy.causal.study.analysis_section import AnalysisSection
from understudy.causal.study.diagnostics_section import DiagnosticsSection
from understudy.core.section import Section, Text, Whole, complaint


class CdmSection(Section):
    """``[cdm]``: where the records are."""

    path: Text | None = Field(
        default=None,
        description="folder or DuckDB file, in the study's folder; what lies elsewhere is given with --cdm",
    )
    database_schema: Text | None = Field(
        default=None,
        description="schema of the tables in a DuckDB file; the one that has person, if left out",
    )
    site: Text | None = Field(
        default=None,
        description="what the site is called in a synthesis over sites; no site files, if left out",
    )
    memory: Text | None = Field(
        default=None, description='how much memory may be taken: "4GB"; most of it, if left out'
    )


class CohortFile(Section):
    """A cohort that has a file of its own."""

    file: Text = Field(
        description="an expression of ATLAS (.json) or a definition (.toml), in the study's folder"
    )
    name: Text | None = Field(default=None, description="what reports call it; the file's name, if left out")


def _kind(given: Any) -> str:
    has = "file" in given if isinstance(given, Mapping) else isinstance(given, CohortFile)
    return "file" if has else "definition"


CohortSection = Annotated[
    Annotated[CohortDefinition, Tag("definition")] | Annotated[CohortFile, Tag("file")], Discriminator(_kind)
]


class NegativeControlsSection(Section):
    """``[negative_controls]``: outcomes that neither treatment causes or prevents."""

    concepts: tuple[Annotated[Whole, Field(ge=1)], ...] = Field(
        default=(), description="concept ids, each an outcome with all that descends from it"
    )
    file: Text | None = Field(
        default=None,
        description="or a CSV with the column concept_id (OHDSI's outcomeId), in the study's folder",
    )
    table: Text = Field(default="condition_occurrence", description="table of the CDM that has them")
    first_only: bool = Field(default=False, description="only a person's first record counts")

    @model_validator(mode="after")
    def _some(self) -> NegativeControlsSection:
        if (self.file is None) == (not self.concepts):
            raise complaint("give negative controls by concepts or by a file", "keep one of them")
        return self


class StudyFile(Section):
    """The file of a real-world study.

    Parameters
    ----------
    title, question : str
    seed : int
    cdm, concept_sets, target, comparator, outcomes, population, covariates, propensity, analyses, negative_controls,
    diagnostics
        As the keys of the file; see docs/rwe.md.
    """

    title: Text = Field(description="of the report")
    question: Text = Field(description="what is to be learned, in a sentence")
    seed: Whole = Field(default=1, description="of all that is drawn", ge=0)
    cdm: CdmSection = Field(default=CdmSection(), description="where the records are")
    concept_sets: dict[Text, ConceptSet] = Field(
        default_factory=dict, description="concept sets that all cohorts may name"
    )
    target: CohortSection = Field(description="who gets the treatment in question")
    comparator: CohortSection = Field(description="who gets the other treatment")
    outcomes: Annotated[tuple[CohortSection, ...], Field(min_length=1)] = Field(
        description="what may happen to them"
    )
    population: PopulationSettings = Field(
        default=PopulationSettings(), description="who is compared, and when they are at risk"
    )
    covariates: CovariateSettings | None = Field(
        default=None, description="what is known before; not needed where no analysis adjusts"
    )
    propensity: PropensitySettings = Field(
        default=PropensitySettings(), description="the model of the propensity score"
    )
    analyses: Annotated[tuple[AnalysisSection, ...], Field(min_length=1)] = Field(
        description="how the effect is estimated, each way by its own"
    )
    negative_controls: NegativeControlsSection | None = Field(
        default=None, description="outcomes that neither treatment causes or prevents"
    )
    diagnostics: DiagnosticsSection = Field(
        default=DiagnosticsSection(), description="what an estimate has to pass before it is seen"
    )

    @model_validator(mode="after")
    def _apart(self) -> StudyFile:
        names = [each.name for each in self.analyses]
        twice = [name for k, name in enumerate(names) if name in names[:k]]
        if twice:
            raise complaint(f"the analysis {twice[0]!r} is given twice", "name every analysis once")
        adjusted = [each.name for each in self.analyses if each.adjusts]
        if adjusted and self.covariates is None:
            raise complaint(
                f"the analysis {adjusted[0]!r} adjusts, but there are no covariates",
                "add a section [covariates]",
            )
        return self
