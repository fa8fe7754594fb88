"""Terminal plot: a curve drawn with Braille dots, eight to a character."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

# Bit of each dot of a Braille character, four rows of two.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_BLANK = 0x2800


def plot(times: np.ndarray, curves: Sequence[np.ndarray], width: int = 72, height: int = 11) -> list[str]:
    """Curves over time, as lines of text.

    Parameters
    ----------
    times : float array, shape (m,)
    curves : sequence of float array, shape (m,)
        Not-a-number leaves a gap.
    width, height : int
        Of the drawing, in characters; an odd height has a middle line. The time axis is a line more.

    Examples
    --------
    >>> print("\\n".join(plot(np.array([0.0, 10.0]), [np.array([0.0, 8.0])], width=24, height=3)))
    8 ┤⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⠤⠤⠒⠒⠉
    4 ┤⠀⠀⠀⠀⠀⠀⠀⣀⣀⠤⠔⠒⠉⠉⠀⠀⠀⠀⠀⠀⠀
    0 ┤⣀⠤⠤⠒⠒⠉⠉⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀
       0                  10
    """
    low, high = limits(curves)
    labels = [f"{low + (high - low) * (height - 1 - k) / (height - 1):.3g}" for k in range(height)]
    margin = max(len(label) for label in labels)
    columns = width - margin - 2
    canvas = np.zeros((4 * height, 2 * columns), dtype=bool)
    for curve in curves:
        _draw(canvas, np.asarray(times, float), np.asarray(curve, float), low, high)
    shown = {0, height // 2, height - 1}
    rows = [
        f"{labels[k] if k in shown else '':>{margin}} {'┤' if k in shown else '│'}{row}"
        for k, row in enumerate(_characters(canvas))
    ]
    return [*rows, " " * (margin + 2) + _axis(times, columns)]


def limits(curves: Sequence[np.ndarray]) -> tuple[float, float]:
    """Lower and upper end of the vertical axis: from zero, unless the curves stay far from it.

    Examples
    --------
    >>> limits([np.array([0.0, 37.5])]), limits([np.array([92.0, 99.0])])
    ((0.0, 40.0), (92.0, 100.0))
    """
    known = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    # Numbers below the smallest with all its digits are drawn as zero.
    if not known.size or np.abs(known).max() < np.finfo(float).tiny * 1e10:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    low = 0.0 if 0 <= low < 0.5 * high or low == high >= 0 else low
    largest = max(abs(low), abs(high))
    span = high - low if high - low > 1e-6 * largest else largest or 1.0
    step = _nice(span / 4)
    first = math.floor(low / step + 1e-9)
    return first * step, max(math.ceil(high / step - 1e-9), first + 1) * step


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= step * (1 - 1e-9))


def _draw(canvas: np.ndarray, times: np.ndarray, curve: np.ndarray, low: float, high: float) -> None:
    """Set the dots that a curve touches, with straight lines from point to point."""
    rows, columns = canvas.shape
    span = times[-1] - times[0] or 1.0
    x = (times - times[0]) / span * (columns - 1)
    y = (high - curve) / (high - low) * (rows - 1)
    for k in range(len(times) - 1):
        if np.isfinite(y[k : k + 2]).all():
            count = int(max(abs(x[k + 1] - x[k]), abs(y[k + 1] - y[k]))) + 2
            across = np.rint(np.linspace(x[k], x[k + 1], count)).astype(int)
            down = np.rint(np.linspace(y[k], y[k + 1], count)).astype(int)
            canvas[down, across] = True


def _characters(canvas: np.ndarray) -> list[str]:
    rows, columns = canvas.shape[0] // 4, canvas.shape[1] // 2
    cells = canvas.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)
    codes = _BLANK + (cells * _DOTS).sum(axis=(2, 3))
    return ["".join(map(chr, row)) for row in codes]


def _axis(times: np.ndarray, columns: int) -> str:
    first, middle, last = (f"{value:.4g}" for value in (times[0], (times[0] + times[-1]) / 2, times[-1]))
    if columns < 40:
        return first + last.rjust(columns - len(first))
    left = first + middle.rjust(columns // 2 - len(first) + len(middle) // 2)
    return left + last.rjust(columns - len(left))
