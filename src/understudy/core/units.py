"""Units at the boundary: text to unit, and numbers from one unit to another, by Pint.

Beside Pint's units this knows those of pharmacometrics: ``IU`` and ``U`` (one dimension of its own: a unit of
biological activity means something else for each substance), ``Eq``, ``cells``, ``wk``, ``mo``, ``bpm``
and powers of ten such as ``10^9/L``. No unit enters a numerical loop.
"""

from __future__ import annotations

import difflib
import re
from functools import cache, lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import UnitError

if TYPE_CHECKING:
    import pint

# What stands for the unit of a number whose source does not say it. It fits any other, and converts nothing.
UNKNOWN = "?"
_LONGEST = 200
_DEFINITIONS = (
    "micro- = 1e-6 = u- = µ- = μ- = mc-",
    "liter = decimeter ** 3 = L = l = litre",
    "year = 365.25 * day = yr = a = y",
    "@alias week = wk",
    "@alias month = mo",
    "international_unit = [biological_activity] = IU = U = iu",
    "equivalent = [charge_amount] = Eq",
    "cell = 1 = _ = cells",
    "copy = 1 = _ = copies",
    "score = 1 = _ = points",
    "beats_per_minute = 1 / minute = bpm",
    "thousand = 1e3",
    "million = 1e6",
    "billion = 1e9",
    "trillion = 1e12",
)
# Henry, debye, gauss, megagram and megalitre to Pint; in this field always a slip of the shift key.
_SLIPS = {"H": "h", "D": "d", "G": "g", "MG": "mg", "Mg": "mg", "ML": "mL", "Ml": "mL"}
_POWERS_OF_TEN = {"1": "", "3": "thousand", "6": "million", "9": "billion", "12": "trillion"}
_KNOWN = """
    kg g mg ug ng pg L dL mL uL s min h d wk mo yr mol mmol umol nmol pmol M mM uM nM pM IU mIU kIU U mU kU
    Eq mEq m cm mm percent mg/L ug/mL ug/L ng/mL pg/mL mg/dL mmol/L umol/L nmol/L IU/L U/L mL/min L/h L/d mL/h
    mL/min/kg L/h/kg L/kg mg/kg mg/m**2 m**2 1/h 1/d 1/min mg/h mg*h/L kDa g/mol mmHg bpm degC cells/uL 10^9/L
"""
_NUMBER = r"-?\d{1,2}(?:\.\d{1,20})?(?![\d.])"
_TOKEN = re.compile(
    rf"""\s*(?:(?P<ten>10\s*(?:\*\*|\^)\s*(?:3|6|9|12)(?!\d))
    | (?P<power>(?:\*\*|\^)\s*(?:{_NUMBER}|\(\s*{_NUMBER}\s*\)))
    | (?P<name>[^\W\d]\w*|%|°\w+)
    | (?P<one>1(?![\d.]))
    | (?P<sign>[*/()·⋅]|\.(?=[^\W\d])))\s*""",
    re.VERBOSE,
)
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_lock = Lock()


def unit(text: str) -> pint.Unit:
    """The unit that a text names.

    Parameters
    ----------
    text : str
        Such as ``"mg/L"``, ``"mL/min/kg"``, ``"mg/m**2"`` or ``"m^2"``; ``""`` and ``"1"`` for none.

    Raises
    ------
    UnitError
        With the nearest known unit.

    Examples
    --------
    >>> unit("ug/mL") == unit("mcg / mL")
    True
    >>> unit("mg/Lh")
    Traceback (most recent call last):
    ...
    understudy.core.errors.UnitError: unknown unit 'Lh'
      where: 'mg/Lh'
      repair: did you mean L/h?
    """
    if not isinstance(text, str):
        raise UnitError(f"{text!r} is no unit", repair='write the unit as text, "1" for none')
    return _unit(text.strip())


