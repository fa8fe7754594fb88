"""Responses by RECIST 1.1, of xenografts, and classes of resistance, worked by hand."""

import math

import pytest

from understudy.core.errors import DataError
from understudy.trials.tumour import (
    ResistanceRule,
    best_response,
    recist,
    resistance,
    xenograft_response,
)


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ([100, 70], ("PR",)),  # exactly 30 % is a partial response
        ([100, 70.1], ("SD",)),
        ([30, 36], ("PD",)),  # exactly 20 % and 6 mm
        ([20, 24.9], ("SD",)),  # 24 % but not 5 mm
        ([100, 60, 71.9, 72], ("PR", "SD", "PD")),  # against the lowest, not the baseline
        ([100, 0, 4, 5], ("CR", "PR", "PD")),
        ([100, 119, 120], ("SD", "PD")),
    ],
)
def test_recist_by_the_sum(sums, expected):
    assert recist(range(len(sums)), sums) == expected


def test_a_new_lesion_is_progression_whatever_the_sum():
    assert recist([0, 42, 84], [50, 30, 0], [False, False, True]) == ("PR", "PD")


@pytest.mark.parametrize(
    ("responses", "confirmed", "expected"),
    [
        (("PR", "PR", "PD"), 28, "PR"),
        (("PR", "SD", "PD"), 28, "SD"),
        (("CR", "PD"), 28, "SD"),
        (("CR", "PD"), 0, "CR"),
        (("PD", "CR"), 0, "PD"),
        (("PR", "CR"), 28, "PR"),  # the complete response is not confirmed, the partial one is
        (("SD",), 0, "SD"),
    ],
)
def test_best_response_until_progression(responses, confirmed, expected):
    days = [42 * k for k in range(len(responses) + 1)]
    assert best_response(days, responses, confirmed_after=confirmed) == expected


def test_stable_too_early_cannot_be_evaluated():
    assert best_response([0, 20], ("SD",)) == "NE"
    assert best_response([0, 20, 30], ("SD", "PD")) == "PD"


@pytest.mark.parametrize(
    ("days", "sizes", "kind"),
    [
        ([0, 50, 100], [40, 38, 39], "no progression"),
        ([0, 121.6], [40, 48], "early progression"),
        ([0, 122], [40, 48], "intermediate"),  # a day too late
        ([0, 40, 80], [40, 36, 45], "intermediate"),  # had shrunk by 10 %
        ([0, 40, 80], [40, 28, 34], "acquired"),  # by 30 %
        ([0, 40, 80], [10, 5, 9.9], "no progression"),  # 98 %, but less than 5 mm
    ],
)
def test_classes_of_resistance(days, sizes, kind):
    assert resistance(days, sizes).kind == kind


def test_resistance_tells_when_and_how_far():
    found = resistance([0, 40, 80, 120], [40, 20, 30, 60])
    assert (found.day, found.shrinkage) == (80.0, 0.5)
    assert math.isnan(resistance([0], [40]).day)
    late = ResistanceRule(early_days=300)
    assert resistance([0, 250], [40, 60], late).kind == "early progression"


@pytest.mark.parametrize(
    ("volumes", "category"),
    [
        ([100, 50, 4, 4, 4], "CR"),
        ([100, 90, 49, 40, 60], "PR"),
        ([100, 100, 110, 120, 130], "SD"),
        ([100, 150, 200, 300, 500], "PD"),
        ([100, 200, 300, 200, 20], "PD"),  # shrank at last, but not on average
    ],
)
def test_xenografts(volumes, category):
    assert xenograft_response([0, 5, 10, 15, 20], volumes).category == category


def test_slope_and_area_of_a_straight_line():
    found = xenograft_response([0, 10, 20], [100, 110, 120])
    assert found.slope == pytest.approx(45)
    assert found.area == pytest.approx(2200)
    assert found.days_counted == 2


@pytest.mark.parametrize("ask", [recist, resistance, xenograft_response])
@pytest.mark.parametrize(
    ("days", "sizes", "words"),
    [
        ([], [], "0 days and 0 sizes"),
        ([0, 1], [1], "2 days and 1 sizes"),
        ([0, 0], [1, 2], "days that do not rise"),
        ([0, 12], [1, math.nan], "not a size"),
        ([0, 12], [1, -1], "not a size"),
    ],
)
def test_visits_that_are_none_are_refused(ask, days, sizes, words):
    with pytest.raises(DataError, match=words):
        ask(days, sizes)


def test_nothing_to_measure_is_refused():
    with pytest.raises(DataError, match="a baseline of zero"):
        recist([0, 1], [0, 1])
    with pytest.raises(DataError, match="no visit from day 10 on"):
        xenograft_response([0, 5], [100, 90])
    with pytest.raises(DataError, match="1 marks of new lesions"):
        recist([0, 1], [10, 10], [True])
    with pytest.raises(DataError, match="2 responses"):
        best_response([0, 1], ("SD", "SD"))
