"""Correction: measurements of a bin as they would be at the bin's typical prediction, and with its typical variability.

Bergstrand et al. 2011, Prediction-corrected visual predictive checks for diagnosing nonlinear mixed-effects models,
AAPS J 13:143-151, doi:10.1208/s12248-011-9255-z.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.diagnostics.replicates import Replicates

Correction = Literal["none", "prediction", "variability"]


def corrected_values(
    copies: Replicates, rows: np.ndarray, correction: Correction
) -> tuple[np.ndarray, np.ndarray]:
    """Measurements and copies of some rows, those of one bin, corrected.

    Parameters
    ----------
    copies : Replicates
    rows : int array
        Measurements of one output, whose typical predictions are not zero where there is a correction.
    correction : {"none", "prediction", "variability"}
        ``"prediction"``: times the median of the bin's typical predictions over its own; where the residual error is
        normal on the scale of the logarithm this is the same as adding the difference there. ``"variability"``: then
        the distance from that median is scaled by the median over its own standard deviation among the copies, on the
        scale on which the residual error is normal.

    Returns
    -------
    observed : float array, shape (rows,)
    simulated : float array, shape (replicates, rows)

    Raises
    ------
    SimulationError
        Where a typical prediction is below zero, which no factor can correct.
    """
    observed, simulated = copies.predictor.raw[rows], copies.natural[:, rows]
    if correction == "none":
        return observed, simulated
    typical = copies.typical[rows]
    _require_positive(copies, rows, typical)
    middle = float(np.median(typical))
    observed, simulated = observed * middle / typical, simulated * middle / typical
    if correction == "prediction":
        return observed, simulated
    residual = copies.predictor.model.residual_of(str(copies.predictor.output[rows[0]]))
    return _same_spread(observed, simulated, middle, residual.scale == "log")


def _same_spread(
    observed: np.ndarray, simulated: np.ndarray, middle: float, on_logarithm: bool
) -> tuple[np.ndarray, np.ndarray]:
    to, back = (np.log, np.exp) if on_logarithm else (np.asarray, np.asarray)
    spread = to(simulated).std(axis=0, ddof=1)
    factor = np.where(spread > 0, np.median(spread) / np.where(spread > 0, spread, 1.0), 1.0)
    observed, simulated = (back(to(middle) + (to(v) - to(middle)) * factor) for v in (observed, simulated))
    return observed, simulated


def _require_positive(copies: Replicates, rows: np.ndarray, typical: np.ndarray) -> None:
    wrong = np.flatnonzero(~(typical > 0))
    if wrong.size:
        lines = ", ".join(str(copies.predictor.row[rows[k]]) for k in wrong[:5])
        raise SimulationError(
            f"{wrong.size} typical predictions are below zero, which cannot be corrected for",
            place=f"{copies.predictor.records.source}, rows {lines}",
            repair="check without correction",
        )
