"""Cases of the comparison with other solvers: models, doses, observation times and patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from benchmarks import turnover

from understudy.core.random import normals
from understudy.engine.parameters import ParameterRows, parameter_rows
from understudy.engine.schedule import Schedule, from_doses
from understudy.library.catalogue import model as library_model
from understudy.model.model import Model

SPREAD = 0.3


@dataclass(frozen=True)
class Case:
    """A model, equal doses into one state, and when it is observed.

    Parameters
    ----------
    name, title : str
    model : Model
        Its first input is dosed.
    dose : float
    doses : int
    interval : float
        Between doses; the first is given at time 0.
    times : float array
        Observation times; one at the very time of a dose is taken after it.
    stiff : bool
        Whether peers are given their methods for stiff systems. Understudy is told nothing.
    """

    name: str
    title: str
    model: Model
    dose: float
    doses: int
    interval: float
    times: np.ndarray
    stiff: bool = False

    @property
    def dosed(self) -> int:
        """The state that is dosed."""
        return self.model.state_names.index(self.model.doses[0].state)

    def parameters(self, count: int) -> np.ndarray:
        """Log-normal parameters with 30 % variability, shape (count, parameters)."""
        typical = np.array([parameter.value for parameter in self.model.parameters])
        return typical * np.exp(SPREAD * normals(1, self.model.name, np.arange(count), typical.size))

    def problem(self, count: int) -> tuple[Schedule, ParameterRows]:
        """Schedule and parameters of `count` patients."""
        patients = [str(k) for k in range(count)]
        doses = pd.DataFrame(
            {"id": patients, "time": 0.0, "amt": self.dose, "rate": 0.0, "ii": self.interval}
        )
        doses = doses.assign(addl=self.doses - 1, ss=0, route=self.model.routes[0])
        schedule = from_doses(doses, patients, self.times, np.array(False), self.model)
        columns = dict(zip(self.model.parameter_names, self.parameters(count).T, strict=True))
        return schedule, parameter_rows(self.model, schedule, columns)


RESPONSE = Model(
    "saturable elimination and indirect response",
    "h",
    {
        "V": (20.0, "L"), "Vm": (8.0, "mg/h"), "Km": (2.0, "mg/L"), "Q": (2.0, "L/h"), "V2": (40.0, "L"),
        "kin": (10.0, "1/h"), "kout": (0.1, "1/h"), "Emax": (2.0,), "EC50": (1.0, "mg/L"), "hill": (1.5,),
    },
    {"A1": "mg", "A2": "mg", "R": ("1", "kin / kout")},
    {
        "A1": "-Vm * C / (Km + C) - Q * (C - A2 / V2)",
        "A2": "Q * (C - A2 / V2)",
        "R": "kin * (1 + Emax * C ** hill / (EC50 ** hill + C ** hill)) - kout * R",
    },
    inputs={"iv": "A1"},
    assignments={"C": "A1 / V"},
    outputs={"C": ("C", "mg/L"), "response": ("R", "1")},
)  # fmt: skip

# Friberg et al. 2002, J Clin Oncol 20:4713-4721, doi:10.1200/JCO.2002.02.140.
# Its exponent is called gamma there, a name that Antimony keeps for itself.
MYELOSUPPRESSION = Model(
    "myelosuppression",
    "h",
    {
        "CL": (10.0, "L/h"), "V": (100.0, "L"), "base": (5.0,), "MTT": (90.0, "h"), "slope": (0.5, "L/mg"),
        "feedback": (0.16,),
    },
    {"A": "mg", **{name: ("1", "base") for name in ("prol", "t1", "t2", "t3", "circ")}},
    {
        "A": "-CL / V * A",
        "prol": "ktr * prol * ((1 - slope * A / V) * (base / circ) ** feedback - 1)",
        "t1": "ktr * (prol - t1)",
        "t2": "ktr * (t1 - t2)",
        "t3": "ktr * (t2 - t3)",
        "circ": "ktr * (t3 - circ)",
    },
    inputs={"iv": "A"},
    assignments={"ktr": "4 / MTT"},
    outputs={"neutrophils": ("circ", "1")},
)  # fmt: skip


def fast_binding() -> Model:
    """Target-mediated disposition with all its rate constants, binding a hundred times the library's."""
    full = library_model("tmdd_full")
    return replace(
        full.with_values(kon=100 * full.parameter("kon").value, koff=100 * full.parameter("koff").value)
    )


