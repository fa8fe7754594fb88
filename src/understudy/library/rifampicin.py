"""Oral rifampicin in adults with pulmonary tuberculosis (Wilkins 2008)."""

from __future__ import annotations

from understudy.library import pk
from understudy.library.citation import at
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.parts import Parameter, Source
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects

WILKINS_2008 = Source(
    "Wilkins JJ, Savic RM, Karlsson MO, Langdon G, McIlleron H, Pillai G, Smith PJ, Simonsson US. Population "
    "pharmacokinetics of rifampin in pulmonary tuberculosis patients, including a semimechanistic model to "
    "describe variable absorption. Antimicrob Agents Chemother 2008;52:2138-2148",
    doi="10.1128/AAC.00461-07",
)
_RUN = at(WILKINS_2008, "final model, run of DDMODEL00000280")
_POPULATION = (
    "263 South African adults with pulmonary tuberculosis, rifampicin 450 to 600 mg once a day at steady "
    "state as fixed-dose combination or single-drug tablets; 2,913 concentrations over up to six occasions"
)
_LIMITS = (
    "Not for the first days of treatment (clearance still rises by autoinduction), doses above 600 mg "
    "(clearance saturates), children, or intake with food."
)


def rifampicin_tuberculosis() -> PopulationModel:
    """One compartment with transit absorption; effects between subjects and between occasions.

    Returns
    -------
    PopulationModel
        Covariate ``FDC`` (1: fixed-dose combination, 0: single-drug tablets), output ``Cp`` in mg/L,
        combined error. ``kappa_CL`` and ``kappa_MTT`` are drawn anew for each occasion.

    References
    ----------
    Wilkins JJ et al. Antimicrob Agents Chemother 2008;52:2138-2148. doi:10.1128/AAC.00461-07

    Examples
    --------
    >>> [block.level for block in rifampicin_tuberculosis().random].count("occasion")
    2
    """
    return with_typical_structure(
        PopulationModel(
            "rifampicin_tuberculosis",
            pk.compartments(1, "transit", apparent=True),
            individual={
                "CL": "theta_CL * (1 + theta_FDC_CL * (1 - FDC)) * exp(eta_CL + kappa_CL)",
                "V": "theta_V * exp(eta_V)",
                "ka": "theta_ka * exp(eta_ka)",
                "MTT": "theta_MTT * (1 + theta_FDC_MTT * (1 - FDC)) * exp(eta_MTT + kappa_MTT)",
                "n": "theta_n * exp(eta_n)",
            },
            fixed=_fixed(),
            random=(
                RandomEffects(("eta_CL", "eta_V"), ((0.279, 0.217), (0.217, 0.188)), source=_RUN),
                RandomEffects(("eta_ka",), ((0.439,),), source=_RUN),
                RandomEffects(("eta_MTT",), ((0.361,),), source=_RUN),
                RandomEffects(("eta_n",), ((2.44,),), source=_RUN),
                RandomEffects(("kappa_CL",), ((0.0508,),), level="occasion", source=_RUN),
                RandomEffects(("kappa_MTT",), ((0.461,),), level="occasion", source=_RUN),
            ),
            residual={"Cp": "(sigma_prop * Cp) ** 2 + sigma_add ** 2"},
            covariates=(
                Covariate("FDC", "1", "1 fixed-dose combination, 0 single-drug tablets", 1.0, 0.0, 1.0),
            ),
            population=_POPULATION,
            limits=_LIMITS,
            sources=(WILKINS_2008, pk.SAVIC_2007),
        )
    )


def _fixed() -> tuple[Parameter, ...]:
    return (
        _estimate("theta_CL", 19.2, "L/h", "apparent clearance, fixed-dose combination", 1.29),
        _estimate("theta_V", 53.2, "L", "apparent volume", 1.16),
        _estimate("theta_ka", 1.15, "1/h", "absorption rate constant", 3.91),
        _estimate("theta_MTT", 0.424, "h", "mean transit time, fixed-dose combination", 3.82),
        _estimate("theta_n", 7.13, "1", "number of transit compartments", 8.42),
        _estimate("theta_FDC_MTT", 1.04, "1", "transit time added by single-drug tablets", 8.78),
        _estimate("theta_FDC_CL", 0.236, "1", "clearance added with single-drug tablets", 9.63),
        _estimate("sigma_prop", 0.222, "1", "proportional error", 2.89),
        Parameter("sigma_add", 0.0923, "mg/L", "additive error", source=_RUN),
    )


def _estimate(name: str, value: float, unit: str, description: str, percent_error: float) -> Parameter:
    return Parameter(name, value, unit, description, value * percent_error / 100, _RUN)


ENTRIES = (
    Entry(
        name="rifampicin_tuberculosis",
        title="Rifampicin in pulmonary tuberculosis",
        family="Published populations",
        purpose="Exposure to rifampicin when absorption varies from day to day; transit absorption at work.",
        kind="population",
        build=rifampicin_tuberculosis,
        regimen="600 mg every 24 h for 4 doses",
        times=(0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 25.0, 27.0, 36.0, 49.0, 54.0, 74.0, 80.0),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Values agree with the run stored by the DDMoRe repository (DDMODEL00000280) and with "
        "nlmixr2lib.",
    ),
)
