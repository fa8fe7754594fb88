"""Noise: how likely measurements are, given what was simulated, with slopes.

The distributions are those of PEtab 1.0 and 2.0 (Noise distributions): normal or Laplace, of the value, its logarithm
or its decimal logarithm. The density is that of the measurement itself, so the logarithm's slope belongs to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Fit(NamedTuple):
    """Log-densities of measurements, their slopes by value and by scale of the noise, and residuals in its units."""

    log_density: np.ndarray
    by_value: np.ndarray
    by_scale: np.ndarray
    residual: np.ndarray


def measure(
    measured: np.ndarray, value: np.ndarray, scale: np.ndarray, distribution: str, transformation: str
) -> Fit:
    """How measurements fit what was simulated, all of shape (measurements,).

    Parameters
    ----------
    measured, value, scale : float arrays
        The scale is the standard deviation of normal noise, and the scale of Laplace's.
    distribution : {"normal", "laplace"}
    transformation : {"lin", "log", "log10"}

    Examples
    --------
    >>> found = measure(np.array([1.0]), np.array([0.0]), np.array([1.0]), "normal", "lin")
    >>> found.log_density.round(4), found.residual
    (array([-1.4189]), array([1.]))
    """
    with np.errstate(all="ignore"):
        seen, expected, steep, jacobian = _transformed(measured, value, transformation)
        residual = (seen - expected) / scale
        if distribution == "normal":
            density = -0.5 * residual**2 - np.log(scale) - 0.5 * np.log(2 * np.pi)
            by_value, by_scale = residual / scale, (residual**2 - 1) / scale
        else:
            density = -np.abs(residual) - np.log(2 * scale)
            by_value, by_scale = np.sign(residual) / scale, (np.abs(residual) - 1) / scale
        # A scale that is not above zero is no scale.
        density = np.where(scale > 0, density - jacobian, np.nan)
        return Fit(density, by_value * steep, by_scale, residual)


def _transformed(
    measured: np.ndarray, value: np.ndarray, transformation: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Measurement and value on the scale of the noise, the slope of the latter, and the logarithm of the former's."""
    if transformation == "lin":
        return measured, value, np.ones_like(value), np.zeros_like(value)
    base = np.log(10.0) if transformation == "log10" else 1.0
    return np.log(measured) / base, np.log(value) / base, 1 / (base * value), np.log(measured * base)
