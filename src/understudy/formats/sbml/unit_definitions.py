"""Unit definitions: units as SBML writes them, one definition each."""

from __future__ import annotations

import math
import re

from understudy.core.units import unit

# Pint's names of the units that SBML has, and how it calls them.
_KINDS = {
    "gram": "gram", "meter": "metre", "second": "second", "mole": "mole", "liter": "litre", "kelvin": "kelvin",
    "joule": "joule", "newton": "newton", "pascal": "pascal", "volt": "volt", "ampere": "ampere",
    "coulomb": "coulomb", "farad": "farad", "siemens": "siemens", "ohm": "ohm", "watt": "watt", "hertz": "hertz",
}  # fmt: skip
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2629800, "year": 31557600}
_PREFIXES = {
    "femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3, "centi": -2, "deci": -1, "kilo": 3, "mega": 6,
}  # fmt: skip
_COUNTS = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_ONES = ("cell", "copy", "score", "radian", "count")
Part = tuple[str, float, int, float]
"""Kind, exponent, scale and multiplier."""


class UnitDefinitions:
    """The units that a model needs, each with an identifier.

    Examples
    --------
    >>> units = UnitDefinitions()
    >>> units.identifier("mg/L"), units.identifier("1"), units.identifier("IU")
    ('unit_mg_per_L', 'dimensionless', '')
    """

    def __init__(self) -> None:
        self.parts: dict[str, list[Part]] = {}
        self._known: dict[str, str] = {}

    def identifier(self, text: str) -> str:
        """The identifier of a unit; empty where SBML has none of its kind."""
        if text not in self._known:
            self._known[text] = self._define(text)
        return self._known[text]

    def _define(self, text: str) -> str:
        parts = [_part(name, float(power)) for name, power in unit(text)._units.items()]
        if None in parts:
            return ""
        if not parts:
            return "dimensionless"
        words = re.sub(r"\W+", "_", text.replace("**", "").replace("/", "_per_").replace("%", "percent"))
        identifier = f"unit_{words.strip('_')}"
        while identifier in self.parts:
            identifier += "_"
        self.parts[identifier] = parts
        return identifier


def _part(name: str, power: float) -> Part | None:
    """One factor; None where SBML has no such kind."""
    if name in _SECONDS:
        return "second", power, 0, float(_SECONDS[name])
    if name in _COUNTS:
        return "dimensionless", power, _COUNTS[name], 1.0
    if name == "percent":
        return "dimensionless", power, -2, 1.0
    if name in _ONES:
        return "dimensionless", power, 0, 1.0
    prefix = next((each for each in _PREFIXES if name.startswith(each) and name[len(each) :] in _KINDS), "")
    base = name[len(prefix) :]
    if base == "molar" or base not in _KINDS:
        return None
    return (_KINDS[base], power, _PREFIXES.get(prefix, 0), 1.0) if math.isfinite(power) else None
