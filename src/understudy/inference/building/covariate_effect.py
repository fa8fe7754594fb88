"""Covariate effects: how a covariate can enter an individual parameter, as an edit of a population model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import ModelError, SimulationError
from understudy.core.expression import Expression
from understudy.core.units import UNKNOWN
from understudy.model.parts import Parameter
from understudy.model.population_model import Covariate, PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records

KINDS = ("linear", "exponential", "power", "categorical")
# More groups than this are no categories.
_MOST_LEVELS = 10


@dataclass(frozen=True)
class Effect:
    """A covariate's effect on an individual parameter.

    Parameters
    ----------
    parameter, covariate, kind : str

    Examples
    --------
    >>> str(Effect("CL", "WT", "power"))
    'CL-WT-power'
    """

    parameter: str
    covariate: str
    kind: str

    @property
    def pair(self) -> tuple[str, str]:
        """What can have only one effect."""
        return self.parameter, self.covariate

    def __str__(self) -> str:
        return f"{self.parameter}-{self.covariate}-{self.kind}"


def add_covariate_effect(
    model: PopulationModel,
    parameter: str,
    covariate: str | Covariate,
    kind: str,
    levels: Sequence[float] = (),
) -> PopulationModel:
    """The model with a covariate in one of its individual parameters, at first without an effect.

    Parameters
    ----------
    model : PopulationModel
    parameter : str
        An individual parameter, as ``"CL"``; its equation is multiplied by the effect.
    covariate : str or Covariate
        Its `reference` is the centre and its `lower` and `upper` bound what keeps a linear effect positive; a name
        means one of the model's. `covariate_in` makes one of records.
    kind : {"linear", "exponential", "power", "categorical"}
        ``1 + theta * (x - centre)``, ``exp(theta * (x - centre))``, ``(x / centre) ** theta``, or a factor
        ``1 + theta`` for each level but the first (Jonsson and Karlsson 1998, doi:10.1023/A:1011970125687).
    levels : sequence of float
        Of a categorical effect, the one without a factor first.

    Returns
    -------
    PopulationModel
        The new fixed effects are called ``theta_CL_WT`` (of a level ``theta_CL_SEX_2``), and begin at zero.

    Raises
    ------
    ModelError
        For what is not in the model, for an effect that it has already, or for a covariate without what `kind` needs.

    Examples
    --------
    >>> from understudy import load_model
    >>> larger = add_covariate_effect(load_model("phenobarbital_neonates"), "CL", "APGR", "power")
    >>> larger.individual[0].expression
    Expression('theta_CL * WT * exp(eta_CL) * (APGR / 7.0) ** theta_CL_APGR')
    """
    chosen = _covariate(model, covariate)
    if parameter not in {item.name for item in model.individual}:
        known = ", ".join(item.name for item in model.individual)
        raise ModelError(
            f"there is no individual parameter {parameter!r}", place=model.name, repair=f"one of {known}"
        )
    factor, thetas = _factor(parameter, chosen, kind, tuple(levels), model.name)
    taken = sorted({theta.name for theta in thetas} & model.fixed_values.keys())
    if taken:
        raise ModelError(
            f"{parameter} has an effect of {chosen.name} already: {', '.join(taken)}", place=model.name,
            repair="begin from a model without it",
        )  # fmt: skip
    individual = tuple(
        replace(item, expression=item.expression * factor) if item.name == parameter else item
        for item in model.individual
    )
    kept = model.covariates if chosen.name in model.covariate_names else (*model.covariates, chosen)
    return replace(model, individual=individual, fixed=(*model.fixed, *thetas), covariates=kept)


def covariate_in(records: Records, name: str) -> Covariate:
    """A covariate as records have it: the median of the patients' first values, and the range of all values.

    Parameters
    ----------
    records : Records
    name : str

    Raises
    ------
    SimulationError
        Where it does not occur, or some patients have no value.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy import Records
    >>> frame = pd.DataFrame({"ID": [1, 2, 3], "TIME": 1, "DV": 1.0, "AMT": 0, "WT": [50, 70, 80]})
    >>> found = covariate_in(Records.from_frame(frame, units={"WT": "kg"}), "WT")
    >>> found.reference, found.lower, found.upper, found.unit
    (70.0, 50.0, 80.0, 'kg')
    """
    first, every = _values(records, name)
    return Covariate(
        name, records.unit(name) or "1", reference=float(np.median(first)), lower=float(every.min()),
        upper=float(every.max()),
    )  # fmt: skip


def levels_in(records: Records, name: str) -> tuple[float, ...]:
    """Values of a covariate that divides patients into groups, the most frequent first.

    Raises
    ------
    SimulationError
        For one that has too many values, or only one.
    """
    first, every = _values(records, name)
    values = np.unique(every)
    if not 1 < values.size <= _MOST_LEVELS:
        raise SimulationError(
            f"{name} has {values.size} different values: no categories", place=records.source,
            repair=f"take a covariate with 2 to {_MOST_LEVELS} values, or another kind of effect",
        )  # fmt: skip
    counts = [int((first == value).sum()) for value in values]
    return tuple(float(values[k]) for k in np.argsort(-np.array(counts), kind="stable"))


def _values(records: Records, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Each patient's first value, and all values."""
    if name not in records.covariates:
        raise SimulationError(
            f"there is no covariate {name!r}", place=records.source,
            repair=f"covariates: {', '.join(records.covariates) or 'none'}",
        )  # fmt: skip
    first = records.baseline()[name]
    missing = [str(patient) for patient in first.index[first.isna()]]
    if missing:
        more = ", …" if len(missing) > 5 else ""
        raise SimulationError(
            f"{name} is not known of {len(missing)} patients: {', '.join(missing[:5])}{more}",
            place=records.source, repair="fill it in, or leave these patients or this covariate out",
        )  # fmt: skip
    return first.to_numpy(float), records.data[name].dropna().to_numpy(float)


