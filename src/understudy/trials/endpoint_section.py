"""Endpoint section: what a trial measured, and how it stands in its table; a hierarchy has several such measures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from understudy.core.section import Number, Section, Text, checked, complaint
from understudy.trials.condition import Condition

_NEEDED = {
    "survival": ("time", "event"),
    "continuous": ("value",),
    "binary": ("event",),
    "count": ("value",),
    "longitudinal": ("value", "visit"),
    "recurrent": ("start", "time", "event"),
    "competing": ("time", "causes"),
    "hierarchical": ("outcomes",),
}
# Keys that the outcomes of a hierarchy have, and it has not.
_OF_OUTCOMES = ("file", "id", "keep", "time", "start", "event", "known", "causes", "value", "baseline", "visit", "at",
                "exposure", "better")  # fmt: skip


def _condition(data: dict[str, Any]) -> dict[str, Any]:
    checked(lambda: Condition.of(data))
    return data


Rows = Annotated[dict[Text, Any], AfterValidator(_condition)]


class MeasureSection(Section):
    """What was measured, and the columns that hold it."""

    name: Text = Field(default="the endpoint", description="what reports call it")
    kind: str
    file: Text | None = Field(default=None, description="its table; that of the subjects, if left out")
    id: Text | None = Field(default=None, description="column of that table that names the subject")
    keep: Rows = Field(default_factory=dict, description="rows of that table that are the endpoint")
    time: Text | None = Field(
        default=None, description="column of the time to the event or to censoring, since randomisation"
    )
    start: Text | None = Field(
        default=None, description="column of the time at which an interval at risk begins"
    )
    unit: Text = Field(default="day", description="unit of the times")
    event: Rows | None = Field(
        default=None, description="when it happened: { CNSR = 0 }, { status = [1, 2] }"
    )
    known: Rows | None = Field(
        default=None, description="when it is known whether it happened; elsewhere the outcome is missing"
    )
    causes: dict[Text, Rows] = Field(
        default_factory=dict, description="competing events by name; the first is the one of interest"
    )
    value: Text | None = Field(default=None, description="column of the measurement or count")
    baseline: Text | None = Field(default=None, description="column of the measurement before randomisation")
    visit: Text | None = Field(default=None, description="column of the visit, for repeated measurements")
    at: Text | Number | None = Field(
        default=None, description="the visit at which arms are compared; the last, if left out"
    )
    exposure: Text | None = Field(default=None, description="column of the time at risk, for counts")
    better: Literal["lower", "higher"] | None = Field(
        default=None,
        description="which is good for the patient: lower, or higher; events are bad unless this says higher",
    )

    @model_validator(mode="after")
    def _complete(self) -> MeasureSection:
        missing = [key for key in _NEEDED[self.kind] if not getattr(self, key)]
        if missing:
            raise complaint(
                f"a {self.kind} endpoint needs {' and '.join(missing)}", "give " + " and ".join(missing)
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are known after randomisation only: what happened, when, and what was measured."""
        rules = [rule for rule in (self.event, self.known, *self.causes.values()) if rule]
        named = [name for rule in rules for name in Condition.of(rule).columns]
        named += [getattr(self, key) for key in ("time", "value", "visit", "exposure") if getattr(self, key)]
        return tuple(dict.fromkeys(named))


class HierarchySection(MeasureSection):
    """``[[endpoint.outcomes]]``: one of the outcomes by which pairs of patients are compared, the gravest first."""

    kind: Literal["survival", "continuous", "binary", "count", "recurrent"] = Field(
        description="survival, continuous, binary, count or recurrent"
    )
    margin: Number = Field(
        default=0.0, description="differences of values up to it are ties: what is too small to matter", ge=0
    )

    @model_validator(mode="after")
    def _directed(self) -> HierarchySection:
        if self.kind == "continuous" and self.better is None:
            raise complaint(
                "nothing says which values are good", 'give better = "higher", or better = "lower"'
            )
        if self.kind == "recurrent" and self.better == "higher":
            raise complaint(
                "more events cannot win: a hierarchy counts recurrent events as bad",
                'leave better out, or count them: kind = "count" with better = "higher"',
            )
        if self.exposure:
            raise complaint(
                "counts of a hierarchy are compared as they are", "leave exposure out, or take kind recurrent"
            )
        if self.margin and self.kind not in ("continuous", "count"):
            raise complaint(
                f"a {self.kind} outcome has no margin", "leave margin out: it is for values and counts"
            )
        return self


class EndpointSection(MeasureSection):
    """``[endpoint]``: what was measured, and how it stands in its table."""

    kind: Literal[
        "survival", "continuous", "binary", "count", "longitudinal", "recurrent", "competing", "hierarchical"
    ] = Field(
        description="survival, continuous, binary, count, longitudinal, recurrent, competing or hierarchical"
    )
    outcomes: tuple[HierarchySection, ...] = Field(
        default=(), description="of a hierarchy: what decides between two patients, the gravest first"
    )

    @model_validator(mode="after")
    def _hierarchy(self) -> EndpointSection:
        if self.outcomes and self.kind != "hierarchical":
            raise complaint(f"a {self.kind} endpoint has no outcomes below it", 'give kind = "hierarchical"')
        own = [key for key in self.model_fields_set if key in _OF_OUTCOMES and getattr(self, key)]
        if self.kind == "hierarchical" and own:
            raise complaint(
                f"a hierarchical endpoint has no {own[0]} of its own", f"give {own[0]} to its outcomes"
            )
        names = [each.name for each in self.outcomes]
        twice = [name for k, name in enumerate(names) if name in names[:k]]
        if twice:
            raise complaint(
                f"two outcomes are called {twice[0]!r}", "give every outcome of the hierarchy its own name"
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are known after randomisation only, those of a hierarchy's outcomes among them."""
        below = [name for each in self.outcomes for name in each.columns]
        return tuple(dict.fromkeys([*super().columns, *below]))
