"""Crossing: where within a step the first of several watched differences changes its sign.

A bracket of two times is narrowed, of which no sign has changed at the first and some sign has at the second, so that
the earliest change is never passed over. The next time to look at is that of the ITP method, which needs at most one
look more than bisection and converges superlinearly where a difference is smooth: Oliveira, Takahashi 2020, ACM Trans
Math Softw 47:5, doi:10.1145/3423597. Whether a step holds a crossing at all is asked of several looks within it
(Shampine, Thompson 2000, Comput Math Appl 39:43-54, doi:10.1016/S0898-1221(00)00045-6) and of the parabola through
three of them, whose vertex shows a difference that touches zero, or passes it twice, in between.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# The bracket is narrowed to this part of the time: a few roundings.
NARROW = 1e-15
# A difference below this part of what it is some way off may be rounding.
_NEXT_TO_NOTHING = 1e-7
# How far ITP moves its estimate towards the middle, relative to the first bracket and with the bracket's square.
_TRUNCATION = 0.2
# A parabola whose vertex is nearer to zero than this part of the nearest look is looked at.
_GRAZE = 0.1
# How far looks may lie beside parabolas through others, relative to the range of all.
_FOLLOWED = 0.1


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def sign(value):
    """-1, 0 or 1; not-a-number where the value is none."""
    if value > 0.0:
        return 1.0
    return -1.0 if value < 0.0 else value * 0.0


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def differs(value, known):
    """Whether a value has another sign than is known."""
    found = sign(value)
    return found != known and (found == found or known == known)


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def any_differs(values, known, lane):
    """Whether any of a lane's values has another sign than is known; both are (differences, lanes)."""
    changed = False
    for k in range(values.shape[0]):
        changed = changed or differs(values[k, lane], known[k, lane])
    return changed


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def sign_behind(known, value, far):
    """The sign with which a difference leaves a crossing, having had the sign `known` and being `far` further on.

    A difference that is zero has the sign it will have; one that leaves zero may differ from it by rounding only, whose
    sign says nothing.
    """
    leaves = known == 0.0 and abs(value) <= _NEXT_TO_NOTHING * abs(far)
    return sign(far) if leaves or value == 0.0 else sign(value)


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def estimate(before, after, lower, upper, known, lane):
    """The earliest time at which a sign changes on straight lines from `lower` to `upper`."""
    first = after
    for k in range(upper.shape[0]):
        a, b = lower[k, lane], upper[k, lane]
        if differs(b, known[k, lane]):
            crossing = before + (after - before) * (a / (a - b)) if a != b else 0.5 * (before + after)
            if crossing < first:
                first = crossing
    return first


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def propose(before, after, guess, looks, width, tolerance):
    """Where to look next in a bracket that was `width` wide `looks` looks ago, for it to be `tolerance` wide in time.

    Looking no more often than bisection would, and once more, is ensured by keeping within `reach` of the middle.
    """
    middle, wide = 0.5 * (before + after), after - before
    most = math.ceil(math.log2(max(width / tolerance, 1.0))) + 1.0
    reach = max(0.5 * (tolerance * 2.0 ** (most - looks) - wide), 0.0)
    towards = 1.0 if guess < middle else -1.0
    shift = _TRUNCATION * wide * wide / width
    # Two roundings at least, so that the far end of the bracket comes near too.
    shift = max(shift, 0.5 * tolerance)
    truncated = guess + towards * shift if shift <= abs(middle - guess) else middle
    found = truncated if abs(truncated - middle) <= reach else middle - towards * reach
    return found if before < found < after else middle


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def vertex(left, middle, right, a, b, c):
    """Where the parabola through ``(left, a), (middle, b), (right, c)`` comes as near to zero as to be looked at.

    Not-a-number where the values are of different signs, where the parabola has no lowest point between the outer ones,
    or where it stays clear of zero there.
    """
    if not (a * b > 0.0 and b * c > 0.0):
        return np.nan
    first, second = (b - a) / (middle - left), (c - b) / (right - middle)
    bend = (second - first) / (right - left)
    if not bend * b > 0.0:
        return np.nan
    # Newton's form: b + slope (t - middle) + bend (t - middle)^2 with the slope at the middle.
    slope = first + bend * (middle - left)
    at, nearest = middle - 0.5 * slope / bend, min(abs(a), abs(b), abs(c))
    lowest = abs(b) - 0.25 * slope * slope / abs(bend)
    return at if left < at < right and lowest <= _GRAZE * nearest else np.nan


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def is_followed(values, k, lane):
    """Whether looks at equal distances, five at least and an odd number, show how a difference runs.

    Those with odd numbers must lie on the parabolas through their neighbours, to a tenth of the whole range.
    ``values`` are (looks, differences, lanes).
    """
    lowest, highest, off = values[0, k, lane], values[0, k, lane], 0.0
    for look in range(1, values.shape[0]):
        lowest, highest = min(lowest, values[look, k, lane]), max(highest, values[look, k, lane])
    for look in range(1, values.shape[0], 2):
        begin = min(look - 1, values.shape[0] - 5)
        near, middle, far = values[begin, k, lane], values[begin + 2, k, lane], values[begin + 4, k, lane]
        guess = 0.75 * middle + (
            0.375 * near - 0.125 * far if look == begin + 1 else 0.375 * far - 0.125 * near
        )
        off = max(off, abs(values[look, k, lane] - guess))
    return off <= _FOLLOWED * (highest - lowest)
