"""The catalogue: every model of the library by name; a family's file is imported when first asked for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from understudy.core.errors import ModelError
from understudy.library import pk
from understudy.library.entry import Entry
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

# file of each family: names of its models
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "pk": tuple(entry.name for entry in pk.ENTRIES),
    "pd": (
        "direct_emax",
        "direct_sigmoid_emax",
        "effect_compartment_emax",
        "effect_compartment_sigmoid_emax",
        "indirect_response_1",
        "indirect_response_2",
        "indirect_response_3",
        "indirect_response_4",
        "turnover",
        "endogenous_turnover",
    ),
    "myelosuppression": ("myelosuppression",),
    "target_mediated": ("tmdd_full", "tmdd_quasi_steady_state"),
    "tumour_growth": (
        "tumour_growth_regression",
        "tumour_bi_exponential",
        "tumour_growth_inhibition",
        "tumour_linear_growth",
        "tumour_xenograft",
    ),
    "resistant_clones": ("resistant_clones",),
    "phenobarbital": ("phenobarbital_neonates",),
    "theophylline": ("theophylline_adults",),
    "warfarin": ("warfarin_adults", "warfarin_adults_no_lag", "warfarin_pca"),
    "vancomycin": ("vancomycin_critically_ill",),
    "rifampicin": ("rifampicin_tuberculosis",),
    "pembrolizumab": ("pembrolizumab_solid_tumours",),
    "pembrolizumab_tumour_size": ("pembrolizumab_tumour_size",),
    "infliximab": ("infliximab_ulcerative_colitis",),
    "omalizumab": ("omalizumab_ige",),
    "docetaxel": ("docetaxel_neutropenia",),
}


def names() -> tuple[str, ...]:
    """Names of all models.

    Examples
    --------
    >>> "warfarin_pca" in names()
    True
    """
    return tuple(name for family in _FAMILIES.values() for name in family)


def models() -> tuple[Entry, ...]:
    """Cards of all models; none is built before it is asked for.

    Examples
    --------
    >>> [card.name for card in models() if card.kind == "population"][:2]
    ['phenobarbital_neonates', 'theophylline_adults']
    """
    return tuple(each for family in _FAMILIES for each in _entries(family))


def entry(name: str) -> Entry:
    """Card of one model.

    Raises
    ------
    ModelError
        With the nearest names.

    Examples
    --------
    >>> entry("two_compartment_oral").title
    'Two compartments, first-order absorption, linear elimination'
    """
    home = next((family for family, members in _FAMILIES.items() if name in members), None)
    if home is None:
        near = [each for each in names() if str(name) in each][:3]
        near = near or difflib.get_close_matches(str(name), names(), 3, cutoff=0.7)
        repair = f"did you mean {' or '.join(near)}?" if near else "`understudy models` lists all names"
        raise ModelError(f"no model {name!r} in the library", repair=repair)
    return next(each for each in _entries(home) if each.name == name)


@cache
def model(name: str) -> Model | PopulationModel:
    """One model, built.

    Parameters
    ----------
    name : str
        As listed by `models` or ``understudy models``.

    Returns
    -------
    Model or PopulationModel
        Immutable, so that every caller may share it.

    Raises
    ------
    ModelError
        With the nearest names.

    Examples
    --------
    >>> model("phenobarbital_neonates").covariate_names
    ('WT', 'APGR')
    >>> model("fenobarbital_neonates")
    Traceback (most recent call last):
    ...
    understudy.core.errors.ModelError: no model 'fenobarbital_neonates' in the library
      repair: did you mean phenobarbital_neonates?
    """
    return entry(name).build()


def _entries(family: str) -> tuple[Entry, ...]:
    return import_module(f"understudy.library.{family}").ENTRIES
