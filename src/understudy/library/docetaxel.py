"""Docetaxel and neutropenia in Japanese adults with cancer (Ozawa 2007)."""

from __future__ import annotations

from dataclasses import replace

from understudy.library import pk
from understudy.library.citation import at
from understudy.library.entry import Entry
from understudy.library.myelosuppression import CELLS, CHAIN, FRIBERG_2002, chain_rates
from understudy.library.typical import with_typical_structure
from understudy.model.model import Model
from understudy.model.parts import Assignment, Output, Parameter, Source, State
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual

OZAWA_2007 = Source(
    "Ozawa K, Minami H, Sato H. Population pharmacokinetic and pharmacodynamic analysis for time courses of "
    "docetaxel-induced neutropenia in Japanese cancer patients. Cancer Sci 2007;98:1985-1992",
    doi="10.1111/j.1349-7006.2007.00615.x",
)
_PK = at(OZAWA_2007, "Table 2")
_PD = at(OZAWA_2007, "Table 3")
_PK_CV = at(
    OZAWA_2007, "Table 2, coefficient of variation read as the standard deviation of the random effect"
)
_PD_CV = at(
    OZAWA_2007, "Table 3, coefficient of variation read as the standard deviation of the random effect"
)
_POPULATION = (
    "62 Japanese adults with breast, lung or other cancers, 21 to 77 years, some with liver dysfunction; "
    "docetaxel 30 to 60 mg/m2 over one hour after dexamethasone; 395 neutrophil counts"
)
_LIMITS = (
    "One cycle, dosed at time 0: the rise of neutrophils after dexamethasone starts there and is not "
    "repeated. Not with growth factors, after other chemotherapy in the same weeks, or above 60 mg/m2."
)


def neutropenia() -> Model:
    """Three-compartment docetaxel, Friberg's cell chain, and a pool of neutrophils released by dexamethasone.

    Returns
    -------
    Model
        Values are set by the population model. Outputs ``Cp`` in mg/L and ``ANC`` in 10⁹ cells per litre.

    Examples
    --------
    >>> neutropenia().rate("Circ")
    Expression('ktr * Transit3 - ktr * Circ + reserve / MIT')
    """
    base = pk.compartments(3, "iv")
    rates = dict(zip(base.state_names, base.rates, strict=True)) | chain_rates("slope * Cp")
    rates["Circ"] = f"{rates['Circ']} + reserve / MIT"
    rates["reserve"] = "-reserve / MIT"
    return replace(
        base,
        name="docetaxel_neutropenia",
        parameters=(
            *base.parameters,
            Parameter("Circ0", 4.0, CELLS, "neutrophils before treatment", lower=0.0),
            Parameter("MTT", 113.0, "h", "mean maturation time", lower=0.0),
            Parameter("gamma", 0.196, "1", "feedback exponent", lower=0.0),
            Parameter("slope", 17.9, "L/mg", "drug effect per concentration", lower=0.0),
            Parameter("MIT", 35.5, "h", "mean time of release from the reserve", lower=0.0),
            Parameter("IP0", 5.19, CELLS, "neutrophils in the reserve", lower=0.0),
        ),
        states=(
            *base.states,
            *(State(cell, CELLS, "Circ0") for cell in CHAIN),
            State("reserve", CELLS, "IP0", "neutrophils released after dexamethasone"),
        ),
        rates=tuple(rates.values()),
        assignments=(
            Assignment("Cp", "central / V1", "mg/L", "plasma concentration"),
            Assignment("ktr", "4 / MTT", "1/h", "transit rate constant"),
            Assignment("feedback", "(Circ0 / Circ) ** gamma", "1"),
        ),
        outputs=(
            Output("Cp", "Cp", "mg/L", "plasma concentration"),
            Output("ANC", "Circ", CELLS, "circulating neutrophils, 10⁹ per litre"),
        ),
        description="Docetaxel and neutropenia",
        sources=(OZAWA_2007, FRIBERG_2002),
    )


