"""Divided differences of exponentials, one time or eight times at once, against exact ones."""

from fractions import Fraction
from math import factorial

import numba
import numpy as np
import pytest

from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.linear.divided_differences import (
    divided_differences,
    partial_fractions,
    shortest_time,
    work_space,
)
from understudy.engine.linear.lane_differences import TERMS, longest_time, set_differences, set_series


def exact_divided_difference(points: list[Fraction], time: Fraction, terms: int = 300) -> float:
    """Of exp(-z t), its sign positive, by its power series in rational arithmetic.

    The divided difference of z^m over n + 1 points is the complete homogeneous polynomial of degree m - n.
    """
    order = len(points) - 1
    complete = [Fraction(1)] + [Fraction(0)] * terms
    for point in points:
        for m in range(1, terms + 1):
            complete[m] += point * complete[m - 1]
    total = sum((-1) ** m * time ** (m + order) * complete[m] / factorial(m + order) for m in range(terms))
    return float(total)


POINTS = [
    ["1/2"],
    ["1/2", "1/2"],
    ["0", "0", "0"],
    ["0", "1", "1"],
    ["1/10", "1/10", "1", "5"],
    ["0", "1/1000000000", "2/1000000000", "3"],
    ["1/3", "1/3", "1/3", "1/3", "1/3"],
    ["0", "1/5", "2", "2", "7"],
    ["0", "1/4", "1/2", "3/4", "1"],
]


TIMES = ["1/1000", "1/10", "1/2", "1", "2", "4", "8", "12"]
LARGE = [["1/100", "1/50", "1/2", "3", "3"], ["1/2"] * 7, [f"{5 + k}/10" for k in range(10)]]


def falling(points: list[str]) -> tuple[list[Fraction], np.ndarray]:
    exact = sorted([Fraction(p) for p in points], reverse=True)
    return exact, np.array([float(p) for p in exact])


def wanted(exact: list[Fraction], time: str) -> list[float]:
    return [exact_divided_difference(exact[: k + 1], Fraction(time)) for k in range(len(exact))]


@pytest.mark.parametrize("points", POINTS + LARGE, ids=",".join)
def test_one_time(points):
    exact, z = falling(points)
    for time in TIMES:
        found = np.empty(z.size)
        divided_differences(z, z.size, float(Fraction(time)), found, *work_space(z.size))
        assert found == pytest.approx(wanted(exact, time), rel=2e-12)


@numba.njit
def _eight(z, lengths, series, powers, table, factors):
    set_series(z, z.size, series)
    set_differences(z, z.size, lengths, series, powers, table, factors)


@pytest.mark.parametrize("points", POINTS + LARGE, ids=",".join)
def test_eight_times_at_once(points):
    exact, z = falling(points)
    size = z.size
    times = [time for time in TIMES if Fraction(time) <= longest_time(z, size)]
    lengths = np.array([float(Fraction(time)) for time in times + times[-1:] * (WIDTH - len(times))])
    factors = np.empty((size, WIDTH))
    room = np.empty((size, TERMS)), np.empty((size + TERMS, WIDTH)), np.empty((size, size, WIDTH))
    _eight(z, lengths, *room, factors)
    for lane, time in enumerate(times):
        assert factors[:, lane] == pytest.approx(wanted(exact, time), rel=1e-13)


@pytest.mark.parametrize("points", POINTS + LARGE, ids=",".join)
def test_sums_of_exponentials_from_when_they_are_trusted(points):
    exact, z = falling(points)
    powers, fractions = np.empty(z.size, dtype=np.int64), np.zeros((z.size, z.size))
    partial_fractions(z, z.size, powers, fractions)
    shortest = shortest_time(z, z.size, powers, fractions)
    for time in TIMES:
        t = float(Fraction(time))
        if t >= shortest:
            rising = np.array([t**r / factorial(r) for r in powers]) * np.exp(-z * t)
            assert np.tril(fractions) @ rising == pytest.approx(wanted(exact, time), rel=1e-12)


def test_sums_of_exponentials_are_trusted_where_rate_constants_are_equal_or_apart_only():
    powers, fractions = np.empty(3, dtype=np.int64), np.zeros((3, 3))

    def trusted_from(*points: float) -> float:
        partial_fractions(np.array(points), 3, powers, fractions)
        return shortest_time(np.array(points), 3, powers, fractions)

    assert trusted_from(0.5, 0.5, 0.5) == 0.0
    assert trusted_from(3.0, 1.0, 0.1) < 1.0
    assert trusted_from(0.5 + 1e-9, 0.5, 0.1) > 1e6


def test_the_exact_divided_differences_are_right():
    # Over equal points it is t^n exp(-z t) / n!, over 0 and 1 it is 1 - exp(-t).
    assert exact_divided_difference([Fraction(1, 2)] * 3, Fraction(2)) == pytest.approx(
        2 * np.exp(-1), rel=1e-15
    )
    assert exact_divided_difference([Fraction(0), Fraction(1)], Fraction(3)) == pytest.approx(
        -np.expm1(-3), rel=1e-15
    )
