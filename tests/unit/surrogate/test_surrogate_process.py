"""Gaussian processes: what is predicted is what scikit-learn predicts, and the fit finds what made the data."""

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn.gaussian_process", reason="scikit-learn, of the extra surrogate")

from understudy import SimulationError  # noqa: E402
from understudy.core.random import normals, uniforms  # noqa: E402
from understudy.surrogate.process import SHAPES, Kernel, Process, fitted_kernel  # noqa: E402

POINTS, OTHERS = uniforms(1, "known", range(30), 2), uniforms(1, "asked", range(50), 2)


def smooth(points):
    return np.sin(3 * points[:, 0]) + points[:, 1] ** 2


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_as_scikit_learn(shape):
    kernels = sklearn.kernels
    lengths = (0.7, 1.3)
    form = kernels.RBF(lengths) if shape == "rbf" else kernels.Matern(lengths, nu=2.5)
    whole = kernels.ConstantKernel(2.0) * form + kernels.WhiteKernel(1e-3)
    oracle = sklearn.GaussianProcessRegressor(whole, alpha=0, optimizer=None, normalize_y=True)
    mean, sd = oracle.fit(POINTS, smooth(POINTS)).predict(OTHERS, return_std=True)
    process = Process(Kernel(shape, lengths, 2.0, 1e-3), POINTS, smooth(POINTS))
    found, variance = process.predict(OTHERS)
    # The same algebra in another order; a condition number of some 1e5 times rounding.
    np.testing.assert_allclose(found, mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.sqrt(variance), sd, rtol=1e-7)
    np.testing.assert_allclose(process.mean(OTHERS), mean, rtol=1e-9, atol=1e-9)


def test_a_smooth_function_is_met_and_its_noise_found():
    kernel = fitted_kernel(POINTS, smooth(POINTS))
    assert kernel.shape == "rbf"
    error = np.abs(Process(kernel, POINTS, smooth(POINTS)).mean(OTHERS) - smooth(OTHERS))
    # An entire function of two variables, 30 points: far better than a percent of its range of 2.
    assert error.max() < 0.01
    noisy = smooth(POINTS) + 0.3 * normals(1, "noise", range(30), 1)[:, 0]
    sd = np.sqrt(fitted_kernel(POINTS, noisy).noise) * noisy.std()
    # 30 values give a standard deviation to some 13 %; the fit takes three more parameters from them.
    assert 0.15 < sd < 0.45


def test_points_that_coincide_get_more_noise_instead_of_a_breakdown():
    doubled = np.vstack([POINTS, POINTS])
    process = Process(Kernel("rbf", (5.0, 5.0), 1.0, 1e-20), doubled, smooth(doubled))
    assert np.isfinite(process.mean(OTHERS)).all()


def test_values_that_are_no_numbers_are_not_factorised():
    broken = Process(Kernel("rbf", (1.0, 1.0), 1.0, 1e-9), np.full((4, 2), np.inf), np.ones(4))
    with pytest.raises((SimulationError, ValueError)), np.errstate(invalid="ignore"):
        broken.mean(OTHERS)


def test_missing_scikit_learn_is_told_with_the_pip_line(monkeypatch):
    import importlib.util

    from understudy import MissingExtraError, emulate
    from understudy.library.catalogue import model

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'understudy\[surrogate\]'"):
        emulate(model("one_compartment_iv"), {"CL": (1, 2)}, "1 mg", [1.0])
