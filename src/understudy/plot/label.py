"""Labels: units and axis titles as a reader writes them."""

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


def titled(text: str, unit: str) -> str:
    """A heading with its unit.

    Examples
    --------
    >>> titled("Time", "h"), titled("Apgar score", "1")
    ('Time (h)', 'Apgar score')
    """
    label = unit_label(unit)
    return f"{text} ({label})" if label else text


def sentence_case(text: str) -> str:
    """The text with a capital first letter, the rest left as written.

    Examples
    --------
    >>> sentence_case("plasma concentration of IgE")
    'Plasma concentration of IgE'
    """
    return text[:1].upper() + text[1:]
