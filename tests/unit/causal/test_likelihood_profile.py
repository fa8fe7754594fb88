"""Likelihood profiles: top, edges, limits, and what cannot be one."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal import LikelihoodProfile
from understudy.core.errors import DataError, UnderstudyError

GRID = np.linspace(np.log(0.1), np.log(10), 10)


def parabola(centre: float, points: np.ndarray = GRID) -> LikelihoodProfile:
    return LikelihoodProfile(points, -((points - centre) ** 2) / (2 * 0.3**2))


@pytest.mark.parametrize("centre", [-1.0, 0.1234, 2.0])
@pytest.mark.parametrize("points", [GRID, np.array([-2.3, -1.2, 0.0, 0.3, 1.9, 2.3])], ids=["even", "uneven"])
def test_a_parabola_is_found_exactly_between_its_points(centre: float, points: np.ndarray) -> None:
    profile = parabola(centre, points)
    assert profile.maximum == pytest.approx(centre, abs=1e-12)  # the cubic of a parabola is the parabola
    assert profile.edge == ""
    reach = 1.959963984540054 * 0.3
    low, high = profile.interval()
    for found, limit in ((low, centre - reach), (high, centre + reach)):
        inside = points[0] <= limit <= points[-1]
        assert found == (pytest.approx(limit, abs=1e-10) if inside else np.sign(limit - centre) * np.inf)


def test_given_slopes_make_a_coarse_grid_exact_where_parabolas_are_not() -> None:
    def value(x: np.ndarray) -> np.ndarray:
        return 20 * x - 50 * np.log1p(0.8 * np.exp(x))

    slopes = 20 - 50 * 0.8 * np.exp(GRID) / (1 + 0.8 * np.exp(GRID))
    top = np.log(2 / 3 / 0.8)
    with_slopes = LikelihoodProfile(GRID, value(GRID), slopes)
    assert with_slopes.maximum == pytest.approx(
        top, abs=2e-3
    )  # steps of 0.5: h⁴ / 384 of the fourth derivative
    assert abs(with_slopes.maximum - top) < abs(LikelihoodProfile(GRID, value(GRID)).maximum - top)


@pytest.mark.parametrize(("centre", "edge"), [(5.0, "high"), (-5.0, "low")])
def test_a_top_outside_of_the_points_is_flagged(centre: float, edge: str) -> None:
    profile = parabola(centre)
    assert profile.edge == edge
    assert profile.maximum == (GRID[-1] if edge == "high" else GRID[0])
    assert np.isinf(profile.interval()[1 if edge == "high" else 0])
    assert edge in repr(profile)


def test_a_level_profile_knows_nothing() -> None:
    profile = LikelihoodProfile([-1.0, 0.0, 1.0], [3.0, 3.0, 3.0])
    assert np.isnan(profile.maximum)
    assert profile.edge == "both"
    assert profile.interval() == (-np.inf, np.inf)


def test_beyond_its_points_it_goes_on_straight_and_never_too_low() -> None:
    profile = parabola(0.5)
    far = np.array([-4.0, 4.0])
    assert (profile.at(far) >= -((far - 0.5) ** 2) / 0.18).all()
    assert np.diff(profile.at([3.0, 4.0, 5.0]), 2) == pytest.approx(0, abs=1e-9)


def test_scaled_has_its_top_at_zero() -> None:
    shifted = LikelihoodProfile(GRID, parabola(0.3).values - 7.0)
    assert shifted.scaled.at(0.3) == pytest.approx(0.0, abs=1e-12)
    assert shifted.scaled.interval() == pytest.approx(shifted.interval(), abs=1e-12)
    assert list(shifted.table().columns) == ["point", "value"]


def test_more_confidence_is_a_wider_interval() -> None:
    assert parabola(0.0).interval(0.99)[1] > parabola(0.0).interval(0.8)[1]
    with pytest.raises(UnderstudyError, match="no probability"):
        parabola(0.0).interval(95)


@pytest.mark.parametrize(
    ("points", "values", "word"),
    [
        ([0.0, 1.0, 2.0], [0.0, np.nan, -1.0], "element 1 is missing or infinite"),
        ([0.0, np.inf, 2.0], [0.0, 0.0, -1.0], "missing or infinite"),
        ([0.0, 1.0, 1.0], [0.0, 0.0, -1.0], "not above the one before"),
        ([0.0, 1.0], [0.0], "2 points have 1 values"),
        ([0.0], [0.0], "fewer than two"),
        (["a", "b"], [0.0, 1.0], "no number"),
    ],
)
def test_what_cannot_be_a_profile(points: list, values: list, word: str) -> None:
    with pytest.raises(DataError, match=word):
        LikelihoodProfile(points, values)


def test_slopes_must_be_as_many_as_points() -> None:
    with pytest.raises(DataError, match="gradients"):
        LikelihoodProfile([0.0, 1.0], [0.0, 1.0], [1.0])
