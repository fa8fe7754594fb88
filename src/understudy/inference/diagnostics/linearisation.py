"""Linearisation: a subject's data as jointly normal, by a model that is made linear in the random effects.

At zero random effects it is that of the first-order method, at their mode that of first-order conditional estimation
(Hooker, Staatz and Karlsson 2007, Conditional weighted residuals (CWRES): a model diagnostic for the FOCE method, Pharm
Res 24:2187-2197, doi:10.1007/s11095-007-9361-x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.inference.likelihood import Likelihood


@dataclass(frozen=True, eq=False)
class Linearisation:
    """Mean and covariance of the measurements of all subjects, on the scale on which the residual error is normal.

    Parameters
    ----------
    mean, variance : float arrays, shape (observations,)
        Of the measurement if all random effects were zero; `variance` is the residual one.
    slope : float array, shape (observations, n)
        Derivative of the prediction by the random effects that vary.
    omega : float array, shape (n, n)
        Covariance of these.
    patient : int array, shape (observations,)
        Whose each measurement is.

    Examples
    --------
    >>> one = Linearisation(np.zeros(2), np.ones(2), np.ones((2, 1)), np.array([[3.0]]), np.zeros(2, dtype=int))
    >>> one.weighted(np.array([2.0, 2.0])).round(4)
    array([0.7559, 0.7559])
    """

    mean: np.ndarray
    variance: np.ndarray
    slope: np.ndarray
    omega: np.ndarray
    patient: np.ndarray

    def weighted(self, measured: np.ndarray) -> np.ndarray:
        """Residuals that would be independent and standard normal if the linear model were true.

        Parameters
        ----------
        measured : float array, shape (observations,)
            Not-a-number where a level was not measured.

        Returns
        -------
        float array, shape (observations,)
            ``V ** -0.5 (y - mean)`` with the symmetric root, as NONMEM's. Not-a-number where there is no measurement,
            no prediction, or a prediction without any variance.
        """
        spread = self.variance + np.einsum("ki,ij,kj->k", self.slope, self.omega, self.slope)
        with np.errstate(invalid="ignore"):
            usable = np.isfinite(measured - self.mean) & np.isfinite(spread) & (spread > 0)
        found = np.full(measured.shape, np.nan)
        order = np.flatnonzero(usable)[np.argsort(self.patient[usable], kind="stable")]
        owners, starts = np.unique(self.patient[order], return_index=True)
        for rows in np.split(order, starts[1:]) if owners.size else []:
            found[rows] = self._of_subject(rows, measured)
        return found

    def _of_subject(self, rows: np.ndarray, measured: np.ndarray) -> np.ndarray:
        slope = self.slope[rows]
        covariance = slope @ self.omega @ slope.T + np.diag(self.variance[rows])
        values, vectors = np.linalg.eigh(covariance)
        along = vectors.T @ (measured[rows] - self.mean[rows])
        # Two measurements that must be alike to the last digit leave a direction without any variance.
        open_ = values > 1e-12 * values[-1]
        along = np.where(open_, along / np.sqrt(np.where(open_, values, 1.0)), np.nan)
        return vectors @ along


def linearised(likelihood: Likelihood, modes: np.ndarray) -> dict[str, Linearisation]:
    """The linear models that NONMEM's weighted residuals rest on.

    Parameters
    ----------
    likelihood : Likelihood
    modes : float array, shape (N, n)
        Each subject's random effects at their mode.

    Returns
    -------
    dict of str to Linearisation
        ``WRES``: first order. ``CWRES``: at the mode, with the residual variance at zero random effects. ``CWRESI``: at
        the mode, with the residual variance there (interaction).
    """
    at = likelihood.slopes(np.stack([np.zeros_like(modes), modes]))
    patient, active = likelihood.predictor.patient, modes[:, likelihood.active]
    zero, mode = 0, 1
    conditional = at.prediction[mode] - np.einsum("ki,ki->k", at.d_prediction[mode], active[patient])
    parts = {
        "WRES": (at.prediction[zero], at.variance[zero], at.d_prediction[zero]),
        "CWRES": (conditional, at.variance[zero], at.d_prediction[mode]),
        "CWRESI": (conditional, at.variance[mode], at.d_prediction[mode]),
    }
    return {name: Linearisation(*part, likelihood.omega, patient) for name, part in parts.items()}
