"""Thousands of trials at once give what each gives alone."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics import cox, log_rank, log_rank_many, max_combo
from understudy.core.errors import DataError
from understudy.core.random import uniforms


@pytest.fixture(scope="module")
def trials():
    u = uniforms(6, "trials", range(12 * 60), 2).reshape(12, 60, 2)
    arm = np.arange(60) % 2
    time = np.ceil(-10 * np.log(u[..., 0]) * np.where(arm, 1.4, 1))
    watched = np.ceil(25 * u[..., 1])
    return np.minimum(time, watched), (time <= watched).astype(int), arm


@pytest.mark.parametrize("layers", [1, 3])
def test_each_trial_is_what_it_is_alone(trials, layers):
    times, events, arm = trials
    strata, weights = np.arange(60) // 2 % layers, [(0, 0), (0, 1), (1, 0)]
    found = log_rank_many(times, events, arm, strata=strata, weights=weights)
    for k in range(12):
        alone = max_combo(times[k], events[k], arm, strata=strata, weights=weights)
        assert found.z[k] == pytest.approx(alone.z, rel=1e-10)
        assert found.correlation[k] == pytest.approx(alone.correlation, rel=1e-10)
        plain = log_rank(times[k], events[k], arm, strata=strata)
        assert found.expected[k] == pytest.approx(plain.expected)
        assert found.p[k, 0] == pytest.approx(plain.p)
        fit = cox(times[k], events[k], arm, strata=strata)
        assert found.log_hazard_ratio[k] == pytest.approx(fit.coefficients[0], abs=1e-8)
        assert found.standard_error[k] == pytest.approx(fit.standard_errors[0], rel=1e-7)


def test_no_number_depends_on_threads_or_neighbours(trials):
    times, events, arm = trials
    one, three = (log_rank_many(times, events, arm, jobs=jobs) for jobs in (1, 3))
    alone = log_rank_many(times[5:6], events[5:6], arm)
    assert (one.log_hazard_ratio == three.log_hazard_ratio).all()
    assert (one.z == three.z).all()
    assert alone.log_hazard_ratio[0] == one.log_hazard_ratio[5]


def test_what_has_no_answer_says_so():
    times = np.array([[1, 2, 3, 4.0]] * 5)
    events = np.array([[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]])
    arms = np.array([[0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    found = log_rank_many(times, events, arms)
    words = [
        "no event",
        "perfectly ordered",
        "one arm",
        "perfectly ordered",
        "no event were patients of both",
    ]
    for sentence, word in zip(found.sentences, words, strict=True):
        assert word in sentence
    assert found.log_hazard_ratio[[1, 3]].tolist() == [np.inf, -np.inf]
    assert np.isnan(found.log_hazard_ratio[[0, 2, 4]]).all()
    assert np.isnan(found.z[0, 0])
    assert "5 without a hazard ratio" in repr(found)
    assert found.table().problem.tolist() == found.sentences


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [1, 2]}, "no table"),
        ({"times": [[1, -2]]}, "negative"),
        ({"times": [[1, np.nan]]}, "missing"),
        ({"events": [[1, 2]]}, "other codes"),
        ({"arms": [0, 1, 1]}, r"has shape \(3,\)"),
        ({"strata": [-1, 0]}, "number them from 0"),
        ({"weights": [(1,)]}, "no pairs"),
    ],
)
def test_bad_tables(change, message):
    given = {"times": [[1.0, 2.0]], "events": [[1, 1]], "arms": [0, 1], **change}
    with pytest.raises(DataError, match=message):
        log_rank_many(**given)