@lru_cache(maxsize=4096)
def _unit(text: str) -> pint.Unit:
    tokens = _tokens(text)
    found = _product(tokens, text) if tokens else registry().Unit("")
    if tokens:
        raise _unreadable(text)
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kinds and texts of the words and signs, last one first; Pint is asked for single names only."""
    plain = re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "**" + found[0].translate(_SUPERSCRIPTS), text)
    tokens, at = [], 0
    while at < len(plain):
        found = _TOKEN.match(plain, at)
        if not found or len(text) > _LONGEST:
            raise _unreadable(text)
        tokens.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return tokens[::-1]


def _product(tokens: list[tuple[str, str]], text: str) -> pint.Unit:
    """Names joined by ``*``, ``/`` or a space, from left to right, up to a closing bracket or the end."""
    result = _power(tokens, text)
    while tokens and tokens[-1][1] != ")":
        sign = tokens.pop()[1] if tokens[-1][0] == "sign" and tokens[-1][1] != "(" else "*"
        term = _power(tokens, text)
        result = result / term if sign == "/" else result * term
    return result


def _power(tokens: list[tuple[str, str]], text: str) -> pint.Unit:
    kind, word = tokens.pop() if tokens else ("", "")
    if word == "(":
        base = _product(tokens, text)
        if not tokens or tokens.pop()[1] != ")":
            raise _unreadable(text)
    elif kind in ("name", "one", "ten"):
        base = _single(word if kind == "name" else _POWERS_OF_TEN[re.split(r"\D+", word)[-1]], text)
    else:
        raise _unreadable(text)
    if tokens and tokens[-1][0] == "power":
        exponent = float(tokens.pop()[1].lstrip("*^ ").strip("() "))
        return base ** (int(exponent) if exponent.is_integer() else exponent)
    return base


def _single(name: str, text: str) -> pint.Unit:
    import pint

    if name in _SLIPS:
        raise UnitError(f"unknown unit {name!r}", place=repr(text), repair=f"did you mean {_SLIPS[name]}?")
    try:
        return registry().parse_units(name)
    except (pint.PintError, ValueError, AttributeError):
        raise UnitError(f"unknown unit {name!r}", place=repr(text), repair=_suggestion(name)) from None


def _unreadable(text: str) -> UnitError:
    shown = text if len(text) <= 60 else text[:60] + "…"
    repair = "write names joined by * / and **, such as mL/min/kg or mg/m**2"
    return UnitError(f"{shown!r} is no unit", repair=repair)


def _suggestion(word: str) -> str:
    folded = {known.lower(): known for known in reversed(_KNOWN.split())}
    near = difflib.get_close_matches(word.lower(), folded, 1, cutoff=0.5)
    return (
        f"did you mean {folded[near[0]]}?"
        if near
        else "units are written like mg/L, mL/min/kg, 1/h, IU, percent"
    )


@cache
def _make_registry() -> pint.UnitRegistry:
    import pint

    made = pint.UnitRegistry(on_redefinition="ignore")
    for definition in _DEFINITIONS:
        made.define(definition)
    return made


def registry() -> pint.UnitRegistry:
    """The one Pint registry, made when it is first needed."""
    with _lock:
        return _make_registry()


def unit_text(of: pint.Unit) -> str:
    """A unit as short text that `unit` reads back.

    Examples
    --------
    >>> unit_text(unit("milligram / liter ** 1")), unit_text(unit(""))
    ('mg/L', '1')
    """
    text = f"{of:~C}".replace("Δ°", "delta_deg").replace("°", "deg").replace("%", "percent")
    return text or "1"


def factor(source: str, target: str) -> float:
    """What a number in `source` is multiplied by to be in `target`.

    Raises
    ------
    UnitError
        If the units measure different things, or differ in their zero (degC and K).

    Examples
    --------
    >>> factor("mg/L", "ng/mL"), factor("1/d", "1/h") * 24
    (1000.0, 1.0)
    """
    if UNKNOWN in (source, target):
        return 1.0
    return unit_factor(unit(source), unit(target))


@lru_cache(maxsize=4096)
def unit_factor(source: pint.Unit, target: pint.Unit) -> float:
    """`factor` for units already read."""
    if source == target:
        return 1.0
    if _dimension(source) != _dimension(target) or _has_own_zero(source) or _has_own_zero(target):
        raise mismatch("the quantity", source, target)
    return _without_rounding(_scale(source) / _scale(target))


def convert(values: Any, source: str, target: str) -> Any:
    """Numbers in another unit.

    Parameters
    ----------
    values : float or array
    source, target : str
        Units of `values` and of what is wanted.

    Returns
    -------
    float or array
        Of the same shape.

    Raises
    ------
    UnitError
        If the units measure different things.

    Examples
    --------
    >>> convert(2.0, "h", "min")
    120.0
    """
    if UNKNOWN in (source, target):
        return values
    old, new = unit(source), unit(target)
    numbers = values if isinstance(values, (int, float)) else np.asarray(values, dtype=float)
    if {old, new} <= {unit("degC"), unit("degF"), unit("K")}:
        return registry().Quantity(numbers, old).to(new).magnitude
    return numbers * unit_factor(old, new)


def mismatch(what: str, found: pint.Unit, wanted: pint.Unit, place: str = "") -> UnitError:
    """The error for a quantity in one unit that should be in another, with what would mend it."""
    has, needs = unit_text(found), unit_text(wanted)
    if _dimension(found) != _dimension(wanted):
        lacking = unit_text(wanted / found)
        repair = f"multiply by a quantity in {lacking}, or correct the units declared"
    elif _has_own_zero(found) or _has_own_zero(wanted):
        repair = "use one of them throughout; they differ in their zero, so no factor joins them"
    else:
        divisor = has if has.isidentifier() else f"({has})"
        repair = f"multiply by {unit_factor(found, wanted):.12g}[{needs}/{divisor}]"
    return UnitError(f"{what} is in {has}, should be in {needs}", place=place, repair=repair)


def _dimension(of: pint.Unit) -> dict[str, float]:
    """Exponent of each base dimension, free of rounding (0.1 + 0.2 is 0.3 here)."""
    exponents = {name: round(exponent, 9) for name, exponent in of.dimensionality.items()}
    return {name: exponent for name, exponent in exponents.items() if exponent}


def _scale(of: pint.Unit) -> float:
    return float(registry().get_base_units(of)[0])


def _has_own_zero(of: pint.Unit) -> bool:
    return not {"degree_Celsius", "degree_Fahrenheit"}.isdisjoint(str(of).split())


def _without_rounding(number: float) -> float:
    """The number, or one within a few rounding errors of it that is short or has a short reciprocal."""
    for candidate in (float(f"{number:.12g}"), 1 / float(f"{1 / number:.12g}")):
        if abs(candidate - number) <= 4e-15 * abs(number):
            return candidate
    return number
