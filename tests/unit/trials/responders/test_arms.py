"""Arms: copies of a trial keep what randomisation kept."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.trials.responders.arms import arms_of

STRATA = np.repeat([0, 1, 2], 20)
TREATED = np.concatenate([np.arange(20) < 4, np.arange(20) < 10, np.arange(20) < 16])


def test_copies_keep_the_number_of_treated_in_each_stratum():
    rows = arms_of(TREATED, STRATA).rows(0, 51, seed=1)
    assert np.array_equal(rows[0], TREATED)
    assert [set(rows[:, s == STRATA].sum(axis=1).tolist()) for s in range(3)] == [{4}, {10}, {16}]
    assert len({row.tobytes() for row in rows}) == 51


def test_share_is_that_of_the_stratum():
    share = arms_of(TREATED, STRATA).share
    assert share[[0, 20, 40]] == pytest.approx([0.2, 0.5, 0.8])
    assert arms_of(TREATED, None).share == pytest.approx(np.full(60, 0.5))


def test_a_copy_does_not_depend_on_those_made_with_it():
    arms = arms_of(TREATED, None)
    parts = [arms.rows(0, 3, 7), arms.rows(3, 4, 7), arms.rows(4, 9, 7)]
    assert np.array_equal(np.vstack(parts), arms.rows(0, 9, 7))


def test_every_subject_is_treated_as_often_as_its_stratum_says():
    rows = arms_of(TREATED, STRATA).rows(1, 4001, seed=2)
    # Four standard errors of a share of a half among 4,000.
    assert np.abs(rows.mean(axis=0) - arms_of(TREATED, STRATA).share).max() < 4 * 0.5 / 4000**0.5
