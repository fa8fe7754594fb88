"""One dose line: what its numbers imply, and what contradicts itself."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.errors import RegimenError
from understudy.model.dose import MOST_DOSES, Dose, in_time_unit, repeats, start_after


def test_any_two_of_amount_duration_and_rate_give_the_third():
    by_amount = Dose(amount=240, duration=24)
    assert by_amount == Dose(rate=10, duration=24) == Dose(amount=240, rate=10)
    assert (by_amount.amount, by_amount.duration, by_amount.rate) == (240, 24, 10)


def test_a_bolus_has_no_rate():
    assert Dose(amount=5).rate == 0


def test_an_infusion_without_duration_runs_on():
    dose = Dose(rate=10)
    assert dose.runs_on
    assert dose.is_open
    assert dose.end == math.inf
    assert dose.closed(36) == Dose(rate=10, duration=36)


def test_synonyms_are_one_name():
    assert Dose(amount=1, unit="mcg") == Dose(amount=1, unit="µg") == Dose(amount=1, unit="ug")
    assert Dose(amount=1, per="m2").per == "m**2"


def test_last_and_end():
    dose = Dose(time=3, amount=1, interval=12, count=4)
    assert (dose.last, dose.end) == (39, 51)
    assert Dose(time=3, amount=1, duration=2).end == 5
    assert Dose(amount=1, duration=20, interval=12, count=2).end == 32


def test_times_stop_before_until():
    dose = Dose(time=1, amount=1, interval=12, count=None)
    np.testing.assert_array_equal(dose.times(37), [1, 13, 25])
    np.testing.assert_array_equal(dose.times(37.001), [1, 13, 25, 37])
    assert dose.times(1).shape == (0,)
    with pytest.raises(RegimenError, match="open-ended"):
        dose.times()


@given(st.floats(0.01, 1000), st.integers(1, 500), st.floats(0.01, 100))
def test_closing_gives_exactly_the_doses_before_until(until, tenths, start):
    interval = tenths / 10
    closed = Dose(time=start, amount=1, interval=interval, count=None).closed(until)
    if closed is None:
        assert start >= until
        return
    assert closed.last < until + 1e-6 * interval
    assert closed.end >= until - 1e-6 * interval


def test_spans_in_another_unit():
    assert in_time_unit(90, "minutes", "h") == 1.5
    assert in_time_unit(0.1, "h", "hours") == 0.1
    dose = Dose(time=24, rate=10, duration=12, interval=48, count=3).in_time_unit("h", "d")
    assert dose == Dose(time=1, amount=120, duration=0.5, interval=2, count=3)
    assert Dose(rate=10).in_time_unit("h", "d").rate == 240


def test_repeats_rounds_up():
    assert [repeats(span, 12) for span in (1, 12, 12.5, 240)] == [1, 1, 2, 20]
    assert repeats(0.3, 0.1) == 3


def test_start_after_waits_for_the_longest():
    lines = [Dose(amount=1, interval=12, count=2), Dose(amount=1, interval=24, count=2)]
    assert start_after(lines, Dose(amount=1)) == 48


def test_doses_are_frozen():
    with pytest.raises(FrozenInstanceError):
        Dose(amount=1).amount = 2


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({}, "no amount"),
        ({"amount": -1}, "amount of a dose is -1"),
        ({"amount": math.nan}, "amount of a dose is nan"),
        ({"amount": math.inf}, "amount of a dose is inf"),
        ({"amount": 10**400}, "amount of a dose is"),
        ({"amount": "5"}, "not a number"),
        ({"amount": True}, "not a number"),
        ({"amount": 1, "time": -1}, "time of a dose is -1"),
        ({"amount": 1, "unit": "mL"}, "unknown unit of dose 'mL'"),
        ({"amount": 1, "per": "lb"}, "unknown size 'lb'"),
        ({"amount": 1, "route": "by mouth"}, "no route"),
        ({"amount": 1, "count": 2}, "no interval"),
        ({"amount": 1, "count": None}, "no interval"),
        ({"amount": 1, "interval": 12, "count": 0}, "0 times"),
        ({"amount": 1, "interval": 12, "count": 1.5}, "1.5 times"),
        ({"amount": 1, "interval": 12, "count": MOST_DOSES + 1}, "times"),
        ({"amount": 1, "interval": 12, "count": math.nan}, "nan times"),
        ({"amount": 1, "steady_state": True}, "no steady state"),
        ({"amount": 100, "duration": 2, "rate": 10}, "not given at a rate"),
        ({"rate": 10, "interval": 12, "count": 2}, "cannot be repeated"),
    ],
)
def test_contradictions_are_refused(fields, cause):
    with pytest.raises(RegimenError) as caught:
        Dose(**fields)
    assert cause in caught.value.cause
    assert caught.value.repair
