"""The parts a model is made of: parameters, states, inputs, outputs, assignments, and their sources."""

from __future__ import annotations

import math
from dataclasses import dataclass

from understudy.core.content import later_field
from understudy.core.errors import ModelError
from understudy.core.expression import Expression, check_name


@dataclass(frozen=True)
class Source:
    """Where a number or an equation comes from.

    Parameters
    ----------
    citation : str
        Authors, title, journal, year.
    doi, pmid : str
        Identifiers; at least one where the publication has one.
    place : str
        Table, figure or page in the publication.
    """

    citation: str
    doi: str = ""
    pmid: str = ""
    place: str = ""

    def __str__(self) -> str:
        tail = [self.place, f"doi:{self.doi}" if self.doi else "", f"PMID {self.pmid}" if self.pmid else ""]
        return " ".join([self.citation.rstrip(".") + ".", ", ".join(part for part in tail if part)]).strip()


@dataclass(frozen=True)
class Parameter:
    """A number with a unit: a constant of a model, or a fixed effect of a population.

    Parameters
    ----------
    name : str
    value : float
        In `unit`.
    unit : str
        Such as ``"L/h"``; ``"1"`` for none.
    description : str
    standard_error : float or None
        In `unit`; None where the source gives none.
    source : Source or None
        None marks a number without a source (a default or a guess).
    lower, upper : float
        Limits of the possible values.
    fixed : bool
        Held at its value where a population is fitted.

    Examples
    --------
    >>> Parameter("CL", 2.0, "L/h", "clearance")
    Parameter(CL = 2 L/h)
    """

    name: str
    value: float
    unit: str = "1"
    description: str = ""
    standard_error: float | None = None
    source: Source | None = None
    lower: float = -math.inf
    upper: float = math.inf
    fixed: bool = later_field(False)

    def __post_init__(self) -> None:
        check_name(self.name, "parameter name")
        if not math.isfinite(self.value):
            raise ModelError(f"parameter {self.name} is {self.value}", repair="give a finite number")
        object.__setattr__(self, "value", float(self.value))

    def __repr__(self) -> str:
        return f"Parameter({self.name} = {self.value:g}{'' if self.unit == '1' else ' ' + self.unit})"


@dataclass(frozen=True)
class State:
    """A quantity that a differential equation carries through time.

    Parameters
    ----------
    name : str
    unit : str
    initial : Expression
        Value at the start and after a reset, in terms of parameters.
    description : str
    nonnegative : bool
        An amount or level that cannot fall below zero. A solver's error that takes it there is put right where it is
        within the tolerance; where it is not, the step is taken again, shorter.
    """

    name: str
    unit: str = "1"
    initial: Expression = Expression(0)
    description: str = ""
    nonnegative: bool = later_field(False)

    def __post_init__(self) -> None:
        check_name(self.name, "state name")
        object.__setattr__(self, "initial", Expression(self.initial))


@dataclass(frozen=True)
class Assignment:
    """A named intermediate equation.

    Parameters
    ----------
    name : str
    expression : Expression
    unit : str
        Checked against the equation where given; empty to take the equation's own.
    description : str
    """

    name: str
    expression: Expression
    unit: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "assignment name")
        object.__setattr__(self, "expression", Expression(self.expression))


@dataclass(frozen=True)
class Output:
    """What is observed.

    Parameters
    ----------
    name : str
        May equal the name of a state or an assignment that it shows.
    expression : Expression
        In terms of states, parameters, assignments and ``t``.
    unit : str
    description : str
    """

    name: str
    expression: Expression
    unit: str = "1"
    description: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "output name")
        object.__setattr__(self, "expression", Expression(self.expression))


@dataclass(frozen=True)
class Input:
    """A way for a dose to enter: a route, or one path of a route.

    Two inputs of the same name share every dose given by that name (mixed absorption); their
    bioavailabilities then say how much of it each receives.

    Parameters
    ----------
    name : str
        The route as the clinician names it: ``"iv"``, ``"oral"``, ``"sc"``.
    state : str
        The state that receives the dose.
    lag : Expression
        Time from dose to entry, in the model's time unit.
    bioavailability : Expression
        Fraction of the dose that enters.
    rate : Expression or None
        Modelled zero-order rate (NONMEM's RATE = -1), state unit per time unit.
    duration : Expression or None
        Modelled zero-order duration (NONMEM's RATE = -2), in the model's time unit. Where both are given, each record's
        RATE says which holds, and a regimen takes the duration.
    profile : Expression or None
        Input rate per unit of dose, as a function of ``tad`` (time after that dose): an absorption density
        that integrates to one, such as Savic's transit compartments. All past doses superpose.
    description : str
    """

    name: str
    state: str
    lag: Expression = Expression(0)
    bioavailability: Expression = Expression(1)
    rate: Expression | None = None
    duration: Expression | None = None
    profile: Expression | None = None
    description: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "input name")
        for field in ("lag", "bioavailability", "rate", "duration", "profile"):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, Expression(value))
        infused = [field for field in ("rate", "duration") if getattr(self, field) is not None]
        if self.profile is not None and infused:
            raise ModelError(
                f"input {self.name} has both profile and {infused[0]}", repair="keep one of them"
            )

    @property
    def expressions(self) -> dict[str, Expression]:
        """The equations that are given, by field name."""
        fields = ("lag", "bioavailability", "rate", "duration", "profile")
        return {field: getattr(self, field) for field in fields if getattr(self, field) is not None}
