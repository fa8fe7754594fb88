"""Settings of covariates: which analyses, in which windows, with which concepts."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from understudy.causal.covariates.analysis import ANALYSES, DEFAULTS, CovariateAnalysis
from understudy.core.errors import StudyError
from understudy.core.section import Section, Whole, complaint
from understudy.core.toml_file import in_order, validated


def _known(name: str) -> str:
    if name in ANALYSES:
        return name
    near = get_close_matches(name, ANALYSES, 1, 0.4)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise complaint(
        f"there is no analysis {name!r}{meant}",
        f"write {near[0]}" if near else "names are those of `understudy.causal.covariates.ANALYSES`",
    )


AnalysisName = Annotated[str, AfterValidator(_known)]
ConceptId = Annotated[int, Field(strict=True, ge=1)]


class CovariateSettings(Section):
    """Which covariates are built: OHDSI's defaults, where nothing is given.

    Days count from the first day of the entry, which is day 0; both ends of a window belong to it.

    Examples
    --------
    >>> CovariateSettings().window(ANALYSES["ConditionGroupEraShortTerm"])
    (-30, 0)
    >>> settings_of({"short_term_start": -10, "end": -20})
    Traceback (most recent call last):
    understudy.core.errors.StudyError: 1 problem in the covariate settings
      the windows are reversed: short_term_start -10 is after end -20
        repair: give windows that start no later than they end
    """

    analyses: Annotated[tuple[AnalysisName, ...], Field(min_length=1)] = Field(
        default=DEFAULTS, description="names of analyses, as OHDSI's FeatureExtraction calls them"
    )
    long_term_start: Whole = Field(default=-365, description="first day of the long-term window")
    medium_term_start: Whole = Field(default=-180, description="first day of the medium-term window")
    short_term_start: Whole = Field(default=-30, description="first day of the short-term window")
    end: Whole = Field(default=0, description="last day of all windows")
    included_concepts: tuple[ConceptId, ...] = Field(
        default=(), description="only these concepts make covariates; all, if none is given"
    )
    include_descendants: bool = Field(default=False, description="and what descends from them")
    excluded_concepts: tuple[ConceptId, ...] = Field(
        default=(), description="concepts that make no covariates, such as the drugs compared"
    )
    exclude_descendants: bool = Field(default=True, description="nor what descends from them")
    included_covariates: tuple[ConceptId, ...] = Field(
        default=(), description="only covariates with these identifiers; all, if none is given"
    )

    @model_validator(mode="after")
    def _forward(self) -> CovariateSettings:
        used = {each.window for each in self.chosen}
        starts = {"long_term_start": "long", "medium_term_start": "medium", "short_term_start": "short"}
        late = [
            f"{name} {getattr(self, name)}"
            for name, window in starts.items()
            if window in used and getattr(self, name) > self.end
        ]
        if late:
            raise complaint(
                f"the windows are reversed: {', '.join(late)} is after end {self.end}",
                "give windows that start no later than they end",
            )
        twice = sorted({name for name in self.analyses if self.analyses.count(name) > 1})
        if twice:
            raise complaint(f"named twice: {', '.join(twice)}", "name every analysis once")
        return self

    @property
    def chosen(self) -> tuple[CovariateAnalysis, ...]:
        """The analyses, in the order of their numbers."""
        return tuple(sorted((ANALYSES[name] for name in self.analyses), key=lambda each: each.id))

    def window(self, analysis: CovariateAnalysis) -> tuple[int | None, int]:
        """First and last day of the window of an analysis; the first is None where all that came before counts."""
        starts = {
            "long": self.long_term_start,
            "medium": self.medium_term_start,
            "short": self.short_term_start,
            "end": self.end,
        }
        return starts.get(analysis.window), self.end


def settings_of(given: CovariateSettings | Mapping[str, Any] | None) -> CovariateSettings:
    """Settings from an object, from a table of keys, or the defaults.

    Raises
    ------
    StudyError
        If keys are unknown or their values impossible; every problem is named.
    """
    if given is None:
        return CovariateSettings()
    if isinstance(given, CovariateSettings):
        return given
    settings, problems = validated(CovariateSettings, given)
    if settings is None:
        raise StudyError.of(in_order(problems, ""), "the covariate settings")
    return settings
