"""Courses: transformation, components, calibrated intervals, additions, and a wrong run that is seen."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn, of the extra surrogate")

from understudy.surrogate.addition import least_known
from understudy.surrogate.course import components, fitted_course, rank
from understudy.surrogate.design import independent, space_filling
from understudy.surrogate.held_out import explained, measured, percent, share_interval

TIMES = np.linspace(0, 5, 11)
TRAINING, HELD = space_filling(0, 32, 2, 1), independent(60, 2, 1, "held")


def decay(points):
    """Levels that fall at a rate of 0.1 to 1, from a level of 1 to 10, which is 5 at the first time."""
    values = (1 + 9 * points[:, :1]) * np.exp(-(0.1 + 0.9 * points[:, 1:]) * TIMES)
    values[:, 0] = 5.0
    return values


def shifted(points):
    return decay(points) - 4.0


@pytest.mark.parametrize(("function", "log"), [(decay, True), (shifted, False)])
def test_what_is_above_zero_is_emulated_as_its_logarithm(function, log):
    course = fitted_course("C", "mg/L", TRAINING, function(TRAINING), 0.99999)
    assert course.log is log
    scale = np.ptp(function(HELD))
    # The logarithm is linear in one factor, the other scale is not: a smooth function either way.
    assert np.abs(course.centre(HELD) - function(HELD)).max() < 0.01 * scale


def test_values_over_too_many_decades_keep_their_scale():
    wide = np.exp(-40 * TRAINING[:, :1] * TIMES)
    assert not fitted_course("C", "1", TRAINING, wide, 0.999).log


def test_what_never_changes_is_exact():
    course = fitted_course("C", "mg/L", TRAINING, decay(TRAINING), 0.99999)
    course = course.calibrated(HELD, decay(HELD), 0.9)
    assert not course.changes[0]
    for array in course.band(HELD):
        assert (array[:, 0] == 5.0).all()


def test_nothing_changes_at_all():
    same = np.full((32, 3), 2.5)
    course = fitted_course("C", "1", TRAINING, same, 0.999).calibrated(HELD, np.full((60, 3), 2.5), 0.9)
    assert not course.kernels
    assert (course.band(HELD)[0] == 2.5).all()


def test_components_keep_the_variance_that_was_asked_for():
    rest = decay(TRAINING) - decay(TRAINING).mean(axis=0)
    for share in (0.5, 0.9, 0.9999):
        basis = components(rest, share)
        left = ((rest - rest @ basis.T @ basis) ** 2).sum() / (rest**2).sum()
        assert left <= 1 - share
        if len(basis) > 1:
            fewer = basis[:-1]
            assert ((rest - rest @ fewer.T @ fewer) ** 2).sum() / (rest**2).sum() > 1 - share


def test_intervals_hold_the_share_of_calibration_runs_that_they_must():
    course = fitted_course("C", "1", TRAINING, shifted(TRAINING), 0.99).calibrated(HELD, shifted(HELD), 0.8)
    _, lower, upper = course.band(HELD)
    # Rounding may put the run that is the bound on either side of it.
    margin = 1e-12 * np.abs(upper)
    inside = (shifted(HELD) >= lower - margin) & (shifted(HELD) <= upper + margin)
    assert (inside.sum(axis=0)[1:] == rank(60, 0.8)).all()


def test_the_bound_is_the_rank_that_makes_the_coverage_hold():
    # A new error's rank among n others is uniform: it is within the k-th smallest with probability k / (n + 1).
    assert [rank(n, 0.9) for n in (9, 10, 19, 64)] == [9, 10, 18, 59]
    assert rank(8, 0.9) == 9


def test_a_planted_wrong_training_value_is_seen_in_the_error():
    right = decay(TRAINING)
    wrong = right.copy()
    wrong[7] *= 1.5
    found = [
        measured("C", "mg/L", decay(HELD), course.calibrated(HELD, decay(HELD), 0.9).band(HELD), 0.9)
        for course in (fitted_course("C", "mg/L", TRAINING, values, 0.99999) for values in (right, wrong))
    ]
    assert found[1].typical_largest > 10 * found[0].typical_largest
    assert found[1].q2 < found[0].q2
    # The intervals are widened, and hold what they promise all the same.
    assert found[1].coverage >= 0.9


def test_additions_go_where_nothing_is_known():
    corner = space_filling(0, 32, 2, 1) / 2
    course = fitted_course("C", "mg/L", corner, decay(corner), 0.99999)
    added = least_known([course], space_filling(32, 1000, 2, 1), 4)
    assert (added.max(axis=1) > 0.8).all()
    # Each is chosen as if those before it were known: none beside another.
    distances = np.linalg.norm(added[:, None] - added, axis=2)[np.triu_indices(4, 1)]
    assert distances.min() > 0.1


def test_shares_and_their_intervals():
    # Clopper and Pearson's for 18 of 20, by tables of the binomial distribution: 0.683 to 0.988.
    assert [round(end, 3) for end in share_interval(0.9, 20)] == [0.683, 0.988]
    assert share_interval(1.0, 20)[1] == 1.0
    assert share_interval(0.0, 20)[0] == 0.0
    truth = np.array([[1.0], [3.0]])
    assert explained(truth, truth) == 1.0
    assert explained(truth, np.array([[2.0], [2.0]])) == 0.0
    assert explained(np.ones((2, 1)), np.ones((2, 1))) == 1.0
    assert percent(0.5) == "50 %"
