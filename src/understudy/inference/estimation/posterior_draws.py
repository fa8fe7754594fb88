"""Posterior draws: the draws that a Bayesian fit keeps, as a table or as populations to simulate from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.effects import Effects
from understudy.inference.estimation.parameter_space import ParameterSpace
from understudy.inference.fit import Fit

if TYPE_CHECKING:
    import pandas as pd

    from understudy.model.population_model import PopulationModel


def posterior_draws(found: Fit) -> pd.DataFrame:
    """All draws of a fit by NUTS, one row each.

    Parameters
    ----------
    found : Fit

    Returns
    -------
    DataFrame, shape (chains * draws, parameters)
        The index has ``chain`` and ``draw``.

    Raises
    ------
    SimulationError
        For a fit that has no draws.
    """
    import pandas as pd

    kept = found.details.get("draws")
    if not kept:
        raise SimulationError(
            f"a fit by {found.method} has no draws", place="posterior draws", repair='fit by method="nuts"'
        )
    columns = {name: np.asarray(values, dtype=float) for name, values in kept.items()}
    chains, draws = next(iter(columns.values())).shape
    index = pd.MultiIndex.from_product([range(chains), range(draws)], names=["chain", "draw"])
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)


def posterior_models(found: Fit, count: int) -> Iterator[PopulationModel]:
    """The model with the values of evenly spaced draws, to carry the population's uncertainty on.

    Parameters
    ----------
    found : Fit
    count : int
        How many, at most all.

    Raises
    ------
    SimulationError
        For a fit that has no draws.
    """
    table, model = posterior_draws(found), found.model
    space = ParameterSpace(model, Effects(model))
    for row in np.unique(np.linspace(0, len(table) - 1, count).astype(int)):
        yield space.with_values(space.values_of_named(table.iloc[row].to_numpy()))
