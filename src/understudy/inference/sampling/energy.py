"""Energy: whether momenta drawn anew reach all energies of a density (Betancourt 2016, arXiv:1604.00695)."""

from __future__ import annotations

import numpy as np


def ebfmi(energy: np.ndarray) -> np.ndarray:
    """Estimated Bayesian fraction of missing information, equation 6 of the source.

    Parameters
    ----------
    energy : float array, shape (chains, draws)

    Returns
    -------
    float array, shape (chains,)
        Below 0.3 the tails are hardly reached.

    Examples
    --------
    >>> independent = np.random.default_rng(1).normal(size=(1, 4000))
    >>> bool(abs(ebfmi(independent)[0] - 2.0) < 0.15)
    True
    """
    apart = energy - energy.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.diff(energy, axis=1) ** 2).sum(axis=1) / (apart**2).sum(axis=1)
