"""baseline_hazard: the hazard of a Cox model over time, of a patient that is named, and the survival that follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.cox_residuals import refuse_unbounded
from understudy.biostatistics.survival.p_value import normal_quantile
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from understudy.biostatistics.survival.cox import CoxFit


def baseline_hazard(fit: CoxFit, at: Mapping[str, float] | ArrayLike | None = None) -> pd.DataFrame:
    """Cumulative hazard and survival of a patient with given covariates, by stratum and time of event.

    Steps are Breslow's, or Efron's with his ties. The variance of the cumulative hazard has a part for the steps and
    one for the coefficients (Tsiatis 1981, Ann Stat 9:93-108, doi:10.1214/aos/1176345335); limits of survival are
    those of exp(-H) on the scale of log H.

    Parameters
    ----------
    fit : CoxFit
    at : mapping of names to numbers, or array of shape (p,), optional
        Covariates of the patient; all zero by default. The offset of that patient is the mean one.

    Returns
    -------
    DataFrame
        Columns stratum, time, hazard, cumulative_hazard, standard_error, survival, low, high.

    Raises
    ------
    DataError
        For covariates that are not those of the model.
    SimulationError
        Without finite estimates, or for the exact likelihood.

    Examples
    --------
    >>> from understudy.biostatistics import cox
    >>> fit = cox([5, 6, 7, 8], [1, 1, 0, 1], {"drug": [0, 1, 0, 1]})
    >>> baseline_hazard(fit, {"drug": 1}).survival.round(3).tolist()
    [0.813, 0.607, 0.223]
    """
    import pandas as pd

    refuse_unbounded(fit)
    data, sums = fit.data, fit.data.event_sums(fit.beta)
    where = (_patient(fit, at) - data.centre) / data.scale
    risk = float(np.exp(where @ fit.beta))
    order = np.lexsort((sums.time, sums.stratum))
    stratum, hazard = sums.stratum[order], risk * sums.hazards[order, 0]
    leaning = risk * (where * sums.hazards[order, :1] - sums.means[1][order])
    parts = [hazard[:, None], risk**2 * sums.hazards[order, 2:], leaning]
    running = _within(stratum, np.concatenate(parts, axis=1))
    cumulative, spread, lean = running[:, 0], running[:, 1], running[:, 2:]
    covariance = fit.naive_covariance * np.outer(data.scale, data.scale)
    error = np.sqrt(spread + np.einsum("ij,jk,ik->i", lean, covariance, lean))
    factor = np.exp(normal_quantile(fit.level) * error / cumulative)
    return pd.DataFrame(
        {
            "stratum": data.strata[stratum],
            "time": sums.time[order],
            "hazard": hazard,
            "cumulative_hazard": cumulative,
            "standard_error": error,
            "survival": np.exp(-cumulative),
            "low": np.exp(-cumulative * factor),
            "high": np.exp(-cumulative / factor),
        }
    )


def _patient(fit: CoxFit, at: Mapping[str, float] | ArrayLike | None) -> np.ndarray:
    if at is None:
        return np.zeros(len(fit.names))
    if isinstance(at, Mapping):
        wrong = sorted(set(fit.names) ^ set(at))
        if wrong:
            cause = "is not in the model and in the patient alike"
            told = [Problem(cause, f"give {', '.join(fit.names)}", column=str(name)) for name in wrong]
            raise DataError(told, place="the patient")
        at = [at[name] for name in fit.names]
    found = np.asarray(at, dtype=float)
    if found.shape != (len(fit.names),) or not np.isfinite(found).all():
        told = [Problem(f"{found.size} values", f"give {', '.join(fit.names)}", column="at")]
        raise DataError(told, place="the patient")
    return found


def _within(stratum: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Running sums that begin anew in each stratum."""
    total = np.cumsum(values, axis=0)
    first = np.searchsorted(stratum, stratum)
    return total - np.concatenate([np.zeros((1, values.shape[1])), total])[first]
