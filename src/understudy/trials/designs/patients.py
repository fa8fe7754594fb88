"""Patients of simulated trials: whatever can say how each patient would fare in each arm.

A simulated trial asks one thing of them: `Patients.outcomes`. Twins, virtual patients of the engine and resampled
records come in as `ResampledPatients`, a table of outcomes in every arm; parametric patients are in
`survival_patients` and `response_patients`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms

Endpoint = Literal["survival", "continuous", "binary"]


@dataclass(frozen=True)
class Outcomes:
    """Potential outcomes.

    Parameters
    ----------
    value : array of float, shape (trials, patients, arms)
        Time to the event (infinite: never), a measurement, or 0 and 1; of each patient in each arm.
    prognosis : array of float, shape (trials, patients)
        How badly a patient would fare, as a standard normal score; informative dropout hangs on it.
    covariates : mapping of str to array, each of shape (trials, patients)
    """

    value: NDArray[np.float64]
    prognosis: NDArray[np.float64]
    covariates: Mapping[str, NDArray] = field(default_factory=dict)


class Patients(Protocol):
    """Where patients come from."""

    arms: tuple[str, ...]
    endpoint: Endpoint

    def outcomes(self, trials: NDArray[np.int64], count: int, seed: int) -> Outcomes:
        """Outcomes of ``count`` patients for each of the trials with these indices.

        A trial's patients hang on its index and the seed only, not on which trials are asked for together.
        """
        ...

    def null(self) -> Patients:
        """The same patients, for whom every arm is like the first."""
        ...


@dataclass(frozen=True, eq=False)
class ResampledPatients:
    """Patients drawn, with replacement, from a table of outcomes in every arm.

    Parameters
    ----------
    arms : tuple of str
        The first is the control.
    values : array, shape (patients, arms)
        Outcomes, as those of twins or of virtual patients.
    endpoint : "survival", "continuous" or "binary"
    covariates : mapping of str to array, each of shape (patients,)
    higher_is_worse : bool
        Whether a high value in the control arm is a bad one; survival times are good when high.

    Examples
    --------
    >>> twins = ResampledPatients(("control", "drug"), [[0, 1], [0, 0], [1, 1]], "binary")
    >>> twins.outcomes(np.arange(2), 5, seed=1).value.shape
    (2, 5, 2)
    """

    arms: tuple[str, ...]
    values: ArrayLike
    endpoint: Endpoint
    covariates: Mapping[str, ArrayLike] = field(default_factory=dict)
    higher_is_worse: bool = False

    def __post_init__(self):
        values = np.asarray(self.values, dtype=float)
        if values.ndim != 2 or values.shape[1] != len(self.arms) or not len(values) or np.isnan(values).any():
            raise SimulationError(
                f"values of shape {values.shape} for {len(self.arms)} arms",
                place="ResampledPatients.values",
                repair="give a row a patient and a column an arm, without missing values",
            )
        for name, column in self.covariates.items():
            if np.shape(column) != (len(values),):
                raise SimulationError(
                    f"{np.shape(column)} values of a covariate for {len(values)} patients",
                    place=f"covariate {name}",
                    repair="give one value a patient",
                )

    def outcomes(self, trials: NDArray[np.int64], count: int, seed: int) -> Outcomes:
        """See `Patients.outcomes`."""
        values = np.asarray(self.values, dtype=float)
        drawn = (uniforms(seed, "trial resampling", trials, count) * len(values)).astype(np.int64)
        covariates = {name: np.asarray(column)[drawn] for name, column in self.covariates.items()}
        return Outcomes(values[drawn], self._prognosis(values[:, 0])[drawn], covariates)

    def null(self) -> ResampledPatients:
        """See `Patients.null`."""
        values = np.asarray(self.values, dtype=float)
        return replace(self, values=np.repeat(values[:, :1], len(self.arms), axis=1))

    def _prognosis(self, control: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import ndtri
        from scipy.stats import rankdata

        rank = rankdata(control if self.higher_is_worse else -control)
        return ndtri((rank - 0.5) / len(control))
