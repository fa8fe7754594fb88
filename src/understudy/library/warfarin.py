"""Warfarin in healthy adults: concentration and prothrombin complex activity (O'Reilly and Aggeler 1963)."""

from __future__ import annotations

from dataclasses import replace
from math import exp

from understudy.library import pk
from understudy.library.citation import at, re_estimated
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.model import Model
from understudy.model.parts import Assignment, Output, Parameter, Source, State
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual

OREILLY_1963 = Source(
    "O'Reilly RA, Aggeler PM, Leong LS. Studies on the coumarin anticoagulant drugs: the pharmacodynamics of "
    "warfarin in man. J Clin Invest 1963;42:1542-1551",
    doi="10.1172/JCI104839",
)
OREILLY_1968 = Source(
    "O'Reilly RA, Aggeler PM. Studies on coumarin anticoagulant drugs: initiation of warfarin therapy "
    "without a loading dose. Circulation 1968;38:169-177",
    doi="10.1161/01.CIR.38.1.169",
)
NGUYEN_2017 = Source(
    "Nguyen THT, Mouksassi MS, Holford N, et al. Model evaluation of continuous data pharmacometric models: "
    "metrics and graphics. CPT Pharmacometrics Syst Pharmacol 2017;6:87-109",
    doi="10.1002/psp4.12161",
)
_LAG = re_estimated(OREILLY_1963.citation, "objective function 225.932864", doi=OREILLY_1963.doi)
_NO_LAG = re_estimated(OREILLY_1963.citation, "objective function 423.327282", doi=OREILLY_1963.doi)
_PCA = at(NGUYEN_2017, "supplement, NONMEM control stream ka1_to_emax1_est")

_PEOPLE = (
    "32 healthy adults (27 men), 40 to 102 kg, 21 to 63 years, one oral dose of 1.5 mg/kg (60 to 153 mg), "
    "observed over 6 days"
)
_LIMITS = (
    "Racemic warfarin after one large dose: not for maintenance doses by genotype (CYP2C9, VKORC1), the "
    "elderly, liver disease or interacting drugs."
)


def warfarin_adults() -> PopulationModel:
    """One compartment with lagged first-order absorption, apparent values, combined error.

    Returns
    -------
    PopulationModel
        Output ``Cp`` in mg/L; no covariates.

    References
    ----------
    Data: O'Reilly RA, Aggeler PM, Leong LS. J Clin Invest 1963;42:1542-1551. doi:10.1172/JCI104839; O'Reilly
    RA, Aggeler PM. Circulation 1968;38:169-177. doi:10.1161/01.CIR.38.1.169. Estimates: FOCEI.

    Examples
    --------
    >>> round(warfarin_adults().fixed_values["theta_tlag"], 3)
    0.794
    """
    logs = {"ka": 0.229059, "CL": -2.02255, "V": 2.07590, "tlag": -0.230712}
    omegas = {"ka": 0.643555, "CL": 0.0838693, "V": 0.0484973, "tlag": 0.388885}
    structural = pk.compartments(1, "lagged", apparent=True)
    return _concentration("warfarin_adults", structural, logs, omegas, (0.0842935, 0.281372), _LAG)


def warfarin_adults_no_lag() -> PopulationModel:
    """`warfarin_adults` without the lag time: a poorer fit, kept to compare estimation methods.

    Returns
    -------
    PopulationModel
        Output ``Cp`` in mg/L; no covariates.

    References
    ----------
    As of `warfarin_adults`.

    Examples
    --------
    >>> warfarin_adults_no_lag().eta_names
    ('eta_ka', 'eta_CL', 'eta_V')
    """
    logs = {"ka": -0.569442, "CL": -2.00718, "V": 2.05852}
    omegas = {"ka": 0.474865, "CL": 0.0790333, "V": 0.0482885}
    structural = pk.compartments(1, "first_order", apparent=True)
    return _concentration("warfarin_adults_no_lag", structural, logs, omegas, (0.117043, 0.722444), _NO_LAG)


