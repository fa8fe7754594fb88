"""Dosing: which amounts and intervals are possible."""

import numpy as np
import pytest

from understudy.core.errors import RegimenError
from understudy.inference.twins.dosing import Dosing


@pytest.mark.parametrize(
    ("given", "amounts"),
    [
        ({"amounts": (100, 50, 50)}, (50, 100)),
        ({"low": 1, "high": 2, "step": 0.25}, (1, 1.25, 1.5, 1.75, 2)),
        ({"low": 0.3, "high": 0.9, "step": 0.3}, (0.3, 0.6, 0.9)),
        ({"low": 10, "high": 130, "tablets": (50,), "most_tablets": 2}, (50, 100)),
        ({"low": 10, "high": 300, "tablets": (50, 75), "most_tablets": 2}, (50, 75, 100, 125, 150)),
        (
            {"low": 10, "high": 300, "tablets": (50, 75), "step": 50, "most_tablets": 4},
            (50, 100, 150, 200, 250, 300),
        ),
        ({"amounts": (60, 100, 125), "tablets": (50, 75)}, (100, 125)),
        ({"amounts": (5, 10, 20), "low": 6}, (10, 20)),
    ],
)
def test_amounts(given, amounts):
    assert Dosing(intervals=(12,), **given).possible_amounts() == amounts


def test_a_range_without_steps_is_continuous():
    dosing = Dosing(intervals=(12,), low=10, high=1000)
    assert dosing.is_continuous
    tried = dosing.possible_amounts()
    assert (tried[0], tried[-1]) == (10, 1000)
    np.testing.assert_allclose(np.diff(np.log(tried)), np.log(100) / 12, rtol=1e-2)
    assert not Dosing(intervals=(12,), low=10, high=1000, tablets=(50,)).is_continuous


def test_the_daily_limit_counts_doses_a_day():
    dosing = Dosing(intervals=(8, 12, 24), amounts=(50, 100, 200), most_daily=200)
    found = [(candidate.amount, candidate.interval) for candidate in dosing.candidates()]
    assert found == [(50, 8), (50, 12), (100, 12), (50, 24), (100, 24), (200, 24)]


def test_regimens_say_how_it_is_given():
    infused = Dosing(intervals=(1,), amounts=(2,), unit="g", time_unit="d", duration=0.1, loading="4 g")
    assert str(infused.candidates()[0].regimen).startswith("4 g then 2 g over 144 min every 1 d")
    oral = Dosing(intervals=(12,), amounts=(2.5,), unit="mg/kg", route="oral").candidates()[0]
    assert str(oral.regimen) == "2.5 mg/kg every 12 h oral"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"intervals": (), "amounts": (5,)}, "no intervals"),
        ({"intervals": (12,), "amounts": (-5,)}, "not above 0"),
        ({"intervals": (12,)}, "neither amounts nor a range"),
        ({"intervals": (12,), "low": 10, "high": 5}, "neither amounts nor a range"),
        ({"intervals": (12,), "low": 10, "high": 20, "tablets": (50,)}, "no amount is possible"),
        ({"intervals": (12,), "amounts": (100,), "most_daily": 100}, "no amount is possible"),
        ({"intervals": (12,), "low": 0.001, "high": 10, "step": 0.001}, "larger step"),
        ({"intervals": (12,), "amounts": (5,), "unit": "drops"}, "drops"),
    ],
)
def test_impossible_dosing(given, words):
    with pytest.raises(RegimenError, match=words):
        Dosing(**given)
