"""Resistant clones: sensitive and resistant cells that compete, under a drug that is given or not."""

from __future__ import annotations

from understudy.library.citation import assumed, at
from understudy.library.entry import Entry
from understudy.library.tumour_growth import FAMILY
from understudy.model.model import Model
from understudy.model.parts import Output, Parameter, Source, State

ZHANG_2017 = Source(
    "Zhang J, Cunningham JJ, Brown JS, Gatenby RA. Integrating evolutionary dynamics into treatment of "
    "metastatic castrate-resistant prostate cancer. Nat Commun 2017;8:1816",
    doi="10.1038/s41467-017-01968-5",
)
ZHANG_2022 = Source(
    "Zhang J, Cunningham J, Brown J, Gatenby R. Evolution-based mathematical models significantly prolong "
    "response to abiraterone in metastatic castrate-resistant prostate cancer and identify strategies to "
    "further improve outcomes. eLife 2022;11:e76284",
    doi="10.7554/eLife.76284",
)
_CODE = at(ZHANG_2022, "the article's published code, solveSRODE_Adaptive and AlphaComparison")


def resistant_clones() -> Model:
    """Sensitive and resistant cells that compete for one space; the drug takes the sensitive cells' space away.

    ``dS/dt = rS S (1 - (S + R) / K)`` with ``K`` low while the drug is given, and
    ``dR/dt = rR R (1 - (competition S + R) / capacity)``: sensitive cells hold resistant ones down.

    Returns
    -------
    Model
        Time in days; output ``marker``, the number of cells, to which PSA is taken to be proportional. ``on`` above
        a half: drug is given.

    References
    ----------
    Zhang J et al. Nat Commun 2017;8:1816. doi:10.1038/s41467-017-01968-5; eLife 2022;11:e76284.
    doi:10.7554/eLife.76284

    Examples
    --------
    >>> resistant_clones().output_names
    ('marker', 'resistant_share')
    """
    return Model(
        "resistant_clones",
        "day",
        parameters=_clone_parameters(),
        states=(
            State("S", "1", "S0", "sensitive cells"),
            State("R", "1", "R0", "resistant cells"),
        ),
        rates={
            "S": "scale * rS * S * (1 - (S + R) / where(on > 0.5, treated_capacity, capacity))",
            "R": "scale * rR * R * (1 - (competition * S + R) / capacity)",
        },
        outputs=(
            Output("marker", "S + R", "1", "all cells; PSA is proportional to it"),
            Output("resistant_share", "R / (S + R)", "1", "share of resistant cells"),
        ),
        description="Competition of sensitive and resistant cells under a drug that is given or not",
        sources=(ZHANG_2017, ZHANG_2022),
    )


def _clone_parameters() -> tuple[Parameter, ...]:
    chosen = assumed(
        "the hypothetical patient of the article's code, AlphaComparison, chosen to show the effect"
    )
    values = {
        "S0": (5000.0, "1", "sensitive cells at the start", chosen),
        "R0": (1000.0, "1", "resistant cells at the start", chosen),
        "rS": (0.0156, "1/day", "growth rate of sensitive cells", _CODE),
        "rR": (0.0091, "1/day", "growth rate of resistant cells", _CODE),
        "scale": (8.0, "1", "factor on both rates, of the patient", chosen),
        "competition": (6.0, "1", "weight of a sensitive cell in the resistant cells' space", chosen),
        "capacity": (10000.0, "1", "cells that there is room for", _CODE),
        "treated_capacity": (500.0, "1", "the same for sensitive cells under the drug", _CODE),
        "on": (1.0, "1", "above a half: drug is given", assumed("treatment begins at time zero")),
    }
    return tuple(
        Parameter(name, value, unit, text, source=source, lower=0.0)
        for name, (value, unit, text, source) in values.items()
    )


ENTRIES = (
    Entry(
        name="resistant_clones",
        title="Sensitive and resistant cells in competition",
        family=FAMILY,
        purpose="How long a marker is held under continuous or adaptive treatment.",
        kind="structural",
        build=resistant_clones,
        regimen="no dose",
        times=(1.0, 5.0, 10.0, 20.0, 30.0, 50.0, 80.0, 120.0, 200.0, 365.0),
        tested="Run at the values of a hypothetical patient over a year of treatment, against logistic growth "
        "of either clone alone.",
        limits="A number of cells is not measured, only a marker that is taken to follow it; strong competition "
        "by sensitive cells, of which all benefit of adaptive treatment comes, is an assumption.",
        checked="Rates and capacities read in the code published with the article; starting numbers, scale and "
        "competition are its hypothetical patient.",
    ),
)
