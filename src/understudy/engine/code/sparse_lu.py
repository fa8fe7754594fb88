"""Sparse LU: the elimination of one model's matrix 1 - gamma h J, printed as LLVM IR for eight patients side by side.

Rows are eliminated one after the other in the order that `pivots` has chosen (Davis TA 2006, Direct Methods for Sparse
Linear Systems, SIAM, chapter 6, doi:10.1137/1.9780898718881). Short eliminations are written out, without a loop or an
index; long ones are loops over tables, which take no longer to compile and little longer to run.

A pivot fixed beforehand can be too small for the numbers it meets. The solution found is that of equations which differ
from those given by a few roundings of |L| |U| (Higham NJ 2002, Accuracy and Stability of Numerical Algorithms, 2nd
edition, theorem 9.4, doi:10.1137/1.9780898718027; Golub and Van Loan 2013, Matrix Computations, 4th edition, 3.3). Row
by row, |L| |U| s must therefore stay within `LARGEST_GROWTH` times |A| s, where s is the size of each unknown: so the
answer does not depend on units. A patient for whom it does not is marked, and is to be solved with pivoting.
"""

from __future__ import annotations

import numpy as np

from understudy.engine.code.pivots import Elimination
from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.kernel.sparse_lu_loops import looped

FACTORISE, SUBSTITUTE, SPEED = "factorise", "substitute", "speed"
# Leaves 12 of 16 digits of each equation, two more than the tightest tolerance asks for.
LARGEST_GROWTH = 1e4
# Written out, an operation takes some 0.15 ms to compile; looped, three times as long to run.
MOST_WRITTEN_OUT = 2500
# A compiler's time for one function grows faster than its length.
_PART = 400


def sparse_lu(plan: Elimination, gamma: float, width: int = WIDTH) -> str:
    """LLVM IR of `factorise`, `substitute` and `speed`.

    They are ``factorise(entries, step, scale, factors, unsafe)``, ``substitute(factors, right)`` and
    ``speed(entries, scale, fastest)``. All arguments are pointers to doubles. The matrix is ``1 - gamma * step * J``.

    - ``entries`` (entries x width): J as `jacobian` gives it. One that is not finite counts as zero: a root or a power
      has no finite slope where it begins. Without it a step is less exact, which its error estimate sees.
    - ``step`` (width), ``scale`` (size x width): the step, and the size of each unknown.
    - ``factors`` (room x width): written by the one function and read by the other. L and the reciprocals of the
      diagonal are kept with the opposite sign, so that all is adding.
    - ``unsafe`` (width): 1 where the pivots are not safe, else 0.
    - ``right`` (size x width): the right-hand side, which becomes the solution.
    - ``fastest`` (width): the largest row sum of the sizes of J where unknowns are counted in units of their scale, a
      bound of its eigenvalues (Golub and Van Loan 2013, 7.2).

    Parameters
    ----------
    plan : Elimination
    gamma : float
    width : int
        Patients a call.

    Examples
    --------
    >>> from understudy.engine.code.pivots import eliminate
    >>> code = sparse_lu(eliminate(3, [0, 1, 2], [1, 2, 0]), 0.25)
    >>> "define void @factorise(" in code, "define void @substitute(" in code
    (True, True)
    """
    if plan.operations > MOST_WRITTEN_OUT:
        return looped(plan, gamma, LARGEST_GROWTH, width)
    return written_out(plan, gamma, width)


def written_out(plan: Elimination, gamma: float, width: int = WIDTH) -> str:
    """The same without a loop or an index."""
    factorise = _Function(FACTORISE, ("entries", "step", "scale", "factors", "unsafe"), width)
    _Factorisation(plan, gamma, factorise).write()
    substitute = _Function(SUBSTITUTE, ("factors", "right"), width)
    _write_substitution(plan, substitute)
    speed = _Function(SPEED, ("entries", "scale", "fastest"), width)
    _write_speed(plan, speed)
    return "\n\n".join((factorise.intrinsics, *(part.whole() for part in (factorise, substitute, speed))))


