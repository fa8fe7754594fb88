"""Times of a simulation that the user does not name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import Regimen, SimulationError
from understudy.app.time_grid import end_of, readable, spaced


@pytest.mark.parametrize(
    ("sentence", "unit", "end"),
    [
        ("100 mg every 12 h for 4 doses", "h", 48),
        ("100 mg", "h", 24),
        ("100 mg over 30 h", "h", 30),
        ("100 mg every 21 days for 4 doses", "d", 84),
        ("100 mg", "d", 1),
        ("no dose", "h", 24),
    ],
)
def test_end(sentence, unit, end):
    assert end_of(Regimen.parse(sentence).in_time_unit(unit)) >= end
    assert end_of(Regimen.parse(sentence).in_time_unit(unit)) <= end + (24 if unit == "h" else 1)


def test_open_regimen_has_no_end():
    with pytest.raises(SimulationError, match="for 10 days"):
        end_of(Regimen.parse("100 mg every 12 h"))


@given(st.floats(1e-3, 1e5), st.sampled_from(["s", "min", "h", "d", "week"]))
def test_readable_times_are_few_even_and_within(end, unit):
    times = readable(end, unit)
    assert 2 <= len(times) <= 26
    assert times[0] == 0
    assert times[-1] <= end * (1 + 1e-9)
    assert np.allclose(np.diff(times), times[1], rtol=1e-9)


@pytest.mark.parametrize(("end", "step"), [(48, 2), (252, 12), (500, 24), (10, 0.5), (24, 1)])
def test_steps_are_those_of_a_ward(end, step):
    assert readable(end, "h")[1] == step


@pytest.mark.parametrize(("end", "every"), [(10, 0), (10, -1), (1e6, 1), (-1, 1), (10, float("nan"))])
def test_impossible_spacing(end, every):
    with pytest.raises(SimulationError, match="cannot be made"):
        spaced(end, every)
