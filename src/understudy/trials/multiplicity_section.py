"""Multiplicity section: how the probability of any false claim is kept, over endpoints and arms."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from understudy.core.section import Number, Section, Text, complaint

_NEEDS = {"graph": ("weights", "transitions"), "fallback": ("weights",)}
_TAKES = {
    "graph": ("weights", "transitions"),
    "holm": ("weights",),
    "fallback": ("weights", "order"),
    "fixed sequence": ("order",),
    "bonferroni": ("weights",),
    "hochberg": (),
    "hommel": (),
}


class MultiplicitySection(Section):
    """``[multiplicity]``: a hypothesis is an endpoint's name, with several treated arms ``"endpoint: arm"``."""

    method: Literal["graph", "holm", "fixed sequence", "fallback", "bonferroni", "hochberg", "hommel"] = (
        Field(description="graph, holm, fixed sequence, fallback, bonferroni, hochberg or hommel")
    )
    alpha: Number | None = Field(
        default=None,
        description="familywise level; 0.05, or 0.025 for one-sided tests, if left out",
        gt=0,
        lt=0.5,
    )
    one_sided: bool = Field(
        default=False, description="p values of no benefit, half of the two-sided ones where arms look better"
    )
    weights: dict[Text, Number] = Field(
        default_factory=dict, description="share of alpha of each hypothesis; those not named have none"
    )
    transitions: dict[Text, dict[Text, Number]] = Field(
        default_factory=dict, description="what share of its alpha a rejected hypothesis hands to each other"
    )
    order: tuple[Text, ...] = Field(
        default=(), description="in which hypotheses are tested; the protocol's, if left out"
    )

    @model_validator(mode="after")
    def _fits(self) -> MultiplicitySection:
        lacking = [key for key in _NEEDS.get(self.method, ()) if not getattr(self, key)]
        if lacking:
            raise complaint(
                f"the method {self.method} needs {' and '.join(lacking)}", f"give {' and '.join(lacking)}"
            )
        given = [key for key in ("weights", "transitions", "order") if getattr(self, key)]
        strange = [key for key in given if key not in _TAKES[self.method]]
        if strange:
            raise complaint(
                f"the method {self.method} has no {strange[0]}",
                f"leave {strange[0]} out, or take method graph",
            )
        return self

    @property
    def level(self) -> float:
        """The familywise level."""
        return self.alpha if self.alpha is not None else 0.025 if self.one_sided else 0.05
