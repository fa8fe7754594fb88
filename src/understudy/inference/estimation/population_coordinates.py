"""Population coordinates: those in which a population's posterior is nearly standard normal.

Given the parameters, individuals are independent: the precision of the whole posterior is an arrow. From its blocks at
the mode every individual's effects move with the parameters to first order and are scaled by what its own data leave
open, while the parameters themselves are scaled by a fit's information (as the inner iterations of Rue, Martino and
Chopin 2009, doi:10.1111/j.1467-9868.2008.00700.x, here only to shape the sampler's steps: the posterior stays exact).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.inference.estimation.population_density import PopulationDensity

# Differences of exact gradients: second order in this part of a standard deviation.
_STEP = 1e-2
# Least eigenvalues of precisions: of an individual's effects relative to their prior's, of parameters as correlations.
_LEAST_OF_EFFECTS, _LEAST = 0.5, 1e-3


@dataclass(frozen=True, eq=False)
class PopulationCoordinates:
    """A linear map from points that are about standard normal.

    Parameters
    ----------
    density : PopulationDensity
    centre : float array, shape (parameters,)
    root : float array, shape (parameters, parameters)
        Lower triangular root of the parameters' covariance.
    modes : float array, shape (N, active)
        Each individual's z or eta there.
    turning : float array, shape (N, active, parameters)
        How the modes move with the parameters.
    roots : float array, shape (N, active, active)
        Lower triangular roots of each individual's covariance given the parameters.
    precision : float array, shape (parameters, parameters)
        What the data were told to say of the parameters.
    """

    density: PopulationDensity
    centre: np.ndarray
    root: np.ndarray
    modes: np.ndarray
    turning: np.ndarray
    roots: np.ndarray
    precision: np.ndarray

    @classmethod
    def about(
        cls, density: PopulationDensity, centre: np.ndarray, modes: np.ndarray, precision: np.ndarray
    ) -> PopulationCoordinates:
        """From the density's curvature about a point.

        Parameters
        ----------
        density : PopulationDensity
        centre : float array, shape (parameters,)
        modes : float array, shape (N, active)
            Of each individual's z, or eta of what is centred.
        precision : float array, shape (parameters, parameters)
            Information of the data about the parameters; not-a-number where it is not known.
        """
        root = np.linalg.cholesky(np.linalg.inv(_usable(precision + _prior_precision(density, centre))))
        unit = density.parts(centre)[0]
        own, crossed = _curvature(density, centre, modes, unit)
        covariance = unit @ np.linalg.inv(_above(own, _LEAST_OF_EFFECTS)) @ unit.T
        turning = -covariance @ crossed
        return cls(density, centre, root, modes, turning, np.linalg.cholesky(covariance), precision)

    def points(self, y: np.ndarray) -> np.ndarray:
        """Points of the density, shape (..., dimensions), from those of these coordinates."""
        u, w = self.density.split(y)
        moved = u @ self.root.T
        z = self.modes + np.einsum("nap,...p->...na", self.turning, moved)
        z = z + np.einsum("nab,...nb->...na", self.roots, w)
        return np.concatenate([self.centre + moved, z.reshape(*z.shape[:-2], -1)], axis=-1)

    def __call__(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The log-density, up to a constant, and its gradient in these coordinates."""
        value, gradient = self.density(self.points(y))
        by_vector, by_z = self.density.split(gradient)
        by_u = (by_vector + np.einsum("nap,cna->cp", self.turning, by_z)) @ self.root
        by_w = np.einsum("nab,cna->cnb", self.roots, by_z)
        return value, np.concatenate([by_u, by_w.reshape(len(y), -1)], axis=-1)


def _curvature(
    density: PopulationDensity, centre: np.ndarray, modes: np.ndarray, unit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Minus the second derivatives by each individual's effects, in units of the columns of `unit`, and by these and
    parameters."""
    size, parameters = modes.shape[1], centre.size
    shifts = np.zeros((size + parameters, density.dimensions))
    for k in range(size):
        density.split(shifts)[1][k] = _STEP * unit[:, k]
    shifts[size:, :parameters] = _STEP * np.eye(parameters)
    at = np.concatenate([centre, modes.ravel()])
    _, gradients = density(np.concatenate([at + shifts, at - shifts]))
    slopes = density.split(gradients)[1]
    second = -(slopes[: len(shifts)] - slopes[len(shifts) :]) / (2.0 * _STEP)
    own, crossed = unit.T @ np.moveaxis(second[:size], 0, -1), np.moveaxis(second[size:], 0, -1)
    return 0.5 * (own + np.swapaxes(own, 1, 2)), np.where(np.isfinite(crossed), crossed, 0.0)


def _prior_precision(density: PopulationDensity, centre: np.ndarray) -> np.ndarray:
    """Minus the second derivatives of the prior, where they bend it down."""
    shifts = _STEP * np.eye(centre.size)
    ahead, behind = density.prior(centre + shifts)[1], density.prior(centre - shifts)[1]
    return np.diag(np.maximum(-np.diag(ahead - behind) / (2.0 * _STEP), 0.0))


def _usable(precision: np.ndarray) -> np.ndarray:
    """A positive definite matrix near to one that may be none: the sampler's warm-up learns the rest."""
    if not np.isfinite(precision).all():
        # Nothing is known: a tenth, in logarithms or fractions of the initial estimates.
        return 100.0 * np.eye(len(precision))
    sizes = np.sqrt(np.maximum(np.abs(np.diag(precision)), 1e-6))
    return _above(precision / np.outer(sizes, sizes), _LEAST) * np.outer(sizes, sizes)


def _above(matrices: np.ndarray, least: float) -> np.ndarray:
    """Symmetric matrices with their eigenvalues raised to at least so much; ones that are unknown are the identity."""
    known = np.isfinite(matrices).all(axis=(-1, -2), keepdims=True)
    values, vectors = np.linalg.eigh(np.where(known, matrices, np.eye(matrices.shape[-1])))
    return (vectors * np.maximum(values, least)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
