from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.covariance_structure import STRUCTURES, covariance_structure
from understudy.core.errors import UnderstudyError


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("visits", [2, 3, 6])
def test_free_parameters_always_make_a_positive_definite_matrix(name, visits):
    structure = covariance_structure(name, visits)
    draw = np.random.default_rng(visits)
    for _ in range(20):
        matrix = structure.matrix(structure.natural(draw.normal(size=structure.count)))
        assert np.linalg.eigvalsh(matrix).min() > 0
        np.testing.assert_array_equal(matrix, matrix.T)


@pytest.mark.parametrize("name", STRUCTURES)
def test_free_parameters_of_its_own_matrix_lead_back(name):
    structure = covariance_structure(name, 4)
    natural = structure.natural(0.5 * np.random.default_rng(1).normal(size=structure.count))
    back = structure.natural(structure.free(structure.matrix(natural)))
    np.testing.assert_allclose(back, natural, rtol=1e-10)  # rounding of exp and log only


@pytest.mark.parametrize("name", STRUCTURES)
def test_derivatives_agree_with_differences(name):
    structure = covariance_structure(name, 4)
    free = 0.5 * np.random.default_rng(2).normal(size=structure.count)
    natural, step = structure.natural(free), 1e-6
    for at, unit in enumerate(np.eye(structure.count)):
        change = structure.matrix(natural + step * unit) - structure.matrix(natural - step * unit)
        # Central differences lose half the digits: 1e-8 is what they have.
        np.testing.assert_allclose(structure.first(natural)[at], change / (2 * step), atol=1e-8)
        change = structure.first(natural + step * unit) - structure.first(natural - step * unit)
        np.testing.assert_allclose(structure.second(natural)[at], change / (2 * step), atol=1e-6)
        change = structure.natural(free + step * unit) - structure.natural(free - step * unit)
        np.testing.assert_allclose(structure.jacobian(free)[:, at], change / (2 * step), atol=1e-8)


def test_patterns_are_what_their_names_say():
    toeplitz = covariance_structure("heterogeneous Toeplitz", 3).matrix(np.array([1.0, 4.0, 9.0, 0.5, 0.25]))
    np.testing.assert_allclose(toeplitz, [[1, 1, 0.75], [1, 4, 3], [0.75, 3, 9]])
    compound = covariance_structure("compound symmetry", 3).matrix(np.array([4.0, 1.0]))
    np.testing.assert_allclose(compound, [[4, 1, 1], [1, 4, 1], [1, 1, 4]])
    unstructured = covariance_structure("unstructured", 2)
    assert unstructured.labels == ("covariance[1,1]", "covariance[2,1]", "covariance[2,2]")


def test_unknown_names_and_single_visits_are_refused():
    with pytest.raises(UnderstudyError, match="unknown covariance structure 'banded'"):
        covariance_structure("banded", 3)
    with pytest.raises(UnderstudyError, match="two visits"):
        covariance_structure("unstructured", 1)
