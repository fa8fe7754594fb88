"""Virtual patients: drawn from a population model, with covariates resampled from real ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.content import content_hash
from understudy.core.errors import SimulationError
from understudy.core.random import choices, normals, uniforms
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd


def virtual_patients(
    model: PopulationModel,
    covariates: pd.DataFrame | None = None,
    count: int = 1000,
    seed: int = 0,
    first: int = 0,
    drawn: Sequence[PopulationModel] = (),
) -> pd.DataFrame:
    """Draw virtual patients.

    Parameters
    ----------
    model : PopulationModel
    covariates : DataFrame, optional
        Real patients' covariates, one row each. Whole rows are resampled, so that the covariates of one virtual
        patient belong together. None: every patient has the reference values.
    count : int
    seed : int
    first : int
        Number of the first patient: patients 0 to 99 and 100 to 199 are those of one draw of 200.
    drawn : sequence of PopulationModel
        The model with parameters drawn from how sure one is of them. Patients take turns: of n models patient i has the
        fixed effects and the omega of number i modulo n. None: the model's own parameters hold for all.

    Returns
    -------
    DataFrame
        Index ``v1``, ``v2``, …; a column for each covariate and each subject-level random effect, and for the number of
        the subpopulation that each was drawn from where the model is a mixture; for each fixed effect where parameters
        are drawn.

    Raises
    ------
    SimulationError
        For an empty population or no covariate rows to resample.

    Examples
    --------
    >>> from understudy import load_model
    >>> patients = virtual_patients(load_model("theophylline_adults"), count=3, seed=1)
    >>> list(patients.index)
    ['v1', 'v2', 'v3']
    """
    import pandas as pd

    if count < 1:
        raise SimulationError("the population is empty", repair="ask for at least one virtual patient")
    numbers = np.arange(first, first + count)
    columns = _resampled(model, covariates, numbers, seed)
    names = [name for block in model.random if block.level == "subject" for name in block.names]
    draws = normals(seed, "random effects", numbers, max(len(names), 1))
    effects = np.empty((count, len(names)))
    models, turn = tuple(drawn) or (model,), numbers % max(len(drawn), 1)
    for k in np.unique(turn):
        effects[turn == k] = draws[turn == k, : len(names)] @ square_root(_subject_omega(models[k])).T
    columns |= {name: effects[:, k] for k, name in enumerate(names)}
    columns |= _subpopulations(models, turn, numbers, seed)
    if drawn:
        columns |= {
            name: np.array([each.fixed_values[name] for each in models])[turn] for name in model.fixed_values
        }
    return pd.DataFrame(columns, index=[f"v{number + 1}" for number in numbers])


@dataclass(frozen=True, eq=False)
class VirtualPopulation:
    """Virtual patients who are drawn when their turn comes: `simulate` takes them in the place of a table.

    Patient ``v1`` is the same here, in `virtual_patients` with the same seed, and in a population of any other size.

    Parameters
    ----------
    model : PopulationModel
    covariates : DataFrame, optional
        Real patients' covariates, of which whole rows are resampled. None: every patient has the reference values.
    count : int
    seed : int
    shared : mapping of name to float
        Covariates or parameters that are the same in all of them.

    Raises
    ------
    SimulationError
        For an empty population or no covariate rows to resample.

    Examples
    --------
    >>> from understudy import load_model
    >>> everyone = VirtualPopulation(load_model("theophylline_adults"), count=1_000_000, seed=1)
    >>> list(everyone.table(999_998, 1_000_000).index)
    ['v999999', 'v1000000']
    """

    model: PopulationModel
    covariates: pd.DataFrame | None = None
    count: int = 1000
    seed: int = 0
    shared: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.table(0, min(1, self.count))

    def table(self, first: int, last: int) -> pd.DataFrame:
        """Patients `first` to `last` (excluded), counted from 0; columns as of `virtual_patients`."""
        drawn = virtual_patients(self.model, self.covariates, last - first, self.seed, first)
        return drawn.assign(**self.shared)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all that the patients depend on, but for how many there are."""
        real = "" if self.covariates is None else _frame_hash(self.covariates)
        return content_hash([self.model.hash, real, self.seed, dict(self.shared)])


def _frame_hash(frame: pd.DataFrame) -> str:
    digest = hashlib.sha256("\n".join(map(str, frame.columns)).encode())
    digest.update(np.ascontiguousarray(frame.to_numpy(float)).tobytes())
    return digest.hexdigest()


def _subject_omega(model: PopulationModel) -> np.ndarray:
    from scipy.linalg import block_diag

    blocks = [np.array(block.covariance) for block in model.random if block.level == "subject"]
    return block_diag(*blocks) if blocks else np.zeros((0, 0))


def _subpopulations(
    models: Sequence[PopulationModel], turn: np.ndarray, numbers: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """The number of each patient's subpopulation, where the model is a mixture; `turn` says whose model is whose."""
    model = models[0]
    if model.mixture is None:
        return {}
    shares = np.array([each.mixture.shares(each.fixed_values) for each in models])
    if not np.isfinite(shares).all():
        raise SimulationError(
            "the probabilities of the subpopulations are no probabilities that sum to one",
            place=model.name,
            repair="correct the mixture, or the fixed effects it depends on",
        )
    u = uniforms(seed, "subpopulation", numbers, 1)[:, 0]
    ends = np.cumsum(shares, axis=1)[turn, :-1]
    return {model.mixture.covariate: 1.0 + (ends < u[:, None]).sum(axis=1)}


def _resampled(
    model: PopulationModel, covariates: pd.DataFrame | None, numbers: np.ndarray, seed: int
) -> dict:
    if covariates is None:
        return {
            c.name: np.full(len(numbers), c.reference) for c in model.covariates if c.reference is not None
        }
    if not len(covariates):
        raise SimulationError(
            "there are no patients to resample covariates from", repair="give at least one row"
        )
    row = choices(seed, "covariates", numbers, len(covariates)).ravel()
    return {str(name): covariates[name].to_numpy(float)[row] for name in covariates.columns}


def square_root(covariance: np.ndarray) -> np.ndarray:
    """A matrix whose product with its transpose is `covariance`, also where that is singular.

    Examples
    --------
    >>> square_root(np.array([[4.0, 0.0], [0.0, 0.0]])).round(6) + 0.0
    array([[2., 0.],
           [0., 0.]])
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    # The symmetric root: it does not depend on the order of the eigenvalues.
    return root @ vectors.T
