"""Estimates: the model that a fit found, and models with parameters drawn from how sure the fit is of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import ModelError, SimulationError
from understudy.core.random import choices, normals
from understudy.inference.effects import Effects
from understudy.inference.estimation.parameter_space import ParameterSpace, omega_name
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel, RandomEffects
from understudy.population.virtual import square_root

if TYPE_CHECKING:
    import pandas as pd

_OMEGA = re.compile(r"omega\(\s*(\w+)\s*(?:,\s*(\w+)\s*)?\)", re.IGNORECASE)


def fitted_model(given: Fit | PopulationModel) -> PopulationModel:
    """The model with the estimates in it.

    Parameters
    ----------
    given : Fit or PopulationModel

    Raises
    ------
    SimulationError
        For a fit that does not hold its model, or for something else.

    Examples
    --------
    >>> from understudy import load_model
    >>> fitted_model(load_model("theophylline_adults")).name
    'theophylline_adults'
    """
    if isinstance(given, PopulationModel):
        return given
    model = getattr(given, "model", None)
    if isinstance(model, PopulationModel):
        return model
    raise SimulationError(
        f"a {type(given).__name__} without a population model cannot be checked",
        place=str(getattr(given, "source", "") or "the model"),
        repair="give the population model with the estimates in it, such as stream.with_estimates(fit.estimates).model",
    )


def with_estimates(model: PopulationModel, estimates: Mapping[str, float]) -> PopulationModel:
    """The model with other values.

    Parameters
    ----------
    model : PopulationModel
    estimates : mapping of str to float
        Fixed effects by name; elements of omega as ``omega(eta)`` and ``omega(eta_a, eta_b)``, where a random effect
        may stand by its name or by its number from 1, as in NONMEM's ``OMEGA(2,1)``.

    Raises
    ------
    SimulationError
        For a name that is neither.

    Examples
    --------
    >>> from understudy import load_model
    >>> changed = with_estimates(load_model("theophylline_adults"), {"theta_CL": 3.0, "omega(eta_V)": 0.04})
    >>> changed.fixed_values["theta_CL"], float(changed.omega[2, 2])
    (3.0, 0.04)
    """
    fixed, omega = {}, model.omega.copy()
    for name, value in estimates.items():
        if name in model.fixed_values:
            fixed[name] = float(value)
            continue
        i, j = _element(model, name)
        omega[i, j] = omega[j, i] = float(value)
    return replace(model.with_values(**fixed), random=_blocks(model, omega))


def value_in(model: PopulationModel, name: str) -> float:
    """A parameter's value in a model, by the names that `with_estimates` knows.

    Raises
    ------
    SimulationError
        For a name that the model does not have.

    Examples
    --------
    >>> from understudy import load_model
    >>> round(value_in(load_model("phenobarbital_neonates"), "omega(eta_V)"), 4)
    0.0279
    """
    return (
        model.fixed_values[name] if name in model.fixed_values else float(model.omega[_element(model, name)])
    )


def _element(model: PopulationModel, name: str) -> tuple[int, int]:
    found, names = _OMEGA.fullmatch(name.strip()), model.eta_names
    if found:
        marks = [mark for mark in found.groups() if mark] * 2
        places = [
            names.index(m) if m in names else int(m) - 1 if m.isdecimal() and int(m) <= len(names) else -1
            for m in marks[:2]
        ]
        if min(places) >= 0:
            return places[0], places[1]
    known = ", ".join([*model.fixed_values, *(f"omega({eta})" for eta in names)])
    raise SimulationError(
        f"{name!r} is no parameter of the model", place=model.name, repair=f"it has {known}"
    )


def _blocks(model: PopulationModel, omega: np.ndarray) -> tuple[RandomEffects, ...]:
    """Omega's diagonal blocks, put back into the model's."""
    blocks, first = [], 0
    for block in model.random:
        here = slice(first, first + block.size)
        blocks.append(replace(block, covariance=tuple(map(tuple, omega[here, here].tolist())), source=None))
        first += block.size
    return tuple(blocks)


def drawn_models(fit: Fit, count: int, seed: int) -> tuple[PopulationModel, ...]:
    """Models whose parameters are drawn from how sure a fit is of them.

    From the draws that the fit itself kept, where its method samples the parameters' posterior; else from the normal
    distribution with the fit's covariance, on the scale without bounds on which parameters are estimated (see
    `understudy.inference.estimation.parameter_space`), so that every draw is a model.

    Parameters
    ----------
    fit : Fit
        With a model, and with a covariance or draws.
    count : int
    seed : int

    Returns
    -------
    tuple of PopulationModel, length count
        A draw depends on the seed and its place alone, not on how many there are.

    Raises
    ------
    SimulationError
        Without a covariance, or where no distribution on that scale has it.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy import load_model
    >>> error = pd.DataFrame([[0.01]], index=["theta_V"], columns=["theta_V"])
    >>> found = Fit("FOCEI", 0.0, {"theta_V": 1.0}, covariance=error, model=load_model("phenobarbital_neonates"))
    >>> [round(each.fixed_values["theta_V"], 2) for each in drawn_models(found, 3, seed=1)]
    [0.97, 1.03, 1.0]
    """
    if fit.details.get("draws"):
        return _kept(fit, count, seed)
    table = _covariance(fit)
    model = fitted_model(fit)
    try:
        model = with_estimates(model, {name: fit.estimates[name] for name in table.index})
        space = ParameterSpace(model, Effects(model))
        root = square_root(_unbounded(space, table))
        z = normals(seed, "parameters", np.arange(count), max(len(root), 1))[:, : len(root)]
        return tuple(space.with_values(space.values(vector)) for vector in space.start + z @ root)
    except ModelError as error:
        raise SimulationError(
            f"parameters cannot be drawn from this fit: {error.cause}",
            place=fit.source or model.name,
            repair="leave parameter uncertainty out, or drop what the data do not determine and fit again",
        ) from None


def _kept(fit: Fit, count: int, seed: int) -> tuple[PopulationModel, ...]:
    """Models of draws that the method kept, each as likely as any other."""
    model, kept = fitted_model(fit), fit.details["draws"]
    rows = choices(seed, "parameters", np.arange(count), min(map(len, kept.values())))
    return tuple(
        with_estimates(model, {name: float(values[row]) for name, values in kept.items()}) for row in rows
    )


def _unbounded(space: ParameterSpace, table: pd.DataFrame) -> np.ndarray:
    """The covariance on the scale without bounds; zero for what has none."""
    known = {_standard_name(space.model, name): name for name in table.index}
    here = [k for k, name in enumerate(space.names) if name in known]
    own = [known[space.names[k]] for k in here]
    natural = np.zeros((len(space.names), len(space.names)))
    natural[np.ix_(here, here)] = table.loc[own, own].to_numpy(float)
    # Named values change with the vector by the Jacobian; its inverse carries their covariance back.
    back = np.linalg.inv(space.jacobian(space.start))
    return back @ natural @ back.T


def _standard_name(model: PopulationModel, name: str) -> str:
    """How a parameter space calls what a fit calls ``OMEGA(2,1)``."""
    if name in model.fixed_values:
        return name
    i, j = sorted(_element(model, name), reverse=True)
    return omega_name(model.eta_names, i, j)


def _covariance(fit: Fit) -> pd.DataFrame:
    """Covariance of what was estimated; rows and columns of what was not are left out."""
    if fit.covariance is None:
        raise SimulationError(
            "the fit has no covariance of its estimates",
            place=fit.source or fit.method,
            repair="estimate it, or leave parameter uncertainty out",
        )
    table = fit.covariance
    known = [name for name in table.index if name in fit.estimates and table.loc[name, name] > 0]
    return table.loc[known, known]
