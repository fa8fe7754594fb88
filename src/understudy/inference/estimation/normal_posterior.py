"""Normal posterior: each subject's random effects given the data, as a normal distribution about the mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.inference.estimation.conditional import definite
from understudy.inference.individualise import find_modes
from understudy.inference.likelihood import Likelihood


@dataclass(frozen=True, eq=False)
class NormalPosterior:
    """The normal approximation of every subject's posterior.

    Parameters
    ----------
    means : float array, shape (N, active)
    covariances : float array, shape (N, active, active)
    failed : bool array, shape (N,)
        Subjects whose mode was not found: they keep what they began with.
    """

    means: np.ndarray
    covariances: np.ndarray
    failed: np.ndarray


def normal_posterior(likelihood: Likelihood, start: np.ndarray | None = None) -> NormalPosterior:
    """The mode, and the inverse of the curvature there: the expected one where the observed is not positive definite.

    Parameters
    ----------
    likelihood : Likelihood
    start : float array, shape (N, n), optional
        Where the modes are sought from; from several places where it is left out.
    """
    modes, failed = find_modes(likelihood, start)
    if start is not None:
        modes = np.where(failed[:, None], start, modes)
    expected = likelihood.expected_curvature(likelihood.slopes(modes[None]))[0]
    curvature = definite(_finite(likelihood.observed_curvature(modes)), expected)
    curvature = definite(_finite(curvature), np.broadcast_to(likelihood.precision, curvature.shape))
    return NormalPosterior(modes[:, likelihood.active], np.linalg.inv(curvature), failed)


def _finite(matrices: np.ndarray) -> np.ndarray:
    """Zero, which is not positive definite, in place of what is undefined."""
    return np.where(np.isfinite(matrices).all(axis=(1, 2))[:, None, None], matrices, 0.0)
