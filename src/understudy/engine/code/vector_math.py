"""Vector math: elementary functions printed as LLVM IR, all lanes at once, within 2 units in the last place.

Each function is reduced to a short interval and summed there as a series; no tables, no calls. A lane never reads
another lane's numbers. exp, log and powers leave out what only special numbers need (zero, infinite, subnormal, out of
range) while no lane has any: one branch for all lanes, which ordinary lanes leave with the same bits either way.
Methods:

- Reduction by a logarithm of two held in two parts: Cody WJ, Waite W 1980, Software Manual for the Elementary
  Functions, Prentice-Hall, chapters 5 and 6.
- exp as 1 + (r + r² q(r)), the large part added last: Tang PTP 1989, ACM Trans Math Softw 15:144-157,
  doi:10.1145/63522.214389.
- log from s = (m - 1) / (m + 1) with log m = 2 s + 2/3 s³ + 2/5 s⁵ + …: Tang PTP 1990, ACM Trans Math Softw
  16:378-400, doi:10.1145/98267.98294.
- Pairs of numbers, the second the rounding of the first: Dekker TJ 1971, Numer Math 18:224-242,
  doi:10.1007/BF01397083. A power is exp(y log x) with the logarithm such a pair, good to about 2^-64.

All coefficients are those of the Taylor series, written as the quotients they are; the last one kept leaves less than
2^-57 (exp, |r| <= 0.347) and 2^-65 (pairs, |s| <= 0.172) of the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from llvmlite import ir

from understudy.engine.code.lane_value import Lanes, function_of, side_by_side
from understudy.engine.kernel.lanes import WIDTH

# log 2 cut after 32 binary places, so that its product with an exponent is exact, and what was cut off.
LOG2_HIGH, LOG2_LOW = float.fromhex("0x1.62e42feep-1"), 1.9082149292705877e-10
# Rounded quotients and what was rounded off.
INVERSE_LOG2 = (1.4426950408889634, 2.0355273740931033e-17)
INVERSE_LOG10 = (0.4342944819032518, 1.098319650216765e-17)
TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)

# Adding it rounds to a whole number, which then stands in the last bits.
_ROUNDER = 1.5 * 2.0**52
_BIAS = 1023
_ONE_WORD = 0x3FF0000000000000
_SQRT_HALF_WORD = 0x3FE6A09E667F3BCD
_SMALLEST_NORMAL, _LIFT = 2.0**-1022, 54
# Beyond these, exp is infinite or zero; expm1 is -1; tanh is 1.
_EXP_MOST, _EXP_LEAST, _EXPM1_LEAST, _TANH_MOST = 710.0, -746.0, -40.0, 20.0
# Up to here exp is a normal number, on both sides of 1.
_NEAR = 700.0

# exp(r) = 1 + r + r² times this.
_EXP_SERIES = tuple(1.0 / math.factorial(k) for k in range(2, 14))
# log m = s (2 + z times this), z = s².
_LOG_SERIES = tuple(2.0 / (2 * k + 1) for k in range(1, 13))


_Pair = tuple[Lanes, Lanes]


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """Sum of ``coefficients[k] * x**k``, neighbours first (Estrin's order), so that little waits for little."""
    terms: list = list(coefficients)
    while len(terms) > 1:
        paired = [_multiply_add(x, *terms[k : k + 2]) for k in range(0, len(terms) - 1, 2)]
        terms = paired + terms[len(terms) & ~1 :]
        x = x * x
    return terms[0]


def _multiply_add(x: Lanes, low: float | Lanes, high: float | Lanes) -> Lanes:
    product = x.do("fmul", high, flags=("contract",))
    return product.do("fadd", low, flags=("contract",))


def _ordered_sum(large: Lanes, small: Lanes) -> _Pair:
    """Sum and its rounding, where the first is zero or not smaller (Dekker 1971)."""
    total = large + small
    return total, small - (total - large)


def _sum(a: Lanes, b: Lanes) -> _Pair:
    """Sum and its rounding (Knuth, The Art of Computer Programming 2, 4.2.2)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _product(a: Lanes, b: Lanes) -> _Pair:
    """Product and its rounding."""
    high = a * b
    return high, a.fused(b, -high)


def _quotient(above: _Pair, below: _Pair) -> _Pair:
    """Quotient of two pairs: a first guess, and what it leaves divided again."""
    inverse = below[0].constant(1.0) / below[0]
    high = above[0] * inverse
    left = (-high).fused(below[0], above[0]) + _multiply_add(-high, above[1], below[1])
    return high, left * inverse


def _times(pair: _Pair, constant: tuple[float, float]) -> Lanes:
    """A pair times a constant held as a pair, rounded."""
    factor = pair[0].constant(constant[0])
    high, low = _product(pair[0], factor)
    # An infinite product has no rounding.
    return high + (low + (pair[0] * constant[1] + pair[1] * factor)).where(_endless(high), 0.0)


def _endless(x: Lanes) -> Lanes:
    return (x - x).test("!=", 0.0)


def _power_of_two(shifted: Lanes) -> Lanes:
    """Two to a whole number from -1022 to 1023 that stands in the last bits."""
    return ((shifted.words() + _BIAS) << 52).doubles()


def _times_power_of_two(x: Lanes, exponent: Lanes) -> Lanes:
    """In two steps, as two to the exponent itself may be out of range; only the last one can round."""
    half = exponent * 0.5 + _ROUNDER
    rest = (exponent - (half - _ROUNDER)) + _ROUNDER
    return x * _power_of_two(half) * _power_of_two(rest)


def _reduced_exp(high: Lanes, low: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """k, r and w with exp(high + low) = 2^k (1 + r + w), |r| <= log(2) / 2, w the smaller."""
    k = (high * INVERSE_LOG2[0] + _ROUNDER) - _ROUNDER
    r, left = _ordered_sum(_multiply_add(k, high, -LOG2_HIGH), _multiply_add(k, low, -LOG2_LOW))
    return k, r, _multiply_add(r * r, left, polynomial(r, _EXP_SERIES))


def _clamped(high: Lanes, low: Lanes) -> _Pair:
    """Within the range of exp; infinite ones too. Not-a-number stays."""
    kept = high.where(high.test(">", _EXP_MOST), _EXP_MOST)
    kept = kept.where(kept.test("<", _EXP_LEAST), _EXP_LEAST)
    return kept, low.where(kept.test("!=", high), 0.0)


def _exp_of_pair(high: Lanes, low: Lanes) -> Lanes:
    k, r, w = _reduced_exp(*_clamped(high, low))
    return _times_power_of_two((r + w) + 1.0, k)


def _exp_near(high: Lanes, low: Lanes) -> Lanes:
    """exp of a pair that is no larger than `_NEAR`."""
    k, r, w = _reduced_exp(high, low)
    return ((r + w) + 1.0) * _power_of_two(k + _ROUNDER)


def _exponent_and_fraction(x: Lanes) -> tuple[Lanes, Lanes]:
    """e and m with x = 2^e m, sqrt(1/2) <= m < sqrt(2), for a positive finite x."""
    tiny = x.test("<", _SMALLEST_NORMAL)
    e, m = _of_normal(x.where(tiny, x * 2.0**_LIFT))
    return e.where(tiny, e - float(_LIFT)), m


def _of_normal(x: Lanes) -> tuple[Lanes, Lanes]:
    """Exponent and fraction of a positive normal number."""
    words = x.words() + (_ONE_WORD - _SQRT_HALF_WORD)
    shift = words >> 52
    m = ((words & (2**52 - 1)) + _SQRT_HALF_WORD).doubles()
    # 2^52 plus the biased exponent, written as bits, is a double; subtracting makes it a number.
    return (shift | 0x4330000000000000).doubles() - (2.0**52 + _BIAS), m


def _inside(x: Lanes) -> Lanes:
    return x.test(">", 0.0) & x.test("<", math.inf)


def _at_the_ends(result: Lanes, x: Lanes) -> Lanes:
    """A logarithm where x is positive and finite; else minus infinity at zero, infinity, or not-a-number."""
    ends = x.constant(math.nan).where(x.test("==", 0.0), -math.inf).where(x.test("==", math.inf), math.inf)
    return ends.where(_inside(x), result)


def _log_pair(x: Lanes) -> _Pair:
    """The logarithm and its rounding."""
    high, low = _log_pair_of(*_exponent_and_fraction(x))
    return _at_the_ends(high, x), x.constant(0.0).where(_inside(x), low)


def _log_pair_of(e: Lanes, m: Lanes) -> _Pair:
    """The logarithm of 2^e m and its rounding."""
    # No exponent is larger than that of 1.
    s, s_low = _quotient((m - 1.0, m.constant(0.0)), _ordered_sum(m.constant(1.0), m))
    z, twice_low = s * s, s_low * 2.0
    z_low = _multiply_add(s, s.fused(s, -z), twice_low)
    cube, cube_low = _product(s, z)
    cube_low = _multiply_add(s, _multiply_add(s_low, cube_low, z), z_low)
    # log m = 2 s + s³ times 2/3 + z q(z), a pair as well.
    series = polynomial(z, _LOG_SERIES[1:])
    further, further_low = _product(z, series)
    factor, lost = _ordered_sum(z.constant(TWO_THIRDS[0]), further)
    factor_low = lost + _multiply_add(z_low, further_low + TWO_THIRDS[1], series)
    third, third_low = _product(cube, factor)
    third_low = _multiply_add(cube, _multiply_add(cube_low, third_low, factor), factor_low)
    high, rest = _ordered_sum(e * LOG2_HIGH, s * 2.0)
    high, more = _ordered_sum(high, third)
    return _ordered_sum(high, (rest + more) + _multiply_add(e, third_low + twice_low, LOG2_LOW))


def _exp(x: Lanes) -> Lanes:
    return _exp_of_pair(x, x.constant(0.0))


def _log(x: Lanes) -> Lanes:
    return _at_the_ends(_log_of(*_exponent_and_fraction(x)), x)


def _log_of(e: Lanes, m: Lanes) -> Lanes:
    """The logarithm of 2^e m."""
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    # log(1 + f) = f - (f²/2 - s (f²/2 + z q(z))): what is rounded is small beside f.
    small = half - (s * (half + z * polynomial(z, _LOG_SERIES)) + e * LOG2_LOW)
    return e * LOG2_HIGH - (small - f)


def _log10(x: Lanes) -> Lanes:
    return _times(_log_pair(x), INVERSE_LOG10)


def _log2(x: Lanes) -> Lanes:
    return _times(_log_pair(x), INVERSE_LOG2)


def _log1p(x: Lanes) -> Lanes:
    one_more, lost = _sum(x, x.constant(1.0))
    high, low = _log_pair(one_more)
    result = high + (low + lost / one_more)
    # Minus one and infinity have no rounding; zero keeps its sign.
    result = result.where(_endless(high), high)
    return result.where(x.test("==", 0.0), x)


def _expm1_parts(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """k and a pair that is expm1(x) divided by 2^k, for x within range."""
    k, r, w = _reduced_exp(x, x.constant(0.0))
    # 2^-k no longer counts beyond 2^-60.
    less = _power_of_two(-k + _ROUNDER).where(k.test(">", 60.0), 0.0)
    high, low = _ordered_sum(r, w)
    total, rest = _sum(-less + 1.0, high)
    return k, total, rest + low


def _expm1(x: Lanes) -> Lanes:
    inside, _ = _clamped(x, x)
    k, high, low = _expm1_parts(inside.where(inside.test("<", _EXPM1_LEAST), _EXPM1_LEAST))
    return _times_power_of_two(high + low, k).where(x.test("==", 0.0), x)


def _tanh(x: Lanes) -> Lanes:
    size = x.apply("fabs")
    k, high, low = _expm1_parts(size.where(size.test(">", _TANH_MOST), _TANH_MOST) * 2.0)
    scale = _power_of_two(k + _ROUNDER)
    high, low = high * scale, low * scale
    below, rest = _sum(high, high.constant(2.0))
    result, correction = _quotient((high, low), (below, rest + low))
    return (result + correction).signed_as(x)


def _pow(x: Lanes, y: Lanes) -> Lanes:
    size, far = x.apply("fabs"), y.apply("fabs")
    log, log_low = _log_pair(size)
    high, low = _product(y, log)
    result = _exp_of_pair(high, low + y * log_low)
    half = y * 0.5
    whole = y.apply("floor").test("==", y)
    odd = whole & half.apply("floor").test("!=", half)
    result = result.where(odd, result.signed_as(x))
    broken = x.test("<", 0.0) & x.test(">", -math.inf) & y.apply("floor").test("!=", y)
    result = result.where(broken, math.nan)
    # One to any power, any number to the power zero, minus one to an infinite power.
    endless = size.test("==", 1.0) & far.test("==", math.inf)
    return result.where(x.test("==", 1.0) | y.test("==", 0.0) | endless, 1.0)


def _is_normal(x: Lanes) -> Lanes:
    """Whether a number is positive, finite and normal."""
    return x.test(">=", _SMALLEST_NORMAL) & x.test("<", math.inf)


def _ordinary_exp(x: Lanes) -> _Pair:
    return _exp_near(x, x.constant(0.0)), x.apply("fabs").test("<", _NEAR)


def _ordinary_log(x: Lanes) -> _Pair:
    return _log_of(*_of_normal(x)), _is_normal(x)


def _ordinary_pow(x: Lanes, y: Lanes) -> _Pair:
    log, log_low = _log_pair_of(*_of_normal(x))
    high, low = _product(y, log)
    return _exp_near(high, low + y * log_low), _is_normal(x) & high.apply("fabs").test("<", _NEAR)


FUNCTIONS: dict[str, Callable[..., Lanes]] = {
    "exp": _exp,
    "expm1": _expm1,
    "log": _log,
    "log10": _log10,
    "log1p": _log1p,
    "log2": _log2,
    "pow": _pow,
    "tanh": _tanh,
}
# What a function is for ordinary numbers, and whether a lane has one.
_ORDINARY: dict[str, Callable[..., _Pair]] = {
    "exp": _ordinary_exp,
    "log": _ordinary_log,
    "pow": _ordinary_pow,
}


def vector_function(module: ir.Module, name: str, width: int = WIDTH) -> ir.Function:
    """A function of several numbers at a time, printed into a module the first time it is asked for.

    Parameters
    ----------
    module : ir.Module
    name : str
        One of `FUNCTIONS`.
    width : int
        Numbers at a time; with 1 they are plain doubles, no vectors.

    Returns
    -------
    ir.Function
        From one vector of doubles (``pow``: two, base and exponent) to one. For normal numbers within 2 units
        in the last place; where a result is subnormal, within one smallest subnormal number, 4.9e-324. Zeros, infinite
        numbers and not-a-number give what NumPy gives.

    Examples
    --------
    >>> module = ir.Module()
    >>> vector_function(module, "exp") is vector_function(module, "exp")
    True
    >>> str(vector_function(module, "log", width=1).function_type)
    'double (double)'
    """
    label = f"vector_{name}" if width == WIDTH else f"vector_{name}_{width}"
    if label in module.globals:
        return module.globals[label]
    kind, count = side_by_side(ir.DoubleType(), width), 2 if name == "pow" else 1
    if name not in _ORDINARY:
        return function_of(module, label, FUNCTIONS[name], kind, count)
    full = function_of(module, f"{label}_of_any", FUNCTIONS[name], kind, count)
    for attribute in ("noinline", "cold"):
        full.attributes.add(attribute)
    return function_of(module, label, lambda *x: _in_two_ways(_ORDINARY[name], full, x), kind, count)


def _in_two_ways(ordinary: Callable[..., _Pair], full: ir.Function, arguments: Sequence[Lanes]) -> Lanes:
    """The short way where every lane has an ordinary number; else `full` for the lanes that have none."""
    short, usual = ordinary(*arguments)
    builder = short.builder
    begun = builder.block
    with builder.if_then(builder.not_(usual.all()), likely=False):
        whole = short.new(builder.call(full, [x.value for x in arguments])).where(usual, short)
        other = builder.block
    result = builder.phi(short.value.type)
    result.add_incoming(short.value, begun)
    result.add_incoming(whole.value, other)
    return short.new(result)
