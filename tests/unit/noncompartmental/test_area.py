"""Areas against antiderivatives, and against sums made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy.noncompartmental.area import Curve, logarithmic, trapezoids

UP_DOWN = "lin up/log down"
# Sums of a few products in double precision.
EXACT = pytest.approx


def exponential(times, height=10.0, rate=0.3):
    return height * np.exp(-rate * np.asarray(times, float))


def integral(a, b, height=10.0, rate=0.3):
    """Of an exponential, and of time times it: the antiderivatives, differentiated by hand to check."""
    area = height * (math.exp(-rate * a) - math.exp(-rate * b)) / rate
    moment = [-height * math.exp(-rate * t) * (t / rate + 1 / rate**2) for t in (a, b)]
    return area, moment[1] - moment[0]


def test_logarithmic_trapezoids_are_exact_for_an_exponential():
    times = np.array([0.0, 0.7, 2.0, 9.0])
    auc, aumc = trapezoids(times, exponential(times), np.ones(3, bool))
    wanted = integral(0.0, 9.0)
    assert auc.sum() == EXACT(wanted[0], rel=1e-13)
    assert aumc.sum() == EXACT(wanted[1], rel=1e-13)


def test_linear_trapezoids_by_hand():
    times, values = np.array([0.0, 2.0, 5.0]), np.array([0.0, 4.0, 1.0])
    auc, aumc = trapezoids(times, values, np.zeros(2, bool))
    assert auc.tolist() == [4.0, 7.5]  # 2 (0 + 4) / 2 and 3 (4 + 1) / 2
    assert aumc.tolist() == [8.0, 19.5]  # 2 (0 + 8) / 2 and 3 (8 + 5) / 2


def test_nearly_equal_concentrations_lose_no_digits():
    times, values = np.array([100.0, 101.0]), np.array([5.0, 5.0 * (1 - 1e-9)])
    auc, aumc = trapezoids(times, values, np.array([True]))
    assert auc[0] == EXACT(5.0 * (1 - 5e-10), rel=1e-14)
    # The moment of a nearly flat stretch: its middle times its area, less a term of the order of 1e-10.
    assert aumc[0] == EXACT(100.5 * auc[0], rel=1e-11)


@pytest.mark.parametrize(
    ("area", "wanted"),
    [
        ("linear", [False, False, False, False, False]),
        ("lin up/log down", [False, True, False, True, False]),
        # After Cmax, at 1, everything between measurable concentrations.
        ("lin-log", [False, True, True, True, False]),
    ],
)
def test_which_stretches_are_logarithmic(area, wanted):
    values = np.array([0.0, 9.0, 4.0, 5.0, 2.0, 0.0])
    assert logarithmic(np.arange(6.0), values, area).tolist() == wanted


def test_areas_to_the_last_concentration_and_to_the_first_zero_after_it():
    times = np.array([0.0, 1.0, 2.0, 4.0, 8.0, 12.0])
    curve = Curve(times, np.array([0.0, 6.0, 3.0, 2.0, 0.0, 0.0]), "linear")
    # 3 + 4.5 + 5, and then a triangle of 4 wide and 2 high; nothing from 8 to 12.
    assert curve.to_last()[0] == 12.5
    assert curve.to_all()[0] == 16.5
    # Moments: 1 (0 + 6) / 2 + 1 (6 + 6) / 2 + 2 (6 + 8) / 2, and 4 (8 + 0) / 2.
    assert (curve.to_last()[1], curve.to_all()[1]) == (23.0, 39.0)


@pytest.mark.parametrize(
    ("start", "end"), [(0.0, 6.0), (0.5, 3.1), (1.0, 2.0), (2.5, 20.0), (7.0, 9.0), (3.0, math.inf)]
)
def test_parts_of_an_exponential_are_exact_inside_and_outside(start, end):
    times = np.array([0.0, 1.0, 2.0, 6.0])
    curve = Curve(times, exponential(times), UP_DOWN, lambda_z=0.3)
    area, moment = curve.between(start, end)
    wanted = integral(start, 1e3 if math.isinf(end) else end)
    # 1e-12: a few more roundings than above; exp(-300) is nothing.
    assert area == EXACT(wanted[0], rel=1e-12)
    assert moment == EXACT(wanted[1], rel=1e-12)


def test_linear_areas_interpolate_linearly_but_end_exponentially():
    curve = Curve(np.array([0.0, 4.0]), np.array([8.0, 4.0]), "linear", lambda_z=0.5)
    assert curve.at(1.0) == 7.0
    assert curve.between(0.0, 1.0)[0] == 7.5
    assert curve.at(6.0) == EXACT(4 * math.exp(-1.0), rel=1e-14)
    assert curve.between(4.0, 6.0)[0] == EXACT(4 * (1 - math.exp(-1.0)) / 0.5, rel=1e-13)


def test_without_lambda_z_nothing_is_known_after_a_concentration_and_all_after_a_zero():
    high = Curve(np.array([0.0, 4.0]), np.array([8.0, 4.0]), UP_DOWN)
    low = Curve(np.array([0.0, 4.0]), np.array([8.0, 0.0]), UP_DOWN)
    assert math.isnan(high.at(5.0))
    assert math.isnan(high.between(0.0, 5.0)[0])
    assert math.isnan(high.between(0.0, math.inf)[0])
    assert low.at(5.0) == 0.0
    assert low.between(0.0, 6.0)[0] == 16.0


def test_the_curve_goes_on_from_the_last_measurable_concentration():
    times = np.array([0.0, 2.0, 4.0, 8.0])
    curve = Curve(times, np.r_[exponential(times[:3]), 0.0], UP_DOWN, lambda_z=0.3)
    assert curve.between(0.0, 8.0)[0] == EXACT(integral(0.0, 8.0)[0], rel=1e-13)


def test_nothing_measurable():
    curve = Curve(np.array([0.0, 2.0]), np.zeros(2), UP_DOWN)
    assert (curve.to_last(), curve.to_all(), curve.between(0.0, 4.0)) == ((0, 0), (0, 0), (0, 0))
