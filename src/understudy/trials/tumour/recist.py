"""RECIST 1.1: response by the sum of the target lesions' diameters, visit by visit and at its best.

Eisenhauer EA et al. New response evaluation criteria in solid tumours: revised RECIST guideline (version 1.1). Eur J
Cancer 2009;45:228-247. doi:10.1016/j.ejca.2008.10.026
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import DataError, Problem
from understudy.trials.tumour.visits import visits

SHRINKAGE, GROWTH, GROWTH_MM = 0.3, 0.2, 5.0
_ROUNDING = 1e-9  # 36 / 30 shall count as 20 %


def recist(days: ArrayLike, sums: ArrayLike, new_lesions: ArrayLike | None = None) -> tuple[str, ...]:
    """Response at each visit after the baseline.

    Parameters
    ----------
    days : array of float, shape (n,)
    sums : array of float, shape (n,)
        Sum of the target lesions' diameters in mm (lymph nodes by their short axis); the first is the baseline.
    new_lesions : array of bool, shape (n,), optional
        Whether a lesion had appeared that was not there at the baseline: progression, whatever the sum.

    Returns
    -------
    tuple of str, length n - 1
        ``"CR"``: nothing is left. ``"PD"``: 20 % and 5 mm above the lowest sum so far, the baseline included, or a new
        lesion. ``"PR"``: 30 % below the baseline. ``"SD"``: none of them. Progression goes before partial response.

    Raises
    ------
    DataError
        For visits out of order, sizes that are none, or a baseline of zero.

    References
    ----------
    Eisenhauer EA et al. Eur J Cancer 2009;45:228-247. doi:10.1016/j.ejca.2008.10.026

    Examples
    --------
    >>> recist([0, 42, 84, 126, 168], [50, 40, 30, 36, 0])
    ('SD', 'PR', 'PD', 'CR')
    """
    _, size = visits(days, sums)
    if size[0] == 0:
        raise DataError([Problem("a baseline of zero", "there is nothing to measure", 0, "sums")])
    fresh = np.zeros(len(size), bool) if new_lesions is None else np.asarray(new_lesions, dtype=bool)
    if fresh.shape != size.shape:
        raise DataError(
            [Problem(f"{fresh.size} marks of new lesions", f"give {size.size}", column="new_lesions")]
        )
    lowest = np.minimum.accumulate(size)[:-1]
    return tuple(
        _at(size[0], low, now, new) for low, now, new in zip(lowest, size[1:], fresh[1:], strict=True)
    )


def _at(baseline: float, lowest: float, now: float, new: bool) -> str:
    grown = now - lowest
    if new or (grown >= GROWTH * lowest - _ROUNDING and grown >= GROWTH_MM - _ROUNDING):
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if now <= (1 - SHRINKAGE) * baseline + _ROUNDING else "SD"


def best_response(
    days: ArrayLike, responses: tuple[str, ...], *, confirmed_after: float = 0.0, stable_from: float = 42.0
) -> str:
    """Best response until progression.

    Parameters
    ----------
    days : array of float, shape (n,)
        As of `recist`, the baseline among them.
    responses : tuple of str, length n - 1
    confirmed_after : float
        A response counts where one that is no worse follows at least so many days later, before progression;
        zero: without confirmation. The guideline asks for 28 days where response is the endpoint of a trial that is
        not randomised.
    stable_from : float
        Day, counted from the baseline, from which stable disease counts; the protocol's, commonly six to eight weeks.

    Returns
    -------
    {"CR", "PR", "SD", "PD", "NE"}
        ``"NE"``: neither progression nor a visit late enough to call the disease stable.

    Examples
    --------
    >>> best_response([0, 42, 84, 126], ("PR", "SD", "PD"))
    'PR'
    >>> best_response([0, 42, 84, 126], ("PR", "SD", "PD"), confirmed_after=28)
    'SD'
    """
    day = np.asarray(days, dtype=float)
    if day.shape != (len(responses) + 1,):
        raise DataError([Problem(f"{len(responses)} responses", f"{day.size} days need {day.size - 1}")])
    end = responses.index("PD") if "PD" in responses else len(responses)
    seen = list(zip(day[1 : end + 1], responses[:end], strict=True))
    for wanted, enough in (("CR", ("CR",)), ("PR", ("CR", "PR"))):
        hits = [when for when, response in seen if response in enough]
        if hits and (not confirmed_after or hits[-1] - hits[0] >= confirmed_after):
            return wanted
    if any(when - day[0] >= stable_from for when, _ in seen):
        return "SD"
    return "PD" if end < len(responses) else "NE"
