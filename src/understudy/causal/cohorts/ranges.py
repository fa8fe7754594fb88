"""Ranges: which numbers and which dates a criterion takes."""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from understudy.core.section import Number, Section, complaint


class NumberRange(Section):
    """Numbers that are taken; all that is given must hold.

    Examples
    --------
    >>> NumberRange(at_least=18, below=65).limits
    (('>=', 18.0), ('<', 65.0))
    """

    at_least: Number | None = Field(default=None, description="this or more")
    at_most: Number | None = Field(default=None, description="this or less")
    above: Number | None = Field(default=None, description="more than this")
    below: Number | None = Field(default=None, description="less than this")
    outside: tuple[Number, Number] | None = Field(
        default=None, description="below the first or above the second"
    )

    @model_validator(mode="after")
    def _something(self) -> NumberRange:
        if not self.limits and self.outside is None:
            raise complaint("a range without limits", "such as { at_least = 18 }")
        return self

    @property
    def limits(self) -> tuple[tuple[str, float], ...]:
        """Comparisons and the numbers they compare with."""
        all_ = ((">=", self.at_least), ("<=", self.at_most), (">", self.above), ("<", self.below))
        return tuple((sign, limit) for sign, limit in all_ if limit is not None)


class DateRange(Section):
    """Days that are taken; all that is given must hold."""

    on_or_after: date | None = Field(default=None, description="this day or a later one")
    on_or_before: date | None = Field(default=None, description="this day or an earlier one")
    after: date | None = Field(default=None, description="a later day")
    before: date | None = Field(default=None, description="an earlier day")
    outside: tuple[date, date] | None = Field(
        default=None, description="before the first or after the second day"
    )

    @model_validator(mode="after")
    def _something(self) -> DateRange:
        if not self.limits and self.outside is None:
            raise complaint("a range without limits", "such as { on_or_after = 2010-01-01 }")
        return self

    @property
    def limits(self) -> tuple[tuple[str, date], ...]:
        """Comparisons and the days they compare with."""
        all_ = ((">=", self.on_or_after), ("<=", self.on_or_before), (">", self.after), ("<", self.before))
        return tuple((sign, limit) for sign, limit in all_ if limit is not None)
