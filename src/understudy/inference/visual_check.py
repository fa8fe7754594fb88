"""visual_predictive_check: do the data look like data that the model would make?

Karlsson and Holford 2008, A tutorial on visual predictive checks, PAGE 17, abstract 1434. With prediction correction:
Bergstrand et al. 2011, AAPS J 13:143-151, doi:10.1208/s12248-011-9255-z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.core.random import normals
from understudy.inference.diagnose import expected, measurement_draws, tails
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel
from understudy.population.virtual import square_root

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

QUANTILES = (0.05, 0.5, 0.95)


def visual_predictive_check(
    model: PopulationModel,
    records: Records,
    *,
    replicates: int = 500,
    bins: int = 8,
    interval: float = 0.9,
    corrected: bool = False,
    seed: int = 0,
    jobs: int = 1,
) -> pd.DataFrame:
    """Quantiles of the measurements over time beside those of simulated copies of the study.

    Parameters
    ----------
    model : PopulationModel
    records : Records
        Every replicate has the same patients, doses and times, new random effects and new scatter.
    replicates : int
    bins : int
        Bins of time with about equally many measurements.
    interval : float
        Of each simulated quantile over the replicates.
    corrected : bool
        Divide out each bin's differences in the typical prediction (dose, covariates, time within the bin).
    seed, jobs : int

    Returns
    -------
    DataFrame
        output, time (median of the bin), n, quantile, observed, low, median, high.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> check = visual_predictive_check(load_model("phenobarbital_neonates"), records, replicates=20, bins=4)
    >>> check.shape
    (12, 8)
    """
    import pandas as pd

    predictor = Predictor(model, records, jobs=jobs)
    simulated = measurement_draws(predictor, prior_vectors(predictor, replicates, seed), seed)
    observed = predictor.raw
    typical = expected(predictor, np.zeros((1, *_shape(predictor))))[0]
    frames = []
    for output in dict.fromkeys(predictor.output):
        here = np.flatnonzero(predictor.output == output)
        for chosen in _bins(predictor.time[here], bins):
            rows = here[chosen]
            factor = np.median(typical[rows]) / typical[rows] if corrected else np.ones(rows.size)
            frames.append(
                _bin(
                    output,
                    predictor.time[rows],
                    observed[rows] * factor,
                    simulated[:, rows] * factor,
                    interval,
                )
            )
    empty = pd.DataFrame(columns=["output", "time", "n", "quantile", "observed", "low", "median", "high"])
    return pd.concat(frames, ignore_index=True) if frames else empty


def prior_vectors(predictor: Predictor, draws: int, seed: int) -> np.ndarray:
    """New random effects from the population for every patient, shape (draws, N, n)."""
    count, size = _shape(predictor)
    z = normals(seed, "new effects", np.arange(count), max(draws * size, 1))[:, : draws * size]
    return (z.reshape(count, draws, size) @ square_root(predictor.effects.omega)).transpose(1, 0, 2)


def _shape(predictor: Predictor) -> tuple[int, int]:
    return len(predictor.patients), len(predictor.effects.omega)


def _bins(time: np.ndarray, count: int) -> list[np.ndarray]:
    """Indices of about equally large groups in order of time; equal times stay together."""
    moments, place, sizes = np.unique(time, return_inverse=True, return_counts=True)
    middle = (np.cumsum(sizes) - sizes / 2) / max(time.size, 1)
    bins = np.minimum((middle * count).astype(int), count - 1)[place] if moments.size else place
    return [np.flatnonzero(bins == k) for k in np.unique(bins)]


def _bin(
    output: str, time: np.ndarray, observed: np.ndarray, simulated: np.ndarray, interval: float
) -> pd.DataFrame:
    import pandas as pd

    quantiles = np.nanquantile(simulated, QUANTILES, axis=1)
    low, high = np.nanquantile(quantiles, tails(interval), axis=1)
    return pd.DataFrame(
        {
            "output": output,
            "time": np.median(time),
            "n": time.size,
            "quantile": QUANTILES,
            "observed": np.nanquantile(observed, QUANTILES),
            "low": low,
            "median": np.nanmedian(quantiles, axis=1),
            "high": high,
        }
    )
