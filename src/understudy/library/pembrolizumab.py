"""Pembrolizumab in adults with solid tumours (Ahamadi 2017)."""

from __future__ import annotations

from understudy.library import pk
from understudy.library.citation import at
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.parts import Parameter, Source
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual

AHAMADI_2017 = Source(
    "Ahamadi M, Freshwater T, Prohn M, Li CH, de Alwis DP, de Greef R, Elassaiss-Schaap J, Kondic A, Stone "
    "JA. Model-based characterization of the pharmacokinetics of pembrolizumab: a humanized anti-PD-1 "
    "monoclonal antibody in advanced solid tumors. CPT Pharmacometrics Syst Pharmacol 2017;6:49-57",
    doi="10.1002/psp4.12139",
)
_TABLE = at(AHAMADI_2017, "Table 3")
_ECOG = at(AHAMADI_2017, "Table 3; its footnote prints the opposite sign, the text agrees with the table")
_POPULATION = (
    "2,188 adults with melanoma (74 %), lung cancer (25 %) or other solid tumours in KEYNOTE-001, -002 and "
    "-006; 1 to 10 mg/kg every 2 or 3 weeks; eGFR 25 to 403 mL/min per 1.73 m2"
)
_LIMITS = (
    "Clearance is constant here, though it falls over months in patients who respond; no target binding, so "
    "not below about 1 mg/kg; other tumour types count as melanoma."
)

_CLEARANCE = (
    "theta_CL * (WT / 76.8[kg]) ** theta_WT_CL * (ALB / 39.6[g/L]) ** theta_ALB_CL"
    " * (BSLD / 89.6[mm]) ** theta_BSLD_CL * (EGFR / 88.47[mL/min]) ** theta_EGFR_CL"
    " * (1 + theta_SEX_CL * SEX) * (1 + theta_NSCLC_CL * NSCLC) * (1 + theta_ECOG_CL * ECOG)"
    " * (1 + theta_IPI_CL * IPI) * exp(eta_CL)"
)
_VOLUME = (
    "theta_V1 * (WT / 76.8[kg]) ** theta_WT_V * (ALB / 39.6[g/L]) ** theta_ALB_V1"
    " * (1 + theta_SEX_V1 * SEX) * (1 + theta_IPI_V1 * IPI) * exp(eta_V)"
)


def pembrolizumab_solid_tumours() -> PopulationModel:
    """Two compartments; one random effect shared by both clearances, one by both volumes.

    Returns
    -------
    PopulationModel
        Time in days. Covariates ``WT`` (kg), ``ALB`` (g/L), ``BSLD`` (baseline sum of lesion diameters, mm),
        ``EGFR`` (mL/min per 1.73 m²), and 0 or 1 for ``SEX`` (1: female), ``NSCLC`` (non-small-cell lung
        cancer), ``ECOG`` (performance status 1 or worse), ``IPI`` (prior ipilimumab); output ``Cp`` in mg/L,
        error on the logarithm.

    References
    ----------
    Ahamadi M et al. CPT Pharmacometrics Syst Pharmacol 2017;6:49-57. doi:10.1002/psp4.12139

    Examples
    --------
    >>> pembrolizumab_solid_tumours().structural.parameter("CL")
    Parameter(CL = 0.22 L/day)
    """
    return with_typical_structure(
        PopulationModel(
            "pembrolizumab_solid_tumours",
            pk.compartments(2, "iv", time_unit="day"),
            individual={
                "CL": _CLEARANCE,
                "V1": _VOLUME,
                "Q": "theta_Q * (WT / 76.8[kg]) ** theta_WT_CL * exp(eta_CL)",
                "V2": "theta_V2 * (WT / 76.8[kg]) ** theta_WT_V * exp(eta_V)",
            },
            fixed=_fixed(),
            random=(
                RandomEffects(("eta_CL",), ((0.134,),), source=_TABLE),
                RandomEffects(("eta_V",), ((0.0417,),), source=_TABLE),
            ),
            residual=(Residual("Cp", "sigma ** 2", scale="log"),),
            covariates=_covariates(),
            population=_POPULATION,
            limits=_LIMITS,
            sources=(AHAMADI_2017,),
        )
    )


