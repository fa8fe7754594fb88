"""Asked sensitivities: from the names a user gives to directions, and from derivatives to outputs with units.

A mechanism's parameters move one by one. A fixed effect, random effect or covariate of a population moves all
individual parameters that depend on it: how fast each does is a further individual parameter, worked out row by row
like the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np

from understudy.core import units
from understudy.engine.parameters import ParameterRows, structural
from understudy.engine.sensitivity.augmented_model import NamedSlopes
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.solve import Answer
from understudy.model.model import Model
from understudy.model.parts import Assignment, Parameter
from understudy.model.population_model import PopulationModel


@dataclass(frozen=True, eq=False)
class AskedSensitivities:
    """What a user asks for, ready to be solved. Made by `AskedSensitivities.of`.

    Parameters
    ----------
    model : Model or PopulationModel
        The user's, with a parameter for every speed at which an individual parameter moves.
    names : tuple of str
    speeds : mapping of name to mapping of individual parameter to the parameter that is its speed
    """

    model: Model | PopulationModel
    names: tuple[str, ...]
    speeds: dict[str, dict[str, str]]

    @classmethod
    def of(
        cls, model: Model | PopulationModel, names: Iterable[str], given: Collection[str]
    ) -> AskedSensitivities:
        """The sensitivities of a model to some names.

        Parameters
        ----------
        model : Model or PopulationModel
        names : iterable of str
            See `understudy.engine.sensitivity.directions.Directions`; of a population also its effects and covariates.
        given : collection of str
            Names whose values the patients bring with them: what else they would depend on does not move them.
        """
        wanted = tuple(dict.fromkeys(names))
        if isinstance(model, Model) or not wanted:
            return cls(model, wanted, {})
        individual = {i.name: i.expression for i in model.individual if i.name not in given}
        effects = {p.name for p in model.fixed} | {*model.eta_names, *model.covariate_names}
        taken = {
            *effects,
            *individual,
            *given,
            *model.structural.parameter_names,
            *model.structural.state_names,
        }
        taken |= {item.name for item in model.structural.assignments}
        slopes = NamedSlopes(individual, taken)
        speeds = {
            name: _speeds(name, model.structural, individual, slopes) for name in wanted if name in effects
        }
        new = [speed for found in speeds.values() for speed in found.values()]
        equations = tuple(Assignment(name, equation) for name, equation in slopes.added.items())
        base = replace(
            model.structural,
            parameters=(*model.structural.parameters, *(Parameter(name, 0.0) for name in new)),
        )
        wide = replace(model, structural=base, individual=(*model.individual, *equations))
        return cls(wide, wanted, speeds)

    def directions(self, rows: ParameterRows) -> Directions:
        """Directions in the parameters of a table made with `model`."""
        touched, seeds, known = [], [], rows.model.parameter_names
        for name in self.names:
            moved = {p: speed for p, speed in self.speeds.get(name, {}).items() if speed in known}
            # An effect may be a parameter of the mechanism itself. Where covariates change along straight lines, all
            # are, and individual parameters are equations of the mechanism.
            own = (name,) if name in known or name not in self.speeds else ()
            touched.append((*own, *moved))
            if not moved:
                seeds.append(None)
                continue
            columns = rows.table[:, [known.index(speed) for speed in moved.values()]]
            seeds.append(np.hstack([np.ones((len(columns), len(own))), columns]))
        return Directions(self.names, tuple(touched), tuple(seeds))


def _speeds(name: str, base: Model, individual: dict, slopes: NamedSlopes) -> dict[str, str]:
    """The equations of how fast individual parameters move with an effect, by parameter."""
    found = {}
    for parameter in base.parameter_names:
        # A parameter may also be the effect or covariate itself.
        equation = individual.get(parameter)
        slope = slopes.of(equation.tree, name) if equation is not None else None
        if slope is not None:
            found[parameter] = slopes.put(f"d_{parameter}_by_{name}", slope)
    return found


def derivative_name(output: str, by: str) -> str:
    """What the derivative of an output is called.

    Examples
    --------
    >>> derivative_name("C", "CL")
    'dC_dCL'
    """
    return f"d{output}_d{by}"


def derivative_outputs(answer: Answer, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Derivatives of an answer's outputs by name."""
    return {
        derivative_name(output, by): values[:, k]
        for output, values in answer.sensitivities.items()
        for k, by in enumerate(names)
    }


def output_units(
    model: Model | PopulationModel, outputs: Iterable[str], names: Iterable[str]
) -> dict[str, str]:
    """Units of outputs and of their derivatives by name.

    Examples
    --------
    >>> iv = Model(
    ...     "iv", "h", {"CL": (2, "L/h"), "V": (20, "L")}, {"A": "mg"}, {"A": "-CL / V * A"},
    ...     outputs={"C": ("A / V", "mg/L")},
    ... )
    >>> output_units(iv, ["C"], ["CL", "A(0)", "dose(A)", "lag(A)"])
    {'C': 'mg/L', 'dC_dCL': 'h*mg/L**2', 'dC_dA(0)': '1/L', 'dC_ddose(A)': 'mg/L', 'dC_dlag(A)': 'mg/h/L'}
    """
    labels = {name: structural(model).output(name).unit for name in outputs}
    below = {by: _unit_of(by, model) for by in names}
    return labels | {
        derivative_name(output, by): _quotient(label, unit)
        for output, label in labels.items()
        for by, unit in below.items()
    }


def _quotient(above: str, below: str) -> str:
    if units.UNKNOWN in (above, below):
        return units.UNKNOWN
    return above if below == "1" else units.unit_text(units.unit(above) / units.unit(below))


def _unit_of(name: str, model: Model | PopulationModel) -> str:
    base = structural(model)
    known = {p.name: p.unit for p in base.parameters}
    if isinstance(model, PopulationModel):
        known |= {item.name: item.unit for item in (*model.fixed, *model.covariates)}
    special = re.fullmatch(r"(\w+)\((\w+)\)", name)
    if special is None:
        return known.get(name, "1")
    what, where = special.groups()
    state = {s.name: s.unit for s in base.states}
    if where == "0":
        return state.get(what, "1")
    if what in ("lag", "duration"):
        return base.time_unit
    entered = next((entry.state for entry in base.doses if entry.name == where), "")
    return f"{state[entered]}/{base.time_unit}" if what == "rate" and entered else "1"
