"""Code parts: the equations that the code of a control stream makes, by what they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from understudy.core.expression import TIME
from understudy.formats.nonmem import tree
from understudy.formats.nonmem.assignments import Assignments
from understudy.formats.nonmem.data_table import DataTable, constant_in_subjects
from understudy.formats.nonmem.mechanism import Mechanism
from understudy.formats.nonmem.observation import Observation
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.tree import Tree

_DOSING = {"lag": "ALAG", "bioavailability": "F", "rate": "R", "duration": "D"}


@dataclass(frozen=True)
class Parts:
    """What the code of a control stream computes.

    Parameters
    ----------
    code : Assignments
    table : DataTable
    items : frozenset of str
    mechanism : Mechanism or None
        None for $PRED.
    rates : sequence of Tree
    of_pk : mapping of str to Tree
        What each variable means after $PK.
    seen : tuple of Observation
    pk, error : StreamRecord
    below : bool array
        Rows that are below a limit of quantification.
    """

    code: Assignments
    table: DataTable
    items: frozenset[str]
    mechanism: Mechanism | None
    rates: Sequence[Tree]
    of_pk: Mapping[str, Tree]
    seen: tuple[Observation, ...]
    pk: StreamRecord
    error: StreamRecord
    below: np.ndarray

    def dosing(self, number: int) -> dict[str, Tree]:
        """What $PK says of doses into a compartment."""
        found = {field: self.of_pk.get(f"{letter}{number}") for field, letter in _DOSING.items()}
        return {field: equation for field, equation in found.items() if equation is not None}

    def initial(self, number: int) -> Tree:
        """What a compartment holds at the start."""
        return self.of_pk.get(f"A_0__{number}", tree.ZERO)

    @property
    def count(self) -> int:
        """Number of compartments."""
        return len(self.mechanism.compartments) if self.mechanism else 0

    def dosing_equations(self) -> list[tuple[int, str, Tree]]:
        """Compartment, what is governed and equation, of all that governs doses."""
        return [
            (k, field, equation)
            for k in range(1, self.count + 1)
            for field, equation in self.dosing(k).items()
        ]

    def initials(self) -> list[Tree]:
        """What each compartment holds at the start."""
        return [self.initial(k) for k in range(1, self.count + 1)]

    @property
    def of_individuals(self) -> list[Tree]:
        """Every equation but those of measurements."""
        doses = [equation for _, _, equation in self.dosing_equations()]
        return [*self.rates, *doses, *self.initials()]

    @property
    def equations(self) -> list[Tree]:
        """Everything that the model computes."""
        seen = [each for one in self.seen for each in (one.prediction, *one.gains.values())]
        seen += [one.log_density for one in self.seen if one.log_density is not None]
        return [*self.of_individuals, *seen]

    @property
    def needed(self) -> list[str]:
        """Versions that the model needs, in order."""
        return self.code.needed(self.equations)

    def is_individual(self, version: str) -> bool:
        """Whether a version is a subject's own between records: made in $PK, and no function of time."""
        return self.code.lines[version][0] is self.pk and not self.moves(version)

    def moves(self, name: str) -> bool:
        """Whether a name stands for something that time itself changes."""
        return any(each == TIME or each.startswith("A__") for each in self._leaves(name))

    def changes(self, name: str) -> bool:
        """Whether a name stands for something that may change within a subject."""
        leaves = self._leaves(name)
        return self.moves(name) or any(
            not constant_in_subjects(self.table, self.table.values(each)) for each in leaves & self.items
        )

    def _leaves(self, name: str) -> set[str]:
        """What a name depends on in the end."""
        needed = self.code.needed([tree.name(name)])
        return {name}.union(*(tree.names(self.code.versions[each]) for each in needed)) - set(needed)
