"""Labels: units and axis titles as a reader writes them."""

from __future__ import annotations

from understudy.core.unit_label import unit_label


def titled(text: str, unit: str) -> str:
    """A heading with its unit.

    Examples
    --------
    >>> titled("Time", "h"), titled("Apgar score", "1")
    ('Time (h)', 'Apgar score')
    """
    label = unit_label(unit)
    return f"{text} ({label})" if label else text


def over_time(text: str, unit: str, time_unit: str) -> str:
    """The heading of panels that are too small for axis titles of their own.

    Examples
    --------
    >>> over_time("plasma concentration", "mg/L", "h")
    'Plasma concentration (mg/L) against time (h)'
    """
    return f"{titled(sentence_case(text), unit)} against {titled('time', time_unit)}"


def sentence_case(text: str) -> str:
    """The text with a capital first letter, the rest left as written.

    Examples
    --------
    >>> sentence_case("plasma concentration of IgE")
    'Plasma concentration of IgE'
    """
    return text[:1].upper() + text[1:]


def wrapped(text: str, width: int = 34) -> str:
    """The text in lines of at most `width` characters.

    Examples
    --------
    >>> wrapped("20 mg/kg over 30 min then 2.5 mg/kg every 12 h", 30).split(chr(10))
    ['20 mg/kg over 30 min then 2.5', 'mg/kg every 12 h']
    """
    import textwrap

    return "\n".join(textwrap.wrap(" ".join(text.split()), width)) or text
