"""Tree: equations as checked syntax trees of the expression language, built, folded and derived by code."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping

from understudy.core.expression import FUNCTIONS, Expression

Tree = ast.expr
ZERO, ONE = ast.Constant(0), ast.Constant(1)


def name(text: str) -> Tree:
    """A name."""
    return ast.Name(text, ast.Load())


def number(value: float) -> Tree:
    """A number; a whole one without a decimal point, a negative one with a sign before it."""
    if value < 0:
        return ast.UnaryOp(ast.USub(), number(-value))
    whole = float(value).is_integer() and value < 1e15
    return ast.Constant(int(value) if whole else float(value))


def call(function: str, *arguments: Tree) -> Tree:
    """A function of the expression language."""
    return ast.Call(name(function), list(arguments), [])


def where(condition: Tree, yes: Tree, no: Tree) -> Tree:
    """One of two, folded where they are the same or the condition is known."""
    known = constant(condition)
    if known is not None:
        return yes if known else no
    return yes if same(yes, no) else call("where", condition, yes, no)


def constant(tree: Tree) -> float | None:
    """Value of a tree of numbers alone, as far as it is seen at once."""
    if isinstance(tree, ast.Constant):
        return float(tree.value)
    if (
        isinstance(tree, ast.UnaryOp)
        and isinstance(tree.op, ast.USub)
        and isinstance(tree.operand, ast.Constant)
    ):
        return -float(tree.operand.value)
    return None


def same(left: Tree, right: Tree) -> bool:
    """Whether two trees are the same equation."""
    return left is right or ast.dump(left) == ast.dump(right)


def negative(tree: Tree) -> Tree:
    """Minus a tree; of a product, its first factor has the sign, which is the same number and reads better."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Mult, ast.Div)):
        return ast.BinOp(negative(tree.left), tree.op, tree.right)
    return ast.UnaryOp(ast.USub(), tree)


def add(left: Tree, right: Tree) -> Tree:
    """A sum, zeros left out."""
    if constant(left) == 0:
        return right
    return left if constant(right) == 0 else ast.BinOp(left, ast.Add(), right)


def subtract(left: Tree, right: Tree) -> Tree:
    """A difference, zeros left out."""
    if constant(right) == 0:
        return left
    return negative(right) if constant(left) == 0 else ast.BinOp(left, ast.Sub(), right)


def multiply(left: Tree, right: Tree) -> Tree:
    """A product, zeros and ones left out."""
    if constant(left) == 0 or constant(right) == 0:
        return ZERO
    if constant(left) == 1:
        return right
    return left if constant(right) == 1 else ast.BinOp(left, ast.Mult(), right)


def divide(left: Tree, right: Tree) -> Tree:
    """A quotient, zeros and ones left out."""
    if constant(left) == 0:
        return ZERO
    return left if constant(right) == 1 else ast.BinOp(left, ast.Div(), right)


def power(left: Tree, right: Tree) -> Tree:
    """A power, ones left out, and the square of a root."""
    if constant(right) == 1 or constant(left) == 1:
        return left
    is_root = isinstance(left, ast.Call) and left.func.id == "sqrt"
    return left.args[0] if is_root and constant(right) == 2 else ast.BinOp(left, ast.Pow(), right)


def names(tree: Tree) -> set[str]:
    """Names in a tree, functions apart."""
    return set(each_name(tree))


def calls(tree: Tree, function: str) -> bool:
    """Whether a tree calls a function."""
    return any(isinstance(node, ast.Call) and node.func.id == function for node in ast.walk(tree))


def each_name(tree: Tree) -> Iterator[str]:
    """Names in a tree, as often as they occur, functions apart."""
    known = (*FUNCTIONS, "PHI")
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id not in known)


def size(tree: Tree) -> int:
    """Number of nodes."""
    return sum(1 for _ in ast.walk(tree))


def levels(tree: Tree) -> Iterator[tuple[Tree, int]]:
    """Nodes of a tree, each with how many lie above it."""
    waiting = [(tree, 0)]
    while waiting:
        node, level = waiting.pop()
        yield node, level
        children = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
        waiting += [(child, level + 1) for child in children if isinstance(child, ast.expr)]


def text(tree: Tree) -> str:
    """The equation as text."""
    return ast.unparse(tree)


def expression(tree: Tree) -> Expression:
    """The equation, checked."""
    return Expression.from_tree(tree)


def replace_names(tree: Tree, replacements: Mapping[str, Tree]) -> Tree:
    """A copy in which some names stand for other trees."""
    return rewrite(tree, lambda node: replacements.get(node.id) if isinstance(node, ast.Name) else None)


def rewrite(tree: Tree, change: Callable[[Tree], Tree | None]) -> Tree:
    """A copy, from the root down, in which `change` says what stands for a node (None: it stays)."""
    changed = change(tree)
    if changed is not None:
        # Trees are never changed, so they may share parts.
        return changed
    again = lambda child: rewrite(child, change)  # noqa: E731
    if isinstance(tree, ast.BinOp):
        return ast.BinOp(again(tree.left), tree.op, again(tree.right))
    if isinstance(tree, ast.UnaryOp):
        return ast.UnaryOp(tree.op, again(tree.operand))
    if isinstance(tree, ast.BoolOp):
        return ast.BoolOp(tree.op, [again(value) for value in tree.values])
    if isinstance(tree, ast.Compare):
        return ast.Compare(again(tree.left), tree.ops, [again(side) for side in tree.comparators])
    if isinstance(tree, ast.Call):
        return ast.Call(tree.func, [again(argument) for argument in tree.args], [])
    return tree


