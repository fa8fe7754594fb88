"""Query: a statement of SQL whose values are parameters, never text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.causal.cohorts.ranges import DateRange, NumberRange


@dataclass(frozen=True)
class Query:
    """Collects the parameters of a statement while its text is written.

    Parameters
    ----------
    sets : dict of str to int
        Number, in the table ``codesets``, of each concept set by its name.

    Examples
    --------
    >>> query = Query({"drug": 0})
    >>> query.within("age", NumberRange(at_least=18, below=65)), query.parameters
    ('(age >= $p0 AND age < $p1)', {'p0': 18.0, 'p1': 65.0})
    """

    sets: Mapping[str, int]
    parameters: dict[str, Any] = field(default_factory=dict)

    def value(self, given: Any) -> str:
        """The place of a value."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = given
        return f"${name}"

    def within(self, expression: str, limits: NumberRange | DateRange) -> str:
        """SQL: whether an expression lies in a range."""
        found = [f"{expression} {sign} {self.value(limit)}" for sign, limit in limits.limits]
        if limits.outside is not None:
            low, high = limits.outside
            found.append(f"({expression} < {self.value(low)} OR {expression} > {self.value(high)})")
        return f"({' AND '.join(found)})"

    def among(self, expression: str, ids: Iterable[int]) -> str:
        """SQL: whether an expression is one of some ids."""
        return f"{expression} IN (SELECT unnest({self.value(list(ids))}))"

    def in_set(self, expression: str, name: str) -> str:
        """SQL: whether an expression is a concept of a set."""
        return (
            f"{expression} IN (SELECT concept_id FROM codesets WHERE set_id = {self.value(self.sets[name])})"
        )
