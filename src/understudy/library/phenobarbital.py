"""Phenobarbital in newborns with seizures (Grasela and Donn 1985)."""

from __future__ import annotations

from understudy.library import pk
from understudy.library.citation import re_estimated
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.parts import Parameter
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects

SOURCE = re_estimated(
    "Grasela TH, Donn SM. Neonatal population pharmacokinetics of phenobarbital derived from routine "
    "clinical data. Dev Pharmacol Ther 1985;8:374-383",
    "objective function 586.276",
    doi="10.1159/000457062",
)
_POPULATION = (
    "59 newborns, 0.6 to 3.6 kg, 5-minute Apgar score 1 to 10, treated for seizures: about 20 mg/kg at "
    "first, then about 2.5 mg/kg every 12 h; 155 concentrations of 6.7 to 67.9 mg/L over up to 16 days"
)
_LIMITS = (
    "Not for older infants, whose clearance rises with age, nor during therapeutic hypothermia, "
    "extracorporeal circulation or renal replacement; protein binding and interactions are not described."
)


def phenobarbital_neonates() -> PopulationModel:
    """One compartment; clearance and volume in proportion to weight, volume larger after a low Apgar score.

    Returns
    -------
    PopulationModel
        Covariates ``WT`` (kg) and ``APGR`` (5-minute Apgar score), output ``Cp`` in mg/L, proportional error.

    References
    ----------
    Data: Grasela TH, Donn SM. Dev Pharmacol Ther 1985;8:374-383. doi:10.1159/000457062. Estimates: FOCEI.

    Examples
    --------
    >>> [item.name for item in phenobarbital_neonates().individual]
    ['CL', 'V']
    """
    return with_typical_structure(
        PopulationModel(
            "phenobarbital_neonates",
            pk.compartments(1, "iv"),
            individual={
                "CL": "theta_CL * WT * exp(eta_CL)",
                "V": "theta_V * WT * where(APGR < 5, 1 + theta_APGR, 1) * exp(eta_V)",
            },
            fixed=(
                Parameter("theta_CL", 0.00469555, "L/h/kg", "clearance per weight", 2.09967e-4, SOURCE),
                Parameter("theta_V", 0.984258, "L/kg", "volume per weight", 0.0268946, SOURCE),
                Parameter("theta_APGR", 0.158920, "1", "volume added by Apgar < 5", 0.0837555, SOURCE),
                Parameter("sigma2", 0.0132410, "1", "variance of the proportional error", source=SOURCE),
            ),
            random=(
                RandomEffects(("eta_CL",), ((0.0293508,),), source=SOURCE),
                RandomEffects(("eta_V",), ((0.0279060,),), source=SOURCE),
            ),
            residual={"Cp": "sigma2 * Cp ** 2"},
            covariates=(
                Covariate("WT", "kg", "body weight", 1.3, 0.6, 3.6),
                Covariate("APGR", "1", "5-minute Apgar score", 7.0, 1.0, 10.0),
            ),
            population=_POPULATION,
            limits=_LIMITS,
            sources=(SOURCE,),
        )
    )


ENTRIES = (
    Entry(
        name="phenobarbital_neonates",
        title="Phenobarbital in newborns",
        family="Published populations",
        purpose="Levels and doses of phenobarbital in newborns with seizures, from weight and Apgar score.",
        kind="population",
        build=phenobarbital_neonates,
        regimen="20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 10 days",
        times=(0.4, 1.0, 6.0, 11.0, 23.0, 47.0, 71.0, 119.0, 167.0, 215.0, 235.0, 260.0, 300.0),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Estimates of a FOCEI run on the published data; its objective function, 586.276, can be "
        "recomputed.",
    ),
)
