"""NUTS: the posterior of a population's parameters and its individuals' random effects, by the No-U-Turn sampler.

Hoffman and Gelman 2014 (arXiv:1111.4246); NONMEM's METHOD=NUTS. What is sampled: `population_density`; what is believed
before the data: `population_prior`; in which coordinates: `population_coordinates`; the chains: `long_chains`; what is
told of them: `posterior_summary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals
from understudy.inference.estimation.focei import FOCEI
from understudy.inference.estimation.laplace import Laplace
from understudy.inference.estimation.logarithmic_axes import of_residuals
from understudy.inference.estimation.method import Estimate, Step, Task
from understudy.inference.estimation.population_coordinates import PopulationCoordinates
from understudy.inference.estimation.population_density import PopulationDensity
from understudy.inference.estimation.population_prior import PopulationPrior, WeakPriors
from understudy.inference.estimation.posterior_summary import posterior_estimate
from understudy.inference.estimation.standard_errors import Information
from understudy.inference.sampling.long_chains import LongChains, Stand, stages

# How far apart chains begin, in standard deviations of the parameters, and how often that is halved where the density
# has no value.
_APART, _HALVINGS = 2.0, 6
# No standard deviation begins at less than this share of its initial estimate (logarithm).
_COLLAPSED = 3.0
# Iterations of the fit that chains begin about; one that has not converged by then does so slowly, or never.
_ITERATIONS = 100


@dataclass(frozen=True)
class NUTS:
    """Bayesian estimation by the No-U-Turn sampler (NONMEM's NUTS).

    Estimates are posterior means, standard errors posterior standard deviations, intervals posterior quantiles. It
    begins at FOCEI's fit (Laplace's where FOCEI is not defined). Priors are the model's own; parameters without one get
    weakly informative defaults, named in ``details["priors"]`` and in a warning.

    Parameters
    ----------
    draws, warmup : int
        Of each chain; those of the warm-up are thrown away.
    chains : int
    acceptance : float
        Mean acceptance probability that step sizes are made for; nearer to one where trajectories diverge.
    doublings : int
        Most doublings of a trajectory.
    parametrisation : {"partial", "non-centred"}
        Of the random effects while they are drawn: each individual's centred as far as its own data speak, see
        `partial_centring`, or not at all. The posterior is the same.
    log_sd, relative_sd, omega_scale, lkj : float
        How weak default priors are, see `WeakPriors`; infinite ones are flat.

    Raises
    ------
    SimulationError
        For numbers of chains, draws or doublings, an acceptance or priors that have no meaning.

    Examples
    --------
    >>> NUTS(draws=500).chains
    4
    """

    draws: int = 1000
    warmup: int = 500
    chains: int = 4
    acceptance: float = 0.8
    doublings: int = 10
    parametrisation: Literal["partial", "non-centred"] = "partial"
    log_sd: float = 2.0
    relative_sd: float = 10.0
    omega_scale: float = 2.5
    lkj: float = 2.0
    priors: ClassVar[bool] = True
    samples_posterior: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, least in (("draws", 4), ("warmup", 20), ("chains", 1), ("doublings", 1)):
            if getattr(self, name) < least:
                _refuse(f"{getattr(self, name)} {name}", f"give at least {least}")
        if not 0.0 < self.acceptance < 1.0:
            _refuse(
                f"an acceptance of {self.acceptance:g}", "give a probability between 0 and 1, such as 0.9"
            )
        if self.parametrisation not in ("partial", "non-centred"):
            _refuse(f"parametrisation {self.parametrisation!r}", "take partial or non-centred")
        for name in ("log_sd", "relative_sd", "omega_scale", "lkj"):
            if not getattr(self, name) > 0.0:
                _refuse(f"{name} {getattr(self, name):g}", "give a number above zero")

    @property
    def name(self) -> str:
        """What it is called."""
        return type(self).__name__

    def estimate(self, task: Task) -> Estimate:
        """Draw from the posterior.

        Raises
        ------
        SimulationError
            Where the objective or the posterior is undefined at the start.
        """
        density = PopulationDensity(task, PopulationPrior(task.space, self.weak))
        begun, coordinates, told = self._begin(task, density)
        chains = LongChains(coordinates, self.warmup, self.draws, task.seed, self.acceptance, self.doublings)
        stand = begun
        for stand in chains.run(begun):
            task.watch(self._step(stand, coordinates))
        told = {**told, "parametrisation": self.parametrisation}
        return posterior_estimate(coordinates.density, coordinates, stand, told)

    @property
    def weak(self) -> WeakPriors:
        """Of parameters that have no prior."""
        return WeakPriors(self.log_sd, self.relative_sd, self.omega_scale, self.lkj)

    def information(self, task: Task, estimate: Estimate) -> Information | None:
        """None: the draws themselves are what is known."""

    def _begin(
        self, task: Task, density: PopulationDensity
    ) -> tuple[Stand, PopulationCoordinates, dict[str, str]]:
        """Where the chains stand, in which coordinates, and how these were found."""
        partial = self.parametrisation == "partial"
        if "centre" in task.state:
            told = {"start": "taken up again from a checkpoint"}
            known = task.state["centre"], task.state["precision"]
            return Stand.of_arrays(task.state), PopulationCoordinates.about(density, *known, partial), told
        fitting = Laplace if task.predictor.not_normal else FOCEI
        method = fitting(iterations=_ITERATIONS)
        with np.errstate(all="ignore"):
            found = method.estimate(task)
            known = method.information(task, found)
        centre = _spread_out(density, found.vector)
        coordinates = PopulationCoordinates.about(density, centre, _precision(known), partial)
        told = {"start": f"{method.name}, objective {found.objective:.4f}: {found.status}"}
        return Stand.begin(self._starts(task, coordinates), density.parameters), coordinates, told

    def _starts(self, task: Task, coordinates: PopulationCoordinates) -> np.ndarray:
        """Where the chains begin: apart from one another by more than the posterior is wide."""
        parameters = coordinates.density.parameters
        y = normals(task.seed, "nuts starts", np.arange(self.chains), coordinates.density.dimensions)
        y[:, :parameters] *= _APART
        for _ in range(_HALVINGS):
            value, gradient = coordinates(y)
            bad = ~(np.isfinite(value) & np.isfinite(gradient).all(axis=1))
            if not bad.any():
                return y
            y[bad] *= 0.5
        raise SimulationError(
            "the posterior is undefined about the fit that the chains begin at",
            place=task.predictor.model.name,
            repair="begin elsewhere, and see that FOCEI() or Laplace() converges",
        )

    def _step(self, stand: Stand, coordinates: PopulationCoordinates) -> Step:
        """What is told and kept after a stage."""
        warm = sum(stages(self.warmup)[: stand.stage])
        value, _ = coordinates(stand.last)
        mean = coordinates.points(stand.last)[:, : coordinates.density.parameters].mean(axis=0)
        kept = {"centre": coordinates.axes.centre, "precision": coordinates.precision}
        number, objective = warm + stand.samples.shape[1], float(-2.0 * value.mean())
        return Step(number, objective, mean, stand.arrays() | kept, self._progress(stand, warm))

    def _progress(self, stand: Stand, warm: int) -> str:
        """Where the chains are, in words."""
        if not stand.samples.shape[1]:
            return f"{self.chains} chains: {warm} of {self.warmup} draws of the warm-up"
        done, lost = stand.samples.shape[1], stand.divergences.sum()
        return f"{self.chains} chains: {done} of {self.draws} draws, {lost} divergences"


def _precision(known: Information) -> np.ndarray:
    """What a fit says of the parameters, not-a-number where it says nothing."""
    return known.hessian if np.isfinite(known.hessian).all() else known.crossed


def _spread_out(density: PopulationDensity, vector: np.ndarray) -> np.ndarray:
    """The same, no random effect's and no residual standard deviation all but zero: no chain would find back."""
    space, found = density.task.space, vector.copy()
    for block in space.blocks:
        rows, columns = space.free_entries(block)
        here = np.arange(len(space.names))[density.factor.coordinates(block)][rows == columns]
        found[here] = np.maximum(found[here], space.start[here] - _COLLAPSED)
    for column in np.flatnonzero(of_residuals(space)):
        begun, scale = space.start[column], space.scales[column]
        if np.isfinite(scale.lower) and not np.isfinite(scale.upper):
            found[column] = max(found[column], begun - _COLLAPSED)
        elif not np.isfinite(scale.upper) and abs(found[column]) < abs(begun) * np.exp(-_COLLAPSED):
            found[column] = begun * np.exp(-_COLLAPSED)
    return found


def _refuse(cause: str, repair: str) -> None:
    raise SimulationError(f"NUTS cannot have {cause}", place="NUTS(...)", repair=repair)
