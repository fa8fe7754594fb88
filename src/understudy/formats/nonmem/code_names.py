"""Code names: what each name in the equations of a control stream stands for, and who used a wrong one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.assignments import Assignments, is_unset, unset_variable
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.tree import Tree

_NUMBERED = re.compile(r"(THETA|ETA|EPS|A__|DADT__|A_0__|MTIME__|P__)(\d+)")
_WRITTEN = {"A__": "A", "DADT__": "DADT", "A_0__": "A_0", "MTIME__": "MTIME", "P__": "P"}
_RESERVED = {
    "NEWIND": "which asks whether a subject is new", "NEWL2": "which asks for new level-two records",
    "IREP": "the number of a simulated replicate", "DOSTIM": "the time of a lagged or additional dose",
    "DOSREC": "the record of a lagged or additional dose", "MIXNUM": "the component of a mixture",
    "MIXEST": "the component of a mixture", "F_FLAG": "which makes Y a likelihood", "G": "a derivative",
    "H": "a derivative", "NPROB": "the number of the problem", "COMACT": "a call for common", "SS": "",
}  # fmt: skip


def written(name: str) -> str:
    """A name as the control stream writes it.

    Examples
    --------
    >>> written("A__1"), written("THETA3"), written("CL#7")
    ('A(1)', 'THETA(3)', 'CL')
    """
    numbered = _NUMBERED.fullmatch(name)
    return f"{_WRITTEN.get(numbered[1], numbered[1])}({numbered[2]})" if numbered else name.partition("#")[0]


@dataclass(frozen=True)
class CodeNames:
    """Names that equations may use.

    Parameters
    ----------
    assignments : Assignments
    items : frozenset of str
        Data items.
    counts : mapping of str to int
        How many THETA, ETA, EPS and A there are.
    """

    assignments: Assignments
    items: frozenset[str]
    counts: Mapping[str, int]

    def require_known(self, equations: Iterable[Tree], record: StreamRecord) -> None:
        """Refuse names that mean nothing, with the line that uses them.

        Parameters
        ----------
        equations : iterable of Tree
            With all they need.
        record : StreamRecord
            Named where no assignment uses the name.
        """
        roots = list(equations)
        needed = self.assignments.needed(roots)
        for label in needed:
            self._check(self.assignments.versions[label], *self.assignments.lines[label])
        for root in roots:
            self._check(root, record, record.number)

    def _check(self, equation: Tree, record: StreamRecord, line: int) -> None:
        for name in sorted(tree.names(equation)):
            numbered = _NUMBERED.fullmatch(name)
            if name in self.assignments.versions or name in self.items or name == "t" or is_unset(name):
                continue
            if numbered:
                self._check_number(numbered[1], int(numbered[2]), record, line)
            elif name in _RESERVED:
                meaning = f", {_RESERVED[name]}," if _RESERVED[name] else ""
                record.fail(f"{name}{meaning} cannot be translated", "write the model without it", line)
            else:
                self._undefined(name, record, line)

    def _check_number(self, kind: str, number: int, record: StreamRecord, line: int) -> None:
        written = _WRITTEN.get(kind, kind)
        count = self.counts.get(kind)
        if count is None:
            record.fail(f"{written}({number}) cannot be translated", "write the model without it", line)
        if number > count:
            has = f"there {'is' if count == 1 else 'are'} {count}"
            what = {"THETA": "$THETA", "ETA": "$OMEGA", "EPS": "$SIGMA", "A__": "the compartments"}[kind]
            record.fail(f"{written}({number}) is used, but {has}", f"correct the number, or {what}", line)

    def _undefined(self, name: str, record: StreamRecord, line: int) -> None:
        known = {unset_variable(each) for each in self.assignments.current} | self.items
        near = difflib.get_close_matches(name, sorted(known), 1)
        repair = f"did you mean {near[0]}?" if near else "assign it before, or name it in $INPUT"
        record.fail(f"{name} is not defined", repair, line)
