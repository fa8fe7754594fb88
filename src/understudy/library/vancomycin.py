"""Vancomycin by continuous infusion in critically ill adults (Roberts 2011)."""

from __future__ import annotations

from understudy.library import pk
from understudy.library.citation import at
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.parts import Parameter, Source
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects

ROBERTS_2011 = Source(
    "Roberts JA, Taccone FS, Udy AA, Vincent JL, Jacobs F, Lipman J. Vancomycin dosing in critically ill "
    "patients: robust methods for improved continuous-infusion regimens. Antimicrob Agents Chemother "
    "2011;55:2704-2709",
    doi="10.1128/AAC.01708-10",
)
_TABLE = at(ROBERTS_2011, "Table 2")
_CV = at(
    ROBERTS_2011, "Table 2, coefficient of variation read as the standard deviation of the random effect"
)
_POPULATION = (
    "206 septic, critically ill adults without renal replacement, weight 74.8 (SD 15.8) kg, creatinine "
    "clearance 90.7 (SD 60.4) mL/min per 1.73 m2; a loading dose, then continuous infusion; 579 "
    "concentrations"
)
_LIMITS = (
    "Not for intermittent dosing (no distribution phase), renal replacement, burns, cystic fibrosis, "
    "children, or creatinine clearance estimated from serum creatinine instead of measured in urine."
)


def vancomycin_critically_ill() -> PopulationModel:
    """One compartment; clearance in proportion to measured creatinine clearance, volume to body weight.

    Returns
    -------
    PopulationModel
        Covariates ``WT`` (kg) and ``CLCR`` (mL/min per 1.73 m²), output ``Cp`` in mg/L, combined error.

    References
    ----------
    Roberts JA et al. Antimicrob Agents Chemother 2011;55:2704-2709. doi:10.1128/AAC.01708-10

    Examples
    --------
    >>> vancomycin_critically_ill().covariate_names
    ('WT', 'CLCR')
    """
    return with_typical_structure(
        PopulationModel(
            "vancomycin_critically_ill",
            pk.compartments(1, "iv"),
            individual={
                "CL": "theta_CL * CLCR / 100[mL/min] * exp(eta_CL)",
                "V": "theta_V * WT * exp(eta_V)",
            },
            fixed=(
                Parameter("theta_CL", 4.58, "L/h", "clearance where CLCR is 100 mL/min", source=_TABLE),
                Parameter("theta_V", 1.53, "L/kg", "volume per weight", source=_TABLE),
                Parameter("sigma_prop", 0.199, "1", "proportional error", source=_TABLE),
                Parameter("sigma_add", 2.4, "mg/L", "additive error", source=_TABLE),
            ),
            random=(
                RandomEffects(("eta_CL",), ((0.389**2,),), source=_CV),
                RandomEffects(("eta_V",), ((0.374**2,),), source=_CV),
            ),
            residual={"Cp": "(sigma_prop * Cp) ** 2 + sigma_add ** 2"},
            covariates=(
                Covariate("WT", "kg", "total body weight", 74.8),
                Covariate("CLCR", "mL/min", "creatinine clearance in urine, per 1.73 m2", 90.7),
            ),
            population=_POPULATION,
            limits=_LIMITS,
            sources=(ROBERTS_2011,),
        )
    )


ENTRIES = (
    Entry(
        name="vancomycin_critically_ill",
        title="Vancomycin in the critically ill, continuous infusion",
        family="Published populations",
        purpose="Loading dose and infusion rate of vancomycin in intensive care, from weight and renal "
        "function.",
        kind="population",
        build=vancomycin_critically_ill,
        regimen="35 mg/kg over 4 h then 2500 mg over 24 h every 24 h for 3 doses",
        times=(1.0, 3.9, 5.0, 12.0, 23.0, 30.0, 47.0, 60.0, 75.0, 90.0, 110.0),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Values agree with a second transcription (nlmixr2lib); the publication's page was not at "
        "hand.",
    ),
)
