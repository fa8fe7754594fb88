"""Likelihood: of a PEtab problem's measurements, with chi-square, prior, simulations and gradient.

It stands beside the reader, not in the room of inference, because everything in it is PEtab's own: whose noise it is,
where a placeholder gets its value, what a period begins with. Below it stands the engine, which knows nothing of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import FormatError
from understudy.formats.petab.compiled_part import CompiledPart
from understudy.formats.petab.part_likelihood import PartLikelihood, part_likelihood
from understudy.formats.petab.problem import PetabProblem
from understudy.formats.petab.slope import Known

if TYPE_CHECKING:
    import pandas as pd

    from understudy.engine.problem import Tolerances


@dataclass(frozen=True, eq=False)
class Likelihood:
    """What the measurements say of parameter values.

    Parameters
    ----------
    log_likelihood : float
        Minus infinity where an experiment could not be simulated, or a value has no logarithm.
    chi_square : float
        Sum of the squared residuals, each in units of its noise's scale and on the scale of the noise.
    log_prior : float or None
        None where the problem has no prior.
    simulations : tuple of DataFrame
        For each part the measurement table with a column ``simulation`` instead of ``measurement``: PEtab's
        simulation table.
    residuals : float array, shape (measurements,)
        Measured minus simulated, as in `chi_square`.
    gradient : mapping of str to float, or None
        Of the log-likelihood by each parameter to be estimated, on its scale.
    messages : tuple of str
        Of experiments that could not be simulated, and measurements that have no likelihood.
    """

    log_likelihood: float
    chi_square: float
    log_prior: float | None
    simulations: tuple[pd.DataFrame, ...]
    residuals: np.ndarray
    gradient: Mapping[str, float] | None = None
    messages: tuple[str, ...] = ()

    @property
    def log_posterior(self) -> float | None:
        """Unnormalised: the log-likelihood and the logarithm of the prior's density; None without a prior."""
        return None if self.log_prior is None else self.log_likelihood + self.log_prior

    def __float__(self) -> float:
        return self.log_likelihood

    def __repr__(self) -> str:
        return f"Likelihood(log-likelihood {self.log_likelihood:.6g}, chi-square {self.chi_square:.6g})"


def log_likelihood(
    problem: PetabProblem,
    parameters: Mapping[str, float] | None = None,
    *,
    gradient: bool = False,
    engine: str = "auto",
    tolerances: Tolerances | None = None,
    jobs: int = 1,
) -> Likelihood:
    """The likelihood of a problem's measurements.

    Parameters
    ----------
    problem : PetabProblem
    parameters : mapping of str to float, optional
        Values, not scaled, in place of nominal ones.
    gradient : bool
        Whether the gradient is wanted, by forward sensitivities.
    engine : str
        As for `understudy.simulate`.
    tolerances : Tolerances, optional
    jobs : int
        Threads, 0 for one per core.

    Returns
    -------
    Likelihood

    Raises
    ------
    FormatError
        For a parameter that is not in the table or has no value, and for what the tables say that cannot be done.
    SimulationError
        For a gradient where the engine has no sensitivities.

    Examples
    --------
    See the documentation's page on PEtab: a problem is made of several files.
    """
    values = _values(problem, parameters or {})
    wanted = problem.estimated if gradient else ()
    # What overflows or is undefined becomes infinite or not-a-number, and is told.
    with np.errstate(all="ignore"):
        parts = [
            part_likelihood(
                part, _theta(problem, part, values, wanted), len(wanted), (engine, tolerances, jobs)
            )
            for part in problem.compiled
        ]
        residuals = np.concatenate([part.fit.residual for part in parts])
        chi_square = float((residuals**2).sum())
    total = float(sum(part.fit.log_density.sum() for part in parts))
    simulations = (
        _simulation_table(part, found.value) for part, found in zip(problem.compiled, parts, strict=True)
    )
    return Likelihood(
        total if math.isfinite(total) else -math.inf,
        chi_square,
        _log_prior(problem, values),
        tuple(simulations),
        residuals,
        _gradient(wanted, parts) if gradient else None,
        tuple(text for part in parts for text in part.messages),
    )


def _values(problem: PetabProblem, given: Mapping[str, float]) -> dict[str, float]:
    """A value for each parameter: as given, else the nominal one."""
    unknown = sorted(given.keys() - problem.parameters.keys())
    if unknown:
        raise FormatError(
            f"no parameter {unknown[0]!r}",
            place=problem.name,
            repair=f"parameters: {', '.join(problem.parameters)}",
        )
    values = {name: float(given.get(name, each.value)) for name, each in problem.parameters.items()}
    for name, value in values.items():
        if not math.isfinite(value):
            raise FormatError(
                f"the parameter {name} has no value",
                place=problem.name,
                repair="give it one, or a nominalValue",
            )
    return values


def _log_prior(problem: PetabProblem, values: Mapping[str, float]) -> float | None:
    priors = [each for each in problem.parameters.values() if each.prior is not None]
    return sum(each.log_prior(values[each.name])[0] for each in priors) if priors else None


def _gradient(wanted: tuple[str, ...], parts: list[PartLikelihood]) -> dict[str, float]:
    total = sum((part.gradient for part in parts), np.zeros(len(wanted)))
    return dict(zip(wanted, total.tolist(), strict=True))


def _theta(
    problem: PetabProblem, part: CompiledPart, values: Mapping[str, float], wanted: tuple[str, ...]
) -> Known:
    """The parameter table by names of equations, with slopes by the parameters on their scales."""
    theta = Known()
    for name, each in problem.parameters.items():
        slope = None
        if name in wanted:
            slope = np.zeros((1, len(wanted)))
            slope[0, wanted.index(name)] = each.slope(values[name])
        theta.put(part.names[name], np.array([values[name]]), slope)
    return theta


def _simulation_table(part: CompiledPart, simulated: np.ndarray) -> pd.DataFrame:
    """The measurement table as PEtab's simulation table."""
    import pandas as pd

    rows = [each.row for each in part.part.measurements]
    table = {}
    for column in part.part.columns:
        if column == "measurement":
            table["simulation"] = simulated
        elif column == "time":
            table["time"] = [each.time for each in part.part.measurements]
        else:
            table[column] = [row.cells.get(column, "").strip() for row in rows]
    return pd.DataFrame(table)
