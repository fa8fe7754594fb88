"""Problem: what a PEtab problem says, in one form for both versions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.errors import FormatError
from understudy.formats.petab.parameter import PetabParameter
from understudy.formats.petab.table import Row

if TYPE_CHECKING:
    from understudy.engine.problem import Tolerances
    from understudy.formats.petab.compiled_part import CompiledPart
    from understudy.formats.petab.likelihood import Likelihood
    from understudy.model.model import Model

# When a period begins that leads to a steady state.
BEFORE = -math.inf


@dataclass(frozen=True)
class Cell:
    """A formula as it is written, and where.

    Parameters
    ----------
    text : str
    row : Row
    column : str
    """

    text: str
    row: Row
    column: str


@dataclass(frozen=True)
class PetabObservable:
    """What is measured, and how it errs.

    Parameters
    ----------
    name : str
    formula, noise : Cell
        The value, and the scale of the noise: standard deviation, or the scale of a Laplace distribution.
    distribution : {"normal", "laplace"}
    transformation : {"lin", "log", "log10"}
        On what scale the noise is added.
    placeholders, noise_placeholders : tuple of str, or None
        What each measurement gives a value; None where names of the form ``observableParameter1_…`` say so.
    """

    name: str
    formula: Cell
    noise: Cell
    distribution: str = "normal"
    transformation: str = "lin"
    placeholders: tuple[str, ...] | None = None
    noise_placeholders: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Change:
    """A new value of something at the start of a period.

    Parameters
    ----------
    target : str
        Identifier.
    value : Cell
    """

    target: str
    value: Cell


@dataclass(frozen=True)
class Period:
    """A stretch of time that begins with changes.

    Parameters
    ----------
    begin : float
        `BEFORE` for one that leads to a steady state.
    changes : tuple of Change
    """

    begin: float
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """Periods, one after the other.

    Parameters
    ----------
    name : str
    periods : tuple of Period
        In order of time.
    afresh : bool
        Whether parameters are at every period what they are at the start, but for its own changes (PEtab 1.0); else
        changes last.
    """

    name: str
    periods: tuple[Period, ...]
    afresh: bool = False


@dataclass(frozen=True)
class Measurement:
    """A row of the measurement table.

    Parameters
    ----------
    row : Row
    observable, experiment : str
    time, value : float
    """

    row: Row
    observable: str
    experiment: str
    time: float
    value: float


@dataclass(frozen=True)
class Part:
    """One model with what is measured of it.

    Parameters
    ----------
    model : path
        Of the SBML file.
    observables : mapping of str to PetabObservable
    experiments : mapping of str to Experiment
        Those that measurements name.
    measurements : tuple of Measurement
    columns : tuple of str
        Of the measurement table.
    aliases : mapping of str to str
        Identifiers of the tables for those of the model.
    """

    model: Path
    observables: Mapping[str, PetabObservable]
    experiments: Mapping[str, Experiment]
    measurements: tuple[Measurement, ...]
    columns: tuple[str, ...]
    aliases: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class PetabProblem:
    """A parameter estimation problem. Made by `understudy.load`.

    Parameters
    ----------
    name : str
    version : {1, 2}
    parameters : mapping of str to PetabParameter
    parts : tuple of Part
        One for each model (version 2), or each of its problems (version 1).
    """

    name: str
    version: int
    parameters: Mapping[str, PetabParameter]
    parts: tuple[Part, ...]

    def log_likelihood(
        self,
        parameters: Mapping[str, float] | None = None,
        *,
        gradient: bool = False,
        engine: str = "auto",
        tolerances: Tolerances | None = None,
        jobs: int = 1,
    ) -> Likelihood:
        """The likelihood of the measurements; see `understudy.formats.petab.likelihood.log_likelihood`."""
        from understudy.formats.petab.likelihood import log_likelihood

        return log_likelihood(
            self, parameters, gradient=gradient, engine=engine, tolerances=tolerances, jobs=jobs
        )

    @property
    def estimated(self) -> tuple[str, ...]:
        """Names of the parameters to be estimated, in order."""
        return tuple(name for name, each in self.parameters.items() if each.estimated)

    @property
    def measurements(self) -> int:
        """How many measurements there are."""
        return sum(len(part.measurements) for part in self.parts)

    @cached_property
    def compiled(self) -> tuple[CompiledPart, ...]:
        """The parts with their models and formulae, ready to be simulated."""
        from understudy.formats.petab.compiled_part import compile_part

        return tuple(compile_part(part, tuple(self.parameters)) for part in self.parts)

    @property
    def model(self) -> Model:
        """The model, with nominal values where its parameters are in the parameter table.

        Raises
        ------
        FormatError
            Where there are several.
        """
        from understudy.formats.load import load_model

        paths = {part.model for part in self.parts}
        if len(paths) > 1:
            names = ", ".join(sorted(path.name for path in paths))
            raise FormatError(
                f"the problem has several models: {names}", place=self.name, repair="name one of these files"
            )
        found = load_model(paths.pop())
        known = set(found.parameter_names)
        values = {
            p.name: p.value for p in self.parameters.values() if p.name in known and math.isfinite(p.value)
        }
        return found.with_values(**values)

    def __repr__(self) -> str:
        experiments = sum(len(part.experiments) for part in self.parts)
        return (
            f"PetabProblem({self.name}: {self.measurements} measurements in {experiments} experiments, "
            f"{len(self.estimated)} parameters to estimate)"
        )
