"""Conduct: how a trial is run, apart from its design: recruitment, randomisation, dropout and visits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.core.random import uniforms


@dataclass(frozen=True)
class Recruitment:
    """Times of enrolment.

    Parameters
    ----------
    rate : float
        Patients per unit of time at full speed, all sites together.
    ramp : float
        Time over which the rate rises in a line from zero to ``rate``.
    sites : int, optional
        Number of sites whose rates differ from site to site.
    site_variation : float
        Coefficient of variation of the sites' rates, gamma distributed (Anisimov and Fedorov, Stat Med 26, 4958
        (2007), doi:10.1002/sim.2956); the trial's rate is their sum.
    process : "poisson" or "uniform"
        Random gaps, or even ones.

    Examples
    --------
    >>> Recruitment(10, process="uniform").times(np.arange(1), 3, seed=1).round(2).tolist()
    [[0.1, 0.2, 0.3]]
    """

    rate: float
    ramp: float = 0.0
    sites: int | None = None
    site_variation: float = 0.0
    process: Literal["poisson", "uniform"] = "poisson"

    def __post_init__(self):
        numbers = (self.rate, self.ramp, self.site_variation)
        fit = np.isfinite(numbers).all() and self.rate > 0 and min(numbers) >= 0
        if not fit or (self.sites is not None and self.sites < 1):
            raise SimulationError(
                f"{self!r}",
                place="Recruitment",
                repair="give a rate above 0, ramp and variation from 0, sites from 1",
            )
        if self.process not in ("poisson", "uniform"):
            raise SimulationError(
                f"process {self.process!r}", place="Recruitment", repair="give poisson or uniform"
            )

    def times(self, trials: NDArray[np.int64], count: int, seed: int) -> NDArray[np.float64]:
        """Times of enrolment, rising, shape (trials, count)."""
        rate = self._rates(trials, seed)[:, None]
        if self.process == "poisson":
            gaps = -np.log(uniforms(seed, "trial recruitment", trials, count))
        else:
            gaps = np.ones((len(trials), count))
        need = np.cumsum(gaps, axis=1) / rate  # time at full speed
        if not self.ramp:
            return need
        rising = np.sqrt(2 * self.ramp * need)
        return np.where(rising <= self.ramp, rising, need + self.ramp / 2)

    def site_of(self, trials: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
        """Index of each patient's site, shape (trials, count)."""
        share = np.cumsum(self._site_rates(trials, seed), axis=1)
        drawn = uniforms(seed, "trial site", trials, count) * share[:, -1:]
        return (drawn[..., None] > share[:, None, :]).sum(axis=-1)

    def _rates(self, trials, seed: int) -> NDArray[np.float64]:
        if self.sites is None or not self.site_variation:
            return np.full(len(trials), float(self.rate))
        return self._site_rates(trials, seed).sum(axis=1)

    def _site_rates(self, trials, seed: int) -> NDArray[np.float64]:
        from scipy.special import gammaincinv

        sites = self.sites or 1
        if not self.site_variation:
            return np.full((len(trials), sites), self.rate / sites)
        shape = self.site_variation**-2
        drawn = gammaincinv(shape, uniforms(seed, "trial site rate", trials, sites))
        return self.rate / sites / shape * drawn


@dataclass(frozen=True)
class Dropout:
    """Loss to follow-up.

    Parameters
    ----------
    rate : float
        Hazard, per unit of time.
    by_prognosis : float
        Logarithm of the hazard's ratio per standard deviation of the patient's prognosis: above 0, patients who
        would fare badly leave more often, and dropout is informative.

    Examples
    --------
    >>> Dropout(0.1).times(np.arange(2), np.zeros((2, 3)), seed=1).shape
    (2, 3)
    """

    rate: float
    by_prognosis: float = 0.0

    def __post_init__(self):
        if not self.rate > 0 or not np.isfinite([self.rate, self.by_prognosis]).all():
            raise SimulationError(
                f"rate {self.rate}, by prognosis {self.by_prognosis}",
                place="Dropout",
                repair="give a finite rate above 0, or no dropout",
            )

    def times(
        self, trials: NDArray[np.int64], prognosis: NDArray[np.float64], seed: int
    ) -> NDArray[np.float64]:
        """Times from enrolment to the loss, shape (trials, patients)."""
        exponential = -np.log(uniforms(seed, "trial dropout", trials, prognosis.shape[1]))
        return exponential / (self.rate * np.exp(self.by_prognosis * prognosis))


@dataclass(frozen=True)
class Conduct:
    """How the trial is run.

    Parameters
    ----------
    recruitment : Recruitment
    dropout : Dropout, optional
    visit_every : float, optional
        An event is found at the next visit after it; None: at once.
    """

    recruitment: Recruitment = field(default_factory=lambda: Recruitment(10.0))
    dropout: Dropout | None = None
    visit_every: float | None = None

    def __post_init__(self):
        if self.visit_every is not None and not 0 < self.visit_every < float("inf"):
            raise SimulationError(
                f"a visit every {self.visit_every}",
                place="Conduct.visit_every",
                repair="give a time above 0, or None",
            )

    def seen(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times at which events are found."""
        if self.visit_every is None:
            return time
        return np.ceil(time / self.visit_every) * self.visit_every

    def lost(self, trials, prognosis, seed: int) -> NDArray[np.float64]:
        """Times from enrolment to dropout, infinite where there is none."""
        if self.dropout is None:
            return np.full(prognosis.shape, np.inf)
        return self.dropout.times(trials, prognosis, seed)


def permuted_blocks(
    trials: NDArray[np.int64], count: int, allocation: tuple[int, ...], seed: int
) -> NDArray[np.int64]:
    """Arms of patients in the order of enrolment, in permuted blocks of twice the allocation.

    Parameters
    ----------
    trials : array of int, shape (n,)
    count : int
        Patients of a trial.
    allocation : tuple of int
        Patients of each arm in half a block, as (1, 1) or (1, 2).
    seed : int

    Returns
    -------
    array of int, shape (n, count)

    Examples
    --------
    >>> arms = permuted_blocks(np.arange(5), 8, (1, 1), seed=1)
    >>> arms.sum(axis=1).tolist()
    [4, 4, 4, 4, 4]
    """
    block = np.repeat(np.arange(len(allocation)), np.multiply(allocation, 2))
    blocks = -(-count // len(block))
    drawn = uniforms(seed, "trial randomisation", trials, blocks * len(block))
    order = np.argsort(drawn.reshape(len(trials), blocks, len(block)), axis=2)
    return block[order].reshape(len(trials), -1)[:, :count]
