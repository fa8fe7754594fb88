"""BLQ: what becomes of concentrations below the limit of quantification."""

from __future__ import annotations

import numpy as np

from understudy.noncompartmental.rules import NCARules


def cleaned(times: np.ndarray, values: np.ndarray, rules: NCARules) -> tuple[np.ndarray, np.ndarray]:
    """Measurements after the rules for those below the limit, which are zero.

    Parameters
    ----------
    times, values : float array, shape (n,)
    rules : NCARules

    Returns
    -------
    times, values : float array, shape (m,)

    Examples
    --------
    >>> times, values = cleaned(np.arange(5.0), np.array([0.0, 3.0, 0.0, 1.0, 0.0]), NCARules())
    >>> times.tolist(), values.tolist()
    ([0.0, 1.0, 3.0, 4.0], [0.0, 3.0, 1.0, 0.0])
    """
    measurable = np.flatnonzero(values > 0)
    if not measurable.size:
        return times, values
    place = np.arange(len(values))
    below = values <= 0
    kinds = (
        place < measurable[0],
        (place > measurable[0]) & (place < measurable[-1]),
        place > measurable[-1],
    )
    values, kept = values.copy(), np.ones(len(values), bool)
    for rule, kind in zip(rules.blq, kinds, strict=True):
        if rule == "drop":
            kept &= ~(below & kind)
        elif rule != "keep":
            values[below & kind] = rule
    return times[kept], values[kept]
