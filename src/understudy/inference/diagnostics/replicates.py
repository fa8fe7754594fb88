"""Replicates: a study's measurements as they would come out again and again if the model were true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals, uniforms
from understudy.inference.diagnose import drawn_measurements, expected, natural_scale
from understudy.inference.diagnostics.estimates import drawn_models, fitted_model
from understudy.inference.diagnostics.observation_context import require_observations
from understudy.inference.predictor import Predictor
from understudy.population.virtual import square_root

if TYPE_CHECKING:
    from understudy.data.records import Records
    from understudy.inference.fit import Fit
    from understudy.model.population_model import PopulationModel

# Rows of schedules that are solved at once: bounds memory, not the numbers.
_AT_ONCE = 1_000_000
# Sets of parameters where the estimates are uncertain; replicates are shared out among them.
PARAMETER_SETS = 100


@dataclass(frozen=True, eq=False)
class Replicates:
    """Simulated copies of a study.

    Parameters
    ----------
    predictor : Predictor
        Of the study, with the estimates themselves.
    values : float array, shape (replicates, observations)
        Simulated measurements on the scale on which the residual error is normal; not-a-number throughout for a
        measurement that could not be computed in most copies. Copies in which another one could not are left out.
    failed : int
        How many copies were left out.
    """

    predictor: Predictor
    values: np.ndarray
    failed: int = 0

    @cached_property
    def computed(self) -> np.ndarray:
        """Which measurements could be computed, shape (observations,)."""
        return ~np.isnan(self.values).any(axis=0)

    @cached_property
    def natural(self) -> np.ndarray:
        """Simulated measurements on their own scale, shape (replicates, observations)."""
        return natural_scale(self.predictor, self.values)

    @cached_property
    def typical(self) -> np.ndarray:
        """Predictions at zero random effects on the measurements' own scale, shape (observations,)."""
        return expected(self.predictor, np.zeros((1, *_shape(self.predictor))))[0]


def replicate(
    given: Fit | PopulationModel,
    records: Records,
    count: int,
    *,
    seed: int = 0,
    uncertainty: bool = False,
    jobs: int = 1,
) -> Replicates:
    """Simulate a study `count` times: the same patients, doses and times, new random effects and new scatter.

    Parameters
    ----------
    given : Fit or PopulationModel
    records : Records
    count : int
    seed : int
    uncertainty : bool
        Draw the parameters too, from the covariance of a fit's estimates.
    jobs : int
        Threads.

    Raises
    ------
    SimulationError
        Without a measurement, for fewer than two copies, or where no measurement or hardly a copy can be computed.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> replicate(load_model("phenobarbital_neonates"), records, 20).values.shape
    (20, 155)
    """
    if count < 2:
        raise SimulationError(f"{count} replicates are too few", place="replicates", repair="take 2 or more")
    predictor = Predictor(fitted_model(given), records, jobs=jobs)
    require_observations(predictor)
    sets = min(count, PARAMETER_SETS) if uncertainty else 1
    models = drawn_models(given, sets, seed) if uncertainty else (predictor.model,)
    # A copy's numbers are the same whatever is simulated beside it.
    effects = standard_effects(predictor, count, seed)
    uniform = uniforms(seed, "residual", np.arange(predictor.output.size), count).T
    values = np.empty_like(uniform)
    for model, here in zip(models, np.array_split(np.arange(count), sets), strict=True):
        by = predictor if model is predictor.model else Predictor(model, records, jobs=jobs)
        values[here] = _simulated(by, effects[here] @ square_root(by.effects.omega), uniform[here])
    return Replicates(predictor, *_computed(values, predictor))


def prior_vectors(predictor: Predictor, draws: int, seed: int) -> np.ndarray:
    """New random effects from the population for every patient, shape (draws, N, n)."""
    return standard_effects(predictor, draws, seed) @ square_root(predictor.effects.omega)


def standard_effects(predictor: Predictor, draws: int, seed: int) -> np.ndarray:
    """Independent standard normal numbers in the place of random effects, shape (draws, N, n)."""
    count, size = _shape(predictor)
    z = normals(seed, "new effects", np.arange(count), max(draws * size, 1))[:, : draws * size]
    return z.reshape(count, draws, size).transpose(1, 0, 2)


def _simulated(predictor: Predictor, vectors: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    size = max(1, _AT_ONCE // max(predictor.schedule.time.size, 1))
    parts = []
    for first in range(0, len(vectors), size):
        here = slice(first, first + size)
        with np.errstate(invalid="ignore"):
            parts.append(drawn_measurements(predictor, vectors[here], uniform[here]))
    return np.concatenate(parts)


def _computed(values: np.ndarray, predictor: Predictor) -> tuple[np.ndarray, int]:
    """Copies without a value that is no number, but for measurements that are none in most copies.

    Minus infinity is the logarithm of nothing, and stays.
    """
    undefined = np.isnan(values) | (values == np.inf)
    never = undefined.mean(axis=0) > 0.5
    good = ~undefined[:, ~never].any(axis=1)
    if never.all() or good.mean() < 0.5:
        rows = ", ".join(str(row) for row in predictor.row[undefined.any(axis=0)][:5])
        raise SimulationError(
            "most simulated studies could not be computed",
            place=f"{predictor.records.source}, rows {rows}",
            repair="check the model at these rows: a prediction or a residual variance is no number",
        )
    return np.where(never, np.nan, values)[good], int((~good).sum())


def _shape(predictor: Predictor) -> tuple[int, int]:
    return len(predictor.patients), len(predictor.effects.omega)
