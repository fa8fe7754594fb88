"""Random numbers are Philox4x64-10 and depend on nothing but seed, purpose, patient and position."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.errors import SimulationError
from understudy.core.random import _philox, _raw, choices, normals, stream_key, uniforms


def test_known_answer_for_zero_counter_and_key():
    """The known answer for philox4x64-10 of the authors of Salmon et al. 2011 (Random123, kat_vectors)."""
    zero = np.zeros(1, dtype=np.uint64)
    found = [f"{int(word[0]):016x}" for word in _philox(zero, zero, (0, 0))]
    assert found == ["16554d9eca36314c", "db20fe9d672d0fdc", "d7e772cee186176b", "7e68b68aec7ba23b"]


@given(
    st.integers(0, 2**63), st.text(max_size=20), st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5)
)
def test_bit_for_bit_numpys_philox(seed, purpose, patients):
    found = _raw(seed, purpose, np.array(patients, dtype=np.int64), 9)
    for row, patient in zip(found, patients, strict=True):
        key = np.array(stream_key(seed, purpose), dtype=np.uint64)
        counter = np.array([0, patient, 0, 0], dtype=np.uint64)
        np.testing.assert_array_equal(row, np.random.Philox(key=key, counter=counter).random_raw(9))


@pytest.mark.parametrize("draw", [uniforms, normals])
def test_a_patients_numbers_do_not_depend_on_the_others(draw):
    everyone = draw(7, "eta", np.arange(20_000), 6)
    some = np.array([19_999, 3, 8192, 3, 0])
    np.testing.assert_array_equal(draw(7, "eta", some, 6), everyone[some])
    np.testing.assert_array_equal(draw(7, "eta", some, 2), everyone[some, :2])


@pytest.mark.parametrize(("seed", "purpose"), [(8, "eta"), (7, "epsilon"), (-7, "eta")])
def test_seed_and_purpose_change_every_number(seed, purpose):
    here, there = uniforms(7, "eta", range(50), 4), uniforms(seed, purpose, range(50), 4)
    assert not np.intersect1d(here, there).size


def test_uniforms_are_uniform():
    found = uniforms(1, "test", range(100_000), 4)
    assert found.min() > 0
    assert found.max() < 1
    n = found.size
    # Five standard errors of a mean, a variance and a lag-one correlation of uniform numbers.
    assert abs(found.mean() - 1 / 2) < 5 * math.sqrt(1 / 12 / n)
    assert abs(found.var() - 1 / 12) < 5 * math.sqrt(1 / 180 / n)
    for left, right in ((found[:, :-1], found[:, 1:]), (found[:-1], found[1:])):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 5 / math.sqrt(left.size)


def test_normals_are_normal():
    from scipy.stats import kstest

    found = normals(1, "test", range(50_000), 2).ravel()
    assert np.isfinite(found).all()
    assert kstest(found, "norm").pvalue > 1e-4


def test_choices_are_equally_likely():
    n, patients = 59, 100_000
    counts = np.bincount(choices(3, "covariates", range(patients), n), minlength=n)
    assert len(counts) == n
    expected = patients / n
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert chi_squared < n - 1 + 5 * math.sqrt(2 * (n - 1))
    assert set(choices(3, "x", range(10), 1)) == {0}


def test_no_patients_and_no_numbers():
    assert uniforms(1, "x", [], 3).shape == (0, 3)
    assert uniforms(1, "x", [1, 2], 0).shape == (2, 0)
    assert choices(1, "x", [], 3).shape == (0,)


@pytest.mark.parametrize("patients", [[-1], [0.5], [[1, 2]], ["a"]])
def test_wrong_indices(patients):
    with pytest.raises(SimulationError, match="whole numbers from zero up"):
        uniforms(1, "x", patients, 1)


def test_nothing_to_choose_from():
    with pytest.raises(SimulationError, match="cannot choose from 0"):
        choices(1, "x", [0], 0)


def test_a_million_patients_take_seconds():
    start = time.process_time()
    normals(1, "eta", np.arange(1_000_000), 4)
    assert time.process_time() - start < 4  # measured 0.3 s; the limit allows for slow machines
