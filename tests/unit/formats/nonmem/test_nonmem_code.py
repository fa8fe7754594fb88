"""Abbreviated code: what is read, and how it is run on names."""

import numpy as np
import pytest
from stream_case import stream

from understudy.core.errors import FormatError
from understudy.core.expression import Expression
from understudy.formats.nonmem import tree
from understudy.formats.nonmem.abbreviated_code import read_code
from understudy.formats.nonmem.assignments import Assignments
from understudy.formats.nonmem.stream_record import Line, StreamRecord


def record(code: str) -> StreamRecord:
    lines = tuple(Line(k, text) for k, text in enumerate(code.split("\n"), 2))
    return StreamRecord("PK", 1, lines, "run.ctl")


def value(code: str, name: str = "X", **known: float) -> float:
    """What a variable is after some code."""
    run = Assignments()
    of = record(code)
    run.run(read_code(of), of)
    needed = run.needed([run.current[name]])
    return float(Expression.from_tree(run.expanded(run.current[name], needed)).evaluate(known))


@pytest.mark.parametrize(
    ("equation", "wanted"),
    [
        ("1 + 2*3", 7),
        ("-2**2", -4),
        ("2**3**2", 512),
        ("2**(-1)", 0.5),
        ("2**-1", 0.5),
        ("7/2/2", 1.75),
        ("1/2", 0.5),
        ("-A*B", -6),
        ("A - B - 1", -2),
        ("1.D2 + 1.5E-1", 100.15),
        (".5 + 1.", 1.5),
        ("EXP(LOG(A))*SQRT(4.0)", 4),
        ("dexp(0)", 1),
        ("INT(2.7) + INT(-2.7)", 0),
        ("MOD(7, 4)", 3),
        ("MOD(-7, 4)", -3),
        ("MIN(A, B, 1) + MAX(A, B)", 4),
        ("LOG10(1000)", 3),
        ("EXP(GAMLN(5))", 24),
        ("ABS(-A)", 2),
        ("PEXP(1000)/EXP(100)", 1),
    ],
)
def test_equations(equation, wanted):
    assert value(f"X = {equation}", A=2.0, B=3.0) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("A.EQ.2", 1),
        ("2.EQ.A", 1),
        ("2..EQ.A", 1),
        ("A==2", 1),
        ("A.NE.2", 0),
        ("A/=2", 0),
        ("A.GT.1.AND.B.LT.1", 0),
        ("A.GT.1.OR.B.LT.1", 1),
        (".NOT.A.GT.1", 0),
        ("A>=2 .AND. (B<=3)", 1),
        ("A.GT.1.5.AND.A.LE.2.5", 1),
        ("A+1.GE.B", 1),
    ],
)
def test_conditions(condition, wanted):
    assert value(f"X = 0\nIF ({condition}) X = 1", A=2.0, B=3.0) == wanted


_LADDER = """
X = 0
IF (A.LT.1) THEN
  X = 10
  Y = 1
ELSE IF (A.LT.2) THEN
  X = 20
  IF (A.GT.1.5) X = X + 1
ELSEIF (A.LT.3) THEN
  X = X + 30
ELSE
  X = 40
END IF
X = X*2
"""


@pytest.mark.parametrize(("a", "wanted"), [(0, 20), (1.2, 40), (1.7, 42), (2.5, 60), (9, 80)])
def test_ladders(a, wanted):
    assert value(_LADDER.strip(), A=a) == wanted


def test_a_variable_may_be_set_again_and_again():
    assert value("X = A\nX = X*X\nX = X + A", A=3.0) == 12


@pytest.mark.parametrize(
    ("code", "line", "cause"),
    [
        ("X = (1 + 2", 2, "'the end of the line' where ) should be"),
        ("X = 1\nX = 2 3", 3, "'3' after the end of the statement"),
        ("X = ", 2, "where a value should be"),
        ("X == 1", 2, "where = should be"),
        ("IF (A.GT.1) THEN\nX = 1", 2, "the IF has no ENDIF"),
        ("X = 1\nENDIF", 3, "there is no IF"),
        ("ELSE\nX = 1", 2, "there is no IF"),
        ("X = FOO(1)", 2, "FOO is no function"),
        ("X = EXP(1, 2)", 2, "EXP takes 1 argument"),
        ("X = THETA(0)", 2, "has no number"),
        ("X = THETA(CL)", 2, "has no number"),
        ('"FIRST', 2, "verbatim code"),
        ("CALL SUB(X)", 2, "a call of a subroutine"),
        ("EXIT 1 2", 2, "an EXIT"),
        ("DO WHILE (X.LT.3)", 2, "a loop"),
        ("X = 1 $ 2", 2, "means nothing here"),
        ("X = 1é", 2, "means nothing here"),
        ("X = 1e999", 2, "too large"),
        ("X = " + "(" * 60 + "1" + ")" * 60, 2, "nested too deeply"),
        ("\n".join(["IF (A.GT.1) THEN"] * 30), 23, "nested too deeply"),
        ("X = 1" + "+A" * 400, 2, "more than 60 parts"),
        ("X = 1" + "*A" * 400, 2, "more than 60 parts"),
        ("X = " + "(" * 30 + "1" + ("+A" * 50 + ")") * 30, 2, "nested too deeply"),
    ],
)
def test_what_is_no_code_is_refused_with_its_line(code, line, cause):
    with pytest.raises(FormatError) as told:
        read_code(record(code))
    assert cause in told.value.cause
    assert f"run.ctl, line {line}, $PK" in told.value.place
    assert told.value.repair