def flows(tissues: int = 19) -> Model:
    """Blood and tissues in exchange with it by flow, elimination from the first tissue: linear."""
    share = np.linspace(1.0, 3.0, tissues)
    share = share / share.sum()
    volume = np.linspace(0.5, 8.0, tissues)
    partition = np.linspace(0.4, 6.0, tissues)
    back = [
        f"{q:.6g} * CO * T{i} / ({v * k:.6g} * scale)"
        for i, (q, v, k) in enumerate(zip(share, volume, partition, strict=True))
    ]
    rates = {
        f"T{i}": f"{q:.6g} * CO * B / VB - {out}" for i, (q, out) in enumerate(zip(share, back, strict=True))
    }
    rates["T0"] += " - CL * T0 / VB"
    return Model(
        "flows of twenty states",
        "h",
        {"CO": (300.0, "L/h"), "VB": (5.0, "L"), "CL": (1.0, "L/h"), "scale": (1.0,)},
        {"B": "mg", **{f"T{i}": "mg" for i in range(tissues)}},
        {"B": " + ".join(back) + " - CO * B / VB", **rates},
        inputs={"iv": "B"},
        outputs={"C": ("B / VB", "mg/L")},
    )


def network(species: int = 50) -> Model:
    """A chain of reversible reactions whose rate constants span six decades, with saturable loss at every step."""
    forward = [
        f"kf * {10.0 ** (-2 + 6 * ((7 * i) % species) / species):.6g} * x{i}" for i in range(species - 1)
    ]
    backward = [
        f"kr * {10.0 ** (-2 + 6 * ((7 * i) % species) / species):.6g} * x{i + 1}" for i in range(species - 1)
    ]
    rates = {}
    for i in range(species):
        terms = [f"- loss * x{i} / (1 + x{i})"]
        terms += [f"+ {forward[i - 1]} - {backward[i - 1]}"] if i else []
        terms += [f"- {forward[i]} + {backward[i]}"] if i + 1 < species else []
        rates[f"x{i}"] = " ".join(terms).removeprefix("+ ")
    return Model(
        "stiff network of fifty states",
        "h",
        {"kf": (1.0, "1/h"), "kr": (0.8, "1/h"), "loss": (0.05, "1/h")},
        {f"x{i}": ("1", 0.1) for i in range(species)},
        rates,
        inputs={"input": "x0"},
        outputs={"last": (f"x{species - 1}", "1")},
    )


def _turnover() -> Case:
    return Case(
        "a",
        "4-state PK and turnover",
        turnover.MODEL,
        turnover.DOSE,
        turnover.DOSES,
        turnover.INTERVAL,
        turnover.TIMES,
    )


CASES: dict[str, Callable[[], Case]] = {
    "a": _turnover,
    "b": lambda: Case(
        "b",
        "Michaelis-Menten, two compartments, indirect response",
        RESPONSE,
        100.0,
        10,
        24.0,
        np.linspace(0, 240, 121),
    ),
    "c": lambda: Case(
        "c", "Friberg myelosuppression", MYELOSUPPRESSION, 100.0, 3, 504.0, np.linspace(0, 1512, 127)
    ),
    "d": lambda: Case(
        "d", "full TMDD", fast_binding(), 350.0, 4, 504.0, np.linspace(0, 2016, 169), stiff=True
    ),
    "f": lambda: Case(
        "f", "20-state linear flows", flows(), 100.0, 7, 24.0, np.linspace(0, 168, 85), stiff=True
    ),
    "g": lambda: Case(
        "g", "50-state stiff network", network(), 10.0, 5, 24.0, np.linspace(0, 120, 61), stiff=True
    ),
}


def case(name: str) -> Case:
    """A case by its letter; (e), the closed form, is measured in observation values and has no peers."""
    return CASES[name]()
