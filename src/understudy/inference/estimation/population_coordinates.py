"""Population coordinates: those in which a population's posterior is nearly standard normal.

The parameters are scaled by a fit's information, along axes that are logarithmic where they should be; given them,
individuals are independent, and each has effects scaled and moved by what its own data leave open (as the inner
iterations of Rue, Martino and Chopin 2009, doi:10.1111/j.1467-9868.2008.00700.x, here only to shape the sampler's
steps: the posterior stays exact).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.inference.estimation.logarithmic_axes import (
    LogarithmicAxes,
    of_residuals,
    proportional,
    without_bounds,
)
from understudy.inference.estimation.mu_reference import MuReferences
from understudy.inference.estimation.partial_centring import PartialCentring, PartlyCentred
from understudy.inference.estimation.population_density import PopulationDensity
from understudy.inference.modes import find_modes

# Differences of exact gradients: second order in this part of a standard deviation.
_STEP = 1e-2
# Least eigenvalue of the parameters' precision, as a correlation.
_LEAST = 1e-3
# Entries of omega's factor whose squares are no numbers any more.
_ENDLESS = 1e100


@dataclass(frozen=True, eq=False)
class PopulationCoordinates:
    """A map from points that are about standard normal, and the density of these.

    Parameters
    ----------
    density : PopulationDensity
    axes : LogarithmicAxes
        Of the parameters, about the centre.
    root : float array, shape (parameters, parameters)
        Lower triangular root of the parameters' covariance along the axes.
    centring : PartialCentring
        Of the individuals.
    precision : float array, shape (parameters, parameters)
        What the data were told to say of the parameters.
    """

    density: PopulationDensity
    axes: LogarithmicAxes
    root: np.ndarray
    centring: PartialCentring
    precision: np.ndarray

    @classmethod
    def about(
        cls, density: PopulationDensity, centre: np.ndarray, precision: np.ndarray, partial: bool = True
    ) -> PopulationCoordinates:
        """From the density's curvature about some parameters and the individuals' modes there.

        Parameters
        ----------
        density : PopulationDensity
        centre : float array, shape (parameters,)
        precision : float array, shape (parameters, parameters)
            Information of the data about the parameters; not-a-number where it is not known.
        partial : bool
            Whether individuals are centred as far as their data speak; else not at all.
        """
        axes, factor = _axes(density, centre), density.factor.of(centre)
        speed = axes.slopes(np.zeros_like(centre))
        with np.errstate(all="ignore"):
            known = _usable((precision + _prior_precision(density, centre)) * np.outer(speed, speed))
            root, modes = np.linalg.cholesky(np.linalg.inv(known)), _modes(density, centre)
            centring = PartialCentring.none(factor, len(modes), centre.size)
            if partial and modes.size:
                centring = _centring(density, axes, modes)
        return cls(density, axes, root, centring, precision)

    def points(self, y: np.ndarray) -> np.ndarray:
        """Points of the density, shape (..., dimensions), from those of these coordinates."""
        if y.ndim > 2:
            # Part by part: the map needs much more room than its points.
            return np.array([self.points(each) for each in y]).reshape(y.shape)
        _, vectors, at = self._at(y)
        return np.concatenate([vectors, at.z.reshape(len(y), -1)], axis=1)

    def __call__(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The log-density, up to a constant, and its gradient in these coordinates."""
        v, vectors, at = self._at(y)
        value, gradient = self.density(np.concatenate([vectors, at.z.reshape(len(y), -1)], axis=1))
        by_vector, by_z = self.density.split(gradient)
        by_factor, by_v, by_w = at.gradient(by_z)
        by_vector = by_vector + self.density.factor.gradient(vectors, by_factor)
        bent, by_bend = self.axes.log_slope(v)
        by_u = (by_v + by_bend + by_vector * self.axes.slopes(v)) @ self.root
        found = np.concatenate([by_u, by_w.reshape(len(y), -1)], axis=1)
        value = value + at.log_slope + bent
        return np.where(np.isfinite(value), value, -np.inf), found

    def _at(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, PartlyCentred]:
        """Coordinates along the axes, vectors of parameters, and the individuals' map there."""
        u, w = self.density.split(y)
        v = u @ self.root.T
        vectors = self.axes.vectors(v)
        factor = self.density.factor.of(vectors)
        # A chain that has gone too far has no density there; its map must not end the others.
        usable = (np.abs(factor) < _ENDLESS).all(axis=(1, 2)) & np.isfinite(v).all(axis=1)
        factor = np.where(usable[:, None, None], factor, self.centring.factor)
        return v, vectors, self.centring.at(factor, np.where(usable[:, None], v, 0.0), w)


