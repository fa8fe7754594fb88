"""Infliximab in adults with ulcerative colitis (Fasanmade 2009)."""

from __future__ import annotations

from understudy.library import pk
from understudy.library.citation import at
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.parts import Parameter, Source
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects

FASANMADE_2009 = Source(
    "Fasanmade AA, Adedokun OJ, Ford J, et al. Population pharmacokinetic "
    "analysis of infliximab in patients with ulcerative colitis. Eur J Clin Pharmacol 2009;65:1211-1228",
    doi="10.1007/s00228-009-0718-4",
)
_TABLE = at(FASANMADE_2009, "Table 3")
_POPULATION = (
    "482 adults with moderate to severe ulcerative colitis, 18 to 75 years, 36 to 159 kg, infliximab 5 or 10 "
    "mg/kg over 2 hours in weeks 0, 2, 6 and then every 8 weeks"
)
_LIMITS = (
    "Not for other diseases, children, or albumin below about 20 g/L, where loss into the gut is larger than "
    "in the trials; antibodies count as present or absent for the whole course."
)


def infliximab_ulcerative_colitis() -> PopulationModel:
    """Two compartments; clearance by albumin, antibodies and sex, central volume by weight and sex.

    Returns
    -------
    PopulationModel
        Time in days. Covariates ``WT`` (kg), ``ALB`` (g/L), ``ADA`` (1: antibodies to infliximab), ``SEX``
        (1: female); output ``Cp`` in mg/L, combined error.

    References
    ----------
    Fasanmade AA et al. Eur J Clin Pharmacol 2009;65:1211-1228. doi:10.1007/s00228-009-0718-4

    Examples
    --------
    >>> infliximab_ulcerative_colitis().structural.time_unit
    'day'
    """
    return with_typical_structure(
        PopulationModel(
            "infliximab_ulcerative_colitis",
            pk.compartments(2, "iv", time_unit="day"),
            individual={
                "CL": "theta_CL * (ALB / 41[g/L]) ** theta_ALB_CL * (1 + theta_ADA_CL * ADA)"
                " * (1 + theta_SEX_CL * SEX) * exp(eta_CL)",
                "V1": "theta_V1 * (WT / 77[kg]) ** theta_WT_V1 * (1 + theta_SEX_V1 * SEX) * exp(eta_V1)",
                "Q": "theta_Q",
                "V2": "theta_V2",
            },
            fixed=(
                Parameter("theta_CL", 0.407, "L/day", "clearance", source=_TABLE),
                Parameter("theta_V1", 3.29, "L", "central volume", source=_TABLE),
                Parameter("theta_Q", 7.14, "L/day", "intercompartmental clearance", source=_TABLE),
                Parameter("theta_V2", 4.13, "L", "peripheral volume", source=_TABLE),
                Parameter("theta_ALB_CL", -1.54, "1", "exponent of albumin on clearance", source=_TABLE),
                Parameter("theta_ADA_CL", 0.471, "1", "clearance added by antibodies", source=_TABLE),
                Parameter("theta_SEX_CL", -0.236, "1", "clearance added in women", source=_TABLE),
                Parameter("theta_WT_V1", 0.538, "1", "exponent of weight on volume", source=_TABLE),
                Parameter("theta_SEX_V1", -0.137, "1", "volume added in women", source=_TABLE),
                Parameter("sigma_prop", 0.403, "1", "proportional error", source=_TABLE),
                Parameter("sigma_add", 0.0413, "mg/L", "additive error", source=_TABLE),
            ),
            random=(
                RandomEffects(("eta_CL",), ((0.131,),), source=_TABLE),
                RandomEffects(("eta_V1",), ((0.048,),), source=_TABLE),
            ),
            residual={"Cp": "(sigma_prop * Cp) ** 2 + sigma_add ** 2"},
            covariates=(
                Covariate("WT", "kg", "body weight", 77.0, 36.0, 159.0),
                Covariate("ALB", "g/L", "serum albumin", 41.0),
                Covariate("ADA", "1", "1 with antibodies to infliximab, else 0", 0.0, 0.0, 1.0),
                Covariate("SEX", "1", "1 female, 0 male", 0.0, 0.0, 1.0),
            ),
            population=_POPULATION,
            limits=_LIMITS,
            sources=(FASANMADE_2009,),
        )
    )


ENTRIES = (
    Entry(
        name="infliximab_ulcerative_colitis",
        title="Infliximab in ulcerative colitis",
        family="Published populations",
        purpose="Trough levels of infliximab, and why low albumin or antibodies lower them.",
        kind="population",
        build=infliximab_ulcerative_colitis,
        regimen="5 mg/kg over 2 h every 56 days for 3 doses",
        times=(0.05, 0.5, 1.0, 3.0, 7.0, 14.0, 28.0, 55.0, 57.0, 70.0, 100.0, 111.0, 120.0, 168.0),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Values agree with a second transcription (nlmixr2lib); the publication's page was not at "
        "hand.",
    ),
)
