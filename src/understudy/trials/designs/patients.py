"""Patients of simulated trials: whatever can say how each patient would fare in each arm.

A simulated trial asks one thing of them: `Patients.outcomes`. Twins, virtual patients of the engine and resampled
records come in as `ResampledPatients`, a table of outcomes in every arm; parametric patients are in
`survival_patients` and `response_patients`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms

if TYPE_CHECKING:
    from understudy.trials.designs.conduct import Conduct

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
    lost : array of float, shape (trials, patients, arms), optional
        Time from enrolment at which a patient would leave in each arm, infinite for never: dropout that the patients'
        own course brings. It comes on top of `Conduct.dropout`.
    """

    value: NDArray[np.float64]
    prognosis: NDArray[np.float64]
    covariates: Mapping[str, NDArray] = field(default_factory=dict)
    lost: NDArray[np.float64] | None = None


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


def observed(
    outcomes: Outcomes, arm: NDArray[np.int64], conduct: Conduct, trials: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outcome of each patient in the arm that it got, and the time from enrolment at which it leaves.

    Parameters
    ----------
    outcomes : Outcomes
    arm : array of int, shape (trials, patients)
    conduct : Conduct
    trials : array of int, shape (trials,)
    seed : int

    Returns
    -------
    value, lost : array of float, shape (trials, patients)
    """
    place = arm[..., None]
    value = np.take_along_axis(outcomes.value, place, axis=2)[..., 0]
    lost = conduct.lost(trials, outcomes.prognosis, seed)
    if outcomes.lost is not None:
        lost = np.minimum(lost, np.take_along_axis(outcomes.lost, place, axis=2)[..., 0])
    return value, lost


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
    lost : array, shape (patients, arms), optional
        Time from enrolment at which a patient leaves in each arm, infinite for never.
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
    lost: ArrayLike | None = None

    def __post_init__(self):
        values = np.asarray(self.values, dtype=float)
        if values.ndim != 2 or values.shape[1] != len(self.arms) or not len(values) or np.isnan(values).any():
            raise SimulationError(
                f"values of shape {values.shape} for {len(self.arms)} arms",
                place="ResampledPatients.values",
                repair="give a row a patient and a column an arm, without missing values",
            )
        if self.lost is not None and (
            np.shape(self.lost) != values.shape or not (np.asarray(self.lost, dtype=float) >= 0).all()
        ):
            raise SimulationError(
                f"times of leaving of shape {np.shape(self.lost)}",
                place="ResampledPatients.lost",
                repair="give one from 0 up for each value",
            )
        self._refuse_values(values)
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
        lost = None if self.lost is None else np.asarray(self.lost, dtype=float)[drawn]
        return Outcomes(values[drawn], self._prognosis(values[:, 0])[drawn], covariates, lost)

    def null(self) -> ResampledPatients:
        """See `Patients.null`."""
        values = np.asarray(self.values, dtype=float)
        lost = None if self.lost is None else np.repeat(np.asarray(self.lost)[:, :1], len(self.arms), axis=1)
        return replace(self, values=np.repeat(values[:, :1], len(self.arms), axis=1), lost=lost)

    def _refuse_values(self, values: NDArray[np.float64]) -> None:
        """Values that the endpoint cannot have."""
        wrong = {
            "survival": not (values > 0).all(),
            "binary": not np.isin(values, (0.0, 1.0)).all(),
            "continuous": not np.isfinite(values).all(),
        }
        if self.endpoint not in wrong:
            raise SimulationError(
                f"endpoint {self.endpoint!r}", place="ResampledPatients.endpoint",
                repair="give survival, continuous or binary",
            )  # fmt: skip
        if wrong[self.endpoint]:
            allowed = {"survival": "times above 0", "binary": "0 and 1", "continuous": "finite numbers"}
            raise SimulationError(
                f"values that no {self.endpoint} endpoint has", place="ResampledPatients.values",
                repair=f"give {allowed[self.endpoint]}",
            )  # fmt: skip

    def _prognosis(self, control: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import ndtri
        from scipy.stats import rankdata

        rank = rankdata(control if self.higher_is_worse else -control)
        return ndtri((rank - 0.5) / len(control))
