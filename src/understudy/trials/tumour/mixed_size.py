"""MixedSize: a linear mixed model of tumour size, which falls at first and then grows, patient by patient.

Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963-974. doi:10.2307/2529876
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.core.errors import DataError, Problem

FALL = 4.0  # per year: half of the fall is had after two months


def basis(time: np.ndarray) -> np.ndarray:
    """Level, early fall and later growth: ``1``, ``1 - exp(-4 t)`` and ``t``, time in years."""
    return np.stack([np.ones_like(time), 1 - np.exp(-FALL * time), time], axis=-1)


@dataclass(frozen=True, eq=False)
class MixedSize:
    """Sizes of patients of two arms.

    Parameters
    ----------
    fixed : float array, shape (5,)
        Of the three functions of `basis`, and what treatment adds to the last two.
    covariance : float array, shape (3, 3)
        Of the random effects on the three functions.
    variance : float
        Of a measurement.
    effects : float array, shape (N, 3)
        Expected random effects.
    seen : tuple of float
        Smallest and largest measurement.
    """

    fixed: np.ndarray
    covariance: np.ndarray
    variance: float
    effects: np.ndarray
    seen: tuple[float, float]

    def at(self, times: np.ndarray, arm: np.ndarray, effects: np.ndarray) -> np.ndarray:
        """Sizes, shape (N, m), at times in years of shape (m,)."""
        own = self.fixed[:3] + effects
        own[:, 1:] += arm[:, None] * self.fixed[3:]
        return own @ basis(times).T


def fit_mixed_size(patient: np.ndarray, time: np.ndarray, size: np.ndarray, arm: np.ndarray) -> MixedSize:
    """Maximum likelihood by EM.

    Parameters
    ----------
    patient : int array, shape (n,)
        Place of each measurement's patient in `arm`.
    time, size : float array, shape (n,)
    arm : float array, shape (N,)

    Raises
    ------
    DataError
        For measurements that are not finite, or where the search does not end.
    """
    if not (np.isfinite(time).all() and np.isfinite(size).all()):
        raise DataError([Problem("a time or size that is no number", "leave the row out")], place="the sizes")
    z = basis(time)
    x = np.column_stack([z, arm[patient][:, None] * z[:, 1:]])
    count = len(arm)
    zz = np.zeros((count, 3, 3))
    np.add.at(zz, patient, z[:, :, None] * z[:, None, :])
    beta = np.linalg.lstsq(x, size, rcond=None)[0]
    rest = size - x @ beta
    variance, omega = rest.var() / 2, np.eye(3) * rest.var() / 2
    for _ in range(2000):
        spread = np.linalg.inv(zz / variance + np.linalg.inv(omega))
        zr = np.zeros((count, 3))
        np.add.at(zr, patient, z * rest[:, None])
        effects = np.einsum("nij,nj->ni", spread, zr) / variance
        own = np.einsum("nj,nj->n", z, effects[patient])
        new = np.linalg.lstsq(x, size - own, rcond=None)[0]
        rest = size - x @ new
        unexplained = ((rest - own) ** 2).sum() + np.einsum("nij,nji->", zz, spread)
        moved = np.abs(new - beta).max()
        beta, variance = new, unexplained / len(size)
        change = np.abs((after := (effects.T @ effects + spread.sum(axis=0)) / count) - omega).max()
        omega = after
        if max(moved, change) < 1e-4:
            return MixedSize(beta, omega, float(variance), effects, (float(size.min()), float(size.max())))
    raise DataError(
        [Problem("the mixed model of sizes was not found", "give more visits")], place="the sizes"
    )
