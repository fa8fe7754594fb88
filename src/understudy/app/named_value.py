"""Named value: ``WT=1.4`` or ``WT=1400 g`` on the command line, as a number in the unit that is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from understudy.core.errors import SimulationError

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*")


def quantity(text: str, unit: str, place: str) -> float:
    """A number, converted where it names a unit of its own.

    Parameters
    ----------
    text : str
        Such as ``"10"`` or ``"10 d"``.
    unit : str
        Unit that is needed.
    place : str
        The option, for the error.

    Raises
    ------
    SimulationError, UnitError
        If it is no number, or in a unit of something else.

    Examples
    --------
    >>> quantity("10 d", "h", "--until")
    240.0
    """
    found = _QUANTITY.fullmatch(text)
    if not found:
        raise SimulationError(f"{text!r} is no number", place=place, repair=f"write a number, in {unit}")
    value = float(found[1])
    if not found[2]:
        return value
    from understudy.core.units import convert

    return float(convert(value, found[2], unit))


def named_texts(items: Iterable[str], option: str) -> dict[str, str]:
    """Names and texts of ``NAME=TEXT`` items, each of which may hold several with commas between.

    Examples
    --------
    >>> named_texts(["TIME=h,AMT=mg", "DV=mg/L"], "--units")
    {'TIME': 'h', 'AMT': 'mg', 'DV': 'mg/L'}
    """
    pairs: dict[str, str] = {}
    for item in (part for each in items for part in each.split(",")):
        name, sign, text = (part.strip() for part in item.partition("="))
        if not (name and sign and text):
            raise SimulationError(
                f"{item!r} is not understood", place=option, repair=f"write {option} NAME=VALUE"
            )
        if name in pairs:
            raise SimulationError(f"{name} is given twice", place=option, repair="give it once")
        pairs[name] = text
    return pairs


def named_values(items: Iterable[str], units: Mapping[str, str], option: str) -> dict[str, float]:
    """Names and numbers, in the units that belong to the names.

    Parameters
    ----------
    items : iterable of str
        Such as ``"WT=1.4"``.
    units : mapping of name to unit
        The names that are possible.
    option : str
        For errors.

    Raises
    ------
    SimulationError
        For an unknown name, with the nearest one, or a text that is no number.

    Examples
    --------
    >>> named_values(["WT=1500 g"], {"WT": "kg"}, "--covariate")
    {'WT': 1.5}
    """
    values = {}
    for name, text in named_texts(items, option).items():
        if name not in units:
            near = get_close_matches(name, units, 1, 0.5)
            repair = f"did you mean {near[0]}?" if near else f"known: {', '.join(units) or 'none'}"
            raise SimulationError(
                f"the model has no {option.strip('-')} {name!r}", place=option, repair=repair
            )
        values[name] = quantity(text, units[name], f"{option} {name}")
    return values
