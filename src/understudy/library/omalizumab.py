"""Omalizumab and IgE, target-mediated disposition in binding equilibrium (Hayashi 2007)."""

from __future__ import annotations

from understudy.library.citation import at
from understudy.library.entry import Entry
from understudy.library.typical import with_typical_structure
from understudy.model.model import Model
from understudy.model.parts import Assignment, Input, Output, Parameter, Source, State
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual

HAYASHI_2007 = Source(
    "Hayashi N, Tsukamoto Y, Sallas WM, Lowe PJ. A mechanism-based binding model for the population "
    "pharmacokinetics and pharmacodynamics of omalizumab. Br J Clin Pharmacol 2007;63:548-561",
    doi="10.1111/j.1365-2125.2006.02803.x",
    pmid="17096680",
)
_TABLE = at(HAYASHI_2007, "Table 3")
_METHODS = at(HAYASHI_2007, "Methods, molecular weights")
_CV = at(
    HAYASHI_2007, "Table 3, coefficient of variation read as the standard deviation of the random effect"
)
_POPULATION = (
    "202 Japanese adults with atopy or seasonal allergic rhinitis, 42 to 101 kg, baseline IgE 53 to 2,143 "
    "ng/mL, omalizumab 75 to 375 mg under the skin, once or every 2 or 4 weeks; 3,192 observations"
)
_LIMITS = (
    "Apparent values without intravenous data; not for children, nor for baseline IgE above the range seen; "
    "production of IgE does not change over time, and untreated typical IgE settles at 427, not 482, ng/mL."
)


def binding() -> Model:
    """Omalizumab, IgE and their complex, each with its own clearance and volume, in binding equilibrium.

    Total omalizumab X and total IgE E are carried; the complex is the smaller root of
    ``c² - (X + E + Kd V_X V_E / V_C) c + X E = 0`` with ``Kd = Kd0 (X / E) ** alpha``.

    Returns
    -------
    Model
        Values are set by the population model. Dosed ``"sc"`` in mg; outputs ``Cp`` (total omalizumab, mg/L),
        ``IgE`` (total) and ``free_IgE`` (ug/L, the same number in ng/mL).

    Examples
    --------
    >>> binding().state_names
    ('depot', 'omalizumab', 'ige')
    """
    return Model(
        "omalizumab_ige_binding",
        "h",
        parameters=(
            Parameter("ka", 0.02, "1/h", "absorption rate constant", lower=0.0),
            Parameter("CL_X", 0.00732, "L/h", "clearance of free omalizumab", lower=0.0),
            Parameter("CL_C", 0.01318, "L/h", "clearance of the complex", lower=0.0),
            Parameter("CL_E", 0.071, "L/h", "clearance of free IgE", lower=0.0),
            Parameter("V_X", 5.9, "L", "volume of omalizumab and of IgE", lower=0.0),
            Parameter("V_C", 3.63, "L", "volume of the complex", lower=0.0),
            Parameter("P_E", 30.3, "ug/h", "production of IgE", lower=0.0),
            Parameter("Kd0", 1.07, "nmol/L", "dissociation constant where X equals E", lower=0.0),
            Parameter("alpha", 0.157, "1", "exponent of X / E on the dissociation constant"),
            Parameter("IgE0", 482.4, "ug/L", "IgE before treatment", lower=0.0),
            Parameter("M_X", 0.15, "mg/nmol", "molar mass of omalizumab", source=_METHODS, lower=0.0),
            Parameter("M_E", 190.0, "ug/nmol", "molar mass of IgE", source=_METHODS, lower=0.0),
        ),
        states=(
            State("depot", "mg"),
            State("omalizumab", "nmol", description="free and bound omalizumab"),
            State("ige", "nmol", "IgE0 / M_E * V_X", "free and bound IgE"),
        ),
        rates={
            "depot": "-ka * depot",
            "omalizumab": "ka * depot / M_X - CL_X * free_X - CL_C * bound / V_C",
            "ige": "P_E / M_E - CL_E * free_E - CL_C * bound / V_C",
        },
        inputs=(Input("sc", "depot"),),
        assignments=(
            Assignment("Kd", "Kd0 * (omalizumab / ige) ** alpha", "nmol/L", "dissociation constant"),
            Assignment("total", "omalizumab + ige + Kd * V_X * V_X / V_C", "nmol"),
            Assignment("root", "sqrt(total * total - 4 * omalizumab * ige)", "nmol"),
            # the smaller root as product over the larger one: no digits cancel
            Assignment("bound", "2 * omalizumab * ige / (total + root)", "nmol", "complex"),
            Assignment("free_X", "(omalizumab - bound) / V_X", "nmol/L", "free omalizumab"),
            Assignment("free_E", "(ige - bound) / V_X", "nmol/L", "free IgE"),
        ),
        outputs=(
            Output("Cp", "(free_X + bound / V_C) * M_X", "mg/L", "free and bound omalizumab"),
            Output("IgE", "(free_E + bound / V_C) * M_E", "ug/L", "free and bound IgE"),
            Output("free_IgE", "free_E * M_E", "ug/L", "free IgE"),
        ),
        description="Omalizumab and IgE in binding equilibrium",
        sources=(HAYASHI_2007,),
    )


