"""``[[analyses]]``: how the groups are made alike, and how the effect is estimated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from understudy.causal.propensity.matching import CaliperScale
from understudy.causal.study.diagnostics_section import Waivers
from understudy.core.section import Number, Text, Whole, complaint


class AnalysisSection(Waivers):
    """``[[analyses]]``: one way to estimate the effect."""

    name: Text = Field(description="what reports call it")
    adjustment: Literal["none", "match", "stratify", "weight"] = Field(
        default="none", description="by the propensity score: none, match, stratify or weight"
    )
    model: Literal["cox", "poisson", "logistic"] = Field(
        default="cox", description="of the outcome: cox, poisson or logistic"
    )
    trim_equipoise: tuple[Number, Number] | None = Field(
        default=None, description="persons whose preference score lies outside are left out: [0.3, 0.7]"
    )
    trim_fraction: Number | None = Field(
        default=None, description="share of each group left out at its far end of the score", gt=0, lt=0.5
    )
    ratio: Whole | None = Field(
        default=None,
        description="of matching: at most so many comparators for one of the target; 1, if left out",
        ge=1,
    )
    caliper: Number = Field(default=0.2, description="of matching: farthest score of a match", ge=0)
    caliper_scale: CaliperScale = Field(default="standardized logit", description="of the caliper")
    strata: Whole = Field(default=5, description="of stratification: how many", ge=2)
    estimand: Literal["ate", "att", "ato"] = Field(
        default="att",
        description="of weights: everybody's effect (ate), the target's (att), the overlap's (ato)",
    )
    largest_weight: Number | None = Field(
        default=None, description="of weights: larger ones are cut to it", gt=0
    )
    conditional: bool | None = Field(
        default=None,
        description="whether the outcome model is conditioned on matched sets or strata; true for stratification and "
        "for matching to more than one, if left out",
    )

    @property
    def adjusts(self) -> bool:
        """Whether it needs a propensity score."""
        return self.adjustment != "none" or self.trim_equipoise is not None or self.trim_fraction is not None

    @property
    def is_conditional(self) -> bool:
        """Whether the outcome model is conditioned on the strata."""
        usual = self.adjustment == "stratify" or (self.adjustment == "match" and (self.ratio or 1) > 1)
        return usual if self.conditional is None else self.conditional

    @model_validator(mode="after")
    def _fits(self) -> AnalysisSection:
        usual = type(self).model_fields
        of = {"match": ("ratio", "caliper", "caliper_scale"), "stratify": ("strata",),
              "weight": ("estimand", "largest_weight")}  # fmt: skip
        for adjustment, keys in of.items():
            changed = [key for key in keys if getattr(self, key) != usual[key].default]
            if changed and self.adjustment != adjustment:
                raise complaint(
                    f"{changed[0]} is of adjustment = {adjustment!r}, here it is {self.adjustment!r}",
                    f"remove it, or write adjustment = {adjustment!r}",
                )
        if self.conditional and self.adjustment in ("none", "weight"):
            raise complaint("there are no strata to condition on", "remove conditional")
        return self