def docetaxel_neutropenia() -> PopulationModel:
    """Docetaxel and neutrophils; the drug effect falls with alpha-1-acid glycoprotein, which binds docetaxel.

    Returns
    -------
    PopulationModel
        Covariates ``AAG`` (alpha-1-acid glycoprotein, g/L) and ``NEUT`` (neutrophils before treatment,
        10⁹/L); outputs ``Cp`` (proportional error) and ``ANC`` (error on the logarithm).

    References
    ----------
    Ozawa K, Minami H, Sato H. Cancer Sci 2007;98:1985-1992. doi:10.1111/j.1349-7006.2007.00615.x

    Examples
    --------
    >>> docetaxel_neutropenia().output_names
    ('Cp', 'ANC')
    """
    return with_typical_structure(
        PopulationModel(
            "docetaxel_neutropenia",
            neutropenia(),
            individual={
                "CL": "theta_CL * exp(eta_CL)",
                "V1": "theta_V1 * exp(eta_V1)",
                "Q2": "theta_Q2",
                "V2": "theta_V2",
                "Q3": "theta_Q3",
                "V3": "theta_V3",
                "Circ0": "NEUT",
                "MTT": "theta_MTT * exp(eta_MTT)",
                "gamma": "theta_gamma",
                "slope": "theta_slope * (AAG / 0.94[g/L]) ** theta_AAG_slope * exp(eta_slope)",
                "MIT": "theta_MIT",
                "IP0": "theta_IP0 * exp(eta_IP0)",
            },
            fixed=_fixed(),
            random=(
                RandomEffects(("eta_CL",), ((0.399**2,),), source=_PK_CV),
                RandomEffects(("eta_V1",), ((0.264**2,),), source=_PK_CV),
                RandomEffects(("eta_MTT",), ((0.111**2,),), source=_PD_CV),
                RandomEffects(("eta_slope",), ((0.682**2,),), source=_PD_CV),
                RandomEffects(("eta_IP0",), ((1.10**2,),), source=_PD_CV),
            ),
            residual=(
                Residual("Cp", "(sigma_prop * Cp) ** 2"),
                Residual("ANC", "sigma_ANC ** 2", scale="log"),
            ),
            covariates=(
                Covariate("AAG", "g/L", "alpha-1-acid glycoprotein", 0.94, 0.51, 2.41),
                Covariate("NEUT", CELLS, "neutrophils before treatment; reference assumed", 4.0),
            ),
            population=_POPULATION,
            limits=_LIMITS,
            sources=(OZAWA_2007,),
        )
    )


def _fixed() -> tuple[Parameter, ...]:
    return (
        Parameter("theta_CL", 35.7, "L/h", "clearance", 1.30, _PK),
        Parameter("theta_V1", 6.94, "L", "central volume", 0.303, _PK),
        Parameter("theta_Q2", 5.58, "L/h", "clearance to the first peripheral compartment", 0.356, _PK),
        Parameter("theta_V2", 7.39, "L", "first peripheral volume", 1.08, _PK),
        Parameter("theta_Q3", 12.5, "L/h", "clearance to the second peripheral compartment", 1.22, _PK),
        Parameter("theta_V3", 225.0, "L", "second peripheral volume", 46.2, _PK),
        Parameter("theta_MTT", 113.0, "h", "mean maturation time", 4.62, _PD),
        Parameter("theta_slope", 17.9, "L/mg", "drug effect where AAG is 0.94 g/L", 1.75, _PD),
        Parameter("theta_gamma", 0.196, "1", "feedback exponent", 0.013, _PD),
        Parameter("theta_MIT", 35.5, "h", "mean time of release from the reserve", 5.08, _PD),
        Parameter("theta_IP0", 5.19, CELLS, "neutrophils in the reserve", 1.51, _PD),
        Parameter("theta_AAG_slope", -1.38, "1", "exponent of AAG on the drug effect", 0.287, _PD),
        Parameter("sigma_prop", 0.268, "1", "proportional error of docetaxel", source=_PK),
        Parameter("sigma_ANC", 0.291, "1", "error of neutrophils on the logarithm", source=_PD),
    )


ENTRIES = (
    Entry(
        name="docetaxel_neutropenia",
        title="Docetaxel and neutropenia",
        family="Published populations",
        purpose="Depth and day of the neutrophil nadir after docetaxel, and how protein binding shifts it.",
        kind="population",
        build=docetaxel_neutropenia,
        regimen="90 mg over 1 h",
        times=(0.5, 1.1, 2.0, 4.0, 8.0, 24.0, 72.0, 120.0, 168.0, 216.0, 264.0, 336.0, 408.0, 504.0),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Values agree with a second transcription (nlmixr2lib); the publication's page was not at "
        "hand.",
    ),
)
