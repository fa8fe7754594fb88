"""Parameter: a row of the parameter table, its scale and its prior."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from understudy.formats.petab.prior import FAMILIES, Prior, fault
from understudy.formats.petab.table import Row, Table, as_number, read_each

SCALES = ("lin", "log", "log10")


@dataclass(frozen=True)
class PetabParameter:
    """A parameter of a problem.

    Parameters
    ----------
    name : str
        Its identifier.
    value : float
        Nominal value, not scaled; not-a-number where the table gives none.
    estimated : bool
    scale : {"lin", "log", "log10"}
        On which it is estimated, and derivatives are taken.
    lower, upper : float
        Bounds, not scaled.
    prior : Prior or None

    Examples
    --------
    >>> k = PetabParameter("k", 0.1, True, "log10")
    >>> k.to_scale(0.1), round(k.from_scale(-2), 4), round(k.slope(0.1), 4)
    (-1.0, 0.01, 0.2303)
    """

    name: str
    value: float
    estimated: bool
    scale: str = "lin"
    lower: float = -math.inf
    upper: float = math.inf
    prior: Prior | None = None

    def to_scale(self, value: float) -> float:
        """A value on the parameter's scale; not-a-number where it has none there."""
        if self.scale == "lin":
            return value
        if value <= 0:
            return -math.inf if value == 0 else math.nan
        return math.log10(value) if self.scale == "log10" else math.log(value)

    def from_scale(self, scaled: float) -> float:
        """The value that lies there on the parameter's scale."""
        if self.scale == "lin":
            return scaled
        return 10.0**scaled if self.scale == "log10" else math.exp(scaled)

    def slope(self, value: float) -> float:
        """How the value grows with the value on the scale."""
        return {"lin": 1.0, "log": value, "log10": value * math.log(10)}[self.scale]

    def log_prior(self, value: float) -> tuple[float, float]:
        """Logarithm of the prior's density, and how it grows with the value on the scale; zeros without a prior."""
        if self.prior is None:
            return 0.0, 0.0
        if self.prior.on_scale:
            scaled = self.to_scale(value)
            return self.prior.log_density(scaled), self.prior.slope(scaled)
        return self.prior.log_density(value), self.prior.slope(value) * self.slope(value)


def read_parameters(table: Table, version: int) -> dict[str, PetabParameter]:
    """The parameters of a table, by name.

    Raises
    ------
    FormatError
        For a parameter that has no value, bounds in the wrong order, or a prior that is not known.
    """
    read = _read_v1 if version == 1 else _read_v2
    rows = table.unique("parameterId").values()
    found = {each.name: each for each in read_each(rows, lambda row: read(row.text("parameterId"), row))}
    if version == 1 or all(each.prior is None for each in found.values()):
        return found
    # PEtab 2.0: where some have priors, all others that are estimated have uniform ones.
    return {name: _with_uniform(each) for name, each in found.items()}


def _read_v1(name: str, row: Row) -> PetabParameter:
    estimated = row.choice("estimate", ("1", "0", "1.0", "0.0")) in ("1", "1.0")
    scale = row.choice("parameterScale", SCALES, "lin")
    lower, upper = _bounds(row, estimated)
    found = PetabParameter(name, _nominal(row, estimated), estimated, scale, lower, upper)
    return replace(found, prior=_prior_v1(row, found)) if estimated else found


def _read_v2(name: str, row: Row) -> PetabParameter:
    estimated = row.choice("estimate", ("true", "false", "True", "False")) in ("true", "True")
    if row.text("parameterScale", "lin") != "lin":
        raise row.refuse(
            "parameterScale", "PEtab 2 has no scales", "remove the column, or name the version 1"
        )
    lower, upper = _bounds(row, estimated)
    prior = _prior_v2(row, (lower, upper)) if estimated else None
    return PetabParameter(name, _nominal(row, estimated), estimated, "lin", lower, upper, prior)


def _nominal(row: Row, estimated: bool) -> float:
    return row.number("nominalValue", math.nan if estimated else None)


def _bounds(row: Row, estimated: bool) -> tuple[float, float]:
    lower = row.number("lowerBound", None if estimated else -math.inf, infinite=True)
    upper = row.number("upperBound", None if estimated else math.inf, infinite=True)
    if lower > upper:
        raise row.refuse("lowerBound", f"the lower bound is above the upper one, {upper:g}", "exchange them")
    return lower, upper


_FAMILIES_V1 = ("uniform", "normal", "laplace", "logNormal", "logLaplace")
_ON_SCALE = "parameterScale"
_TYPES_V1 = (*_FAMILIES_V1, *(f"{_ON_SCALE}{name}" for name in ("Uniform", "Normal", "Laplace")))


def _prior_v1(row: Row, parameter: PetabParameter) -> Prior | None:
    column = "objectivePriorType"
    if not row.text(column):
        return None
    kind = row.choice(column, _TYPES_V1)
    on_scale, logarithmic = kind.startswith(_ON_SCALE), kind.startswith("log")
    family = kind.removeprefix(_ON_SCALE).removeprefix("log").lower()
    ends = (parameter.lower, parameter.upper)
    bounds = tuple(map(parameter.to_scale, ends)) if on_scale else ends
    numbers = _numbers(row, "objectivePriorParameters", family, bounds if family == "uniform" else ())
    return Prior(family, numbers, logarithmic, on_scale)


def _prior_v2(row: Row, bounds: tuple[float, float]) -> Prior | None:
    column = "priorDistribution"
    if not row.text(column):
        return None
    kind = row.choice(column, (*FAMILIES, "log-normal", "log-laplace"))
    logarithmic = kind in ("log-normal", "log-laplace")
    family = kind.removeprefix("log-") if logarithmic else kind
    numbers = _numbers(row, "priorParameters", family, ())
    return Prior(family, numbers, logarithmic, within=bounds)


def _with_uniform(parameter: PetabParameter) -> PetabParameter:
    if not parameter.estimated or parameter.prior is not None or not parameter.lower < parameter.upper:
        return parameter
    return replace(parameter, prior=Prior("uniform", (parameter.lower, parameter.upper)))


def _numbers(row: Row, column: str, family: str, otherwise: tuple[float, ...]) -> tuple[float, ...]:
    """The parameters of a distribution."""
    values = [as_number(part) for part in row.parts(column)]
    if any(value is None for value in values):
        raise row.refuse(column, "these are not numbers", "separate numbers by semicolons")
    numbers = tuple(float(value) for value in values if value is not None) or otherwise
    wrong = fault(family, numbers)
    if wrong:
        raise row.refuse(column, wrong, "correct the parameters of the prior")
    return numbers
