"""Oral theophylline in adults (data of Upton, in Boeckmann, Sheiner and Beal 1994)."""

from __future__ import annotations

from math import exp

from understudy.library import pk
from understudy.library.citation import re_estimated
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.parts import Parameter
from understudy.model.population_model import PopulationModel, RandomEffects

SOURCE = re_estimated(
    "Boeckmann AJ, Sheiner LB, Beal SL. NONMEM Users Guide, Part V: Introductory Guide. University of "
    "California, San Francisco, 1994",
    "objective function 116.803781",
)
_POPULATION = (
    "12 adults, 55 to 86 kg, one oral dose of about 320 mg (268 to 321 mg); 132 concentrations of 0 to 11.4 "
    "mg/L over 25 hours"
)
_LIMITS = (
    "Not for children, smokers, liver disease or interacting drugs, none of which the data held; single dose "
    "only, and clearance saturates in part above the levels seen."
)


def theophylline_adults() -> PopulationModel:
    """One compartment with first-order absorption, apparent clearance and volume, additive error.

    Returns
    -------
    PopulationModel
        Output ``Cp`` in mg/L; no covariates.

    References
    ----------
    Data: Boeckmann AJ, Sheiner LB, Beal SL. NONMEM Users Guide, Part V. 1994. Estimates: FOCEI.

    Examples
    --------
    >>> round(theophylline_adults().fixed_values["theta_CL"], 3)
    2.751
    """
    return with_typical_structure(
        PopulationModel(
            "theophylline_adults",
            pk.compartments(1, "first_order", apparent=True),
            individual={
                "ka": "theta_ka * exp(eta_ka)",
                "CL": "theta_CL * exp(eta_CL)",
                "V": "theta_V * exp(eta_V)",
            },
            fixed=(
                Parameter("theta_ka", exp(0.464451), "1/h", "absorption rate constant", source=SOURCE),
                Parameter("theta_CL", exp(1.012047), "L/h", "apparent clearance", source=SOURCE),
                Parameter("theta_V", exp(3.459973), "L", "apparent volume", source=SOURCE),
                Parameter("sigma_add", 0.693839, "mg/L", "standard deviation of the error", source=SOURCE),
            ),
            random=(
                RandomEffects(("eta_ka",), ((0.404625,),), source=SOURCE),
                RandomEffects(("eta_CL",), ((0.0687956,),), source=SOURCE),
                RandomEffects(("eta_V",), ((0.0192223,),), source=SOURCE),
            ),
            residual={"Cp": "sigma_add ** 2"},
            population=_POPULATION,
            limits=_LIMITS,
            sources=(SOURCE,),
        )
    )


ENTRIES = (
    Entry(
        name="theophylline_adults",
        title="Theophylline in adults, oral",
        family="Published populations",
        purpose="A small, rich data set that every estimation method is tried on.",
        kind="population",
        build=theophylline_adults,
        regimen="320 mg",
        times=(0.25, 0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 9.0, 12.0, 24.0),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Estimates of a FOCEI run on the public data; its objective function is 116.803781.",
    ),
)
