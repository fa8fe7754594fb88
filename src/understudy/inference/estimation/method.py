"""Method: what every way to estimate a population has in common.

A method gets a `Task` and gives back an `Estimate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from understudy.inference.estimation.parameter_space import ParameterSpace
from understudy.inference.estimation.standard_errors import Information
from understudy.inference.likelihood import INTERACTION, Likelihood
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel


@dataclass(frozen=True, eq=False)
class Step:
    """One iteration, for who watches and for taking up an interrupted estimation again.

    Parameters
    ----------
    number : int
    objective : float
    vector : float array, shape (parameters,)
        Parameters as `ParameterSpace` has them.
    state : mapping of str to array
        What else the method needs to go on from here.
    told : str
        Where it stands, in words, of a method that has no iterations.
    """

    number: int
    objective: float
    vector: np.ndarray
    state: Mapping[str, np.ndarray] = field(default_factory=dict)
    told: str = ""


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be estimated.

    Parameters
    ----------
    predictor : Predictor
        Of the records, by the model to begin with.
    begin : float array, shape (parameters,), optional
        Where to begin instead of at the model's own values.
    state : mapping of str to array
        Of the `Step` to go on from.
    number : int
        Of that step.
    seed : int
    watch : function of Step, optional
        Called after every iteration.
    whole : PopulationModel, optional
        The mixture whose first subpopulation `predictor` is of.
    classes : tuple of Predictor
        Of each subpopulation of a mixture; empty where there is none.
    """

    predictor: Predictor
    begin: np.ndarray | None = None
    state: Mapping[str, np.ndarray] = field(default_factory=dict)
    number: int = 0
    seed: int = 0
    watch: Callable[[Step], None] = lambda step: None
    whole: PopulationModel | None = None
    classes: tuple[Predictor, ...] = ()

    @cached_property
    def space(self) -> ParameterSpace:
        """The parameters that are estimated."""
        return ParameterSpace(self.whole or self.predictor.model, self.predictor.effects)

    @property
    def start(self) -> np.ndarray:
        """Where to begin."""
        return self.space.start if self.begin is None else self.begin

    def likelihood(self, vector: np.ndarray, linearisation: str = INTERACTION) -> Likelihood:
        """The likelihood at some parameters."""
        values = self.space.values(vector)
        return Likelihood(self.predictor, values.fixed, self.space.omega(values), linearisation)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a method has found.

    Parameters
    ----------
    vector : float array, shape (parameters,)
    objective : float
        Minus twice the log-likelihood as the method approximates it, without the terms in 2 pi.
    effects : float array, shape (N, n)
        Each subject's random effects: modes, or means of the posterior.
    succeeded : bool
    status : str
        How it ended, in one sentence.
    iterations : int
    objective_error : float
        Monte Carlo standard error of the objective; zero where there is none.
    covariance : float array, shape (parameters, parameters), optional
        Of the vector, where the method itself gives one.
    details : mapping
        What only this method knows.
    named_covariance : float array, shape (parameters, parameters), optional
        Of the named values, where the method knows them by draws.
    warnings : tuple of str
        What the method itself finds doubtful.
    """

    vector: np.ndarray
    objective: float
    effects: np.ndarray
    succeeded: bool
    status: str
    iterations: int
    objective_error: float = 0.0
    covariance: np.ndarray | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    named_covariance: np.ndarray | None = None
    warnings: tuple[str, ...] = ()


class Method(Protocol):
    """A way to estimate a population."""

    @property
    def name(self) -> str:
        """What it is called."""

    def estimate(self, task: Task) -> Estimate:
        """Find the parameters."""

    def information(self, task: Task, estimate: Estimate) -> Information | None:
        """What is known of the curvature where they were found; None where the estimate brings its covariance."""
