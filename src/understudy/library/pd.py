"""Pharmacodynamics put on a pharmacokinetic model: direct, delayed and indirect effects, and turnover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

from understudy.core.errors import ModelError
from understudy.library import pk
from understudy.library.entry import Entry
from understudy.model.model import Model
from understudy.model.parts import Assignment, Input, Output, Parameter, Source, State

Response = Literal["inhibit_production", "inhibit_loss", "stimulate_production", "stimulate_loss"]

HOLFORD_1981 = Source(
    "Holford NHG, Sheiner LB. Understanding the dose-effect relationship: clinical application of "
    "pharmacokinetic-pharmacodynamic models. Clin Pharmacokinet 1981;6:429-453",
    doi="10.2165/00003088-198106060-00002",
)
SHEINER_1979 = Source(
    "Sheiner LB, Stanski DR, Vozeh S, Miller RD, Ham J. Simultaneous modeling of pharmacokinetics and "
    "pharmacodynamics: application to d-tubocurarine. Clin Pharmacol Ther 1979;25:358-371",
    doi="10.1002/cpt1979253358",
)
DAYNEKA_1993 = Source(
    "Dayneka NL, Garg V, Jusko WJ. Comparison of four basic models of indirect pharmacodynamic responses. "
    "J Pharmacokinet Biopharm 1993;21:457-478",
    doi="10.1007/BF01061691",
)
JUSKO_1994 = Source(
    "Jusko WJ, Ko HC. Physiologic indirect response models characterize diverse types of pharmacodynamic "
    "effects. Clin Pharmacol Ther 1994;56:406-419",
    doi="10.1038/clpt.1994.155",
)

_RESPONSES = {
    "inhibit_production": "I: inhibition of production",
    "inhibit_loss": "II: inhibition of loss",
    "stimulate_production": "III: stimulation of production",
    "stimulate_loss": "IV: stimulation of loss",
}


def direct_effect(structural: Model, sigmoid: bool = False) -> Model:
    """Effect that follows the plasma concentration at once: ``E0 + Emax * Cp / (EC50 + Cp)``.

    Parameters
    ----------
    structural : Model
        A pharmacokinetic model with the output ``Cp``.
    sigmoid : bool
        With a Hill coefficient ``gamma``: ``x = (Cp / EC50) ** gamma``, ``E0 + Emax * x / (1 + x)``.

    Returns
    -------
    Model
        `structural` with the output ``E``.

    References
    ----------
    Holford NHG, Sheiner LB. Clin Pharmacokinet 1981;6:429-453. doi:10.2165/00003088-198106060-00002

    Examples
    --------
    >>> direct_effect(pk.compartments(1, "iv")).output("E").expression
    Expression('E0 + Emax * Cp / (EC50 + Cp)')
    """
    return _with_effect(_expose(structural), "Cp", sigmoid, (HOLFORD_1981,))


def effect_compartment(structural: Model, sigmoid: bool = False) -> Model:
    """Effect that follows the concentration ``Ce`` at an effect site, which lags behind plasma by ``ke0``.

    Parameters
    ----------
    structural : Model
        A pharmacokinetic model with the output ``Cp``.
    sigmoid : bool
        See `direct_effect`.

    Returns
    -------
    Model
        `structural` with the state ``Ce`` and the output ``E``.

    References
    ----------
    Sheiner LB et al. Clin Pharmacol Ther 1979;25:358-371. doi:10.1002/cpt1979253358

    Examples
    --------
    >>> effect_compartment(pk.compartments(1, "iv")).rate("Ce")
    Expression('ke0 * (Cp - Ce)')
    """
    base = _expose(structural)
    hours = base.time_unit
    delayed = _extend(
        base,
        parameters=(
            Parameter("ke0", 0.3, f"1/{hours}", "effect-site equilibration rate constant", lower=0.0),
        ),
        states=(State("Ce", "mg/L", description="concentration at the effect site"),),
        rates=("ke0 * (Cp - Ce)",),
    )
    return _with_effect(delayed, "Ce", sigmoid, (SHEINER_1979, HOLFORD_1981))


def indirect_response(structural: Model, response: Response) -> Model:
    """Response ``R`` whose production or loss the drug inhibits or stimulates (models I to IV).

    Without drug ``R`` stays at ``kin / kout``. The drug multiplies production or loss by
    ``1 - Imax * Cp / (IC50 + Cp)`` or by ``1 + Emax * Cp / (EC50 + Cp)``.

    Parameters
    ----------
    structural : Model
        A pharmacokinetic model with the output ``Cp``.
    response : {"inhibit_production", "inhibit_loss", "stimulate_production", "stimulate_loss"}
        Models I, II, III and IV.

    Returns
    -------
    Model
        `structural` with the state and output ``R``.

    Raises
    ------
    ModelError
        For another response.

    References
    ----------
    Dayneka NL, Garg V, Jusko WJ. J Pharmacokinet Biopharm 1993;21:457-478. doi:10.1007/BF01061691

    Examples
    --------
    >>> indirect_response(pk.compartments(1, "iv"), "inhibit_production").rate("R")
    Expression('kin * drug_effect - kout * R')
    """
    if response not in _RESPONSES:
        raise ModelError(f"unknown response {response!r}", repair=f"use one of {', '.join(_RESPONSES)}")
    base, hours = _expose(structural), structural.time_unit
    inhibits = response.startswith("inhibit")
    drug = "1 - Imax * Cp / (IC50 + Cp)" if inhibits else "1 + Emax * Cp / (EC50 + Cp)"
    rate = "kin * drug_effect - kout * R" if "production" in response else "kin - kout * drug_effect * R"
    strength = (
        (_share("Imax", 0.9, "largest inhibition"), _level("IC50", "concentration at half of Imax"))
        if inhibits
        else (_share("Emax", 3.0, "largest stimulation"), _level("EC50", "concentration at half of Emax"))
    )
    return _extend(
        base,
        parameters=(
            Parameter("kin", 10.0, f"1/{hours}", "production of the response", lower=0.0),
            Parameter("kout", 0.1, f"1/{hours}", "loss of the response", lower=0.0),
            *strength,
        ),
        states=(State("R", "1", "kin / kout", "response"),),
        rates=(rate,),
        assignments=(Assignment("drug_effect", drug, "1"),),
        outputs=(Output("R", "R", "1", "response"),),
        sources=(DAYNEKA_1993, JUSKO_1994),
    )


def turnover(structural: Model) -> Model:
    """Response kept by turnover, whose production the drug inhibits with a Hill coefficient.

    ``dR/dt = kout * R0 * (1 - Imax * x / (1 + x)) - kout * R`` with ``x = (Cp / IC50) ** gamma``: model I
    of `indirect_response` by baseline and loss, as it is usually estimated.

    Parameters
    ----------
    structural : Model
        A pharmacokinetic model with the output ``Cp``.

    Returns
    -------
    Model
        `structural` with the state and output ``R``, in percent.

    References
    ----------
    Jusko WJ, Ko HC. Clin Pharmacol Ther 1994;56:406-419. doi:10.1038/clpt.1994.155

    Examples
    --------
    >>> turnover(pk.compartments(1, "iv")).rate("R")
    Expression('kout * R0 * (1 - inhibition) - kout * R')
    """
    base, hours = _expose(structural), structural.time_unit
    return _extend(
        base,
        parameters=(
            Parameter("R0", 100.0, "percent", "response without drug", lower=0.0),
            Parameter("kout", 0.1, f"1/{hours}", "loss of the response", lower=0.0),
            _share("Imax", 0.9, "largest inhibition"),
            _level("IC50", "concentration at half of Imax"),
            Parameter("gamma", 1.5, "1", "Hill coefficient", lower=0.0),
        ),
        states=(State("R", "percent", "R0", "response"),),
        rates=("kout * R0 * (1 - inhibition) - kout * R",),
        assignments=(
            Assignment("potency", "(Cp / IC50) ** gamma", "1"),
            Assignment("inhibition", "Imax * potency / (1 + potency)", "1"),
        ),
        outputs=(Output("R", "R", "percent", "response"),),
        sources=(JUSKO_1994,),
    )


def endogenous_turnover() -> Model:
    """A substance the body makes at a constant rate and loses in proportion, which can also be given.

    ``dA/dt = CL * C0 - CL / V * A``: without a dose the concentration stays at ``C0``.

    Returns
    -------
    Model
        One state ``A`` in mg, dosed ``"iv"``, and the output ``C`` in mg/L.

    Examples
    --------
    >>> endogenous_turnover().rate("A")
    Expression('CL * C0 - CL / V * A')
    """
    return Model(
        "endogenous_turnover",
        "h",
        parameters=(
            Parameter("CL", 2.0, "L/h", "clearance", lower=0.0),
            Parameter("V", 12.0, "L", "volume of distribution", lower=0.0),
            Parameter("C0", 3.0, "mg/L", "concentration without a dose", lower=0.0),
        ),
        states=(State("A", "mg", "C0 * V", "amount in the body"),),
        rates={"A": "CL * C0 - CL / V * A"},
        inputs=(Input("iv", "A"),),
        outputs=(Output("C", "A / V", "mg/L", "concentration"),),
        description="Turnover of an endogenous substance, with replacement doses",
    )


def _share(name: str, value: float, description: str) -> Parameter:
    return Parameter(name, value, "1", description + ", as a fraction", lower=0.0)


def _level(name: str, description: str) -> Parameter:
    return Parameter(name, 0.8, "mg/L", description, lower=0.0)


def _expose(structural: Model) -> Model:
    """The model with its plasma concentration as an assignment, so that other equations can use it."""
    cp = structural.output("Cp")
    shown = tuple(replace(each, expression="Cp") if each is cp else each for each in structural.outputs)
    known = Assignment("Cp", cp.expression, cp.unit, cp.description)
    return replace(structural, assignments=(*structural.assignments, known), outputs=shown)


def _extend(base: Model, **parts: tuple) -> Model:
    return replace(base, **{name: (*getattr(base, name), *extra) for name, extra in parts.items()})


def _with_effect(base: Model, driver: str, sigmoid: bool, sources: tuple[Source, ...]) -> Model:
    parameters = [
        Parameter("E0", 20.0, "1", "effect without drug"),
        Parameter("Emax", 80.0, "1", "largest effect of the drug"),
        _level("EC50", "concentration at half of Emax"),
    ]
    if not sigmoid:
        effect, potency = f"E0 + Emax * {driver} / (EC50 + {driver})", ()
    else:
        parameters.append(Parameter("gamma", 2.0, "1", "Hill coefficient", lower=0.0))
        potency = (Assignment("potency", f"({driver} / EC50) ** gamma", "1"),)
        effect = "E0 + Emax * potency / (1 + potency)"
    return _extend(
        base,
        parameters=tuple(parameters),
        assignments=potency,
        outputs=(Output("E", effect, "1", "effect"),),
        sources=sources,
    )


def _named(name: str, title: str, make: Callable[[Model], Model]) -> Model:
    return replace(make(pk.compartments(1, "first_order")), name=name, description=title)


def _entry(
    name: str, title: str, purpose: str, make: Callable[[Model], Model], limits: str, family: str
) -> Entry:
    return Entry(
        name=name,
        title=title,
        family=family,
        purpose=purpose,
        kind="structural",
        build=partial(_named, name, title, make),
        regimen="100 mg every 12 h for 4 doses",
        times=(0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 11.0, 14.0, 20.0, 25.0, 30.0, 40.0, 50.0, 70.0, 96.0),
        tested="Run on one compartment with first-order absorption at the example values, concentrations "
        "from 0 to three times the half-effect concentration.",
        limits=limits,
    )


_DIRECT = "Direct and effect-site response"
_INDIRECT = "Indirect response and turnover"
_AT_ONCE = (
    "Do not use where the effect lags behind the concentration (plot one against the other: a loop shows it)."
)
_SITE = "Do not use where the delay comes from turnover of the response: its peak then moves with the dose."
_TURNOVER = "Baseline is constant: not for rhythms over the day, disease progression, tolerance or rebound."

ENTRIES = (
    _entry(
        "direct_emax",
        "Direct effect, Emax",
        "Effect in step with plasma concentration.",
        direct_effect,
        _AT_ONCE,
        _DIRECT,
    ),
    _entry(
        "direct_sigmoid_emax",
        "Direct effect, sigmoid Emax",
        "Effect in step with plasma concentration, steeper or flatter than Emax.",
        partial(direct_effect, sigmoid=True),
        _AT_ONCE,
        _DIRECT,
    ),
    _entry(
        "effect_compartment_emax",
        "Effect compartment, Emax",
        "Effect that lags behind plasma because the drug must reach its site.",
        effect_compartment,
        _SITE,
        _DIRECT,
    ),
    _entry(
        "effect_compartment_sigmoid_emax",
        "Effect compartment, sigmoid Emax",
        "Effect that lags behind plasma, with a Hill coefficient.",
        partial(effect_compartment, sigmoid=True),
        _SITE,
        _DIRECT,
    ),
    *(
        _entry(
            f"indirect_response_{number}",
            f"Indirect response {title}",
            f"Response kept by production and loss; the drug acts on its {response.split('_')[1]}.",
            partial(indirect_response, response=response),
            _TURNOVER,
            _INDIRECT,
        )
        for number, (response, title) in enumerate(_RESPONSES.items(), start=1)
    ),
    _entry(
        "turnover",
        "Turnover with sigmoid inhibition of production",
        "Response by baseline and loss, such as a clotting factor, whose production the drug stops.",
        turnover,
        _TURNOVER,
        _INDIRECT,
    ),
    Entry(
        name="endogenous_turnover",
        title="Endogenous substance with replacement doses",
        family=_INDIRECT,
        purpose="A substance with its own production, such as a hormone or clotting factor, that is also "
        "given.",
        kind="structural",
        build=endogenous_turnover,
        regimen="50 mg every 24 h for 3 doses",
        times=(0.5, 1.0, 2.0, 6.0, 12.0, 23.0, 25.0, 36.0, 49.0, 60.0, 72.0, 96.0),
        tested="Run at the example values, three daily bolus doses.",
        limits="Production does not answer to the level: not for axes with feedback.",
    ),
)
