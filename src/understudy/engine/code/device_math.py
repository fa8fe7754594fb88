"""Device math: functions that a processor takes from its C library, written out for machines that have none.

Printed at any width, without tables, branches or calls, like `vector_math`, whose exp and log they use. Methods:

- sin, cos, tan: reduction by a quarter turn held in three parts (Cody WJ, Waite W 1980, Software Manual for the
  Elementary Functions, Prentice-Hall, chapter 8), then the Taylor series. Angles of 2^30 and more give not-a-number.
- atan by two reductions, tan(π/4 + a) = (1 + tan a) / (1 - tan a), then its series; asin and acos from it
  (Abramowitz and Stegun 1964, 4.4.34 to 4.4.42).
- sinh and cosh from expm1 and exp (Abramowitz and Stegun 1964, 4.5.1, 4.5.2).
- lgamma by recurrence up to 10, Stirling's series (6.1.41) and reflection (6.1.17).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from llvmlite import ir

from understudy.engine.code.lane_value import Lanes, function_of
from understudy.engine.code.vector_math import FUNCTIONS as VECTOR
from understudy.engine.code.vector_math import LOG2_HIGH, LOG2_LOW, polynomial

# A quarter turn and what is rounded off, twice.
QUARTER_TURN = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
_MOST_ANGLE = 2.0**30
_ROUNDER = 1.5 * 2.0**52
_SIN_SERIES = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(1, 10))
_COS_SERIES = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(2, 11))
_ATAN_SERIES = tuple((-1.0) ** k / (2 * k + 1) for k in range(1, 23))
_TAN_EIGHTH_TURN = math.sqrt(2.0) - 1.0
# Bernoulli's numbers over 2k (2k - 1). From 10 on the first term left out is below 1e-16.
_STIRLING = tuple(
    float(Fraction(b) / (2 * k * (2 * k - 1)))
    for k, b in enumerate(("1/6", "-1/30", "1/42", "-1/30", "5/66", "-691/2730", "7/6"), start=1)
)
_SHIFT = 10
_HALF_LOG_TURN = 0.9189385332046728


def _quarters(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """The nearest number of quarter turns, and what is left over as a number and its rounding."""
    shifted = x * (2.0 / math.pi) + _ROUNDER
    turns = -(shifted - _ROUNDER)
    # The first difference is exact: both have the same last place.
    left = turns.fused(x.constant(QUARTER_TURN[0]), x)
    second = turns * QUARTER_TURN[1]
    lost = turns.fused(x.constant(QUARTER_TURN[1]), -second) + turns * QUARTER_TURN[2]
    total = left + second
    part = total - left
    return shifted, total, (left - (total - part)) + (second - part) + lost


def _sin_cos(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """The quarter's number in the last bits, and sine and cosine of what is left over."""
    shifted, r, low = _quarters(x)
    z = r * r
    sine = r + (r * z * polynomial(z, _SIN_SERIES) + low * (z * -0.5 + 1.0))
    half = z * 0.5
    head = -half + 1.0
    rest = ((-head + 1.0) - half) + (z * z * polynomial(z, _COS_SERIES) - r * low)
    return shifted, sine, head + rest


def _turned(x: Lanes, shifted: Lanes, even: Lanes, odd: Lanes) -> Lanes:
    """One value in even quarters, another in odd ones, with the sign of the half turn."""
    taken = even.where(_is_odd(shifted), odd)
    turned = (shifted.words() & 2) << 62
    return _within(x, taken.words().do("xor", turned).doubles())


def _is_odd(shifted: Lanes) -> Lanes:
    """Whether a whole number that stands in the last bits is odd: moved up, its last bit is a number or zero."""
    return ((shifted.words() & 1) << 62).doubles().test("!=", 0.0)


def _within(x: Lanes, value: Lanes) -> Lanes:
    return x.constant(math.nan).where(x.apply("fabs").test("<", _MOST_ANGLE), value)


def _sin(x: Lanes) -> Lanes:
    shifted, sine, cosine = _sin_cos(x)
    return _turned(x, shifted, sine, cosine).where(x.test("==", 0.0), x)


