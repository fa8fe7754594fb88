"""Compartmental pharmacokinetics, composed from disposition, absorption and elimination.

States stand in NONMEM's order (depot, central, peripheral), amounts are in mg, volumes in L, and the
output ``Cp`` is ``central / V`` in mg/L.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Literal

from understudy.core.errors import ModelError
from understudy.core.expression import Expression
from understudy.library.entry import Entry
from understudy.model.model import Model
from understudy.model.parts import Input, Output, Parameter, Source, State

Absorption = Literal["iv", "first_order", "zero_order", "mixed", "lagged", "transit"]
Elimination = Literal["linear", "michaelis_menten", "parallel"]

SAVIC_2007 = Source(
    "Savic RM, Jonker DM, Kerbusch T, Karlsson MO. Implementation of a transit compartment model for "
    "describing drug absorption in pharmacokinetic studies. J Pharmacokinet Pharmacodyn 2007;34:711-726",
    doi="10.1007/s10928-007-9066-0",
)

FAMILY = "Compartmental pharmacokinetics"

_HOURS = {"min": 1 / 60, "h": 1.0, "day": 24.0, "week": 168.0}
_COUNTS = {1: "one", 2: "two", 3: "three"}
_ABSORPTIONS = {
    "iv": ("iv", "intravenous bolus or infusion"),
    "first_order": ("oral", "first-order absorption"),
    "zero_order": ("zero_order", "zero-order absorption"),
    "mixed": ("mixed", "mixed first-order and zero-order absorption"),
    "lagged": ("lag", "first-order absorption after a lag time"),
    "transit": ("transit", "absorption through transit compartments"),
}
_ELIMINATIONS = {
    "linear": ("", "linear elimination"),
    "michaelis_menten": ("_michaelis_menten", "Michaelis-Menten elimination"),
    "parallel": ("_parallel", "parallel linear and Michaelis-Menten elimination"),
}

# name: (value with time in hours, unit, description); {t} is the model's time unit
_KNOWN = {
    "ka": (1.2, "1/{t}", "absorption rate constant"),
    "F": (1.0, "1", "bioavailability"),
    "Fz": (0.4, "1", "fraction of the absorbed dose that enters by zero order"),
    "D1": (3.0, "{t}", "duration of zero-order absorption"),
    "tlag": (0.5, "{t}", "absorption lag time"),
    "MTT": (1.5, "{t}", "mean transit time"),
    "n": (4.5, "1", "number of transit compartments, need not be whole"),
    "CL": (5.0, "L/{t}", "clearance"),
    "Vmax": (40.0, "mg/{t}", "largest rate of saturable elimination"),
    "Km": (4.0, "mg/L", "concentration at half of the largest rate"),
    "V": (50.0, "L", "volume of distribution"),
    "V1": (30.0, "L", "central volume"),
    "Q": (8.0, "L/{t}", "intercompartmental clearance"),
    "V2": (60.0, "L", "peripheral volume"),
    "Q2": (8.0, "L/{t}", "intercompartmental clearance to the first peripheral compartment"),
    "Q3": (2.0, "L/{t}", "intercompartmental clearance to the second peripheral compartment"),
    "V3": (120.0, "L", "second peripheral volume"),
}


def compartments(
    n: int = 1,
    absorption: Absorption = "first_order",
    elimination: Elimination = "linear",
    time_unit: Literal["min", "h", "day", "week"] = "h",
    apparent: bool = False,
) -> Model:
    """A mammillary model with `n` compartments, one way of absorption and one of elimination.

    Parameters
    ----------
    n : {1, 2, 3}
        Compartments besides the depot.
    absorption : {"iv", "first_order", "zero_order", "mixed", "lagged", "transit"}
        How an ``"oral"`` dose enters; every model can also be dosed ``"iv"`` into the central compartment.
        Mixed: a fraction ``Fz`` enters the central compartment at a constant rate over ``D1`` while the rest
        passes the depot. Transit: Savic's gamma density [1]_ with ``ktr = (n + 1) / MTT``.
    elimination : {"linear", "michaelis_menten", "parallel"}
    time_unit : {"min", "h", "day", "week"}
    apparent : bool
        Clearances and volumes are apparent (CL/F, V/F), as estimated without intravenous data: there is no
        ``F``, and no ``"iv"`` dose where there is an oral one.

    Returns
    -------
    Model
        Parameters ``CL, V`` for one compartment, ``CL, V1, Q, V2`` for two, ``CL, V1, Q2, V2, Q3, V3`` for
        three; ``Vmax, Km`` where elimination saturates. The values are examples: give your own with
        `Model.with_values`.

    Raises
    ------
    ModelError
        For another number of compartments, or an unknown absorption, elimination or time unit.

    References
    ----------
    .. [1] Savic RM et al. J Pharmacokinet Pharmacodyn 2007;34:711-726. doi:10.1007/s10928-007-9066-0

    Examples
    --------
    >>> model = compartments(2, "first_order").with_values(CL=2.0, V1=20.0)
    >>> model.state_names
    ('depot', 'central', 'peripheral')
    >>> model.rate("depot")
    Expression('-ka * depot')
    """
    for value, known, what in (
        (n, _COUNTS, "number of compartments"),
        (absorption, _ABSORPTIONS, "absorption"),
        (elimination, _ELIMINATIONS, "elimination"),
        (time_unit, _HOURS, "time unit"),
    ):
        if value not in known:
            raise ModelError(f"unknown {what} {value!r}", repair=f"use one of {', '.join(map(str, known))}")
    depot = absorption not in ("iv", "zero_order")
    rates = ({"depot": "-ka * depot"} if depot else {}) | _disposition(n, elimination, depot)
    names = [*_absorbed_with(absorption), *_eliminated_with(elimination), *_distributed_with(n)]
    names = [name for name in names if not (apparent and name == "F")]
    return Model(
        name_of(n, absorption, elimination),
        time_unit,
        parameters=tuple(_parameter(name, time_unit) for name in names),
        states=tuple(State(name, "mg") for name in rates),
        rates=rates,
        inputs=_inputs(absorption, time_unit, apparent),
        outputs=(Output("Cp", f"central / {_volume(n)}", "mg/L", "plasma concentration"),),
        description=_title(n, absorption, elimination),
        sources=(SAVIC_2007,) if absorption == "transit" else (),
    )


def name_of(n: int, absorption: Absorption, elimination: Elimination) -> str:
    """Name in the catalogue of what `compartments` makes.

    Examples
    --------
    >>> name_of(2, "first_order", "parallel")
    'two_compartment_oral_parallel'
    """
    return f"{_COUNTS[n]}_compartment_{_ABSORPTIONS[absorption][0]}{_ELIMINATIONS[elimination][0]}"


def _title(n: int, absorption: Absorption, elimination: Elimination) -> str:
    count = f"{_COUNTS[n].capitalize()} compartment{'s' if n > 1 else ''}"
    return f"{count}, {_ABSORPTIONS[absorption][1]}, {_ELIMINATIONS[elimination][1]}"


def _volume(n: int) -> str:
    return "V" if n == 1 else "V1"


def _parameter(name: str, time_unit: str) -> Parameter:
    value, unit, description = _KNOWN[name]
    power = {"{t}": -1, "1": 0}.get(unit, 1 if "/{t}" in unit else 0)
    return Parameter(
        name, value * _HOURS[time_unit] ** power, unit.format(t=time_unit), description, lower=0.0
    )


def _absorbed_with(absorption: Absorption) -> tuple[str, ...]:
    return {
        "iv": (),
        "first_order": ("ka", "F"),
        "zero_order": ("D1", "F"),
        "mixed": ("ka", "Fz", "D1", "F"),
        "lagged": ("tlag", "ka", "F"),
        "transit": ("MTT", "n", "ka", "F"),
    }[absorption]


def _eliminated_with(elimination: Elimination) -> tuple[str, ...]:
    return {"linear": ("CL",), "michaelis_menten": ("Vmax", "Km"), "parallel": ("CL", "Vmax", "Km")}[
        elimination
    ]


def _distributed_with(n: int) -> tuple[str, ...]:
    return {1: ("V",), 2: ("V1", "Q", "V2"), 3: ("V1", "Q2", "V2", "Q3", "V3")}[n]


def _inputs(absorption: Absorption, time_unit: str, apparent: bool) -> tuple[Input, ...]:
    iv = Input("iv", "central")
    if absorption == "iv":
        return (iv,)
    share = Expression(1) if apparent else Expression("F")
    rest, zero_order = ("1 - Fz", "Fz") if apparent else ("F * (1 - Fz)", "F * Fz")
    density = (
        f"where(tad > 0[{time_unit}], (n + 1) / MTT"
        f" * exp(n * log((n + 1) * tad / MTT) - (n + 1) * tad / MTT - lgamma(n + 1)), 0[1/{time_unit}])"
    )
    oral = {
        "first_order": (Input("oral", "depot", bioavailability=share),),
        "zero_order": (Input("oral", "central", bioavailability=share, duration="D1"),),
        "mixed": (
            Input("oral", "depot", bioavailability=rest),
            Input("oral", "central", bioavailability=zero_order, duration="D1"),
        ),
        "lagged": (Input("oral", "depot", lag="tlag", bioavailability=share),),
        "transit": (Input("oral", "depot", bioavailability=share, profile=density),),
    }[absorption]
    return oral if apparent else (*oral, iv)


def _disposition(n: int, elimination: Elimination, depot: bool) -> dict[str, str]:
    """Rates of the central and the peripheral compartments."""
    volume = _volume(n)
    saturable = f" - Vmax * central / (Km * {volume} + central)"
    lost = {
        "linear": f" - CL / {volume} * central",
        "michaelis_menten": saturable,
        "parallel": f" - CL / {volume} * central" + saturable,
    }[elimination]
    peripherals = {
        1: (),
        2: (("peripheral", "Q", "V2"),),
        3: (("peripheral1", "Q2", "V2"), ("peripheral2", "Q3", "V3")),
    }[n]
    exchange = "".join(f" - {q} / {volume} * central + {q} / {v} * {state}" for state, q, v in peripherals)
    central = ("ka * depot" if depot else "") + lost + exchange
    return {"central": central.strip()} | {
        state: f"{q} / {volume} * central - {q} / {v} * {state}" for state, q, v in peripherals
    }


def _entry(n: int, absorption: Absorption, elimination: Elimination) -> Entry:
    saturable = elimination != "linear"
    infusion = absorption == "iv" and elimination != "michaelis_menten"
    return Entry(
        name=name_of(n, absorption, elimination),
        title=_title(n, absorption, elimination),
        family=FAMILY,
        purpose=f"Plasma concentration after a dose: {_PURPOSES[absorption]}; {_SHAPES[n]}.",
        kind="structural",
        build=partial(compartments, n, absorption, elimination),
        regimen="100 mg over 30 min every 12 h for 4 doses" if infusion else "100 mg every 12 h for 4 doses",
        times=(0.25, 0.6, 1.0, 2.0, 3.5, 6.0, 10.0, 13.0, 18.0, 25.0, 30.0, 37.0, 40.0, 44.0, 50.0, 54.0),
        tested="Any compound with these kinetics; run at the example values, 100 mg twice a day for two days"
        + (", from far above to far below Km." if saturable else "."),
        limits="Gives no account of active metabolites, enterohepatic recirculation, target binding or "
        "changes of clearance over time" + ("." if saturable else ", and none of saturation at high doses."),
    )


_PURPOSES = {
    "iv": "given into a vein",
    "first_order": "absorbed at a rate in proportion to what is left",
    "zero_order": "absorbed at a constant rate, such as some modified-release forms",
    "mixed": "partly released at once and partly over time",
    "lagged": "absorbed after a delay",
    "transit": "absorbed after a smooth delay",
}
_SHAPES = {
    1: "one exponential phase after absorption",
    2: "a distribution and a terminal phase",
    3: "two distribution phases and a terminal one",
}

ENTRIES = tuple(_entry(*each) for each in product(_COUNTS, _ABSORPTIONS, _ELIMINATIONS))
