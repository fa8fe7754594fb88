"""The choice of points for lambda-z."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy.noncompartmental.rules import NCARules
from understudy.noncompartmental.slope import best_slope, given_slope, regress

RULES = NCARules()


def test_regression_by_hand():
    # ln values 3, 2, 0 at 0, 1, 2: slope -3/2, intercept 19/6, residuals -1/6, 1/3, -1/6 of a spread of 14/3.
    found = regress(np.array([0.0, 1.0, 2.0]), np.exp([3.0, 2.0, 0.0]))
    assert found.lambda_z == pytest.approx(1.5, rel=1e-14)
    assert found.intercept == pytest.approx(19 / 6, rel=1e-14)
    assert found.r2 == pytest.approx(1 - (1 / 6) / (14 / 3), rel=1e-14)
    assert found.adj_r2 == pytest.approx(1 - 2 * (1 / 6) / (14 / 3), rel=1e-14)
    assert found.half_life == pytest.approx(math.log(2) / 1.5, rel=1e-14)
    assert found.span == pytest.approx(2 * 1.5 / math.log(2), rel=1e-14)
    assert found.at(1.0) == pytest.approx(math.exp(19 / 6 - 1.5), rel=1e-14)


def test_more_points_win_a_tie():
    times = np.arange(1.0, 7.0)
    exact = np.exp(-0.2 * times)
    assert best_slope(times, exact, RULES).times == tuple(times)
    # All lines are perfect but the ones with the first point, which is off by much more than the tie allows.
    assert best_slope(times, exact * [1.5, 1, 1, 1, 1, 1], RULES).times == tuple(times[1:])
    # Off by so little that the adjusted r² stays within 0.0001 of the best.
    assert best_slope(times, exact * [1.005, 1, 1, 1, 1, 1], RULES).times == tuple(times)
    assert best_slope(times, exact * [1.005, 1, 1, 1, 1, 1], NCARules(tie=1e-9)).times == tuple(times[1:])


def test_best_line_that_rises_is_no_half_life():
    times, values = np.arange(5.0), np.array([9.0, 5.0, 1.0, 1.1, 1.21])
    assert "rises" in best_slope(times, values, RULES)


def test_flat_and_few():
    flat = best_slope(np.arange(3.0), np.full(3, 2.0), RULES)
    assert flat == "the last concentrations do not fall"
    assert "there are 2" in best_slope(np.arange(2.0), np.array([2.0, 1.0]), RULES)
    assert "there is 1" in best_slope(np.arange(1.0), np.array([2.0]), RULES)
    assert "there is none" in best_slope(np.empty(0), np.empty(0), NCARules(include_cmax=True))


def test_min_points():
    times = np.arange(1.0, 6.0)
    values = np.exp(-0.2 * times) * [1.3, 1.0, 1.0, 1.0, 1.0]
    assert len(best_slope(times, values, RULES).times) == 4
    assert len(best_slope(times, values, NCARules(min_points=5)).times) == 5


def test_points_of_the_user():
    times = np.array([1.0, 2.0, 3.0])
    assert given_slope(times, np.exp(-times)).lambda_z == pytest.approx(1.0, rel=1e-14)
    assert "do not fall" in given_slope(times, np.exp(times))
    assert "there are 2" in given_slope(times[:2], np.exp(-times[:2]))
