"""Numerical predictive check: how many measurements lie outside of their prediction intervals, and how many should.

Karlsson and Savic 2007, Diagnosing model diagnostics, Clin Pharmacol Ther 82:17-20, doi:10.1038/sj.clpt.6100241.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.inference.diagnose import tails
from understudy.inference.diagnostics.observation_context import limits

if TYPE_CHECKING:
    import pandas as pd

    from understudy.inference.diagnostics.replicates import Replicates

INTERVALS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 0.95)


def numerical_check(
    replicates: Replicates, intervals: tuple[float, ...] = INTERVALS, interval: float = 0.95
) -> pd.DataFrame:
    """Shares of the measurements below and above prediction intervals.

    Parameters
    ----------
    replicates : Replicates
    intervals : tuple of float
        Probabilities of the central prediction intervals; that of 0 is the median.
    interval : float
        Within which a share lies with this probability if the model is true, the measurements of a patient being alike.

    Returns
    -------
    DataFrame
        output, prediction_interval, side ("below", "above"), n, observed, expected, low, high (shares), outside
        (whether `observed` is not between `low` and `high`). A measurement beyond a limit of quantification is left
        out, as are copies of it that are.
    """
    import pandas as pd

    predictor = replicates.predictor
    own, theirs = _places(replicates)
    rows = []
    for output in dict.fromkeys(predictor.output):
        here = predictor.output == output
        for width in intervals:
            for side, tail in zip(("below", "above"), tails(width), strict=True):
                rows.append(
                    {"output": output, "prediction_interval": width, "side": side}
                    | _shares(own[here], theirs[:, here], side, tail, interval)
                )
    return pd.DataFrame(rows)


def _places(replicates: Replicates) -> tuple[np.ndarray, np.ndarray]:
    """Each measurement's place among its copies, and each copy's, from 0 to 1; not-a-number beyond a limit."""
    predictor, copies = replicates.predictor, replicates.natural
    low, high = limits(predictor)
    beyond = (copies < low) | (copies > high)
    order = copies.argsort(axis=0)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(len(copies))[:, None] + np.zeros_like(order), axis=0)
    below = (copies < predictor.raw).sum(axis=0) + 0.5 * (copies == predictor.raw).sum(axis=0)
    beyond |= ~replicates.computed
    own = np.where(predictor.censoring.censored | ~replicates.computed, np.nan, below / len(copies))
    return own, np.where(beyond, np.nan, (ranks + 0.5) / len(copies))


def _shares(own: np.ndarray, theirs: np.ndarray, side: str, tail: float, interval: float) -> dict:
    def outside(places: np.ndarray) -> np.ndarray:
        count = np.isfinite(places).sum(axis=-1)
        found = (places < tail) if side == "below" else (places > tail)
        with np.errstate(invalid="ignore"):
            return found.sum(axis=-1) / count

    observed, simulated = outside(own), outside(theirs)
    low, high = np.nanquantile(simulated, tails(interval))
    return {
        "n": int(np.isfinite(own).sum()),
        "observed": float(observed),
        "expected": float(np.nanmean(simulated)),
        "low": float(low),
        "high": float(high),
        "outside": not low <= observed <= high,
    }
