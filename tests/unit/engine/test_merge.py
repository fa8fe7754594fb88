"""Doses and looks in order of time, against sorting all of them by their keys."""

import numpy as np
import pytest

from understudy.engine.merge import merge


def sorted_by_keys(dose_start, dose_time, looks, before, number):
    """The same by one sort: looks that come before doses of their time, doses, looks that come after."""
    patients, count = dose_start.size - 1, looks.shape[1]
    wide = np.broadcast_to(looks, (patients, count)).ravel()
    early = np.broadcast_to(before, (patients, count)).ravel()
    owner = np.r_[np.repeat(np.arange(patients), np.diff(dose_start)), np.repeat(np.arange(patients), count)]
    rank = np.r_[np.ones(dose_time.size), np.where(early, 0, 2)]
    time = np.r_[dose_time, wide]
    numbers = np.broadcast_to(number, (patients, count)) + count * np.arange(patients)[:, None]
    look = np.r_[np.full(dose_time.size, -1), numbers.ravel()]
    order = np.lexsort((rank, time, owner))
    return time[order], look[order]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_against_one_sort(own, seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 6, 7)
    # Whole numbers, so that many times are equal.
    dose_time = np.concatenate([np.sort(rng.integers(0, 9, n)) for n in counts]).astype(float)
    looks = np.sort(rng.integers(-1, 10, (7 if own else 1, 5)), axis=1).astype(float)
    before = np.broadcast_to(rng.random((len(looks), 1)) < 0.5, looks.shape).copy()
    number = rng.permuted(np.tile(np.arange(5), (len(looks), 1)), axis=1)
    given = np.r_[0, np.cumsum(counts)], dose_time, looks, before, number
    for found, wanted in zip(merge(*given), sorted_by_keys(*given), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_one_time_is_looked_at_before_and_after_its_dose():
    time, look = merge(
        np.array([0, 1]),
        np.array([4.0]),
        np.array([[4.0, 4.0]]),
        np.array([[True, False]]),
        np.array([[0, 1]]),
    )
    np.testing.assert_array_equal(time, [4.0, 4.0, 4.0])
    np.testing.assert_array_equal(look, [0, -1, 1])


def test_nobody_is_dosed_or_looked_at():
    none = np.zeros(0)
    assert [
        part.size
        for part in merge(np.zeros(3, dtype=np.int64), none, none[None], none[None] > 0, none[None] > 0)
    ] == [
        0,
        0,
    ]
