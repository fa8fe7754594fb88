"""Intervals of surrogates hold new runs of the model as often as they say, over many designs."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn, of the extra surrogate")

from understudy.surrogate.course import fitted_course
from understudy.surrogate.design import independent, space_filling

REPEATS, CALIBRATION, FRESH = 40, 39, 500


def sharp(points):
    """What a Gaussian process believes too much of: flat, with a step."""
    return np.tanh(25 * (points[:, :1] - 0.6)) + points[:, 1:]


def test_coverage_is_nominal():
    shares = {0.5: [], 0.9: []}
    for seed in range(REPEATS):
        training, held = space_filling(0, 16, 2, seed), independent(CALIBRATION, 2, seed, "calibration")
        course = fitted_course("y", "1", training, sharp(training), 0.99999)
        fresh = independent(FRESH, 2, seed, "fresh")
        for coverage, found in shares.items():
            _, lower, upper = course.calibrated(held, sharp(held), coverage).band(fresh)
            found.append(((sharp(fresh) >= lower) & (sharp(fresh) <= upper)).mean())
    for coverage, found in shares.items():
        # The coverage given a calibration set of 39 is a Beta variable with a variance of p (1 - p) / 41; the mean of
        # 40 of them has a standard error of 0.007 at 0.9, of 0.012 at 0.5. Three of these; where (n + 1) p is whole, as
        # here, the nominal coverage is exact.
        margin = 3 * np.sqrt(coverage * (1 - coverage) / (CALIBRATION + 2) / REPEATS)
        assert abs(np.mean(found) - coverage) < margin
