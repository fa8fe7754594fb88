"""Strategy: who would be treated in a period, as a rule of what is known then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import StudyError
from understudy.core.expression import Expression

NATURAL = "natural"
KNOWN = ("time", "period", "previous_treatment", "cumulative_treatment", "natural_treatment")


@dataclass(frozen=True)
class Strategy:
    """A rule of treatment.

    Parameters
    ----------
    name : str
    rule : str
        ``"natural"``: as it was decided in the data. Else an equation in the expression language that is 1 where
        treatment is given and 0 where it is not: ``"1"``, ``"cd4 < 350"``, ``"where(time < 3, 0, natural_treatment)"``.
        It may name numeric covariates of the period, ``time`` (0 in a person's first period), ``period``,
        ``previous_treatment``, ``cumulative_treatment`` (treated periods before) and ``natural_treatment``.

    Raises
    ------
    ExpressionError
        For what is no equation.

    Examples
    --------
    >>> low = Strategy("when low", "cd4 < 350")
    >>> low.treatment({"cd4": np.array([200.0, 500.0])}, 2)
    array([1., 0.])
    """

    name: str
    rule: str

    @cached_property
    def _equation(self) -> Expression | None:
        return None if self.rule == NATURAL else Expression(self.rule)

    def __post_init__(self) -> None:
        _ = self._equation

    @property
    def natural(self) -> bool:
        """Whether treatment is as it was decided in the data."""
        return self.rule == NATURAL

    def require_known(self, numbers: Iterable[str], categories: Iterable[str]) -> None:
        """Refuse rules that name anything else.

        Raises
        ------
        StudyError
        """
        if self._equation is None:
            return
        of_categories = sorted(self._equation.names & set(categories))
        unknown = sorted(self._equation.names - {*numbers, *KNOWN})
        if of_categories or unknown:
            cause = (
                f"{of_categories[0]} is a category" if of_categories else f"nothing is called {unknown[0]}"
            )
            raise StudyError(
                f"the rule cannot be followed: {cause}", place=f"the strategy {self.name!r}: {self.rule}",
                repair=f"name numbers only: {', '.join([*numbers, *KNOWN])}",
            )  # fmt: skip

    def treatment(self, known: Mapping[str, NDArray], count: int) -> NDArray[np.float64]:
        """0 or 1 for each person.

        Raises
        ------
        StudyError
            If the rule gives anything else.
        """
        if self._equation is None:
            return known["natural_treatment"]
        found = np.broadcast_to(np.asarray(self._equation.evaluate(known), dtype=float), (count,))
        wrong = ~np.isin(found, (0.0, 1.0))
        if wrong.any():
            raise StudyError(
                f"the rule gives {found[int(np.argmax(wrong))]:g}, which is neither 0 nor 1",
                place=f"the strategy {self.name!r}: {self.rule}", repair="write a condition, such as cd4 < 350",
            )  # fmt: skip
        return found
