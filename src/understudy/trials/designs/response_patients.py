"""Response patients: measurements and yes-or-no responses, with a trend over enrolment if wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.trials.designs.patients import Endpoint, Outcomes, Patients


@dataclass(frozen=True)
class ContinuousPatients:
    """Patients with a normally distributed measurement, high when they do well.

    Parameters
    ----------
    means : mapping of str to float
        Of an arm each, the first the control.
    sd : float
    trend : float
        Change of all arms' means from the first patient to the hundredth, and so on: a drift in who is enrolled.

    Examples
    --------
    >>> patients = ContinuousPatients({"control": 0.0, "drug": 1.0}, sd=2.0)
    >>> value = patients.outcomes(np.arange(2), 3, seed=1).value
    >>> bool(np.allclose(value[..., 1] - value[..., 0], 1.0))
    True
    """

    means: Mapping[str, float]
    sd: float = 1.0
    trend: float = 0.0
    endpoint: ClassVar[Endpoint] = "continuous"

    def __post_init__(self):
        if not self.means or not np.isfinite([*self.means.values(), self.trend]).all():
            raise SimulationError(
                f"means {dict(self.means)}, trend {self.trend}",
                place="ContinuousPatients",
                repair="give a finite mean for each arm",
            )
        if not self.sd > 0 or not np.isfinite(self.sd):
            raise SimulationError(f"sd is {self.sd}", place="ContinuousPatients", repair="give one above 0")

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, the control first."""
        return tuple(self.means)

    def null(self) -> ContinuousPatients:
        """Every arm with the mean of the control."""
        return replace(self, means={arm: self.means[self.arms[0]] for arm in self.arms})

    def outcomes(self, trials: NDArray[np.int64], count: int, seed: int) -> Outcomes:
        """See `Patients.outcomes`."""
        from scipy.special import ndtri

        score = ndtri(uniforms(seed, "trial response", trials, count))
        base = self.sd * score + self.trend * np.arange(count) / 100
        return Outcomes(base[..., None] + np.asarray(list(self.means.values())), -score)


@dataclass(frozen=True)
class BinaryPatients:
    """Patients who respond or do not; for dose finding, a response is a toxicity.

    Parameters
    ----------
    probabilities : mapping of str to float
        Of a response, an arm each, the first the control or the lowest dose.
    trend : float
        Change of the log odds of all arms per hundred patients.

    Examples
    --------
    >>> patients = BinaryPatients({"control": 0.3, "drug": 0.5})
    >>> bool(patients.outcomes(np.arange(400), 100, seed=1).value.mean(axis=(0, 1)).round(2)[1] == 0.5)
    True
    """

    probabilities: Mapping[str, float]
    trend: float = 0.0
    endpoint: ClassVar[Endpoint] = "binary"

    def __post_init__(self):
        wrong = {arm: p for arm, p in self.probabilities.items() if not 0 <= p <= 1}
        if wrong or not self.probabilities:
            raise SimulationError(
                f"probabilities {wrong or dict(self.probabilities)}",
                place="BinaryPatients",
                repair="give a number from 0 to 1 for each arm",
            )

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, the control first."""
        return tuple(self.probabilities)

    def null(self) -> BinaryPatients:
        """Every arm with the probability of the control."""
        return replace(self, probabilities={arm: self.probabilities[self.arms[0]] for arm in self.arms})

    def outcomes(self, trials: NDArray[np.int64], count: int, seed: int) -> Outcomes:
        """See `Patients.outcomes`."""
        from scipy.special import expit, logit, ndtri

        uniform = uniforms(seed, "trial response", trials, count)
        chance = np.asarray(list(self.probabilities.values()))
        if self.trend:
            chance = expit(logit(chance) + self.trend * np.arange(count)[:, None] / 100)
        return Outcomes((uniform[..., None] < chance).astype(float), ndtri(uniform))


@dataclass(frozen=True)
class BiomarkerPatients:
    """Two kinds of patients, told apart by a covariate ``biomarker`` of 0 and 1.

    Parameters
    ----------
    negative, positive : Patients
        With the same arms and endpoint.
    prevalence : float
        Share of those that are positive.
    """

    negative: Patients
    positive: Patients
    prevalence: float

    def __post_init__(self):
        if self.negative.arms != self.positive.arms or self.negative.endpoint != self.positive.endpoint:
            raise SimulationError(
                "the two kinds of patients have other arms or another endpoint",
                place="BiomarkerPatients",
                repair="give both the same",
            )
        if not 0 < self.prevalence < 1:
            raise SimulationError(
                f"prevalence {self.prevalence}", place="BiomarkerPatients", repair="give one between 0 and 1"
            )

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, the control first."""
        return self.negative.arms

    @property
    def endpoint(self) -> Endpoint:
        """That of both kinds."""
        return self.negative.endpoint

    def null(self) -> BiomarkerPatients:
        """No effect in either kind."""
        return replace(self, negative=self.negative.null(), positive=self.positive.null())

    def outcomes(self, trials: NDArray[np.int64], count: int, seed: int) -> Outcomes:
        """See `Patients.outcomes`."""
        positive = uniforms(seed, "trial biomarker", trials, count) < self.prevalence
        low, high = (kind.outcomes(trials, count, seed) for kind in (self.negative, self.positive))
        value = np.where(positive[..., None], high.value, low.value)
        prognosis = np.where(positive, high.prognosis, low.prognosis)
        known = {
            name: np.where(positive, high.covariates[name], each)
            for name, each in low.covariates.items()
            if name in high.covariates
        }
        return Outcomes(value, prognosis, {**known, "biomarker": positive.astype(float)})
