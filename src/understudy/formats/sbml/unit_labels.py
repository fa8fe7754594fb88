"""Unit labels: the units that a file declares, as text of this package."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

from understudy.core.errors import UnitError
from understudy.core.units import unit

if TYPE_CHECKING:
    from understudy.formats.sbml.content import Content

_BASE = {
    "litre": "L", "liter": "L", "metre": "m", "meter": "m", "mole": "mol", "gram": "g", "kilogram": "kg",
    "second": "s", "item": "1", "dimensionless": "1", "radian": "1", "steradian": "1", "joule": "J", "kelvin": "K",
    "newton": "N", "pascal": "Pa", "watt": "W", "volt": "V", "ampere": "A", "candela": "cd", "coulomb": "C",
    "farad": "F", "hertz": "Hz", "siemens": "S", "ohm": "ohm", "katal": "kat", "becquerel": "Bq",
}  # fmt: skip
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", -2: "c", -1: "d", 0: "", 3: "k", 6: "M"}
_COUNTS = {0: "1", -2: "percent", 3: "10^3", 6: "10^6", 9: "10^9", 12: "10^12"}
_SECONDS = {1.0: "s", 60.0: "min", 3600.0: "h", 86400.0: "d", 604800.0: "wk"}
_BUILT_IN = {"substance": "mol", "volume": "L", "area": "m**2", "length": "m", "time": "s"}
# Units whose multiplier has no name here.
UNKNOWN = "1"


class UnitLabels:
    """The unit of each name, ``"1"`` where none is declared or this package has no name for it."""

    def __init__(self, content: Content):
        self.content, self.model = content, content.model
        self.known = dict(self._declared())

    @cached_property
    def time(self) -> str:
        """The unit of time."""
        if self.model.getLevel() < 3:
            return self._text("time")
        return self._text(self.model.getTimeUnits())

    def of(self, name: str) -> str:
        """The unit of a name."""
        return self.known.get(name, UNKNOWN)

    def _declared(self):
        names, model = self.content.draft.names, self.model
        for k in range(model.getNumParameters()):
            item = model.getParameter(k)
            yield names[item.getId()], self._text(item.getUnits())
        for k in range(model.getNumCompartments()):
            item = model.getCompartment(k)
            yield names[item.getId()], self._volume(item)
        for k in range(model.getNumReactions()):
            extent = self._text(model.getExtentUnits() if model.getLevel() > 2 else "substance")
            yield names[model.getReaction(k).getId()], joined(extent, self.time)
        for each in self.content.species.values():
            item = model.getSpecies(each.identifier)
            amount = self._substance(item)
            volume = self._volume(model.getCompartment(item.getCompartment()))
            yield each.amount, amount
            if each.concentration:
                yield each.concentration, joined(amount, volume)

    def _substance(self, item: Any) -> str:
        default = self.model.getSubstanceUnits() if item.getLevel() > 2 else "substance"
        return self._text(item.getSubstanceUnits() or default)

    def _volume(self, item: Any) -> str:
        if item.getUnits():
            return self._text(item.getUnits())
        kinds = {3: "volume", 2: "area", 1: "length"}
        kind = kinds.get(item.getSpatialDimensions(), "")
        if not kind or item.getLevel() < 3:
            return self._text(kind)
        return self._text(getattr(self.model, f"get{kind.capitalize()}Units")())

    def _text(self, identifier: str) -> str:
        """The text of a unit by its identifier."""
        if not identifier:
            return UNKNOWN
        definition = self.model.getUnitDefinition(identifier)
        if definition is None:
            return _BASE.get(identifier) or _BUILT_IN.get(identifier, UNKNOWN)
        parts = [_part(definition.getUnit(k)) for k in range(definition.getNumUnits())]
        return UNKNOWN if None in parts else _checked(_product(parts))


def joined(above: str, below: str) -> str:
    """A quotient of units; unknown where one of them is."""
    if UNKNOWN in (above, below):
        return UNKNOWN if above == UNKNOWN else above
    below = f"({below})" if set(below) & set("*/") else below
    return _checked(f"{above}/{below}")


def _part(item: Any) -> tuple[str, float] | None:
    """One factor of a unit and its power; None where its size has no name."""
    import libsbml

    base = _BASE.get(libsbml.UnitKind_toString(item.getKind()))
    size, power = item.getMultiplier() * 10.0 ** item.getScale(), item.getExponentAsDouble()
    if not math.isfinite(power) or not math.isfinite(size):
        return None
    power = int(power) if power == int(power) else power
    if base == "s":
        for seconds, named in _SECONDS.items():
            if math.isclose(size, seconds, rel_tol=1e-9):
                return named, power
    tens = round(math.log10(size)) if size > 0 else 0
    if base is None or not math.isclose(size, 10.0**tens, rel_tol=1e-9):
        return None
    if base == "1":
        return (_COUNTS[tens], power) if tens in _COUNTS else None
    if base == "kg":
        base, tens = "g", tens + 3
    return (f"{_PREFIXES[tens]}{base}", power) if tens in _PREFIXES else None


def _product(parts: list[tuple[str, float]]) -> str:
    """Factors as ``a*b/c``."""
    known = [(base, power) for base, power in parts if base != "1" and power]
    above = "*".join(_raised(base, power) for base, power in known if power > 0)
    below = "".join(f"/{_raised(base, -power)}" for base, power in known if power < 0)
    return f"{above or '1'}{below}"


def _raised(base: str, power: float) -> str:
    return base if power == 1 else f"{base}**{power}"


def _checked(text: str) -> str:
    try:
        unit(text)
    except UnitError:
        return UNKNOWN
    return text