def test_steps_of_a_variable_are_written_out(tmp_path):
    pk = "\n TVCL = THETA(1)\n IF (SEX.EQ.2) TVCL = TVCL*0.8\n CL = TVCL*EXP(ETA(1))\n V = THETA(2)\n S1 = V"
    found = {each.name: each.expression.text for each in stream(tmp_path, PK=pk).model.individual}
    assert found["TVCL"] == "where(SEX == 2, THETA1 * 0.8, THETA1)"
    assert found["CL"] == "TVCL * exp(ETA1)"


def test_code_that_does_not_matter_is_left_out(tmp_path):
    pk = "\n CL = THETA(1)*EXP(ETA(1))\n V = THETA(2)\n HALF = LOG(2)*V/CL\n S1 = V"
    names = [each.name for each in stream(tmp_path, PK=pk).model.individual]
    assert names == ["CL", "V", "S1"]


def test_an_equation_of_many_steps_stays_small():
    steps = "\n".join(["X = A", *["X = X*X + X"] * 60])
    run, of = Assignments(), record(steps)
    run.run(read_code(of), of)
    run.simplify([run.current["X"]])
    sizes = [tree.size(run.versions[name]) for name in run.needed([run.current["X"]])]
    assert max(sizes) < 100
    with pytest.raises(OverflowError):
        run.expanded(run.current["X"], list(run.versions))


def _ifs(count: int) -> str:
    return "\n X = 1" + "".join(f"\n IF (WT.EQ.{k}) X = {k}" for k in range(count))


def _pairs(count: int) -> str:
    """Two variables that each need both of the step before: written out they would double at every step."""
    steps = [f"\n A{k} = A{k - 1} + B{k - 1}*2\n B{k} = A{k - 1}*3 + B{k - 1}" for k in range(1, count)]
    return "\n A0 = THETA(1)\n B0 = THETA(2)" + "".join(steps)


_SIMPLE = "\n CL = THETA(1)*EXP(ETA(1))\n V = THETA(2)\n S1 = V"


@pytest.mark.parametrize("code", [_ifs(400), _pairs(40)])
def test_long_code_is_read_in_bounded_time(code, tmp_path):
    result = "X" if "X" in code else "A39"
    pk = f"{code}\n CL = THETA(1)*{result}*EXP(ETA(1))\n V = THETA(2)\n S1 = V"
    assert stream(tmp_path, PK=pk).model.individual
    with pytest.raises(FormatError, match="Y is too complex"):
        stream(tmp_path, PK=_SIMPLE, ERROR=f"{code}\n Y = F + {result}*EPS(1)")


@pytest.mark.parametrize(
    "equation", ["X*Z + 3*X", "X**3 - Z/X", "EXP(2*X)", "LOG(X)", "SQRT(X*Z)", "LOG10(X)", "X**Z"]
)
def test_derivatives(equation):
    at = read_code(record(f"Y = {equation}"))[0].value
    slope = Expression.from_tree(tree.derivative(at, lambda name: tree.ONE if name == "X" else None))
    plain, h = Expression.from_tree(at), 1e-6
    wanted = (plain.evaluate({"X": 1.3 + h, "Z": 2.0}) - plain.evaluate({"X": 1.3 - h, "Z": 2.0})) / (2 * h)
    # Central differences at 1e-6 leave some 1e-9.
    assert float(slope.evaluate({"X": 1.3, "Z": 2.0})) == pytest.approx(float(wanted), rel=1e-7)


def test_folding_decides_what_is_known():
    at = read_code(record("Y = 0*A + 1*B + 0"))[0].value
    assert tree.text(tree.fold(at)) == "B"
    assert np.isclose(tree.constant(tree.fold(read_code(record("Y = EXP(0)"))[0].value)), 1)
