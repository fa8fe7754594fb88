"""Folds: even, stratified, the same again, and no one's depends on what comes after."""

import numpy as np
import pytest

from understudy.core.errors import StudyError
from understudy.trials.folds import folds


def test_parts_are_even_in_every_stratum():
    strata = np.repeat([0, 1], [70, 23])
    found = folds(93, 5, seed=1, strata=strata)
    for value in (0, 1):
        counts = np.bincount(found[strata == value], minlength=5)
        assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount(found)) <= 1


def test_folds_follow_seed_and_purpose():
    first = folds(50, 5, seed=1)
    assert (first == folds(50, 5, seed=1)).all()
    assert (first != folds(50, 5, seed=2)).any()
    assert (first != folds(50, 5, seed=1, purpose="others")).any()


@pytest.mark.parametrize("parts", [1, 4])
def test_impossible_parts(parts):
    with pytest.raises(StudyError, match="cannot be divided"):
        folds(3, parts, seed=0)
