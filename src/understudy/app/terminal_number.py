"""Numbers as people read them: the same decimals down a column, no exponents where none are needed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from understudy.core.units import UNKNOWN

_DIGITS = 4


def column(values: Sequence[float], digits: int = _DIGITS) -> list[str]:
    """Numbers with the decimals that give the largest of them so many digits; missing ones are a dash.

    Examples
    --------
    >>> column([0.0, 9.8765, 37.48])
    ['0.00', '9.88', '37.48']
    >>> column([12345.678, float("nan"), -1e-9])
    ['12346', '–', '0']
    """
    known = [abs(value) for value in values if math.isfinite(value)]
    largest = max(known, default=0.0)
    if largest and not 1e-4 <= largest < 1e7:
        return [f"{value:.{digits - 1}e}" if math.isfinite(value) else "–" for value in values]
    whole = math.floor(math.log10(largest)) + 1 if largest else 1
    decimals = max(0, digits - max(whole, 0)) if whole > 0 else digits - whole
    # Adding zero turns a negative zero, what rounding leaves of -1e-9, into a plain one.
    return [
        f"{round(value, decimals) + 0.0:.{decimals}f}" if math.isfinite(value) else "–" for value in values
    ]


def single(value: float, digits: int = _DIGITS) -> str:
    """One number, without trailing zeros.

    Examples
    --------
    >>> single(0.00469555), single(20.0), single(123456.0)
    ('0.004696', '20', '123456')
    """
    text = column([value], digits)[0]
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def with_unit(text: str, unit: str) -> str:
    """A number and its unit, which is left out where there is none.

    Examples
    --------
    >>> with_unit("1.4", "kg"), with_unit("7", "1"), with_unit("95.9", "percent"), with_unit("1.7", "m**2")
    ('1.4 kg', '7', '95.9 %', '1.7 m^2')
    """
    shown = "%" if unit == "percent" else unit.replace("**", "^")
    return text if shown in ("", "1") or UNKNOWN in shown else f"{text} {shown}"
