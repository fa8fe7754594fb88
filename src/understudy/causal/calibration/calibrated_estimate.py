"""calibrate: estimates and confidence intervals with the systematic error taken off and its spread put on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.calibration.error_model import ErrorModel
from understudy.causal.calibration.null_distribution import NullDistribution
from understudy.causal.synthesis.pooled_effect import require_level

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_FARTHEST = 1e4


@dataclass(frozen=True, eq=False)
class CalibratedEstimates:
    """Calibrated estimates on the scale of log ratios.

    Parameters
    ----------
    log_rr, low, high, standard_error : float array, shape (n,)
        A limit is infinite where no true effect is far enough away to contradict the estimate; the standard error is
        the width over that of a standard normal interval.
    level : float
    """

    log_rr: Array
    low: Array
    high: Array
    standard_error: Array
    level: float

    def table(self) -> pd.DataFrame:
        """Columns rr, rr_low, rr_high, log_rr, low, high, standard_error."""
        import pandas as pd

        with np.errstate(over="ignore"):
            ratios = {
                name: np.exp(v)
                for name, v in (("rr", self.log_rr), ("rr_low", self.low), ("rr_high", self.high))
            }
        logs = {
            "log_rr": self.log_rr,
            "low": self.low,
            "high": self.high,
            "standard_error": self.standard_error,
        }
        return pd.DataFrame(ratios | logs)


def calibrate(
    log_rr: ArrayLike, standard_error: ArrayLike, model: ErrorModel | NullDistribution, level: float = 0.95
) -> CalibratedEstimates:
    """Calibrate estimates and their intervals.

    The limits are the true effects for which an estimate like this lies at the edge of what chance and systematic error
    together allow; the estimate is that for which it lies in the middle (Schuemie et al. 2018,
    doi:10.1073/pnas.1708282114).

    Parameters
    ----------
    log_rr, standard_error : float or array of float, shape (n,)
        NaN gives NaN.
    model : ErrorModel or NullDistribution
        Of a null the error is taken to be the same for every true effect.
    level : float

    Returns
    -------
    CalibratedEstimates

    Examples
    --------
    The estimate and the model of EmpiricalCalibration's vignette on intervals, which prints 0.732 (0.480 to 1.113):

    >>> model = ErrorModel(-0.066550795, 0.933292141, 0.187468405, 0.002979502)
    >>> calibrate(-0.3575234, 0.06668903, model).table()[["rr", "rr_low", "rr_high"]].round(3).values.tolist()
    [[0.732, 0.48, 1.113]]
    """
    from scipy.special import ndtri

    require_level(level)
    if isinstance(model, NullDistribution):
        model = ErrorModel.of_null(model)
    z = float(ndtri((1 + level) / 2))
    pairs = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(each, float)) for each in (log_rr, standard_error))
    )
    rows = [
        [_place(model, estimate, error, each) for each in (0.0, z, -z)]
        for estimate, error in zip(*(each.ravel() for each in pairs), strict=True)
    ]
    centre, low, high = np.array(rows).reshape(-1, 3).T
    return CalibratedEstimates(centre, low, high, (high - low) / (2 * z), level)


def _place(model: ErrorModel, estimate: float, error: float, z: float) -> float:
    """The true effect for which the estimate lies z standard deviations above what is expected."""
    if not (np.isfinite(estimate) and np.isfinite(error)):
        return np.nan
    if model.form == "absolute" and model.sd_slope == 0:
        return (
            estimate - z * float(np.hypot(model.sd_intercept, error)) - model.mean_intercept
        ) / model.mean_slope
    from scipy.optimize import brentq

    def excess(truth: float) -> float:
        return (float(model.mean(truth)) - estimate) / float(np.hypot(model.sd(truth), error)) + z

    start = (estimate - model.mean_intercept) / model.mean_slope if model.mean_slope else 0.0
    rising = np.sign(model.mean_slope) or 1.0
    side = -rising if excess(start) > 0 else rising
    inside, reach = start, 0.5
    while np.sign(excess(start + side * reach)) == np.sign(excess(start)):
        inside, reach = start + side * reach, 2 * reach
        if reach > _FARTHEST:
            return float(side * np.inf)
    return float(brentq(excess, inside, start + side * reach, xtol=1e-12)) if z else start