class _Function:
    """A long function under construction, cut into parts; what one part leaves to the next lies in memory."""

    def __init__(self, name: str, arguments: tuple[str, ...], width: int):
        self.name, self.arguments, self.width = name, arguments, width
        self.kind = "double" if width == 1 else f"<{width} x double>"
        self.truth = "i1" if width == 1 else f"<{width} x i1>"
        self.suffix = "f64" if width == 1 else f"v{width}f64"
        self.parts: list[str] = []
        self.clear()

    def clear(self) -> None:
        self.lines: list[str] = []
        self.known: dict[tuple[str, int], str] = {}

    def do(self, text: str) -> str:
        value = f"%v{len(self.lines)}"
        self.lines.append(f"  {value} = {text}")
        return value

    def constant(self, number: float) -> str:
        bits = f"0x{np.float64(number).view(np.uint64):016X}"
        return bits if self.width == 1 else "<" + ", ".join([f"double {bits}"] * self.width) + ">"

    def place(self, pointer: str, k: int) -> str:
        return self.do(f"getelementptr double, ptr %{pointer}, i64 {k * self.width}")

    def load(self, pointer: str, k: int) -> str:
        """A value; within a part it is read once."""
        if (pointer, k) not in self.known:
            self.known[pointer, k] = self.do(f"load {self.kind}, ptr {self.place(pointer, k)}, align 8")
        return self.known[pointer, k]

    def store(self, value: str, pointer: str, k: int) -> None:
        self.known[pointer, k] = value
        place = self.place(pointer, k)
        self.lines.append(f"  store {self.kind} {value}, ptr {place}, align 8")

    def arithmetic(self, operation: str, a: str, b: str) -> str:
        return self.do(f"{operation} {self.kind} {a}, {b}")

    def call(self, name: str, *values: str) -> str:
        given = ", ".join(f"{self.kind} {value}" for value in values)
        return self.do(f"call {self.kind} @llvm.{name}.{self.suffix}({given})")

    def multiply_add(self, a: str, b: str, total: str | None) -> str:
        """``a * b + total``, rounded once where the processor can."""
        return self.arithmetic("fmul", a, b) if total is None else self.call("fmuladd", a, b, total)

    def where(self, sign: str, a: str, b: str, yes: str, no: str) -> str:
        holds = self.do(f"fcmp {sign} {self.kind} {a}, {b}")
        return self.do(f"select {self.truth} {holds}, {self.kind} {yes}, {self.kind} {no}")

    def end_part(self, least: int = _PART) -> None:
        """End the part, if it is long enough."""
        if len(self.lines) >= least:
            head = f"define internal void @{self.name}_{len(self.parts)}({self.declared}) noinline {{"
            self.parts.append("\n".join((head, *self.lines, "  ret void", "}")))
            self.clear()

    @property
    def intrinsics(self) -> str:
        kinds = {"fabs": self.kind, "fmuladd": ", ".join([self.kind] * 3)}
        return "\n".join(f"declare {self.kind} @llvm.{n}.{self.suffix}({k})" for n, k in kinds.items())

    @property
    def declared(self) -> str:
        return ", ".join(f"ptr noalias %{argument}" for argument in self.arguments)

    def whole(self) -> str:
        """The parts, and the function that calls them."""
        self.end_part(least=1)
        given = ", ".join(f"ptr %{argument}" for argument in self.arguments)
        calls = [f"  call void @{self.name}_{k}({given})" for k in range(len(self.parts))]
        head = f"define void @{self.name}({self.declared}) {{"
        return "\n\n".join((*self.parts, "\n".join((head, *calls, "  ret void", "}"))))