def _cos(x: Lanes) -> Lanes:
    shifted, sine, cosine = _sin_cos(x)
    # A quarter turn further on.
    return _turned(x, shifted + 1.0, sine, cosine)


def _tan(x: Lanes) -> Lanes:
    shifted, sine, cosine = _sin_cos(x)
    value = (sine / cosine).where(_is_odd(shifted), -cosine / sine)
    return _within(x, value).where(x.test("==", 0.0), x)


def _atan(x: Lanes) -> Lanes:
    size = x.apply("fabs")
    far = size.test(">", 1.0)
    inner = size.where(far, size.constant(1.0) / size)
    turned = inner.test(">", _TAN_EIGHTH_TURN)
    r = inner.where(turned, (inner - 1.0) / (inner + 1.0))
    z = r * r
    angle = r + r * z * polynomial(z, _ATAN_SERIES)
    angle = angle.where(turned, angle + QUARTER_TURN[0] / 2)
    return angle.where(far, -(angle - QUARTER_TURN[1]) + QUARTER_TURN[0]).signed_as(x)


def _asin(x: Lanes) -> Lanes:
    size = x.apply("fabs")
    side = ((-size + 1.0) * (size + 1.0)).apply("sqrt")
    # One number divided by zero is infinite, a quarter turn.
    return _atan(size / side).signed_as(x)


def _acos(x: Lanes) -> Lanes:
    return _atan(((-x + 1.0) / (x + 1.0)).apply("sqrt")) * 2.0


def _sinh(x: Lanes) -> Lanes:
    size = x.apply("fabs")
    more = VECTOR["expm1"](size)
    near = (more + more / (more + 1.0)) * 0.5
    return near.where(size.test(">", 40.0), _half_exp(size)).signed_as(x)


def _cosh(x: Lanes) -> Lanes:
    size = x.apply("fabs")
    grown = VECTOR["exp"](size)
    near = (grown + grown.constant(1.0) / grown) * 0.5
    return near.where(size.test(">", 40.0), _half_exp(size))


def _half_exp(x: Lanes) -> Lanes:
    """exp(x) / 2 where exp(x) itself may be out of range: a power of two is taken off, exactly."""
    return VECTOR["exp"](x - 32 * LOG2_HIGH) * (1.0 - 32 * LOG2_LOW) * 2.0**31


def _lgamma(x: Lanes) -> Lanes:
    negative = x.test("<", 0.5)
    y = x.where(negative, -x + 1.0)
    small = y.test("<", float(_SHIFT))
    product = y
    for k in range(1, _SHIFT):
        product = product * (y + float(k))
    z = y.where(small, y + float(_SHIFT))
    inverse = z.constant(1.0) / z
    series = inverse * polynomial(inverse * inverse, _STIRLING)
    value = (z - 0.5) * (VECTOR["log"](z) - 1.0) + (series + (_HALF_LOG_TURN - 0.5))
    value = value.where(small, value - VECTOR["log"](product))
    value = value.where(z.test("==", math.inf), math.inf)
    # The sine of half turns: exact at whole numbers, where there are poles.
    fraction = (x - (x + 0.5).apply("floor")).apply("fabs")
    reflected = -VECTOR["log"](_sin(fraction * math.pi) * (1.0 / math.pi)) - value
    whole = fraction.test("==", 0.0)
    return value.where(negative, reflected).where(negative & whole, math.inf)


FUNCTIONS: dict[str, Callable[[Lanes], Lanes]] = {
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "asin": _asin,
    "acos": _acos,
    "atan": _atan,
    "sinh": _sinh,
    "cosh": _cosh,
    "lgamma": _lgamma,
}


def device_function(module: ir.Module, name: str, kind: ir.Type) -> ir.Function:
    """A function from `FUNCTIONS` of values of a type, printed into a module the first time it is asked for.

    Parameters
    ----------
    module : ir.Module
    name : str
    kind : ir.Type
        A double, or a vector of them.

    Returns
    -------
    ir.Function
        Good to 4 units in the last place. lgamma has an absolute error of up to 1e-14 beside that.
    """
    label = f"device_{name}"
    return module.globals.get(label) or function_of(module, label, FUNCTIONS[name], kind, 1)