def warfarin_pca() -> PopulationModel:
    """Warfarin and prothrombin complex activity: the drug inhibits the synthesis of clotting factors.

    ``dPCA/dt = kout (PCA0 (1 - Cp / (C50 + Cp)) - PCA)`` with ``kout = log(2) / TEQ``; clearance and volume
    scale with weight (exponents 0.75 and 1, fixed).

    Returns
    -------
    PopulationModel
        Covariate ``WT`` (kg); outputs ``Cp`` in mg/L (combined error) and ``PCA`` in percent of normal
        (additive error).

    References
    ----------
    Nguyen THT et al. CPT Pharmacometrics Syst Pharmacol 2017;6:87-109. doi:10.1002/psp4.12161, supplement.
    The activity was simulated there on the design of the original study (doi:10.1172/JCI104839).

    Examples
    --------
    >>> warfarin_pca().output_names
    ('Cp', 'PCA')
    """
    return with_typical_structure(
        PopulationModel(
            "warfarin_pca",
            _prothrombin(),
            individual={
                "CL": "theta_CL * (WT / 70[kg]) ** theta_WT_CL * exp(eta_CL)",
                "V": "theta_V * (WT / 70[kg]) ** theta_WT_V * exp(eta_V)",
                "ka": "log(2) / (theta_TABS * exp(eta_TABS))",
                "tlag": "theta_tlag * exp(eta_tlag)",
                "PCA0": "theta_PCA0 * exp(eta_PCA0)",
                "C50": "theta_C50 * exp(eta_C50)",
                "TEQ": "theta_TEQ * exp(eta_TEQ)",
            },
            fixed=_pca_fixed(),
            random=tuple(
                RandomEffects((f"eta_{name}",), ((variance,),), source=_PCA)
                for name, variance in {
                    "CL": 0.0649,
                    "V": 0.0201,
                    "TABS": 0.447,
                    "tlag": 0.311,
                    "PCA0": 0.00199,
                    "C50": 0.136,
                    "TEQ": 0.0143,
                }.items()
            ),
            residual=(
                Residual("Cp", "sigma2_prop * Cp ** 2 + sigma2_add"),
                Residual("PCA", "sigma2_PCA"),
            ),
            covariates=(Covariate("WT", "kg", "body weight", 70.0, 40.0, 102.0),),
            population=_PEOPLE,
            limits=_LIMITS + " The activity estimates come from simulated measurements.",
            sources=(NGUYEN_2017, OREILLY_1963, OREILLY_1968),
        )
    )


def _concentration(
    name: str,
    structural: Model,
    logs: dict[str, float],
    omegas: dict[str, float],
    errors: tuple[float, float],
    source: Source,
) -> PopulationModel:
    units = {each.name: each for each in structural.parameters}
    return with_typical_structure(
        PopulationModel(
            name,
            structural,
            individual={each: f"theta_{each} * exp(eta_{each})" for each in logs},
            fixed=(
                *(
                    Parameter(f"theta_{k}", exp(v), units[k].unit, units[k].description, source=source)
                    for k, v in logs.items()
                ),
                Parameter("sigma_prop", errors[0], "1", "proportional error", source=source),
                Parameter("sigma_add", errors[1], "mg/L", "additive error", source=source),
            ),
            random=tuple(RandomEffects((f"eta_{k}",), ((v,),), source=source) for k, v in omegas.items()),
            residual={"Cp": "(sigma_prop * Cp) ** 2 + sigma_add ** 2"},
            population=_PEOPLE + "; 251 concentrations",
            limits=_LIMITS,
            sources=(source, OREILLY_1968),
        )
    )


