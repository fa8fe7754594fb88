"""Areas under curves, two-way tables and Cronbach's alpha, against their definitions."""

import numpy as np
import pytest

from understudy.biostatistics.diagnostic_accuracy import accuracy, area_under_curve
from understudy.biostatistics.internal_consistency import cronbach_alpha
from understudy.core.errors import StudyError
from understudy.core.random import uniforms


def pairs(scores, positive):
    """Kernel of Mann and Whitney for each case and each other."""
    cases, others = scores[positive][:, None], scores[~positive][None, :]
    return (cases > others) + 0.5 * (cases == others)


@pytest.fixture
def scored():
    drawn = uniforms(3, "scores", range(60), 2)
    positive = drawn[:, 0] < 0.4
    return np.floor(5 * drawn[:, 1] + positive), positive  # many ties


def test_area_and_its_error_are_those_of_the_definition(scored):
    scores, positive = scored
    kernel = pairs(scores, positive)
    found = area_under_curve(scores, positive)
    assert found.estimate == pytest.approx(kernel.mean(), rel=1e-12)
    m, n = kernel.shape
    variance = kernel.mean(axis=1).var(ddof=1) / m + kernel.mean(axis=0).var(ddof=1) / n
    assert found.error == pytest.approx(np.sqrt(variance), rel=1e-12)
    low, high = found.interval()
    assert low == pytest.approx(found.estimate - 1.959964 * found.error, rel=1e-6)
    assert high <= 1


def test_intervals_hold_the_true_area():
    """Normal scores one standard deviation apart: the area is Phi(1 / sqrt 2) = 0.7602."""
    from scipy.special import ndtr, ndtri

    held = 0
    for k in range(400):
        drawn = ndtri(uniforms(k, "coverage", range(80), 1)[:, 0])
        positive = np.arange(80) < 40
        low, high = area_under_curve(drawn + positive, positive).interval()
        held += low <= ndtr(1 / np.sqrt(2)) <= high
    # Binomial standard error of 95 % in 400 is 1.1 %; 40 cases leave the normal interval 1 % or so short.
    assert 0.91 <= held / 400 <= 0.98


def test_a_table_of_decisions():
    found = accuracy([1, 1, 1, 0, 0, 0, 0, 1], [1, 1, 0, 1, 0, 0, 0, 0])
    assert (found.sensitivity, found.specificity) == (2 / 3, 3 / 5)
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 3 / 5) / 2)
    assert found.agreement == 5 / 8
    # chance: 4/8 * 3/8 + 4/8 * 5/8 = 1/2
    assert found.kappa == pytest.approx(0.25)


def test_one_kind_of_subjects_is_refused():
    with pytest.raises(StudyError, match="nobody is a case"):
        area_under_curve([1, 2], [False, False])
    with pytest.raises(StudyError, match="everybody is a case"):
        accuracy([1, 0], [1, 1])
    with pytest.raises(StudyError, match="no number"):
        area_under_curve([1, np.nan], [True, False])
    assert np.isnan(area_under_curve([1, 2, 3], [False, False, True]).error)


def test_alpha():
    same = np.array([0.0, 1, 2, 5])
    assert cronbach_alpha(np.column_stack([same, same, same])) == pytest.approx(1)
    assert np.isnan(cronbach_alpha(same[:, None]))
    # Two items: alpha is 4 cov / var of the sum.
    answers = np.array([[1.0, 2], [2, 2], [3, 4], [0, 3]])
    covariance = np.cov(answers.T)
    assert cronbach_alpha(answers) == pytest.approx(4 * covariance[0, 1] / covariance.sum())
    with pytest.raises(StudyError, match="alike"):
        cronbach_alpha([[1, 2], [1, 2]])
    with pytest.raises(StudyError, match="missing"):
        cronbach_alpha([[1, np.nan], [1, 2]])
