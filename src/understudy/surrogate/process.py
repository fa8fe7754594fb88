"""Gaussian process: a smooth function known at some points, with its uncertainty between them.

Rasmussen CE, Williams CKI. Gaussian Processes for Machine Learning. MIT Press 2006, chapters 2, 4 and 5.
What a process predicts is computed here from its kernel, so that stored surrogates need no other package;
scikit-learn finds the kernel's parameters.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from understudy.core.errors import MissingExtraError, SimulationError

Shape = Literal["matern52", "rbf"]

SHAPES: tuple[Shape, ...] = ("matern52", "rbf")
# Parameters of the kernel are sought with so many points at most, the first ones: the time it takes grows with their
# third power, and they change little when points are added. What is predicted rests on all points.
_MOST_SOUGHT_WITH = 256
_LENGTHS, _AMPLITUDES, _NOISES = (0.03, 100.0), (1e-2, 1e6), (1e-9, 1.0)
_LARGEST_JITTER = 1e-4


@dataclass(frozen=True)
class Kernel:
    """How alike values at two points are: ``amplitude * shape(distance)``, and a variance of their own.

    Parameters
    ----------
    shape : {"matern52", "rbf"}
        Matérn's with parameter 5/2 (twice differentiable), or the squared exponential (smooth).
    lengths : tuple of float
        Distance over which values change, for each dimension of the unit cube.
    amplitude, noise : float
        Variances, as multiples of the variance of the values.
    """

    shape: Shape
    lengths: tuple[float, ...]
    amplitude: float
    noise: float

    def __call__(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Covariance of values at points, without the noise; shape (len(left), len(right))."""
        from scipy.spatial.distance import cdist

        squared = cdist(left / self.lengths, right / self.lengths, "sqeuclidean")
        if self.shape == "rbf":
            return self.amplitude * np.exp(-0.5 * squared)
        scaled = np.sqrt(5.0 * squared)
        return self.amplitude * (1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled)


@dataclass(frozen=True, eq=False)
class Process:
    """A Gaussian process given values at points.

    Parameters
    ----------
    kernel : Kernel
    points : float array, shape (n, dimensions)
    values : float array, shape (n,)

    Examples
    --------
    >>> points = np.linspace(0, 1, 9)[:, None]
    >>> process = Process(Kernel("rbf", (0.5,), 1.0, 1e-9), points, np.sin(points[:, 0]))
    >>> mean, variance = process.predict(np.array([[0.3]]))
    >>> bool(abs(mean[0] - np.sin(0.3)) < 1e-5)
    True
    """

    kernel: Kernel
    points: np.ndarray
    values: np.ndarray

    @cached_property
    def _level(self) -> tuple[float, float]:
        spread = float(self.values.std())
        return float(self.values.mean()), spread if spread > 0 else 1.0

    @cached_property
    def _factor(self) -> np.ndarray:
        """Lower Cholesky factor of the covariance; more noise is added where rounding leaves it none."""
        covariance = self.kernel(self.points, self.points)
        jitter = max(self.kernel.noise, 1e-12 * self.kernel.amplitude)
        while jitter <= max(_LARGEST_JITTER * self.kernel.amplitude, self.kernel.noise):
            try:
                return np.linalg.cholesky(covariance + jitter * np.eye(len(covariance)))
            except np.linalg.LinAlgError:
                jitter *= 10.0
        raise SimulationError(
            "the covariance of the training runs cannot be factorised",
            repair="give fewer runs or a larger box",
        )

    @cached_property
    def _weights(self) -> np.ndarray:
        from scipy.linalg import cho_solve

        mean, spread = self._level
        return cho_solve((self._factor, True), (self.values - mean) / spread)

    def mean(self, points: np.ndarray) -> np.ndarray:
        """Expected values at other points, shape (len(points),)."""
        mean, spread = self._level
        return mean + spread * (self.kernel(points, self.points) @ self._weights)

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected values at other points and the variances of values there, each of shape (len(points),)."""
        mean, spread = self._level
        between = self.kernel(points, self.points)
        known = self._projected(between)
        left = np.maximum(self.kernel.amplitude - (known**2).sum(axis=0), 0.0) + self.kernel.noise
        return mean + spread * (between @ self._weights), spread**2 * left

    def projected(self, points: np.ndarray) -> np.ndarray:
        """Covariances with other points, in coordinates in which what is known has none; shape (n, len(points)).

        The squares of a column add up to how much less the variance at its point is for what is known.
        """
        return self._projected(self.kernel(points, self.points))

    def _projected(self, between: np.ndarray) -> np.ndarray:
        from scipy.linalg import solve_triangular

        return solve_triangular(self._factor, between.T, lower=True, check_finite=False)


def fitted_kernel(points: np.ndarray, values: np.ndarray, shapes: tuple[Shape, ...] = SHAPES) -> Kernel:
    """The kernel with the greatest marginal likelihood.

    Parameters
    ----------
    points : float array, shape (n, dimensions)
    values : float array, shape (n,)
    shapes : tuple of {"matern52", "rbf"}
        The most likely one is taken.

    Raises
    ------
    MissingExtraError
        Without scikit-learn.
    """
    sought = slice(0, _MOST_SOUGHT_WITH)
    found = [_most_likely(points[sought], values[sought], shape) for shape in shapes]
    return max(found, key=lambda pair: pair[0])[1]


def _most_likely(points: np.ndarray, values: np.ndarray, shape: Shape) -> tuple[float, Kernel]:
    """Log marginal likelihood and kernel; maximised by L-BFGS-B from one start, so that it is the same each time."""
    require_scikit_learn()
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
    from threadpoolctl import threadpool_limits

    lengths = np.full(points.shape[1], 1.0)
    form = RBF(lengths, _LENGTHS) if shape == "rbf" else Matern(lengths, _LENGTHS, nu=2.5)
    start = ConstantKernel(1.0, _AMPLITUDES) * form + WhiteKernel(1e-4, _NOISES)
    # Matrices are so small that threads of the linear algebra would wait for each other most of the time.
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        # A parameter without influence has a length at its bound, a smooth function a noise: neither is a fault, and
        # how good the fit is the held-out runs tell.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = GaussianProcessRegressor(start, alpha=0.0, normalize_y=True).fit(points, values)
    amplitude, shaped, noise = fit.kernel_.k1.k1, fit.kernel_.k1.k2, fit.kernel_.k2
    lengths = tuple(np.broadcast_to(shaped.length_scale, points.shape[1]).tolist())
    kernel = Kernel(shape, lengths, float(amplitude.constant_value), float(noise.noise_level))
    return float(fit.log_marginal_likelihood_value_), kernel


def require_scikit_learn() -> None:
    """Raise where scikit-learn is missing.

    Raises
    ------
    MissingExtraError
        With the pip line.
    """
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise MissingExtraError(
            "surrogates are fitted by scikit-learn, which is not installed",
            repair="pip install 'understudy[surrogate]'",
        )
