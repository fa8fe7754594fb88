"""``[diagnostics]``: what an estimate has to pass before anyone sees it, fixed beforehand."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from understudy.core.section import Number, Section, Text, complaint

DiagnosticName = Literal["power", "balance", "equipoise", "systematic error"]
DIAGNOSTICS: tuple[DiagnosticName, ...] = get_args(DiagnosticName)
_SHORTEST_REASON = 10  # characters


class Waivers(Section):
    """Diagnostics that are not asked for, each with its reason."""

    waive: dict[DiagnosticName, Text] = Field(
        default_factory=dict,
        description='diagnostics that hide nothing, each with its reason: { "systematic error" = "no controls known" }',
    )

    @model_validator(mode="after")
    def _reasoned(self) -> Waivers:
        short = [name for name, reason in self.waive.items() if len(reason) < _SHORTEST_REASON]
        if short:
            raise complaint(f"{short[0]!r} is waived without a reason", "say why, in a sentence")
        return self


class DiagnosticsSection(Waivers):
    """``[diagnostics]``: thresholds, of the LEGEND principles (Schuemie et al. 2020, doi:10.1093/jamia/ocaa103)."""

    largest_mdrr: Number = Field(
        default=10, description="power: the minimum detectable relative risk is below it", gt=1
    )
    largest_difference: Number = Field(
        default=0.1, description="balance: standardised differences of all covariates are below it", gt=0
    )
    least_equipoise: Number = Field(
        default=0.2, description="equipoise: the share of persons with a preference score of 0.3 to 0.7 is above it",
        ge=0, lt=1,
    )  # fmt: skip
    largest_ease: Number = Field(
        default=0.25, description="systematic error: the expected absolute systematic error is below it", gt=0
    )