def _axes(density: PopulationDensity, centre: np.ndarray) -> LogarithmicAxes:
    space = density.task.space
    positive = proportional(space, MuReferences(density.task.predictor)) | of_residuals(space)
    return LogarithmicAxes(centre, positive & without_bounds(space) & (centre != 0.0))


def _modes(density: PopulationDensity, centre: np.ndarray) -> np.ndarray:
    """Each individual's z, shape (N, active)."""
    likelihood = density.task.likelihood(centre)
    effects = find_modes(likelihood)[0] if likelihood.active.size else likelihood.zero[0]
    z = np.linalg.solve(density.factor.of(centre), effects[:, likelihood.active].T).T
    return np.where(np.isfinite(z), z, 0.0)


def _centring(density: PopulationDensity, axes: LogarithmicAxes, modes: np.ndarray) -> PartialCentring:
    """By the curvature of each individual's log-density: what is not omega's is its data's."""
    own, crossed = _curvature(density, axes.centre, modes)
    information = _above(own - np.eye(modes.shape[1]), 0.0)
    pull = (information @ modes[..., None])[..., 0] + modes
    # How omega's factor moves the effects is known exactly; residual errors change how much the data say.
    scatter, fading = of_residuals(density.task.space), np.zeros_like(axes.centre)
    crossed[..., len(density.task.space.fixed) :] = crossed[..., scatter] = 0.0
    for column in np.flatnonzero(scatter):
        fading[column] = _fading(density, axes, modes, column)
    turning = crossed * axes.slopes(np.zeros_like(axes.centre))
    return PartialCentring(density.factor.of(axes.centre), information, pull, turning, fading)


def _fading(density: PopulationDensity, axes: LogarithmicAxes, modes: np.ndarray, column: int) -> float:
    """How the logarithm of what the data say of all individuals' effects falls along an axis."""
    told, step = [], np.zeros_like(axes.centre)
    step[column] = _STEP
    for moved in (step, -step):
        own = _curvature(density, axes.vectors(moved), modes)[0]
        told.append(float(np.trace(own, axis1=1, axis2=2).sum() - modes.size))
    return -float(np.log(told[0] / told[1])) / (2.0 * _STEP) if min(told) > 0.0 else 0.0


def _curvature(
    density: PopulationDensity, centre: np.ndarray, modes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Minus the second derivatives by each individual's z, and by these and parameters."""
    size, parameters = modes.shape[1], centre.size
    shifts = np.zeros((size + parameters, density.dimensions))
    for k in range(size):
        density.split(shifts)[1][k][:, k] = _STEP
    shifts[size:, :parameters] = _STEP * np.eye(parameters)
    at = np.concatenate([centre, modes.ravel()])
    _, gradients = density(np.concatenate([at + shifts, at - shifts]))
    slopes = density.split(gradients)[1]
    second = -(slopes[: len(shifts)] - slopes[len(shifts) :]) / (2.0 * _STEP)
    own, crossed = np.moveaxis(second[:size], 0, -1), np.moveaxis(second[size:], 0, -1)
    own = np.where(np.isfinite(own), own, np.eye(size))
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
