"""Designs: even, extensible, and held-out points that have nothing to do with the training points."""

import numpy as np

from understudy.surrogate.design import independent, space_filling


def test_each_dimension_is_filled_evenly():
    points = space_filling(0, 64, 4, seed=3)
    # A scrambled Sobol' sequence has one of its first 2**k points in each of 2**k equal intervals.
    assert (np.sort((points * 64).astype(int), axis=0) == np.arange(64)[:, None]).all()


def test_a_longer_design_begins_with_the_shorter_one():
    both = np.vstack([space_filling(0, 40, 3, 1), space_filling(40, 100, 3, 1)])
    assert (both == space_filling(0, 100, 3, 1)).all()


def test_seed_and_purpose_make_other_points():
    assert (space_filling(0, 8, 2, 1) != space_filling(0, 8, 2, 2)).all()
    assert (independent(8, 2, 1, "test") != independent(8, 2, 1, "calibration")).all()
    assert (independent(8, 2, 1, "test") == independent(20, 2, 1, "test")[:8]).all()