def _covariate(model: PopulationModel, given: str | Covariate) -> Covariate:
    if isinstance(given, Covariate):
        own = {each.name: each for each in model.covariates}.get(given.name, given)
        if own.unit != given.unit:
            raise ModelError(
                f"{given.name} is in {given.unit}, the model's in {own.unit}", place=model.name,
                repair="give it in the model's unit",
            )  # fmt: skip
        return given
    for each in model.covariates:
        if each.name == given:
            return each
    raise ModelError(
        f"the model has no covariate {given!r}",
        place=model.name,
        repair="give a Covariate, or `covariate_in`",
    )


def _factor(
    parameter: str, covariate: Covariate, kind: str, levels: tuple[float, ...], place: str
) -> tuple[Expression, tuple[Parameter, ...]]:
    """The factor, and its fixed effects."""
    name, x = f"theta_{parameter}_{covariate.name}", covariate.name
    told = f"effect of {x} on {parameter}"
    if kind == "categorical":
        return _by_level(name, x, levels, told, place)
    if kind not in KINDS:
        raise ModelError(f"unknown kind of effect {kind!r}", place=place, repair=f"one of {', '.join(KINDS)}")
    centre = _required(covariate, kind, place)
    known = covariate.unit != "1" and UNKNOWN not in covariate.unit
    written = f"{centre!r}[{covariate.unit}]" if known else repr(centre)
    if kind == "power":
        return Expression(f"({x} / {written}) ** {name}"), (Parameter(name, 0.0, "1", told),)
    plain = covariate.unit.isidentifier()
    unit = f"1/{covariate.unit}" if known and plain else f"1/({covariate.unit})" if known else "1"
    if kind == "exponential":
        return Expression(f"exp({name} * ({x} - {written}))"), (Parameter(name, 0.0, unit, told),)
    low, high = _positive_slopes(covariate, centre)
    slope = Parameter(name, 0.0, unit, told, lower=low, upper=high)
    return Expression(f"1 + {name} * ({x} - {written})"), (slope,)


def _by_level(
    name: str, x: str, levels: tuple[float, ...], told: str, place: str
) -> tuple[Expression, tuple[Parameter, ...]]:
    if len(set(levels)) < 2:
        raise ModelError(f"{told}: {len(set(levels))} levels", place=place, repair="give two or more levels")
    thetas = [f"{name}_{_word(level)}" if len(levels) > 2 else name for level in levels[1:]]
    parts = [
        f"where({x} == {level!r}, 1 + {theta}, 1)" for theta, level in zip(thetas, levels[1:], strict=True)
    ]
    # A factor of zero or below would make no parameter.
    fixed = tuple(
        Parameter(theta, 0.0, "1", f"{told}, {level:g} against {levels[0]:g}", lower=-1.0)
        for theta, level in zip(thetas, levels[1:], strict=True)
    )
    return Expression(" * ".join(parts)), fixed


def _word(level: float) -> str:
    return f"{level:g}".replace("-", "minus").replace(".", "p").replace("+", "")


def _required(covariate: Covariate, kind: str, place: str) -> float:
    centre = covariate.reference
    lowest = centre if covariate.lower is None else covariate.lower
    if centre is None or (kind == "power" and min(centre, lowest) <= 0):
        why = "has no reference" if centre is None else "has values that are not above zero"
        raise ModelError(
            f"{covariate.name} {why}, which a {kind} effect needs", place=place,
            repair="give it a reference: Covariate(..., reference=...)" if centre is None else "linear or exponential",
        )  # fmt: skip
    return float(centre)


def _positive_slopes(covariate: Covariate, centre: float) -> tuple[float, float]:
    """Slopes between which the factor stays above zero in the covariate's range."""
    above = 0.0 if covariate.upper is None else covariate.upper - centre
    below = 0.0 if covariate.lower is None else centre - covariate.lower
    return (-1.0 / above if above > 0 else -np.inf), (1.0 / below if below > 0 else np.inf)
