"""Parameter: a row of the parameter table, its scale and its prior."""

from __future__ import annotations

import math

from dataclasses import dataclass

from understudy.formats.petab.prior import FAMILIES, Prior, fault
from understudy.formats.petab.table import Row, Table, as_number

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
        """A value on the parameter's scale."""
        if self.scale == "lin":
            return value
        return math.log10(value) if self.scale == "log10" else math.log(value)

    def from_scale(self, scaled: float) -> float:
        """The value that lies there on the parameter's scale."""
        if self.scale == "lin":
            return scaled
        return 10.0**scaled if self.scale == "log10" else math.exp(scaled)

    def slope(self, value: float) -> float:
        """How the value grows with the value on the scale."""
        return value * {"lin": 1 / value if value else 0.0, "log": 1.0, "log10": math.log(10)}[self.scale] if (
            self.scale != "lin"
        ) else 1.0

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
    found = {name: read(name, row) for name, row in table.unique("parameterId").items()}
    if version == 1 or all(each.prior is None for each in found.values()):
        return found
    # PEtab 2.0: where some have priors, all others that are estimated have uniform ones.
    return {name: _with_uniform(each) for name, each in found.items()}


def _read_v1(name: str, row: Row) -> PetabParameter:
    estimated = row.choice("estimate", ("1", "0", "1.0", "0.0")) in ("1", "1.0")
    scale = row.choice("parameterScale", SCALES, "lin")
    lower, upper = _bounds(row, estimated)
    value = _nominal(row, estimated)
    if estimated and scale != "lin" and value <= 0:
        raise row.refuse("nominalValue", f"a parameter on the scale {scale} must be above zero", "give another")
    found = PetabParameter(name, value, estimated, scale, lower, upper)
    return PetabParameter(name, value, estimated, scale, lower, upper, _prior_v1(row, found) if estimated else None)


def _read_v2(name: str, row: Row) -> PetabParameter:
    estimated = row.choice("estimate", ("true", "false", "True", "False")) in ("true", "True")
    if row.text("parameterScale", "lin") != "lin":
        raise row.refuse("parameterScale", "PEtab 2 has no scales", "remove the column, or name the version 1")
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


_V1 = {"uniform": "uniform", "normal": "normal", "laplace": "laplace"}


def _prior_v1(row: Row, parameter: PetabParameter) -> Prior | None:
    words = [f"{prefix}{name}" for name in ("Uniform", "Normal", "Laplace") for prefix in ("parameterScale",)]
    kind = row.choice("objectivePriorType", (*_V1, "logNormal", "logLaplace", *words), "none") if row.text(
        "objectivePriorType"
    ) else ""
    if not kind:
        return None
    family = kind.removeprefix("parameterScale").removeprefix("log").lower()
    on_scale = kind.startswith("parameterScale")
    ends = (parameter.lower, parameter.upper)
    given = tuple(map(parameter.to_scale, ends)) if on_scale else ends
    numbers = _numbers(row, "objectivePriorParameters", family, given if family == "uniform" else ())
    return Prior(family, numbers, kind.startswith("log"), on_scale)


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
    if not parameter.estimated or parameter.prior is not None:
        return parameter
    ends = (parameter.lower, parameter.upper)
    prior = Prior("uniform", ends) if all(map(math.isfinite, ends)) and ends[0] < ends[1] else None
    return PetabParameter(parameter.name, parameter.value, True, "lin", *ends, prior)


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


