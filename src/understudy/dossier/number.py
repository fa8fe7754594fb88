"""Numbers as a reader needs them: enough digits, no more, and a dash where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

MISSING = "–"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def figures(value: float | None, digits: int = 3) -> str:
    """A number with `digits` significant figures, at least all those before the point.

    Examples
    --------
    >>> figures(0.00469555), figures(1234.56), figures(-2.0), figures(float("nan"))
    ('0.00470', '1,235', '−2.00', '–')
    >>> figures(1.5e-7)
    '1.50 × 10⁻⁷'
    """
    if not is_number(value):
        return MISSING
    number = float(value)
    if number == 0:
        return "0"
    size = math.floor(math.log10(abs(float(f"{number:.{digits - 1}e}"))))
    if not -5 < size < 7:
        mantissa, exponent = f"{number:.{digits - 1}e}".split("e")
        return f"{_minus(mantissa)} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return _minus(f"{number:,.{max(digits - 1 - size, 0)}f}")


def like(value: float | None, model: float | None, digits: int = 3) -> str:
    """A number with as many decimals as `figures` gives another one beside it.

    Examples
    --------
    >>> like(0.0581, 2.88), like(-1.9, 5.02)
    ('0.06', '−1.90')
    """
    if not is_number(value):
        return MISSING
    decimals = len(figures(model, digits).partition(".")[2])
    return _minus(f"{float(value):,.{decimals}f}")


def compact(value: float | None, digits: int = 6) -> str:
    """A number as it was probably written: no trailing zeros.

    Examples
    --------
    >>> compact(15.0), compact(0.984258), compact(None)
    ('15', '0.984258', '–')
    """
    if not is_number(value):
        return MISSING
    text = f"{float(value):.{digits}g}"
    return figures(value, digits) if "e" in text else _minus(text)


def percent(fraction: float | None, digits: int = 0) -> str:
    """A fraction in percent; what is not quite nothing or all says so.

    Examples
    --------
    >>> percent(0.714), percent(0.001), percent(0.9999), percent(0), percent(None)
    ('71\\xa0%', '<\\xa01\\xa0%', '>\\xa099\\xa0%', '0\\xa0%', '–')
    >>> percent(0.9876, 1)
    '98.8\\xa0%'
    """
    if not is_number(fraction):
        return MISSING
    hundredths, step = 100 * float(fraction), 10.0**-digits
    if 0 < hundredths < step / 2:
        return f"<\xa0{step:g}\xa0%"
    if 100 - step / 2 < hundredths < 100:
        return f">\xa0{100 - step:g}\xa0%"
    return f"{_minus(f'{hundredths:.{digits}f}')}\xa0%"


def percent_interval(low: float | None, high: float | None, digits: int = 0) -> str:
    """Two fractions, kept between 0 and 1, in percent.

    Examples
    --------
    >>> percent_interval(0.684, 0.741), percent_interval(None, 0.5)
    ('68 to 74\\xa0%', '–')
    """
    if not (is_number(low) and is_number(high)):
        return MISSING
    return f"{100 * max(float(low), 0):.{digits}f} to {100 * min(float(high), 1):.{digits}f}\xa0%"


def percent_digits(low: float | None, high: float | None) -> int:
    """Decimals that tell the ends of an interval apart, at most one.

    Examples
    --------
    >>> percent_digits(0.986, 0.991), percent_digits(0.68, 0.74)
    (1, 0)
    """
    return int(is_number(low) and is_number(high) and f"{100 * low:.0f}" == f"{100 * high:.0f}")


def normal_interval(value: float, error: float | None) -> tuple[float, float] | tuple[None, None]:
    """The 95 % interval of an estimate from its standard error; (None, None) without one.

    Examples
    --------
    >>> [round(limit, 2) for limit in normal_interval(1.0, 0.1)]
    [0.8, 1.2]
    """
    if not is_number(error):
        return None, None
    return value - 1.959964 * error, value + 1.959964 * error


def listed(items: Iterable[object], most: int = 12) -> str:
    """Items in a sentence.

    Examples
    --------
    >>> listed(["a"]), listed("abc"), listed("abcd", 2)
    ('a', 'a, b and c', 'a, b and 2 more')
    """
    names: Sequence[str] = [str(item) for item in items]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def is_number(value: object) -> bool:
    """Whether there is a finite number.

    Examples
    --------
    >>> is_number(2), is_number(float("inf")), is_number(None), is_number("2")
    (True, False, False, False)
    """
    try:
        return not isinstance(value, (str, bytes)) and math.isfinite(value)  # type: ignore[arg-type]
    except TypeError:
        return False


def _minus(text: str) -> str:
    return text.replace("-", "−")
