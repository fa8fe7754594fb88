"""Target-mediated drug disposition: a drug, its target and their complex, in full and in quasi-steady state.

All concentrations are in mg/L of drug equivalents, so that one unit of drug binds one unit of target.
"""

from __future__ import annotations

from collections.abc import Callable

from understudy.library.citation import assumed, at
from understudy.library.entry import Entry
from understudy.model.model import Model
from understudy.model.parts import Assignment, Input, Output, Parameter, Source, State

MAGER_2001 = Source(
    "Mager DE, Jusko WJ. General pharmacokinetic model for drugs exhibiting target-mediated drug "
    "disposition. J Pharmacokinet Pharmacodyn 2001;28:507-532",
    doi="10.1023/A:1014414520282",
)
GIBIANSKY_2008 = Source(
    "Gibiansky L, Gibiansky E, Kakkar T, Ma P. Approximations of the target-mediated drug disposition model "
    "and identifiability of model parameters. J Pharmacokinet Pharmacodyn 2008;35:573-591",
    doi="10.1007/s10928-008-9102-8",
)
PELETIER_2012 = Source(
    "Peletier LA, Gabrielsson J. Dynamics of target-mediated drug disposition: characteristic profiles and "
    "parameter identification. J Pharmacokinet Pharmacodyn 2012;39:429-451",
    doi="10.1007/s10928-012-9260-6",
)

_TABLE = at(PELETIER_2012, "parameter table of the one-compartment example")
_VOLUME = 3.5
_KON, _KOFF, _KEL, _KSYN, _KDEG, _KINT = 0.091, 0.001, 0.0015, 0.11, 0.0089, 0.003


def full() -> Model:
    """Drug, free target and complex with binding, turnover and internalisation.

    ``C' = -kel C - kon C R + koff RC``, ``R' = ksyn - kdeg R - kon C R + koff RC``,
    ``RC' = kon C R - (koff + kint) RC``; the drug is carried as an amount, ``C = central / V``.

    Returns
    -------
    Model
        Outputs ``Cp`` (free drug), ``Ctot`` (free and bound), ``R`` (free target), in mg/L.

    References
    ----------
    Mager DE, Jusko WJ. J Pharmacokinet Pharmacodyn 2001;28:507-532. doi:10.1023/A:1014414520282;
    values: Peletier LA, Gabrielsson J. J Pharmacokinet Pharmacodyn 2012;39:429-451.
    doi:10.1007/s10928-012-9260-6

    Examples
    --------
    >>> full().rate("RC")
    Expression('binding - kint * RC')
    """
    return Model(
        "tmdd_full",
        "h",
        parameters=(
            *_shared(),
            Parameter("kon", _KON, "L/mg/h", "association rate constant", source=_TABLE, lower=0.0),
            Parameter("koff", _KOFF, "1/h", "dissociation rate constant", source=_TABLE, lower=0.0),
        ),
        states=(
            State("central", "mg", description="free drug"),
            State("R", "mg/L", "ksyn / kdeg", "free target"),
            State("RC", "mg/L", description="complex"),
        ),
        rates={
            "central": "-CL * Cp - V * binding",
            "R": "ksyn - kdeg * R - binding",
            "RC": "binding - kint * RC",
        },
        inputs=(Input("iv", "central"),),
        assignments=(
            Assignment("Cp", "central / V", "mg/L", "free drug concentration"),
            Assignment("binding", "kon * Cp * R - koff * RC", "mg/L/h", "net binding"),
        ),
        outputs=(
            Output("Cp", "Cp", "mg/L", "free drug"),
            Output("Ctot", "Cp + RC", "mg/L", "free and bound drug"),
            Output("R", "R", "mg/L", "free target"),
        ),
        description="Target-mediated drug disposition, full model",
        sources=(MAGER_2001, PELETIER_2012),
    )