def _fixed() -> tuple[Parameter, ...]:
    return (
        Parameter("theta_CL", 0.22, "L/day", "clearance", source=_TABLE),
        Parameter("theta_V1", 3.48, "L", "central volume", source=_TABLE),
        Parameter("theta_Q", 0.795, "L/day", "intercompartmental clearance", source=_TABLE),
        Parameter("theta_V2", 4.06, "L", "peripheral volume", source=_TABLE),
        Parameter("theta_WT_CL", 0.595, "1", "exponent of weight on both clearances", source=_TABLE),
        Parameter("theta_WT_V", 0.489, "1", "exponent of weight on both volumes", source=_TABLE),
        Parameter("theta_ALB_CL", -0.907, "1", "exponent of albumin on clearance", source=_TABLE),
        Parameter("theta_BSLD_CL", 0.0872, "1", "exponent of tumour burden on clearance", source=_TABLE),
        Parameter("theta_EGFR_CL", 0.135, "1", "exponent of eGFR on clearance", source=_TABLE),
        Parameter("theta_SEX_CL", -0.152, "1", "clearance added in women", source=_TABLE),
        Parameter("theta_NSCLC_CL", 0.145, "1", "clearance added in lung cancer", source=_TABLE),
        Parameter("theta_ECOG_CL", -0.0739, "1", "clearance added by performance status ≥ 1", source=_ECOG),
        Parameter("theta_IPI_CL", 0.140, "1", "clearance added after ipilimumab", source=_TABLE),
        Parameter("theta_ALB_V1", -0.208, "1", "exponent of albumin on central volume", source=_TABLE),
        Parameter("theta_SEX_V1", -0.134, "1", "central volume added in women", source=_TABLE),
        Parameter("theta_IPI_V1", 0.0736, "1", "central volume added after ipilimumab", source=_TABLE),
        Parameter("sigma", 0.272, "1", "standard deviation on the logarithm", source=_TABLE),
    )


def _covariates() -> tuple[Covariate, ...]:
    return (
        Covariate("WT", "kg", "body weight", 76.8),
        Covariate("ALB", "g/L", "serum albumin", 39.6),
        Covariate("BSLD", "mm", "baseline sum of the longest lesion diameters", 89.6),
        Covariate("EGFR", "mL/min", "estimated glomerular filtration rate, per 1.73 m2", 88.47, 25.4, 403.0),
        Covariate("SEX", "1", "1 female, 0 male", 0.0, 0.0, 1.0),
        Covariate("NSCLC", "1", "1 in non-small-cell lung cancer, else 0", 0.0, 0.0, 1.0),
        Covariate("ECOG", "1", "1 where the ECOG performance status is 1 or worse, else 0", 0.0, 0.0, 1.0),
        Covariate("IPI", "1", "1 after ipilimumab, else 0", 0.0, 0.0, 1.0),
    )


ENTRIES = (
    Entry(
        name="pembrolizumab_solid_tumours",
        title="Pembrolizumab in solid tumours",
        family="Published populations",
        purpose="Exposure to pembrolizumab by dose, weight and disease, for instance fixed against "
        "weight-based doses.",
        kind="population",
        build=pembrolizumab_solid_tumours,
        regimen="200 mg over 30 min every 21 days for 4 doses",
        times=(0.01, 0.1, 1.0, 3.0, 7.0, 14.0, 20.0, 22.0, 30.0, 41.0, 50.0, 62.0, 70.0, 84.0, 120.0),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Values agree with a second transcription (nlmixr2lib); the publication's page was not at "
        "hand.",
    ),
)
