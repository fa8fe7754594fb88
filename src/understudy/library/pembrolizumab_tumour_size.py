"""Tumour size under pembrolizumab in non-small-cell lung cancer (Chatterjee 2016)."""

from __future__ import annotations

from dataclasses import replace

from understudy.library.citation import at
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.parts import Parameter, Source
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual

CHATTERJEE_2016 = Source(
    "Chatterjee M, Turner DC, Felip E, Lena H, Cappuzzo F, Horn L, et al. Systematic evaluation of "
    "pembrolizumab dosing in patients with advanced non-small-cell lung cancer. Ann Oncol 2016;27:1291-1298",
    doi="10.1093/annonc/mdw174",
)
TABLE_S6 = at(CHATTERJEE_2016, "supplementary Table S6; read in a second transcription, nlmixr2lib")
_AREA = at(
    CHATTERJEE_2016, "supplementary Table S6; the interval spans zero, the area's unit is to be checked"
)
_POPULATION = (
    "496 adults with non-small-cell lung cancer in KEYNOTE-001, a median sum of diameters of 91.7 mm "
    "(10.4 to 548.3), scans every nine weeks"
)
_LIMITS = (
    "The delay before shrinkage is left out, as its value is not at hand; the baseline is the measured one, "
    "without an error of its own; new lesions and dropout are no part of it."
)


def pembrolizumab_tumour_size() -> PopulationModel:
    """A share of the tumour shrinks, faster with PD-L1, and the rest grows.

    Returns
    -------
    PopulationModel
        Time in days. Covariates ``BSLD`` (baseline sum of diameters, mm), ``AUC6W`` (area at steady state over six
        weeks, mg·day/L), and 0 or 1 for ``TPS_HIGH`` (PD-L1 tumour proportion score of 50 % or more), ``TPS_LOW``
        (below 1 %), ``TPS_UNKNOWN``, ``EGFR_MUTANT``, ``EGFR_UNKNOWN``; output ``S`` in mm, error on the logarithm.

    References
    ----------
    Chatterjee M et al. Ann Oncol 2016;27:1291-1298. doi:10.1093/annonc/mdw174

    Examples
    --------
    >>> pembrolizumab_tumour_size().eta_names
    ('eta_kg', 'eta_kd', 'eta_f')
    """
    from understudy.library.tumour_growth import bi_exponential

    return with_typical_structure(
        PopulationModel(
            "pembrolizumab_tumour_size",
            bi_exponential(),
            individual={
                "kg": "theta_kg * exp(eta_kg)",
                "kd": "theta_kd * (AUC6W / 7079[mg*day/L]) ** theta_AUC_kd * theta_high_kd ** TPS_HIGH"
                " * theta_low_kd ** TPS_LOW * theta_unknown_kd ** TPS_UNKNOWN * exp(eta_kd)",
                "f": "expit(logit(theta_f) + theta_mutant_f * EGFR_MUTANT + theta_unknown_f * EGFR_UNKNOWN"
                " + eta_f)",
                "S0": "BSLD",
            },
            fixed=_fixed(),
            random=(
                RandomEffects(
                    ("eta_kg", "eta_kd", "eta_f"),
                    ((1.21, -0.33, -0.814), (-0.33, 1.26, 0.631), (-0.814, 0.631, 2.79)),
                    source=TABLE_S6,
                ),
            ),
            residual=(Residual("S", "sigma2", scale="log"),),
            covariates=_covariates(),
            population=_POPULATION,
            limits=_LIMITS,
            sources=(CHATTERJEE_2016,),
        )
    )


def _fixed() -> tuple[Parameter, ...]:
    values = {
        "theta_kg": (0.00114, "1/day", "growth rate"),
        "theta_kd": (0.00265, "1/day", "shrinkage rate, PD-L1 score of 1 to 49 %"),
        "theta_f": (0.574, "1", "share that shrinks"),
        "theta_AUC_kd": (0.196, "1", "exponent of the area on shrinkage"),
        "theta_high_kd": (2.74, "1", "factor on shrinkage, PD-L1 score of 50 % or more"),
        "theta_low_kd": (0.623, "1", "factor on shrinkage, PD-L1 score below 1 %"),
        "theta_unknown_kd": (1.268, "1", "factor on shrinkage, PD-L1 score unknown"),
        "theta_mutant_f": (-1.81, "1", "added to the logit of the share, EGFR mutant"),
        "theta_unknown_f": (1.66, "1", "added to the logit of the share, EGFR unknown"),
        "sigma2": (0.0274, "1", "variance on the logarithm"),
    }
    made = (Parameter(name, *each, source=TABLE_S6) for name, each in values.items())
    return tuple(replace(each, source=_AREA) if each.name == "theta_AUC_kd" else each for each in made)


def _covariates() -> tuple[Covariate, ...]:
    flags = {
        "TPS_HIGH": "1 where the PD-L1 score is 50 % or more, else 0",
        "TPS_LOW": "1 where the PD-L1 score is below 1 %, else 0",
        "TPS_UNKNOWN": "1 where the PD-L1 score is unknown, else 0",
        "EGFR_MUTANT": "1 where EGFR is mutant, else 0",
        "EGFR_UNKNOWN": "1 where EGFR is unknown, else 0",
    }
    return (
        Covariate("BSLD", "mm", "baseline sum of the longest lesion diameters", 91.7, 10.4, 548.3),
        Covariate("AUC6W", "mg*day/L", "area under the concentration at steady state, six weeks", 7079.0),
        *(Covariate(name, "1", text, 0.0, 0.0, 1.0) for name, text in flags.items()),
    )


ENTRIES = (
    Entry(
        name="pembrolizumab_tumour_size",
        title="Tumour size under pembrolizumab in lung cancer",
        family="Published populations",
        purpose="Sums of diameters under pembrolizumab, by PD-L1, EGFR and baseline.",
        kind="population",
        build=pembrolizumab_tumour_size,
        regimen="no dose",
        times=(1.0, 21.0, 63.0, 84.0, 126.0, 189.0, 252.0, 315.0, 378.0, 504.0),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Values agree with a second transcription (nlmixr2lib); the publication's supplement was not at "
        "hand.",
    ),
)
