"""Estimates: the model that a fit found, and models with parameters drawn from how sure the fit is of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel, RandomEffects
from understudy.population.virtual import square_root

if TYPE_CHECKING:
    import pandas as pd

_OMEGA = re.compile(r"omega\(\s*(\w+)\s*(?:,\s*(\w+)\s*)?\)", re.IGNORECASE)
# Tries for each set of parameters before the covariance is called one that no set can be drawn from.
_TRIES = 20


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
    """Models whose parameters are drawn from the normal distribution with the fit's estimates and covariance.

    Parameters
    ----------
    fit : Fit
        With a model and a covariance.
    count : int
    seed : int

    Returns
    -------
    tuple of PopulationModel, length count
        A draw outside of a parameter's limits, or whose omega is no covariance matrix, is drawn again.

    Raises
    ------
    SimulationError
        Without a covariance, or where hardly a draw is possible.
    """
    model, covariance = fitted_model(fit), _covariance(fit)
    centre = np.array([fit.estimates[name] for name in covariance.index])
    root = square_root(covariance.to_numpy(float))
    z = normals(seed, "parameters", np.arange(count * _TRIES), max(len(centre), 1))[:, : len(centre)]
    found: list[PopulationModel] = []
    for values in centre + z @ root:
        if len(found) == count:
            break
        named = dict(zip(covariance.index, values.tolist(), strict=True))
        if _possible(model, named):
            found.append(with_estimates(model, named))
    if len(found) < count:
        raise SimulationError(
            f"only {len(found)} of {count * _TRIES} draws of the parameters are possible",
            place=fit.source or model.name,
            repair="the covariance is too wide for a normal distribution: leave parameter uncertainty out",
        )
    return tuple(found)


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


def _possible(model: PopulationModel, values: Mapping[str, float]) -> bool:
    limits = {p.name: (p.lower, p.upper) for p in model.fixed}
    if any(n in limits and not limits[n][0] <= v <= limits[n][1] for n, v in values.items()):
        return False
    omega = model.omega.copy()
    for name, value in values.items():
        if name not in limits:
            i, j = _element(model, name)
            omega[i, j] = omega[j, i] = value
    return not omega.size or np.linalg.eigvalsh(omega).min() >= 0
