"""The typical patient of a population: no random effect, every covariate at its reference."""

from __future__ import annotations

from dataclasses import replace

from understudy.model.population_model import PopulationModel


def typical_values(population: PopulationModel) -> dict[str, float]:
    """Individual parameters of the typical patient, by name.

    Examples
    --------
    >>> from understudy.library.vancomycin import vancomycin_critically_ill
    >>> round(typical_values(vancomycin_critically_ill())["V"], 1)
    114.4
    """
    values = dict(population.fixed_values) | dict.fromkeys(population.eta_names, 0.0)
    values |= {item.name: item.reference for item in population.covariates}
    found = {}
    for item in population.ordered_individual:
        found[item.name] = float(item.expression.evaluate(values | found))
    return found


def with_typical_structure(population: PopulationModel) -> PopulationModel:
    """The same population on a structural model that shows the typical patient's values."""
    known = population.structural.parameter_names
    shown = {name: value for name, value in typical_values(population).items() if name in known}
    return replace(population, structural=population.structural.with_values(**shown))