def fold(tree: Tree) -> Tree:
    """A copy in which comparisons of numbers are decided and the branches they close are gone."""
    if isinstance(tree, ast.BinOp):
        join = {ast.Add: add, ast.Sub: subtract, ast.Mult: multiply, ast.Div: divide, ast.Pow: power}
        return _whole(join[type(tree.op)](fold(tree.left), fold(tree.right)))
    if isinstance(tree, ast.UnaryOp):
        return _fold_sign(tree.op, fold(tree.operand))
    if isinstance(tree, ast.Compare):
        return _fold_comparison(tree)
    if isinstance(tree, ast.BoolOp):
        return _fold_boolean(tree.op, [fold(value) for value in tree.values])
    if isinstance(tree, ast.Call):
        arguments = [fold(argument) for argument in tree.args]
        if tree.func.id == "where":
            return where(*arguments)
        return _whole(ast.Call(tree.func, arguments, []))
    return tree


def _whole(tree: Tree) -> Tree:
    """A number in place of an operation on numbers, where that is a whole one: 1 for exp(0)."""
    parts = (
        tree.args
        if isinstance(tree, ast.Call)
        else [getattr(tree, "left", None), getattr(tree, "right", None)]
    )
    if not all(part is not None and constant(part) is not None for part in parts) or calls(tree, "PHI"):
        return tree
    value = float(Expression.from_tree(tree).evaluate({}))
    return number(value) if value.is_integer() and abs(value) < 1e6 else tree


def _fold_sign(op: ast.unaryop, inside: Tree) -> Tree:
    value = constant(inside)
    if isinstance(op, ast.Not) and value is not None:
        return ast.Constant(int(not value))
    return inside if isinstance(op, ast.UAdd) else ast.UnaryOp(op, inside)


def _fold_comparison(tree: ast.Compare) -> Tree:
    sides = [fold(side) for side in (tree.left, *tree.comparators)]
    folded = ast.Compare(sides[0], tree.ops, sides[1:])
    if all(constant(side) is not None for side in sides):
        return ast.Constant(int(Expression.from_tree(folded).evaluate({})))
    return folded


def _fold_boolean(op: ast.boolop, values: list[Tree]) -> Tree:
    decisive = 0 if isinstance(op, ast.And) else 1
    known = [constant(value) for value in values]
    if any(value is not None and bool(value) == bool(decisive) for value in known):
        return ast.Constant(decisive)
    left = [value for value, told in zip(values, known, strict=True) if told is None]
    if not left:
        return ast.Constant(1 - decisive)
    return left[0] if len(left) == 1 else ast.BoolOp(op, left)


def derivative(tree: Tree, by: Callable[[str], Tree | None]) -> Tree:
    """Derivative of a tree whose names have the derivatives that `by` gives (None: zero).

    Raises
    ------
    NotImplementedError
        Naming a function whose derivative is not known here.
    """
    if not any(by(each) is not None for each in names(tree)):
        return ZERO
    if isinstance(tree, ast.Name):
        return by(tree.id) or ZERO
    if isinstance(tree, ast.UnaryOp):
        inside = derivative(tree.operand, by)
        return subtract(ZERO, inside) if isinstance(tree.op, ast.USub) else inside
    if isinstance(tree, ast.BinOp):
        return _binary_derivative(tree, by)
    if isinstance(tree, ast.Call):
        return _call_derivative(tree, by)
    raise NotImplementedError("a condition")


def _binary_derivative(tree: ast.BinOp, by: Callable[[str], Tree | None]) -> Tree:
    left, right = tree.left, tree.right
    d_left, d_right = derivative(left, by), derivative(right, by)
    if isinstance(tree.op, ast.Add):
        return add(d_left, d_right)
    if isinstance(tree.op, ast.Sub):
        return subtract(d_left, d_right)
    if isinstance(tree.op, ast.Mult):
        return add(multiply(d_left, right), multiply(left, d_right))
    if isinstance(tree.op, ast.Div):
        return subtract(divide(d_left, right), divide(multiply(left, d_right), power(right, number(2))))
    by_base = multiply(multiply(right, power(left, subtract(right, ONE))), d_left)
    if constant(right) is not None:
        by_base = multiply(multiply(right, power(left, number(constant(right) - 1))), d_left)
    return add(by_base, multiply(multiply(tree, call("log", left)), d_right))


def _call_derivative(tree: ast.Call, by: Callable[[str], Tree | None]) -> Tree:
    function, inside = tree.func.id, tree.args[0]
    if function == "where":
        condition, yes, no = tree.args
        if any(by(each) is not None for each in names(condition)):
            raise NotImplementedError("a condition")
        return where(condition, derivative(yes, by), derivative(no, by))
    outer = {
        "exp": lambda: tree,
        "log": lambda: divide(ONE, inside),
        "log10": lambda: divide(number(1 / math.log(10)), inside),
        "sqrt": lambda: divide(number(0.5), tree),
    }.get(function)
    if outer is None:
        raise NotImplementedError(function)
    return multiply(outer(), derivative(inside, by))


def guarded(tree: Tree, wanted: Callable[[str], bool]) -> Iterator[tuple[str, tuple[Tree, ...]]]:
    """Each wanted name in a tree, with the conditions under which it is reached."""
    waiting: list[tuple[Tree, tuple[Tree, ...]]] = [(tree, ())]
    while waiting:
        node, conditions = waiting.pop()
        if isinstance(node, ast.Name) and wanted(node.id):
            yield node.id, conditions
        elif isinstance(node, ast.Call) and node.func.id == "where":
            condition, yes, no = node.args
            waiting += [(condition, conditions), (yes, (*conditions, condition))]
            waiting.append((no, (*conditions, ast.UnaryOp(ast.Not(), condition))))
        else:
            children = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
            waiting += [(child, conditions) for child in children if isinstance(child, ast.expr)]