def quasi_steady_state() -> Model:
    """The full model with binding in balance with its loss: total drug and total target are carried.

    ``RC = Rtot C / (KSS + C)`` with ``KSS = (koff + kint) / kon``; the free drug ``C`` is the positive
    root of ``C² - (Ctot - Rtot - KSS) C - KSS Ctot = 0``, written so that no digits cancel on either side.

    Returns
    -------
    Model
        Outputs as of `full`.

    References
    ----------
    Gibiansky L et al. J Pharmacokinet Pharmacodyn 2008;35:573-591. doi:10.1007/s10928-008-9102-8

    Examples
    --------
    >>> quasi_steady_state().state_names
    ('central', 'Rtot')
    """
    kss = Parameter(
        "KSS",
        (_KOFF + _KINT) / _KON,
        "mg/L",
        "quasi-steady-state constant, (koff + kint) / kon",
        source=_TABLE,
        lower=0.0,
    )
    return Model(
        "tmdd_quasi_steady_state",
        "h",
        parameters=(*_shared(), kss),
        states=(
            State("central", "mg", description="free and bound drug"),
            State("Rtot", "mg/L", "ksyn / kdeg", "free and bound target"),
        ),
        rates={"central": "-CL * Cp - kint * RC * V", "Rtot": "ksyn - kdeg * (Rtot - RC) - kint * RC"},
        inputs=(Input("iv", "central"),),
        assignments=(
            Assignment("Ctot", "central / V", "mg/L", "free and bound drug"),
            Assignment("excess", "Ctot - Rtot - KSS", "mg/L"),
            Assignment("root", "sqrt(excess * excess + 4 * KSS * Ctot)", "mg/L"),
            Assignment(
                "Cp",
                "where(excess > 0[mg/L], (excess + root) / 2, 2 * KSS * Ctot / (root - excess))",
                "mg/L",
                "free drug",
            ),
            Assignment("RC", "Rtot * Cp / (KSS + Cp)", "mg/L", "complex"),
        ),
        outputs=(
            Output("Cp", "Cp", "mg/L", "free drug"),
            Output("Ctot", "Ctot", "mg/L", "free and bound drug"),
            Output("R", "Rtot * KSS / (KSS + Cp)", "mg/L", "free target"),
        ),
        description="Target-mediated drug disposition in quasi-steady state",
        sources=(GIBIANSKY_2008, PELETIER_2012),
    )


def _shared() -> tuple[Parameter, ...]:
    volume = assumed("0.05 L/kg in a patient of 70 kg")
    return (
        Parameter("CL", _KEL * _VOLUME, "L/h", "clearance of free drug, kel * V", source=_TABLE, lower=0.0),
        Parameter("V", _VOLUME, "L", "volume of distribution", source=volume, lower=0.0),
        Parameter("ksyn", _KSYN, "mg/L/h", "synthesis of the target", source=_TABLE, lower=0.0),
        Parameter("kdeg", _KDEG, "1/h", "loss of free target", source=_TABLE, lower=0.0),
        Parameter("kint", _KINT, "1/h", "internalisation of the complex", source=_TABLE, lower=0.0),
    )


def _entry(name: str, title: str, build: Callable[[], Model], limits: str) -> Entry:
    return Entry(
        name=name,
        title=title,
        family="Target-mediated disposition",
        purpose="Antibodies and other drugs whose binding to a target shapes their own elimination.",
        kind="structural",
        build=build,
        regimen="350 mg every 504 h for 2 doses",
        times=(0.25, 1.0, 4.0, 12.0, 24.0, 72.0, 168.0, 336.0, 480.0, 506.0, 600.0, 800.0, 1000.0, 1200.0),
        tested="Two bolus doses of 350 mg (100 mg/L at first, against 12 mg/L of target), three weeks apart.",
        limits=limits,
        checked="Values agree with a public transcription of the example of Peletier and Gabrielsson 2012.",
    )


ENTRIES = (
    _entry(
        "tmdd_full",
        "Target-mediated disposition, full model",
        full,
        "All six rate constants can rarely be estimated from drug levels alone. It becomes stiff, and needs "
        "an implicit solver, where kon times the concentration exceeds about 100 per hour.",
    ),
    _entry(
        "tmdd_quasi_steady_state",
        "Target-mediated disposition, quasi-steady state",
        quasi_steady_state,
        "Not for the first hour after a dose, while binding is under way; free target under excess drug, and "
        "free drug once target is in excess, may be off severalfold where synthesis and loss are as fast as "
        "dissociation.",
    ),
)
