"""fitted_model: the population model that a twin is made with, given as itself or as what a fit found."""

from __future__ import annotations

from understudy.core.errors import ModelError
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel


def fitted_model(given: PopulationModel | Fit) -> PopulationModel:
    """The model itself, or that of a fit with its estimates put in.

    Raises
    ------
    ModelError
        For a fit that has only numbers, as one read from another program's files, or for anything else.
    """
    if isinstance(given, PopulationModel):
        return given
    if not isinstance(given, Fit):
        raise ModelError(
            f"a {type(given).__name__} has no random effects, so no patient differs from another",
            repair="give a PopulationModel, or a Fit of one",
        )
    if given.model is None:
        raise ModelError(
            "this fit holds numbers, but no model that they belong to",
            place=given.source or given.method,
            repair="give the population model with these estimates: model.with_values(...)",
        )
    return given.model
