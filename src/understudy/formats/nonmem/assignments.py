"""Assignments: what a block of abbreviated code computes, as equations that each stand for good.

The statements are run on names instead of numbers: every assignment makes a new version of its variable, and an IF
makes a version that is ``where(condition, one, other)``. A variable that an IF leaves unset has the marker of
`unset`, so that whoever uses it can see whether that ever happens.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.abbreviated_code import Assign, If, Statement
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.tree import Tree

_UNSET = "UNSET__"
_MOST_VERSIONS = 20_000
# A step with more nodes than this has a name of its own.
_LARGE = 60
# An equation that is written out whole may be so large, and so deep: it is walked with several frames a level.
_MOST_NODES, _MOST_LEVELS = 10_000, 80


def unset(variable: str) -> Tree:
    """Stands for a variable where no statement has set it."""
    return tree.name(_UNSET + variable)


def is_unset(text: str) -> bool:
    """Whether a name is such a marker."""
    return text.startswith(_UNSET)


def unset_variable(text: str) -> str:
    """The variable that a marker stands for."""
    return text.removeprefix(_UNSET)


@dataclass
class Assignments:
    """Versions of variables, block after block of a control stream.

    Parameters
    ----------
    versions : dict of str to Tree
        The equation of each version, in an order in which each follows those it needs.
    current : dict of str to Tree
        What each variable means after the statements so far.
    lines : dict of str to (StreamRecord, int)
        Where each version was made.
    """

    versions: dict[str, Tree] = field(default_factory=dict)
    current: dict[str, Tree] = field(default_factory=dict)
    lines: dict[str, tuple[StreamRecord, int]] = field(default_factory=dict)

    def run(self, statements: Iterable[Statement], record: StreamRecord) -> None:
        """Run the statements of a record."""
        targets = _targets(statements)
        # A variable that is used before it is set keeps, in NONMEM, its value of the record before.
        for target in targets:
            self.current.setdefault(target, unset(target))
        for statement in statements:
            self._run(statement, record)

    def _run(self, statement: Statement, record: StreamRecord) -> None:
        if isinstance(statement, Assign):
            value = self.resolve(statement.value)
            self.current[statement.target] = self.assign(statement.target, value, record, statement.line)
        else:
            self._choose(statement, record)

    def resolve(self, equation: Tree) -> Tree:
        """An equation in terms of the versions that its variables have now."""
        return tree.replace_names(equation, self.current)

    def _choose(self, block: If, record: StreamRecord) -> None:
        before, conditions, after = dict(self.current), [], []
        for condition, statements in block.branches:
            self.current = dict(before)
            conditions.append(None if condition is None else tree.fold(self.resolve(condition)))
            for statement in statements:
                self._run(statement, record)
            after.append(self.current)
        self.current = dict(before)
        for target in _targets([block]):
            value = before.get(target, unset(target))
            for condition, outcome in reversed(list(zip(conditions, after, strict=True))):
                reached = outcome.get(target, unset(target))
                value = reached if condition is None else tree.where(condition, reached, value)
            self.current[target] = self.assign(target, value, record, block.line)

    def assign(self, variable: str, value: Tree, record: StreamRecord, line: int) -> Tree:
        """A new version of a variable."""
        if len(self.versions) > _MOST_VERSIONS:
            record.fail("there are too many assignments", "split the model", line)
        # No name of a control stream holds this sign.
        label = f"{variable}#{len(self.versions) + 1}"
        self.versions[label] = tree.fold(value)
        self.lines[label] = (record, line)
        return tree.name(label)

    def value(self, variable: str) -> Tree:
        """The equation of a variable that no other equation uses by its name."""
        current = self.current[variable]
        return self.versions[next(iter(tree.names(current)))]

    def needed(self, roots: Iterable[Tree]) -> list[str]:
        """Versions that some equations need, each after those it needs itself."""
        wanted: set[str] = set()
        waiting = [name for root in roots for name in tree.names(root)]
        while waiting:
            name = waiting.pop()
            if name in self.versions and name not in wanted:
                wanted.add(name)
                waiting += tree.names(self.versions[name])
        return [name for name in self.versions if name in wanted]

    def labels(self, kept: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
        """A name for each version: the variable's own for the last one that is kept, numbered ones for those before.

        Parameters
        ----------
        kept : iterable of str
            Versions, in order.
        taken : iterable of str
            Names that mean something else.
        """
        groups: dict[str, list[str]] = {}
        for version in kept:
            # A_0(1) is A_0__1 in the code, and A_0_1 to a reader.
            groups.setdefault(version.partition("#")[0].replace("__", "_"), []).append(version)
        used, found = {*taken, *groups}, {}
        for variable, versions in groups.items():
            last = variable if variable not in set(taken) else _free(variable, used)
            found[versions[-1]] = last
            used.add(last)
            for version in versions[:-1]:
                found[version] = _free(variable, used)
                used.add(found[version])
        return found

    def simplify(self, roots: Iterable[Tree]) -> None:
        """Write out, where they are used, the steps on the way to a variable's last version.

        A step is written out where it is but a name or a number, or is used once.
        """
        roots = list(roots)
        needed = self.needed(roots)
        asked = set().union(*(tree.names(root) for root in roots)) if roots else set()
        last = {version.partition("#")[0]: version for version in needed}
        uses: dict[str, int] = {}
        for version in needed:
            for node in tree.each_name(self.versions[version]):
                uses[node] = uses.get(node, 0) + 1
        inlined: dict[str, Tree] = {}
        for version in needed:
            equation = tree.fold(tree.replace_names(self.versions[version], inlined))
            self.versions[version] = equation
            is_step = version not in asked and last[version.partition("#")[0]] != version
            if is_step and (
                tree.size(equation) <= 2 or (uses[version] == 1 and tree.size(equation) <= _LARGE)
            ):
                inlined[version] = equation

    def expanded(self, equation: Tree, inside: Iterable[str]) -> Tree:
        """An equation with some versions written out; none of them is left.

        Raises
        ------
        OverflowError
            Where it would be too large, or nested too deeply.
        """
        inside = {name for name in self.needed([equation])} & set(inside)
        trees: dict[str, Tree] = {}
        sizes: dict[str, tuple[int, int]] = {}
        for name in self.versions:
            if name in inside:
                sizes[name] = _written_size(self.versions[name], sizes)
                trees[name] = tree.replace_names(self.versions[name], trees)
        _written_size(equation, sizes)
        return tree.replace_names(equation, trees)

    def may_be_unset(self, equation: Tree) -> bool:
        """Whether an equation needs a variable that some path of the code leaves unset."""
        needed = self.needed([equation])
        return any(
            is_unset(name)
            for each in (equation, *map(self.versions.get, needed))
            for name in tree.names(each)
        )


def _targets(statements: Iterable[Statement]) -> list[str]:
    """Variables that statements set, in order."""
    found: dict[str, None] = {}
    for statement in statements:
        if isinstance(statement, Assign):
            found[statement.target] = None
        else:
            for _, inner in statement.branches:
                found.update(dict.fromkeys(_targets(inner)))
    return list(found)


def _free(variable: str, used: set[str]) -> str:
    count = 1
    while f"{variable}_{count}" in used:
        count += 1
    return f"{variable}_{count}"


def _written_size(equation: Tree, sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Nodes and levels of an equation whose names are written out, refused before it is made where it is too large."""
    nodes = levels = 0
    for node, level in tree.levels(equation):
        own = sizes.get(node.id, (1, 1)) if isinstance(node, ast.Name) else (1, 1)
        nodes, levels = nodes + own[0], max(levels, level + own[1])
    if nodes > _MOST_NODES or levels > _MOST_LEVELS:
        raise OverflowError
    return nodes, levels
