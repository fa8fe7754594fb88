"""Random slopes: the restricted likelihood's maximum, its recovery, and predictions against their formula."""

import numpy as np
import pytest

from understudy.biostatistics.random_slopes import fit_random_slopes
from understudy.core.errors import StudyError
from understudy.core.random import normals

COVARIANCE = np.array([[4.0, 0.3], [0.3, 0.25]])


def courses(subjects=60, visits=5, seed=1):
    drawn = normals(seed, "courses", range(subjects), 2 + visits)
    effects = drawn[:, :2] @ np.linalg.cholesky(COVARIANCE).T
    subject, time = np.repeat(np.arange(subjects), visits), np.tile(np.arange(visits, dtype=float), subjects)
    value = 10 - time + effects[subject, 0] + effects[subject, 1] * time + drawn[:, 2:].ravel()
    kept = (np.arange(len(subject)) % 7) != 3  # missed visits
    return subject[kept], time[kept], value[kept]


def dense(covariance, residual, subject, time, value, fixed):
    """Restricted deviance without its constant, with whole matrices."""
    random = np.column_stack([np.ones_like(time), time])
    same = subject[:, None] == subject[None, :]
    total = same * (random @ covariance @ random.T) + residual * np.eye(len(time))
    inverse = np.linalg.inv(total)
    inner = fixed.T @ inverse @ fixed
    left = value - fixed @ np.linalg.solve(inner, fixed.T @ inverse @ value)
    return np.linalg.slogdet(total)[1] + np.linalg.slogdet(inner)[1] + left @ inverse @ left


def test_nothing_near_has_a_larger_restricted_likelihood():
    subject, time, value = courses()
    fixed = np.column_stack([np.ones_like(time), time])
    found = fit_random_slopes(subject, time, value, fixed)
    rows = (subject, time, value, fixed)
    best = dense(found.covariance, found.residual, *rows)
    for factor in (0.95, 1.05):
        for place in ((0, 0), (1, 1)):
            other = found.covariance.copy()
            other[place] *= factor
            assert dense(other, found.residual, *rows) > best
        tilted = found.covariance * np.array([[1, factor], [factor, 1]])
        assert dense(tilted, found.residual, *rows) > best
        assert dense(found.covariance, found.residual * factor, *rows) > best


def test_the_same_as_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels, of the extra trials")
    subject, time, value = courses()
    fixed = np.column_stack([np.ones_like(time), time])
    found = fit_random_slopes(subject, time, value, fixed)
    other = statsmodels.MixedLM(value, fixed, groups=subject, exog_re=fixed).fit(reml=True)
    # Both stop at gradients of about 1e-5 of the deviance.
    assert found.coefficients == pytest.approx(other.fe_params, rel=1e-4)
    assert found.errors == pytest.approx(other.bse_fe, rel=1e-3)
    assert found.covariance == pytest.approx(np.asarray(other.cov_re), rel=5e-3)
    assert found.residual == pytest.approx(other.scale, rel=1e-3)
    first = subject == 0
    basis, left = fixed[first], (value - fixed @ found.coefficients)[first]
    mean, _ = found.posterior((basis * left[:, None]).sum(axis=0)[None], (basis.T @ basis)[None])
    assert mean[0] == pytest.approx(np.asarray(other.random_effects[0]), rel=5e-3)


def test_recovery_and_coverage():
    held, variances = 0, []
    for seed in range(60):
        subject, time, value = courses(seed=seed)
        found = fit_random_slopes(subject, time, value, np.column_stack([np.ones_like(time), time]))
        held += abs(found.coefficients[1] + 1) < 1.96 * found.errors[1]
        variances.append([found.covariance[0, 0], found.covariance[1, 1], found.residual])
    # Binomial standard error of 95 % in 60: 2.8 %.
    assert held >= 52
    # Standard error of the mean of 60: 0.11, 0.01 and 0.014.
    assert np.mean(variances, axis=0) == pytest.approx([4.0, 0.25, 1.0], abs=0.35)
    assert np.mean(variances, axis=0)[1:] == pytest.approx([0.25, 1.0], abs=0.05)


def test_no_slopes_are_no_slopes():
    drawn = normals(3, "flat", range(40), 5)
    subject, time = np.repeat(np.arange(40), 4), np.tile(np.arange(4.0), 40)
    value = drawn[subject, 0] + 0.5 * drawn[:, 1:].ravel()
    found = fit_random_slopes(subject, time, value, np.column_stack([np.ones(160), time]))
    assert found.covariance[1, 1] < 0.03


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda s, t, v, f: (s, t, np.where(s == 1, np.nan, v), f), "no number"),
        (lambda s, t, v, f: (s, t, v, np.column_stack([f, f[:, 1]])), "cannot be told apart"),
        (lambda s, t, v, f: (s[:5], t[:5], v[:5], f[:5]), "too few"),
    ],
)
def test_what_cannot_be_fitted(spoil, told):
    subject, time, value = courses()
    with pytest.raises(StudyError, match=told):
        fit_random_slopes(*spoil(subject, time, value, np.column_stack([np.ones_like(time), time])))