def omalizumab_ige() -> PopulationModel:
    """Omalizumab, total and free IgE in atopic adults.

    Returns
    -------
    PopulationModel
        Covariates ``WT`` (kg) and ``IGE`` (baseline IgE, ug/L); outputs ``Cp``, ``IgE`` and ``free_IgE``,
        error on the logarithm.

    References
    ----------
    Hayashi N et al. Br J Clin Pharmacol 2007;63:548-561. doi:10.1111/j.1365-2125.2006.02803.x

    Examples
    --------
    >>> omalizumab_ige().output_names
    ('Cp', 'IgE', 'free_IgE')
    """
    return with_typical_structure(
        PopulationModel(
            "omalizumab_ige",
            binding(),
            individual={
                "ka": "theta_ka * exp(eta_ka)",
                "CL_X": "theta_CL_X * (WT / 61.1[kg]) ** theta_WT_CL_X * exp(eta_CL_X)",
                "CL_C": "CL_X + theta_dCL_C * exp(eta_dCL_C)",
                "CL_E": "theta_CL_E * (IGE / 482.4[ug/L]) ** theta_IGE_CL_E * exp(eta_CL_E)",
                "V_X": "theta_V_X * (WT / 61.1[kg]) ** theta_WT_V_X * exp(eta_V_X)",
                "V_C": "theta_V_C * exp(eta_V_C)",
                "P_E": "theta_P_E * (IGE / 482.4[ug/L]) ** theta_IGE_P_E * exp(eta_P_E)",
                "Kd0": "theta_Kd0",
                "alpha": "theta_alpha",
                "IgE0": "IGE",
            },
            fixed=_fixed(),
            random=_random(),
            residual=(
                Residual("Cp", "sigma_X ** 2", scale="log"),
                Residual("IgE", "sigma_IgE ** 2", scale="log"),
                Residual("free_IgE", "sigma_free ** 2", scale="log"),
            ),
            covariates=(
                Covariate("WT", "kg", "body weight", 61.1, 42.0, 101.0),
                Covariate("IGE", "ug/L", "IgE before treatment; 1 IU/mL is 2.42 ug/L", 482.4, 53.0, 2143.0),
            ),
            population=_POPULATION,
            limits=_LIMITS,
            sources=(HAYASHI_2007,),
        )
    )


def _fixed() -> tuple[Parameter, ...]:
    return (
        Parameter("theta_ka", 0.0200, "1/h", "absorption rate constant", source=_TABLE),
        Parameter("theta_CL_X", 0.00732, "L/h", "apparent clearance of free omalizumab", source=_TABLE),
        Parameter("theta_dCL_C", 0.00586, "L/h", "what the complex is cleared faster", source=_TABLE),
        Parameter("theta_CL_E", 0.0710, "L/h", "apparent clearance of free IgE", source=_TABLE),
        Parameter("theta_V_X", 5.900, "L", "apparent volume of omalizumab and IgE", source=_TABLE),
        Parameter("theta_V_C", 3.630, "L", "apparent volume of the complex", source=_TABLE),
        Parameter("theta_P_E", 30.3, "ug/h", "apparent production of IgE", source=_TABLE),
        Parameter("theta_Kd0", 1.07, "nmol/L", "dissociation constant", source=_TABLE),
        Parameter("theta_alpha", 0.157, "1", "exponent of X / E on the dissociation constant", source=_TABLE),
        Parameter("theta_WT_CL_X", 0.911, "1", "exponent of weight on clearance", source=_TABLE),
        Parameter("theta_WT_V_X", 0.658, "1", "exponent of weight on volume", source=_TABLE),
        Parameter("theta_IGE_CL_E", -0.281, "1", "exponent of baseline IgE on its clearance", source=_TABLE),
        Parameter("theta_IGE_P_E", 0.657, "1", "exponent of baseline IgE on its production", source=_TABLE),
        Parameter("sigma_X", 0.167, "1", "error of omalizumab on the logarithm", source=_TABLE),
        Parameter("sigma_IgE", 0.211, "1", "error of total IgE on the logarithm", source=_TABLE),
        Parameter("sigma_free", 0.218, "1", "error of free IgE on the logarithm", source=_TABLE),
    )


def _random() -> tuple[RandomEffects, ...]:
    spreads = {"eta_ka": 0.399, "eta_CL_X": 0.203, "eta_dCL_C": 0.349, "eta_V_X": 0.130, "eta_V_C": 0.250}
    clearance, production, correlation = 0.253, 0.231, 0.968
    shared = correlation * clearance * production
    block = ((clearance**2, shared), (shared, production**2))
    return (
        *(RandomEffects((name,), ((spread**2,),), source=_CV) for name, spread in spreads.items()),
        RandomEffects(("eta_CL_E", "eta_P_E"), block, source=_CV),
    )


ENTRIES = (
    Entry(
        name="omalizumab_ige",
        title="Omalizumab and IgE in atopic adults",
        family="Published populations",
        purpose="How far a dose of omalizumab lowers free IgE, by weight and baseline IgE; an antibody and "
        "its target.",
        kind="population",
        build=omalizumab_ige,
        regimen="300 mg every 672 h for 3 doses",
        times=(
            6.0,
            24.0,
            72.0,
            168.0,
            336.0,
            504.0,
            670.0,
            700.0,
            840.0,
            1100.0,
            1340.0,
            1400.0,
            2000.0,
            3000.0,
        ),
        tested=_POPULATION + ".",
        limits=_LIMITS,
        checked="Values agree with a second transcription (nlmixr2lib); the publication's page was not at "
        "hand.",
    ),
)
