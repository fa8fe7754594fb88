"""Occasions: random effects between occasions, which NM-TRAN writes as blocks that are the SAME.

``IF (OCC.EQ.1) IOV = ETA(3)``, ``IF (OCC.EQ.2) IOV = ETA(4)`` is one effect that each occasion draws anew. It is
recognised where, for every value that a data item has, the code uses the effects of one of the blocks and is otherwise
the same; elsewhere the blocks stay effects of the subject with equal variances, which predict and weigh the same.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.assignments import is_unset
from understudy.formats.nonmem.code_parts import Parts
from understudy.formats.nonmem.effect_blocks import Block
from understudy.formats.nonmem.tree import Tree


@dataclass(frozen=True)
class Occasions:
    """What tells occasions apart.

    Parameters
    ----------
    item : str
        The data item.
    blocks : frozenset of int
        First effect of each block whose effects are drawn for each occasion.
    """

    item: str = ""
    blocks: frozenset[int] = frozenset()


def find_occasions(parts: Parts, omega: Sequence[Block]) -> Occasions:
    """Recognise effects between occasions, and write them as one in the code."""
    groups = [group for group in _groups(omega) if len(group) > 1]
    for item in sorted(parts.items):
        if parts.table.has(item):
            found = [group for group in groups if _merge(parts, group, item)]
            if found:
                return Occasions(item, frozenset(group[0].first for group in found))
    return Occasions()


def _groups(omega: Sequence[Block]) -> list[list[Block]]:
    """Blocks with those that are the same after them."""
    groups: list[list[Block]] = []
    for block in omega:
        if block.same and groups:
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


def _names(block: Block) -> list[str]:
    return [f"ETA{block.first + k}" for k in range(block.size)]


def _merge(parts: Parts, group: Sequence[Block], item: str) -> bool:
    """Whether an item chooses among the blocks wherever they are used; if so, that is written as one effect."""
    effects = {name for block in group for name in _names(block)}
    seen = [each for one in parts.seen for each in (one.prediction, *one.gains.values())]
    if any(tree.names(each) & effects for each in (*parts.of_individuals, *seen)):
        return False
    users = [version for version in parts.needed if tree.names(parts.code.versions[version]) & effects]
    values = np.unique(parts.table.values(item))
    if not users or not 2 <= len(values) <= len(group):
        return False
    merged: dict[str, Tree] = {}
    for version in users:
        if not parts.is_individual(version):
            return False
        equation = _with_items(parts, parts.code.versions[version])
        one = _one(equation, group, item, values)
        if one is None:
            return False
        merged[version] = one
    parts.code.versions.update(merged)
    return True


def _with_items(parts: Parts, equation: Tree) -> Tree:
    """An equation with what depends on data items alone written out."""
    plain = [
        version
        for version in parts.needed
        if all(name in parts.items or is_unset(name) for name in _leaves(parts, version))
    ]
    return parts.code.expanded(equation, plain)


def _leaves(parts: Parts, version: str) -> set[str]:
    needed = parts.code.needed([tree.name(version)])
    return set().union(*(tree.names(parts.code.versions[each]) for each in needed)) - set(needed)


def _one(equation: Tree, group: Sequence[Block], item: str, values: np.ndarray) -> Tree | None:
    """The equation with the effects of the first block in place of each occasion's own."""
    found, blocks = set(), set()
    for value in values:
        here = tree.fold(tree.replace_names(equation, {item: tree.number(float(value))}))
        used = [k for k, block in enumerate(group) if tree.names(here) & set(_names(block))]
        if len(used) != 1 or used[0] in blocks:
            return None
        blocks.add(used[0])
        renamed = dict(zip(_names(group[used[0]]), map(tree.name, _names(group[0])), strict=True))
        one = tree.replace_names(here, renamed)
        found.add(ast.dump(one))
    return one if len(found) == 1 else None
