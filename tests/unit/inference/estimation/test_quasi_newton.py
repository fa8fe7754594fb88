"""Quasi-Newton search: minima that are known, places where the function is undefined."""

from itertools import pairwise

import numpy as np
import pytest

from understudy.inference.estimation.quasi_newton import Point, iterations, outer_products


def search(function, gradients, start, most=200, tolerance=1e-12):
    """Where the search ends, and its iterations."""

    def evaluate(vector, near):
        return Point(vector, function(vector), gradients(vector))

    found = []
    for now in iterations(evaluate, evaluate(np.array(start, dtype=float), None)):
        found.append(now)
        if now.promise < tolerance or now.stuck or now.number >= most:
            break
    return found


def test_rosenbrock():
    def parts(x):
        return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])

    def gradients(x):
        slopes = np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]])
        return 2.0 * parts(x)[:, None] * slopes

    found = search(lambda x: float((parts(x) ** 2).sum()), gradients, [-1.2, 1.0])
    # The promise of 1e-12 leaves a distance of its root.
    assert found[-1].point.vector == pytest.approx([1.0, 1.0], abs=1e-5)
    assert not found[-1].stuck


def test_values_never_rise():
    found = search(
        lambda x: float(np.cosh(x - 1.0).sum()), lambda x: np.diag(np.sinh(x - 1.0)), [3.0, -2.0, 0.5]
    )
    values = [now.point.value for now in found]
    assert all(after <= before for before, after in pairwise(values))
    assert found[-1].point.vector == pytest.approx(np.ones(3), abs=1e-5)


def test_it_stays_out_of_where_the_function_is_undefined():
    def function(x):
        return float(x[0] - np.log(x[0])) if x[0] > 0 else np.inf

    found = search(function, lambda x: np.array([[1.0 - 1.0 / x[0]]]), [0.05])
    assert found[-1].point.vector[0] == pytest.approx(1.0, abs=1e-5)


def test_a_wrong_gradient_gets_stuck_and_says_so():
    found = search(lambda x: float(x @ x), lambda x: -2.0 * np.diag(x), [1.0, 2.0])
    assert found[-1].stuck
    assert found[-1].point.vector.tolist() == [1.0, 2.0]


def test_outer_products_are_positive_definite():
    # Fewer subjects than parameters.
    model = outer_products(np.array([[1.0, 2.0, 0.0]]))
    assert np.linalg.eigvalsh(model).min() > 0
