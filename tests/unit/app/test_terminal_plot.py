"""Curves of Braille dots: where they begin, end and peak."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from understudy.app.terminal_plot import limits, plot

BLANK = "\u2800"


def drawing(times, *curves, width=40, height=11):
    """The rows of dots, without axis and labels."""
    rows = plot(np.asarray(times, float), [np.asarray(curve, float) for curve in curves], width, height)[:-1]
    return [row[next(k for k, sign in enumerate(row) if sign in "┤│") + 1 :] for row in rows]


def test_rising_line_goes_from_the_lower_left_to_the_upper_right():
    rows = drawing([0, 10], [0, 8])
    assert rows[-1][0] != BLANK
    assert rows[0][-1] != BLANK
    assert rows[0][0] == rows[-1][-1] == BLANK


def test_constant_line_is_one_row():
    rows = drawing([0, 1, 2], [5, 5, 5])
    drawn = [row for row in rows if row.strip(BLANK)]
    assert len(drawn) == 1
    assert BLANK not in drawn[0]


def test_missing_values_leave_a_gap():
    rows = drawing([0, 1, 2, 3], [4, np.nan, np.nan, 4])
    assert all(set(row) == {BLANK} for row in rows)
    rows = drawing([0, 1, 2, 3, 4], [4, 4, np.nan, 4, 4])
    (drawn,) = [row for row in rows if row.strip(BLANK)]
    middle = len(drawn) // 2
    assert drawn[middle] == BLANK
    assert BLANK not in (drawn[0], drawn[-1])


@pytest.mark.parametrize(
    "curve", [[np.nan, np.nan], [0, 0], [-3, -3], [1e-9, 2e-9], [1e12, 2e12], [-5, 5], [1e6, 1e6 + 2e-10]]
)
def test_any_size_is_drawn(curve):
    rows = plot(np.array([0.0, 1.0]), [np.array(curve, float)], 30, 5)
    assert len(rows) == 6
    assert all(len(row) == 30 for row in rows[:-1])


@example(np.full(12, 5e-324))
@given(arrays(float, 12, elements=st.floats(-1e6, 1e6)))
def test_limits_hold_every_value(curve):
    low, high = limits([curve])
    assert low < high
    # Steps are rounded: an eighth of a dot may be cut off.
    slack = (high - low) / 400
    assert low - slack <= curve.min()
    assert curve.max() <= high + slack
    assert len(plot(np.arange(12.0), [curve])) == 12