class _Factorisation:
    """Prints one row of L and U after the other, and with it how much it has grown."""

    def __init__(self, plan: Elimination, gamma: float, function: _Function):
        self.plan, self.gamma, self.function = plan, gamma, function
        self.needed = {k for before in plan.lower for k in before}

    def write(self) -> None:
        function = self.function
        function.store(function.constant(0.0), "unsafe", 0)
        for i in range(self.plan.size):
            row = self.row_of_matrix(i)
            allowed = self.weigh(row)
            self.eliminate(i, row)
            self.judge(i, row, allowed)
            function.end_part()

    def row_of_matrix(self, i: int) -> dict[int, str]:
        function, one = self.function, self.function.constant(1.0)
        row = {i: one}
        for k, entry in self.plan.given[i].items():
            slope, infinite = function.load("entries", entry), function.constant(np.inf)
            size = function.call("fabs", slope)
            slope = function.where("olt", size, infinite, slope, function.constant(0.0))
            row[k] = function.multiply_add(self.factor(), slope, row.get(k))
        return row

    def factor(self) -> str:
        function = self.function
        if ("factor", 0) not in function.known:
            step = function.load("step", 0)
            function.known["factor", 0] = function.arithmetic("fmul", step, function.constant(-self.gamma))
        return function.known["factor", 0]

    def weigh(self, row: dict[int, str]) -> str:
        """The sum of the sizes of a row's terms."""
        function, total = self.function, None
        for k, value in row.items():
            scale = function.load("scale", self.plan.order[k])
            total = function.multiply_add(function.call("fabs", value), scale, total)
        return total

    def eliminate(self, i: int, row: dict[int, str]) -> None:
        function, slots = self.function, self.plan.slots
        for k in self.plan.lower[i]:
            row[k] = function.arithmetic("fmul", row[k], function.load("factors", slots[k, k]))
            for j in self.plan.upper[k]:
                row[j] = function.multiply_add(row[k], function.load("factors", slots[k, j]), row.get(j))
        for k in (*self.plan.lower[i], *self.plan.upper[i]):
            function.store(row[k], "factors", slots[i, k])
        inverse = function.arithmetic("fdiv", function.constant(-1.0), row[i])
        function.store(inverse, "factors", slots[i, i])

    def judge(self, i: int, row: dict[int, str], allowed: str) -> None:
        """Mark lanes in which |L| |U| s has outgrown |A| s. What is not a number is marked."""
        function, behind = self.function, self.plan.entries
        grown = self.weigh({k: row[k] for k in (i, *self.plan.upper[i])})
        if i in self.needed:
            function.store(grown, "factors", behind + i)
        for k in self.plan.lower[i]:
            size = function.call("fabs", row[k])
            grown = function.multiply_add(size, function.load("factors", behind + k), grown)
        most = function.arithmetic("fmul", allowed, function.constant(LARGEST_GROWTH))
        unsafe = function.where("ugt", grown, most, function.constant(1.0), function.load("unsafe", 0))
        function.store(unsafe, "unsafe", 0)


def _write_substitution(plan: Elimination, function: _Function) -> None:
    for i in range(plan.size):
        value = function.load("right", plan.order[i])
        if plan.lower[i]:
            value = _write_sum(plan, function, i, plan.lower[i], value)
            function.store(value, "right", plan.order[i])
            function.end_part()
    for i in reversed(range(plan.size)):
        value = function.do(f"fneg {function.kind} {function.load('right', plan.order[i])}")
        value = _write_sum(plan, function, i, plan.upper[i], value)
        value = function.arithmetic("fmul", value, function.load("factors", plan.slots[i, i]))
        function.store(value, "right", plan.order[i])
        function.end_part()


def _write_speed(plan: Elimination, function: _Function) -> None:
    function.store(function.constant(0.0), "fastest", 0)
    for i, row in enumerate(plan.given):
        total = None
        for k, entry in row.items():
            size = function.call("fabs", function.load("entries", entry))
            total = function.multiply_add(size, function.load("scale", plan.order[k]), total)
        if total is not None:
            share = function.arithmetic("fdiv", total, function.load("scale", plan.order[i]))
            fastest = function.load("fastest", 0)
            function.store(function.where("ogt", share, fastest, share, fastest), "fastest", 0)
            function.end_part()


def _write_sum(plan: Elimination, function: _Function, i: int, places: tuple[int, ...], value: str) -> str:
    for k in places:
        factor = function.load("factors", plan.slots[i, k])
        value = function.multiply_add(factor, function.load("right", plan.order[k]), value)
    return value
