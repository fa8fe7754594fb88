"""The latest timeline of a schedule is kept, and only where nothing of what it was made of has changed."""

import numpy as np
import pytest

from understudy.data.records import Records
from understudy.engine.latest_timeline import latest_timeline
from understudy.engine.schedule import from_records
from understudy.engine.timeline import DoseValues, build
from understudy.library.pk import compartments

NO_BREAKS = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64)


@pytest.fixture
def schedule():
    rows = {
        "ID": [1, 1, 2, 2],
        "TIME": [0.0, 1.0, 0.0, 2.0],
        "AMT": [5.0, 0.0, 7.0, 0.0],
        "EVID": [1, 0, 1, 0],
    }
    import pandas as pd

    frame = pd.DataFrame(rows | {"DV": [np.nan, 1.0, np.nan, 1.0]})
    return from_records(Records.from_frame(frame), compartments(1, "iv"))


def _made(schedule, lag=(0.0, 0.0), share=(1.0, 1.0), make=latest_timeline):
    nothing = np.full(2, np.nan)
    values = DoseValues(np.array(lag), np.array(share), nothing, nothing)
    rows = np.array([0, 0, 1, 1])
    return make(schedule, values, np.array([0]), np.array([False]), rows, rows, NO_BREAKS)


def test_the_same_is_not_built_again(schedule):
    assert _made(schedule) is _made(schedule)


@pytest.mark.parametrize("changed", [{"lag": (0.0, 0.5)}, {"share": (0.4, 1.0)}])
def test_what_has_changed_is(schedule, changed):
    before, after = _made(schedule), _made(schedule, **changed)
    expected = _made(schedule, **changed, make=build)
    assert after is not before
    np.testing.assert_array_equal(after.event_time, expected.event_time)
    np.testing.assert_array_equal(after.event_value, expected.event_value)
    assert (after.event_time != before.event_time).any() or (after.event_value != before.event_value).any()


def test_what_was_given_may_be_written_over(schedule):
    lag, nothing, rows = np.zeros(2), np.full(2, np.nan), np.array([0, 0, 1, 1])
    values = DoseValues(lag, np.ones(2), nothing, nothing)
    rest = np.array([0]), np.array([False]), rows, rows, NO_BREAKS
    before = latest_timeline(schedule, values, *rest)
    lag[:] = 0.5
    assert latest_timeline(schedule, values, *rest).event_time[0] == before.event_time[0] + 0.5