def _prothrombin() -> Model:
    base = pk.compartments(1, "lagged", apparent=True)
    return replace(
        base,
        name="warfarin_prothrombin",
        parameters=(
            *base.parameters,
            Parameter("PCA0", 95.9, "percent", "activity without warfarin", lower=0.0),
            Parameter("C50", 1.17, "mg/L", "concentration that halves synthesis", lower=0.0),
            Parameter("TEQ", 13.3, "h", "half-life of the activity", lower=0.0),
        ),
        states=(*base.states, State("PCA", "percent", "PCA0", "prothrombin complex activity")),
        rates=(*base.rates, "kout * PCA0 * (1 - Cp / (C50 + Cp)) - kout * PCA"),
        assignments=(
            Assignment("Cp", "central / V", "mg/L", "plasma concentration"),
            Assignment("kout", "log(2) / TEQ", "1/h", "loss of activity"),
        ),
        outputs=(
            Output("Cp", "Cp", "mg/L", "plasma concentration"),
            Output("PCA", "PCA", "percent", "prothrombin complex activity, percent of normal"),
        ),
        description="Warfarin and prothrombin complex activity",
    )


def _pca_fixed() -> tuple[Parameter, ...]:
    fixed = at(NGUYEN_2017, "supplement, fixed in the control stream")
    return (
        Parameter("theta_CL", 0.131, "L/h", "apparent clearance at 70 kg", source=_PCA),
        Parameter("theta_V", 8.06, "L", "apparent volume at 70 kg", source=_PCA),
        Parameter("theta_TABS", 0.944, "h", "absorption half-life", source=_PCA),
        Parameter("theta_tlag", 1.03, "h", "absorption lag time", source=_PCA),
        Parameter("theta_WT_CL", 0.75, "1", "exponent of weight on clearance", source=fixed),
        Parameter("theta_WT_V", 1.0, "1", "exponent of weight on volume", source=fixed),
        Parameter("theta_PCA0", 95.9, "percent", "activity without warfarin", source=_PCA),
        Parameter("theta_C50", 1.17, "mg/L", "concentration that halves synthesis", source=_PCA),
        Parameter("theta_TEQ", 13.3, "h", "half-life of the activity", source=_PCA),
        Parameter("sigma2_prop", 0.00478, "1", "variance of the proportional error", source=_PCA),
        Parameter("sigma2_add", 0.135, "mg**2/L**2", "variance of the additive error", source=_PCA),
        Parameter("sigma2_PCA", 13.9, "percent**2", "variance of the error of the activity", source=_PCA),
    )


_TIMES = (0.5, 1.0, 1.5, 2.0, 3.0, 6.0, 9.0, 12.0, 24.0, 36.0, 48.0, 72.0, 96.0, 120.0, 144.0)
_CHECKED = "Estimates of a FOCEI run on the public data, with the objective function named at each number."

ENTRIES = (
    Entry(
        name="warfarin_adults",
        title="Warfarin in adults, oral, with lag time",
        family="Published populations",
        purpose="Warfarin concentrations after one dose.",
        kind="population",
        build=warfarin_adults,
        regimen="105 mg",
        times=_TIMES,
        tested=_PEOPLE + "; 251 concentrations.",
        limits=_LIMITS,
        checked=_CHECKED,
    ),
    Entry(
        name="warfarin_adults_no_lag",
        title="Warfarin in adults, oral, without lag time",
        family="Published populations",
        purpose="The simpler model of the same data, to compare estimation methods and misfit.",
        kind="population",
        build=warfarin_adults_no_lag,
        regimen="105 mg",
        times=_TIMES,
        tested=_PEOPLE + "; 251 concentrations.",
        limits=_LIMITS + " The data ask for the lag time of `warfarin_adults`.",
        checked=_CHECKED,
    ),
    Entry(
        name="warfarin_pca",
        title="Warfarin and prothrombin complex activity",
        family="Published populations",
        purpose="How far and how late clotting factor activity falls after warfarin.",
        kind="population",
        build=warfarin_pca,
        regimen="105 mg",
        times=_TIMES,
        tested=_PEOPLE + "; 251 concentrations and 232 activities.",
        limits=_LIMITS + " The activity estimates come from simulated measurements.",
        checked="Values read from the control stream of the tutorial's supplement; the typical prediction is "
        "compared with the original activities in the tests.",
    ),
)
