"""Prediction: what a measured outcome will be, within what interval, and what will count as a hit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from understudy.core.errors import StudyError
from understudy.core.section import Number, Section, Text, complaint
from understudy.core.toml_file import in_order, parse, read_text, validated
from understudy.trials.protocol import Rows


class HitSection(Section):
    """When a prediction is a hit."""

    rule: Literal["interval", "tolerance", "relative", "above", "below"] = Field(
        description="interval: within it; tolerance, relative: that near to value; above, below: a threshold."
    )
    by: Number | None = Field(None, description="The tolerance, the relative tolerance, or the threshold.")

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if (self.by is None) != (self.rule == "interval"):
            cause = f"the rule {self.rule!r} {'needs' if self.by is None else 'takes no'} by"
            raise complaint(cause, "write { rule = 'tolerance', by = 2 }, or { rule = 'interval' }")
        if self.rule in ("tolerance", "relative") and self.by <= 0:
            raise complaint(f"the tolerance {self.by:g} is not above zero", "give a positive one")
        return self


class CompareSection(Section):
    """Two groups of the outcome's rows that are set against each other."""

    column: Text = Field(description="Column of groups.")
    of: Text = Field(description="The group in question.")
    to: Text = Field(description="The group it is compared with.")
    by: Literal["difference", "ratio"] = Field("difference", description="difference or ratio.")


class OutcomeSection(Section):
    """How the figure is taken from the outcome's table."""

    statistic: Literal["value", "mean", "median", "sum", "count", "share"] = Field(
        description="value: that of the only row; share: of rows that meet event; count: rows that do."
    )
    column: Text | None = Field(None, description="Column of numbers.")
    event: Rows = Field({}, description="What share and count look for.")
    keep: Rows = Field({}, description="Only rows that meet this.")
    compare: CompareSection | None = Field(None, description="Two groups of rows, not all.")
    file: Text | None = Field(None, description="Name of the file to come, if it is known.")

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        of_rows = self.statistic in ("count", "share")
        if of_rows == (self.column is not None):
            said = "counts rows: no column" if of_rows else "needs a column"
            raise complaint(f"the statistic {self.statistic!r} {said}", "give column, or for rows event")
        if self.statistic == "share" and not self.event:
            raise complaint("a share of what?", "give event = { column = value }")
        return self


class Prediction(Section):
    """What will be measured. Read by `load_prediction`.

    Examples
    --------
    >>> Prediction.model_validate({
    ...     "what": "Placebo, week 24", "quantity": "mean change", "unit": "points", "value": 2.0,
    ...     "interval": [1.0, 3.0], "level": 0.9, "hit": {"rule": "interval"},
    ...     "outcome": {"statistic": "mean", "column": "change"},
    ... }).is_hit(3.2)
    False
    """

    what: Text = Field(description="In a sentence, what is predicted and of whom.")
    quantity: Text = Field(description="The quantity, such as mean change from baseline.")
    unit: Text = Field(description='Its unit; "1" for a number without one.')
    value: Number = Field(description="What is expected.")
    interval: tuple[Number, Number] | None = Field(None, description="Lower and upper end.")
    level: Number | None = Field(None, gt=0, lt=1, description="Probability of the interval, such as 0.9.")
    id: Text | None = Field(None, max_length=60, description="What the ledger calls it.")
    used: tuple[Text, ...] = Field((), description="Files it was made from: model, records, protocol.")
    hit: HitSection = Field(description="When it is a hit.")
    outcome: OutcomeSection = Field(description="How the figure is taken from the outcome.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.hit.rule == "interval" and self.interval is None:
            raise complaint("there is no interval to hit", "give interval = [low, high]")
        if self.interval and not self.interval[0] < self.interval[1]:
            raise complaint(f"the interval {list(self.interval)} is empty", "write the lower end first")
        if (self.interval is None) != (self.level is None):
            raise complaint("interval and level belong together", "give both: level = 0.9")
        if self.hit.rule == "relative" and self.value == 0:
            raise complaint("nothing is near to zero in relation to it", "use the rule 'tolerance'")
        for name in self.used:
            if PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute():
                raise complaint(f"{name!r} is an absolute path", "name it relative to this file")
        if self.outcome.file in self.used:
            raise complaint(
                f"{self.outcome.file} is the outcome and among the files used", "predict without the outcome"
            )
        return self

    def is_hit(self, observed: float) -> bool:
        """Whether an observed figure is what was predicted, by the rule fixed beforehand."""
        by = self.hit.by
        if self.hit.rule == "interval":
            return self.interval[0] <= observed <= self.interval[1]
        if self.hit.rule in ("above", "below"):
            return observed > by if self.hit.rule == "above" else observed < by
        scale = abs(self.value) if self.hit.rule == "relative" else 1.0
        return abs(observed - self.value) <= by * scale

    def interval_score(self, observed: float) -> float | None:
        """Width of the interval and a penalty for missing it, in the quantity's unit; less is better.

        Gneiting and Raftery, JASA 2007, equation 43, doi:10.1198/016214506000001437. None without an interval.
        """
        if self.interval is None:
            return None
        low, high = self.interval
        outside = max(low - observed, observed - high, 0.0)
        return high - low + 2 / (1 - self.level) * outside


def load_prediction(source: str | Path | Mapping[str, Any]) -> Prediction:
    """A prediction from a TOML file or from its keys.

    Raises
    ------
    StudyError
        With everything that is wrong with it, each with its key, line and repair.
    """
    if isinstance(source, Mapping):
        text, name, data = "", "the prediction", source
    else:
        text, name = read_text(Path(source), "prediction"), Path(source).name
        data = parse(text, name, "prediction")
    prediction, problems = validated(Prediction, data)
    if prediction is None:
        raise StudyError.of(in_order(problems, text), name)
    return prediction
