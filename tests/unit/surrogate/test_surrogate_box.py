"""The box: its scales, and that what is outside is refused with parameter, value and range."""

import numpy as np
import pytest

from understudy import SimulationError
from understudy.surrogate.box import Box, Range

UNITS = {"CL": "L/h", "shift": "1"}


def test_positive_ranges_are_logarithmic_where_nothing_is_said():
    box = Box.of({"CL": (1, 100), "shift": (-1, 1)}, UNITS)
    assert [entry.scale for entry in box.ranges] == ["log", "linear"]
    np.testing.assert_allclose(box.values(np.array([[0.5, 0.5]])), [[10.0, 0.0]], atol=1e-12)
    assert Box.of({"CL": (1, 100, "linear")}, UNITS).values(np.array([[0.5]])) == 50.5


def test_points_of_values_are_the_points_again():
    box = Box.of({"CL": (0.3, 7), "shift": (-2, 5)}, UNITS)
    points = np.array([[0.0, 1.0], [1.0, 0.0], [0.25, 0.75]])
    # Rounding of a logarithm and an exponential: a few units in the last place.
    np.testing.assert_allclose(box.points(box.values(points), "abc"), points, atol=1e-14)


@pytest.mark.parametrize("value", [10.01, 0.99, -1.0, 0.0, np.nan, np.inf])
def test_outside_is_refused_with_parameter_value_and_range(value):
    box = Box.of({"CL": (1, 10)}, UNITS)
    with pytest.raises(SimulationError) as caught:
        box.points(np.array([[2.0], [value]]), ["ann", "bob"])
    assert f"patient bob: CL = {value:g}, allowed 1 to 10 L/h" in str(caught.value)
    assert "ann" not in str(caught.value)


def test_all_that_is_outside_is_told_up_to_ten():
    box = Box.of({"CL": (1, 10), "shift": (-1, 1)}, UNITS)
    with pytest.raises(SimulationError, match="24 values are outside") as caught:
        box.points(np.full((12, 2), 99.0), range(12))
    assert str(caught.value).count("patient") == 10
    assert "14 more" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "nothing is varied"),
        ({"CLL": (1, 2)}, "did you mean CL?"),
        ({"zzz": (1, 2)}, "known: CL, shift"),
        ({"CL": (2, 1)}, "is empty"),
        ({"CL": (1, 1)}, "is empty"),
        ({"CL": (1, float("inf"))}, "has no end"),
        ({"CL": (0, 1, "log")}, "no logarithms"),
        ({"CL": (1, 2, "cubic")}, "unknown scale 'cubic'"),
        ({"CL": 3}, "is no range"),
        ({"CL": ("a", "b")}, "is no range"),
        ({"CL": "12"}, "is no range"),
    ],
)
def test_what_is_no_box_is_refused(given, told):
    with pytest.raises(SimulationError) as caught:
        Box.of(given, UNITS)
    assert told in str(caught.value)


def test_the_models_own_value_counts_only_inside():
    assert Box.of({"CL": (1, 10)}, UNITS, {"CL": 3}).ranges[0].typical == 3.0
    assert Box.of({"CL": (1, 10)}, UNITS, {"CL": 30}).ranges[0].typical is None
    assert str(Range("x", 0, 1)) == "0 to 1"
