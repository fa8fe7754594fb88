"""diagnose: how measurements lie around the population's and the individuals' predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.random import uniforms
from understudy.inference.individualise import Twins
from understudy.inference.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """Measurements against predictions.

    Parameters
    ----------
    observations : DataFrame
        One row a measurement: id, row (of the file), time, output, observed, population (at zero random effects),
        individual (at the mode), lower, upper (interval of a repeated measurement given the twin), iwres
        (individual weighted residual; not-a-number for outcomes that are no levels).
    curves : DataFrame
        One output over time, each patient: id, time, population, median, lower, upper (of the true value).
    """

    observations: pd.DataFrame
    curves: pd.DataFrame


def diagnose(
    twins: Twins,
    *,
    draws: int = 200,
    interval: float = 0.9,
    points: int = 61,
    output: str | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> Diagnostics:
    """Compare twins with the measurements they were made from.

    Parameters
    ----------
    twins : Twins
    draws : int
        Draws from each posterior.
    interval : float
        Probability that the intervals hold.
    points : int
        Times of each patient's curve, from the first record to the last.
    output : str or None
        Whose curves; None for the first that has a residual error.
    seed, jobs : int

    Examples
    --------
    >>> from understudy import Records, individualise, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = diagnose(individualise(load_model("phenobarbital_neonates"), records), draws=20)
    >>> found.observations.shape
    (155, 10)
    """
    predictor = Predictor(twins.model, twins.records, jobs=jobs)
    vectors = twins.vectors(draws, seed)
    return Diagnostics(
        _observations(predictor, twins, vectors, interval, seed),
        _curves(predictor, twins, vectors, interval, points, output or predictor.model.output_names[0]),
    )


def measurement_draws(predictor: Predictor, vectors: np.ndarray, seed: int) -> np.ndarray:
    """Measurements as they might have come out, shape (draws, observations), on their own scale.

    An observation's scatter depends on the seed and its place among the observations alone. Levels are drawn whether a
    limit of quantification would have hidden them or not.

    Raises
    ------
    SimulationError
        For outcomes that cannot be drawn at the records' times, such as times of events.
    """
    uniform = uniforms(seed, "residual", np.arange(predictor.output.size), len(vectors)).T
    return natural_scale(predictor, drawn_measurements(predictor, vectors, uniform))


def drawn_measurements(predictor: Predictor, vectors: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Measurements made of uniform numbers, of shape (draws, observations) both, on the scale of the residual error."""
    plain = predictor.natural(vectors)
    prediction, variance = predictor.apart(plain, vectors)
    error = scatter(uniform, prediction, variance, predictor.censoring.positive)
    if predictor.correlated is not None:
        error = predictor.correlated.drawn(error, variance, predictor.fixed_values(None)[None])
    found = prediction + error
    for density in predictor.densities:
        given = predictor.parameters(density, plain, vectors)
        found[:, density.here] = density.draws(uniform[:, density.here], given)
    return found


def scatter(
    uniform: np.ndarray, prediction: np.ndarray, variance: np.ndarray, positive: np.ndarray | bool
) -> np.ndarray:
    """Residual errors from uniform numbers; of levels that are known to be `positive`, given that."""
    from scipy.special import ndtr, ndtri

    deviation = np.sqrt(variance)
    if not np.any(positive):
        return deviation * ndtri(uniform)
    above = np.where(positive, ndtr(prediction / deviation), 1.0)
    # From the upper end, where the part that is cut off costs no digits.
    return -deviation * ndtri((1.0 - uniform) * above)


def expected(predictor: Predictor, vectors: np.ndarray) -> np.ndarray:
    """Predictions on the measurements' own scale, shape (copies, observations): of an outcome that is no level, what
    its output is."""
    return predictor.natural(vectors)[:, : predictor.output.size]


def natural_scale(predictor: Predictor, values: np.ndarray) -> np.ndarray:
    """Values back from the scale on which the residual error is normal."""
    logs = [residual.output for residual in predictor.model.residual if residual.scale == "log"]
    return np.where(np.isin(predictor.output.astype(str), logs), np.exp(values), values) if logs else values


def tails(interval: float) -> tuple[float, float]:
    """Probabilities that bound a central interval.

    Examples
    --------
    >>> [round(p, 3) for p in tails(0.9)]
    [0.05, 0.95]
    """
    return (1 - interval) / 2, (1 + interval) / 2


def central(draws: np.ndarray, interval: float) -> np.ndarray:
    """Bounds of the central interval over the first axis, shape (2, ...); there may be nothing to bound."""
    return np.nanquantile(draws, tails(interval), axis=0) if draws.size else np.empty((2, *draws.shape[1:]))


def _observations(predictor: Predictor, twins: Twins, vectors: np.ndarray, interval: float, seed: int):
    import pandas as pd

    zero = np.zeros_like(twins.modes)
    prediction, variance = predictor.predict(np.stack([zero, twins.modes]))
    natural = expected(predictor, np.stack([zero, twins.modes]))
    iwres = (predictor.measured - prediction[1]) / np.sqrt(variance[1])
    for density in predictor.densities:
        iwres[density.here] = np.nan
    lower, upper = central(measurement_draws(predictor, vectors, seed), interval)
    return pd.DataFrame(
        {
            "id": np.array(predictor.patients)[predictor.patient],
            "row": predictor.row,
            "time": predictor.time,
            "output": predictor.output.astype(str),
            "observed": predictor.raw,
            "population": natural[0],
            "individual": natural[1],
            "lower": lower,
            "upper": upper,
            "iwres": iwres,
        }
    )


def _curves(
    predictor: Predictor, twins: Twins, vectors: np.ndarray, interval: float, points: int, output: str
) -> pd.DataFrame:
    import pandas as pd

    schedule = predictor.schedule
    first, last = schedule.time[schedule.start[:-1]], schedule.time[schedule.start[1:] - 1]
    times = first[:, None] + (last - first)[:, None] * np.linspace(0, 1, points)
    typical = predictor.on_grid(np.zeros_like(twins.modes)[None], times, output)[0]
    lower, median, upper = np.nanquantile(
        predictor.on_grid(vectors, times, output), (tails(interval)[0], 0.5, tails(interval)[1]), axis=0
    )
    columns = {"time": times, "population": typical, "median": median, "lower": lower, "upper": upper}
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    frame.insert(0, "id", np.repeat(predictor.patients, points))
    return frame
