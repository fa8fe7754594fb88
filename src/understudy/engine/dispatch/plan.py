"""Plan: which patients are simulated together, and of what question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.core.content import Content


@dataclass(frozen=True)
class Chunk:
    """Patients `first` to `last` (excluded), of place `number` among the chunks."""

    number: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class Plan(Content):
    """All patients, cut into chunks.

    Parameters
    ----------
    count : int
        Patients.
    size : int
        Patients in a chunk; the last may have fewer.
    question : mapping of name to JSON data
        All that the numbers depend on: hashes of model and patients, regimen, times, tolerances, versions.

    Examples
    --------
    >>> list(Plan(5, 2, {}))
    [Chunk(number=0, first=0, last=2), Chunk(number=1, first=2, last=4), Chunk(number=2, first=4, last=5)]
    """

    count: int
    size: int
    question: Mapping[str, Any]

    def __iter__(self) -> Iterator[Chunk]:
        for number, first in enumerate(range(0, self.count, self.size)):
            yield Chunk(number, first, min(first + self.size, self.count))

    def __len__(self) -> int:
        return -(-self.count // self.size)

    def differences(self, other: Plan) -> Iterator[str]:
        """What of the question is another in `other`, each with both values.

        Examples
        --------
        >>> list(Plan(5, 2, {"engine": "kernel"}).differences(Plan(5, 2, {"engine": "auto"})))
        ["engine: 'kernel' and 'auto'"]
        """
        if self.count != other.count:
            yield f"number of patients: {self.count:,} and {other.count:,}"
        for name in sorted({*self.question, *other.question}):
            one, another = self.question.get(name), other.question.get(name)
            if one != another:
                yield f"{name}: {_shown(one)} and {_shown(another)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 24 else f"{text[:12]}…"
