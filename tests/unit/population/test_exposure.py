"""Measures of exposure, against integrals known in closed form."""

import numpy as np
import pytest

from understudy.core.errors import SimulationError
from understudy.population.attainment import Target
from understudy.population.exposure import Limit, exposure, share_of_time, target_ends

TIMES = np.linspace(0.0, 24.0, 481)
LEVELS = 10 * np.exp(-0.1 * TIMES)[:, None]


@pytest.mark.parametrize(
    ("measure", "wanted"),
    [
        ("trough", 10 * np.exp(-2.4)),
        ("peak", 10.0),
        ("auc", 100 * (1 - np.exp(-2.4))),
        ("mean", 100 * (1 - np.exp(-2.4)) / 24),
    ],
)
def test_measures_of_an_exponential(measure, wanted):
    # Trapezoids with steps of 0.05 h err by (0.1 * 0.05)**2 / 12, a few parts in a million.
    assert exposure(LEVELS, TIMES, measure)[0] == pytest.approx(wanted, rel=1e-5)


def test_shares_of_time():
    below, within, above = share_of_time(LEVELS, TIMES, 2.0, 5.0)[:, 0]
    # Each crossing falls into one step of 0.05 h of 24.
    assert above == pytest.approx(np.log(2) / 0.1 / 24, abs=0.003)
    assert below == pytest.approx(1 - np.log(5) / 0.1 / 24, abs=0.003)
    assert below + within + above == pytest.approx(1.0)


def test_uneven_times_count_by_their_length():
    levels, times = np.array([[1.0], [1.0], [9.0], [9.0]]), np.array([0.0, 8.0, 8.0, 10.0])
    assert exposure(levels, times, "mean")[0] == pytest.approx(0.8 * 1 + 0.2 * 9)
    assert share_of_time(levels, times, 0, 5)[1, 0] == pytest.approx(0.8)


def test_targets_in_other_units():
    assert target_ends(Target("Cp", 400, 600, "mg*h/L"), "ug/mL", "h", "auc") == pytest.approx((400, 600))
    assert target_ends(Target("Cp", 10, 20, "mg/L"), "ug/L", "h", "trough") == pytest.approx((10_000, 20_000))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"measure": "cmax"}, "no measure"),
        ({"measure": "time"}, "no level"),
        ({"probability": 1.0}, "probability 1"),
    ],
)
def test_impossible_limits(given, words):
    with pytest.raises(SimulationError, match=words):
        Limit("Cp", 40, "mg/L", **given)
