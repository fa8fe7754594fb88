"""unit_label: a unit as a reader writes it."""

from __future__ import annotations

import re

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER = re.compile(r"\s*(?:\*\*|\^)\s*\(?(-?\d+)\)?")
_MICRO = re.compile(r"\bu(?=(?:g|L|l|mol|M|m|s|IU|U)\b)")


def unit_label(unit: str) -> str:
    """A unit for reading; empty for numbers without one.

    Parameters
    ----------
    unit : str
        As models and studies write it.

    Examples
    --------
    >>> unit_label("ug/m**2"), unit_label("10^9/L"), unit_label("mg*h/L"), unit_label("1")
    ('µg/m²', '10⁹/L', 'mg·h/L', '')
    """
    text = unit.strip()
    if text in ("", "1"):
        return ""
    if text == "percent":
        return "%"
    text = _POWER.sub(lambda found: found[1].translate(_SUPERSCRIPTS), text)
    return _MICRO.sub("µ", text).replace(" * ", "·").replace("*", "·").replace(" / ", "/")
