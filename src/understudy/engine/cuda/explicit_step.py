"""Explicit step: Tsitouras' method for one patient in one thread.

Method, coefficients and the estimate of stiffness are those of `tsit5`, which names their source.
"""

from __future__ import annotations

import numpy as np
from numba import cuda

from understudy.engine.kernel import tsit5

# Rows of slopes: that at the start of a step, its stages, and in the last that at its end.
SLOPES = 7


def make_explicit_step(right_hand_side, states: int, real: type):
    """Device functions that take a step and interpolate in it.

    Parameters
    ----------
    right_hand_side : device function
        ``right_hand_side(t, y, p, r, dy)``.
    states : int
    real : {np.float64, np.float32}
        What states are computed in.

    Returns
    -------
    try_step : device function
        ``try_step(t, step, stop, relative, absolute, y, p, r, floor, allowance, peak, k, work, y1)`` returns the error
        in units of what is allowed, and the square of the step times the speed of the fastest change. The slope at the
        start is ``k[0]``; that at the end will be ``k[6]``.
    interpolate : device function
        ``interpolate(out, theta, step, y, y1, k)`` writes the states a fraction `theta` into the step.
    """
    tiny = real(1e-300) if real is np.float64 else real(1e-30)
    c2, c3, c4, c5 = tsit5.C2, tsit5.C3, tsit5.C4, tsit5.C5
    a21, a31, a32 = real(tsit5.A21), real(tsit5.A31), real(tsit5.A32)
    a41, a42, a43 = real(tsit5.A41), real(tsit5.A42), real(tsit5.A43)
    a51, a52, a53, a54 = real(tsit5.A51), real(tsit5.A52), real(tsit5.A53), real(tsit5.A54)
    a61, a62, a63 = real(tsit5.A61), real(tsit5.A62), real(tsit5.A63)
    a64, a65 = real(tsit5.A64), real(tsit5.A65)
    b1, b2, b3 = real(tsit5.B1), real(tsit5.B2), real(tsit5.B3)
    b4, b5, b6 = real(tsit5.B4), real(tsit5.B5), real(tsit5.B6)
    e1, e2, e3, e4 = real(tsit5.E1), real(tsit5.E2), real(tsit5.E3), real(tsit5.E4)
    e5, e6, e7 = real(tsit5.E5), real(tsit5.E6), real(tsit5.E7)
    interpolant, rounding = tsit5.INTERPOLANT, float(np.finfo(real).eps)

    @cuda.jit(device=True)
    def try_step(t, step, stop, relative, absolute, y, p, r, floor, allowance, peak, k, work, y1):
        h = real(step)
        # Just before the stop, where an equation may change its form in time.
        latest = stop - abs(stop) * rounding
        for q in range(states):
            work[q] = y[q] + h * (a21 * k[0, q])
        right_hand_side(min(t + c2 * step, latest), work, p, r, k[1])
        for q in range(states):
            work[q] = y[q] + h * (a31 * k[0, q] + a32 * k[1, q])
        right_hand_side(min(t + c3 * step, latest), work, p, r, k[2])
        for q in range(states):
            work[q] = y[q] + h * (a41 * k[0, q] + a42 * k[1, q] + a43 * k[2, q])
        right_hand_side(min(t + c4 * step, latest), work, p, r, k[3])
        for q in range(states):
            work[q] = y[q] + h * (a51 * k[0, q] + a52 * k[1, q] + a53 * k[2, q] + a54 * k[3, q])
        right_hand_side(min(t + c5 * step, latest), work, p, r, k[4])
        for q in range(states):
            work[q] = y[q] + h * (
                a61 * k[0, q] + a62 * k[1, q] + a63 * k[2, q] + a64 * k[3, q] + a65 * k[4, q]
            )
        right_hand_side(min(t + step, latest), work, p, r, k[5])
        error, far = real(0.0), real(0.0)
        for q in range(states):
            new = y[q] + h * (
                b1 * k[0, q] + b2 * k[1, q] + b3 * k[2, q] + b4 * k[3, q] + b5 * k[4, q] + b6 * k[5, q]
            )
            y1[q] = floor[q] if new < floor[q] else new
            allowed = relative * max(abs(y[q]), abs(y1[q])) + absolute * abs(peak[q])
            allowed = allowed * allowance[q] + tiny
            share = real(1.0) / allowed
            # How far a state falls below its floor counts as error.
            error = max(error, (y1[q] - new) * share) if new < floor[q] else error
            way = (y1[q] - work[q]) * share
            far += way * way
            work[q] = share
        right_hand_side(min(t + step, latest), y1, p, r, k[6])
        fast = real(0.0)
        for q in range(states):
            e = h * (
                e1 * k[0, q]
                + e2 * k[1, q]
                + e3 * k[2, q]
                + e4 * k[3, q]
                + e5 * k[4, q]
                + e6 * k[5, q]
                + e7 * k[6, q]
            )
            e = abs(e) * work[q]
            # Not-a-number is kept, and later rejected.
            if e > error or e != e:
                error = e
            change = (k[6, q] - k[5, q]) * work[q]
            fast += change * change
        # Without a way nothing is concluded from it.
        radius = h * h * (fast / far) if far > real(0.0) else real(0.0)
        return error, radius

    @cuda.jit(device=True)
    def interpolate(out, theta, step, y, y1, k):
        c, weight = cuda.const.array_like(interpolant), cuda.local.array(SLOPES, real)
        for i in range(SLOPES):
            weight[i] = step * theta * (c[i, 0] + theta * (c[i, 1] + theta * (c[i, 2] + theta * c[i, 3])))
        for q in range(states):
            value = y[q]
            for i in range(SLOPES):
                value += weight[i] * k[i, q]
            out[q] = value

    return try_step, interpolate
