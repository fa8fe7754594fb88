"""Residual: the variance of measurements that the EPS of Y make, in terms of the prediction."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.code_names import written
from understudy.formats.nonmem.effect_blocks import Block
from understudy.formats.nonmem.observation import Observation
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.tree import Tree


def sigma_name(i: int, j: int) -> str:
    """Name of an element of SIGMA.

    Examples
    --------
    >>> sigma_name(2, 1)
    'SIGMA_2_1'
    """
    return f"SIGMA_{i}_{j}"


def sigmas(blocks: tuple[Block, ...]) -> dict[tuple[int, int], float]:
    """Elements of SIGMA's lower triangle that are not always zero; of SAME blocks those of the first."""
    found = {}
    for block in blocks:
        for i in range(block.size):
            for j in range(i + 1):
                found[block.first + i, block.first + j] = block.matrix[i][j]
    return found


def first_of(blocks: tuple[Block, ...]) -> dict[int, int]:
    """The effect whose variance each effect has: another one's where its block is SAME."""
    found: dict[int, int] = {}
    origin = 0
    for block in blocks:
        origin = origin if block.same else block.first
        for k in range(block.size):
            found[block.first + k] = origin + k
    return found


def variance(
    observation: Observation,
    blocks: tuple[Block, ...],
    may_use: Callable[[str], bool],
    record: StreamRecord,
) -> Tree:
    """Variance of one kind of measurement: the sum over EPS i and j of gain i times gain j times SIGMA(i,j).

    Parameters
    ----------
    observation : Observation
    blocks : tuple of Block
        Of SIGMA.
    may_use : callable
        Whether a name may stand in a residual variance.
    record : StreamRecord
        Named where the variance cannot be expressed.
    """
    known, origin = sigmas(blocks), first_of(blocks)
    gains = {k: _of_prediction(gain, observation) for k, gain in observation.gains.items()}
    for k, gain in gains.items():
        wrong = sorted(name for name in tree.names(gain) if name != observation.name and not may_use(name))
        if wrong:
            record.fail(
                f"the residual error by EPS({k}) depends on {written(wrong[0])}, which is not the prediction",
                "write it in terms of the prediction of Y, parameters and covariates that do not change",
            )
    return total(gains, known, origin)


def total(gains: Mapping[int, Tree], known: Mapping, origin: Mapping[int, int]) -> Tree:
    """The quadratic form of the gains."""
    found = tree.ZERO
    for i, left in gains.items():
        for j, right in gains.items():
            if j > i or (i, j) not in known:
                continue
            sigma = tree.name(sigma_name(origin[i], origin[j]))
            both = tree.power(left, tree.number(2)) if i == j else tree.multiply(left, right)
            term = tree.multiply(both, sigma)
            found = tree.add(found, term if i == j else tree.multiply(tree.number(2), term))
    return found


def _of_prediction(gain: Tree, observation: Observation) -> Tree:
    """A gain in which the prediction goes by the output's name."""
    known = list(_inverses(observation.prediction, tree.name(observation.name)))
    return tree.rewrite(gain, lambda node: next((new for old, new in known if tree.same(node, old)), None))


def _inverses(prediction: Tree, output: Tree) -> Iterator[tuple[Tree, Tree]]:
    """Parts of a prediction, each with what it is in terms of the output: of ``log(F)``, F is ``exp(Y)``."""
    yield prediction, output
    if isinstance(prediction, ast.Call) and prediction.func.id == "log":
        yield from _inverses(prediction.args[0], tree.call("exp", output))
        return
    is_sum = isinstance(prediction, ast.BinOp) and isinstance(prediction.op, ast.Add)
    if is_sum and tree.constant(prediction.right) is not None:
        yield from _inverses(prediction.left, tree.subtract(output, prediction.right))
