"""$THETA, $OMEGA and $SIGMA in all their forms."""

import math

import numpy as np
import pytest

from understudy.core.errors import FormatError
from understudy.formats.nonmem.effect_blocks import read_blocks
from understudy.formats.nonmem.stream_record import split
from understudy.formats.nonmem.thetas import read_thetas


def thetas(text: str):
    return read_thetas(split(f"$THETA {text}", "run.ctl"))


def blocks(text: str):
    return read_blocks(split(f"$OMEGA {text}", "run.ctl"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.5", [(1.5, -math.inf, math.inf, False)]),
        (
            "1 2 -3",
            [
                (1, -math.inf, math.inf, False),
                (2, -math.inf, math.inf, False),
                (-3, -math.inf, math.inf, False),
            ],
        ),
        ("(0, 3)", [(3, 0, math.inf, False)]),
        ("(0,3,10)", [(3, 0, 10, False)]),
        ("(0 3 10)", [(3, 0, 10, False)]),
        ("(-INF, 1, INF)", [(1, -math.inf, math.inf, False)]),
        ("(-1000000, 1, 1000000)", [(1, -math.inf, math.inf, False)]),
        ("1 FIX", [(1, -math.inf, math.inf, True)]),
        ("(1 FIXED) 2", [(1, -math.inf, math.inf, True), (2, -math.inf, math.inf, False)]),
        ("(0, 1 FIX)", [(1, 0, math.inf, True)]),
        ("(0, 1) FIX", [(1, 0, math.inf, True)]),
        ("(2)x3", [(2, -math.inf, math.inf, False)] * 3),
        ("(0,1.5D-1)", [(0.15, 0, math.inf, False)]),
        ("1 ; comment (0, 2)\n 3", [(1, -math.inf, math.inf, False), (3, -math.inf, math.inf, False)]),
    ],
)
def test_thetas(text, wanted):
    assert [(t.value, t.lower, t.upper, t.fixed) for t in thetas(text)] == wanted


def test_labels_and_comments():
    found = thetas("NAMES(CL V) (0,1) (0,2)\n KA=(0,3) ; absorption 1/h")
    assert [(t.number, t.label, t.comment) for t in found] == [
        (1, "CL", ""),
        (2, "V", ""),
        (3, "KA", "absorption 1/h"),
    ]


def test_several_records_go_on_counting():
    found = read_thetas(split("$THETA 1 2\n$THETA 3", "run.ctl"))
    assert [t.number for t in found] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("(0, -1)", "is not between"),
        ("(0, , 1)", "no initial value"),
        ("(1, 2, 3, 4)", "this is no THETA"),
        ("(1, 2", "does not close"),
        ("abc", "is no number"),
        ("()", "this is no THETA"),
        ("(1)x999999999", "times the same"),
    ],
)
def test_wrong_thetas(text, cause):
    with pytest.raises(FormatError, match=r"line 1, \$THETA") as told:
        thetas(text)
    assert cause in told.value.cause


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0.1 0.2", [[[0.1]], [[0.2]]]),
        ("DIAG(2) 0.1 0.2", [[[0.1]], [[0.2]]]),
        ("(0.3 SD)", [[[0.09]]]),
        ("0.3 STANDARD", [[[0.09]]]),
        ("(SD 0.3 FIX)", [[[0.09]]]),
        ("(0.1)x2", [[[0.1]], [[0.1]]]),
        ("BLOCK(2) 0.1\n 0.01 0.2", [[[0.1, 0.01], [0.01, 0.2]]]),
        ("BLOCK(2) FIX 0.1 0.01 0.2", [[[0.1, 0.01], [0.01, 0.2]]]),
        ("BLOCK(2) SD 0.3 0.03 0.2", [[[0.09, 0.03], [0.03, 0.04]]]),
        ("BLOCK(2) CORRELATION 0.09 0.5 0.04", [[[0.09, 0.03], [0.03, 0.04]]]),
        ("BLOCK(2) SD CORRELATION 0.3 0.5 0.2", [[[0.09, 0.03], [0.03, 0.04]]]),
        ("BLOCK(2) (SD 0.3) (CORR 0.5) 0.2", [[[0.09, 0.03], [0.03, 0.04]]]),
        ("BLOCK(2) CHOLESKY 0.3 0.1 0.2", [[[0.09, 0.03], [0.03, 0.05]]]),
        ("BLOCK(2) VALUES(0.1, 0.01)", [[[0.1, 0.01], [0.01, 0.1]]]),
        ("BLOCK(1) 0.1", [[[0.1]]]),
        ("0 FIX", [[[0]]]),
    ],
)
def test_matrices(text, wanted):
    found = blocks(text)
    assert len(found) == len(wanted)
    for block, matrix in zip(found, wanted, strict=True):
        np.testing.assert_allclose(block.matrix, matrix, rtol=1e-12)


def test_fixed_blocks():
    assert [block.fixed for block in blocks("0.1 FIX 0.2")] == [True, False]
    assert [block.fixed for block in blocks("BLOCK(2) 0.1 0.01 (0.2 FIX)")] == [True]


def test_same():
    found = read_blocks(
        split("$OMEGA BLOCK(2) 1 0.1 2\n$OMEGA BLOCK(2) SAME\n$OMEGA BLOCK SAME(2)", "run.ctl")
    )
    assert [block.first for block in found] == [1, 3, 5, 7]
    assert [block.same for block in found] == [False, True, True, True]
    assert found[3].matrix == found[0].matrix


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("BLOCK(2) 0.1 0.2", "has 2 values"),
        ("BLOCK(2) 0.1 0.5 0.1", "no covariance matrix"),
        ("-0.1", "is negative"),
        ("BLOCK(1) SAME", "SAME without a block"),
        ("BLOCK(1) 0.2 SAME(2)", "SAME repeats the block before it"),
        ("BLOCK(0) 1", "has no size"),
        ("BLOCK(2) 0.1 abc 0.2", "is no number"),
        ("(0.1 0.2)", "one variance"),
    ],
)
def test_wrong_matrices(text, cause):
    with pytest.raises(FormatError, match=r"line 1, \$OMEGA") as told:
        blocks(text)
    assert cause in told.value.cause


def test_same_of_another_size():
    with pytest.raises(FormatError, match="SAME of size 1 after a block of size 2"):
        read_blocks(split("$OMEGA BLOCK(2) 1 0.1 2\n$OMEGA BLOCK(1) SAME", "run.ctl"))
