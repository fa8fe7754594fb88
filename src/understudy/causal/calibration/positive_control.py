"""inject_outcomes: a synthetic positive control, made of a negative one by adding outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import DataError, Problem

Array = NDArray[np.float64]
FEWEST_OUTCOMES = 25  # of a negative control in the exposed, below which nothing is injected (Schuemie 2018)


@dataclass(frozen=True, eq=False)
class PositiveControl:
    """Outcomes with an effect of known size.

    Parameters
    ----------
    events : int array, shape (n,)
        Outcomes of each person in their time at risk, old and added.
    first : float array, shape (n,)
        Time of the first one; the end of the time at risk without any.
    true_log_rr : float
        Logarithm of (old + added) / old outcomes of the exposed: the target, as near as whole outcomes come.
    added : int
    """

    events: NDArray[np.int64]
    first: Array
    true_log_rr: float
    added: int


def inject_outcomes(
    exposed: ArrayLike,
    time: ArrayLike,
    events: ArrayLike,
    ratio: float,
    *,
    first: ArrayLike | None = None,
    risk: ArrayLike | None = None,
    seed: int = 0,
) -> PositiveControl:
    """Make a positive control of a negative one.

    Among the exposed, outcomes are added until there are `ratio` times as many. Who gets one is drawn in proportion to
    time at risk times `risk`; when, evenly over the time at risk: for rates that are constant, as of Poisson regression
    and, nearly, of Cox'. The simple version of Schuemie et al. 2018, doi:10.1073/pnas.1708282114.

    What it can and cannot do: bias of the negative control stays, for its own outcomes stay. Confounding by what is in
    `risk` goes with the added ones; confounding by what nobody measured does not, so that a method's error at larger
    effects is likely to look smaller than it is. Ratios below one are not made.

    Parameters
    ----------
    exposed : array of bool, shape (n,)
    time : array of float, shape (n,)
        At risk, positive.
    events : array of int, shape (n,)
        Outcomes of the negative control.
    ratio : float
        Target, above one.
    first : array of float, shape (n,), optional
        Time of the first outcome, for models of first outcomes; without it that of old outcomes is the end.
    risk : array of float, shape (n,), optional
        Predicted rate of the outcome by what is known at the start; the same for all without it.
    seed : int

    Returns
    -------
    PositiveControl

    Raises
    ------
    DataError
        For arrays that do not fit, a ratio that is not above one, or fewer than 25 outcomes among the exposed.

    Examples
    --------
    >>> exposed = np.arange(200) < 100
    >>> found = inject_outcomes(exposed, np.full(200, 365.0), np.arange(200) % 2, 2.0)
    >>> found.added, round(float(np.exp(found.true_log_rr)), 2), int(found.events[~exposed].sum())
    (50, 2.0, 50)
    """
    exposed, time = np.asarray(exposed, bool), np.asarray(time, float)
    events = np.asarray(events, np.int64)
    risk = np.ones(time.size) if risk is None else np.asarray(risk, float)
    first = time.copy() if first is None else np.array(first, float)
    _check(exposed, time, events, risk, first, ratio)
    old = int(events[exposed].sum())
    added = round((ratio - 1) * old)
    from understudy.core.random import stream_key

    rng = np.random.Generator(np.random.Philox(key=stream_key(seed, "positive control")))
    weights = np.where(exposed, time * risk, 0.0)
    who = rng.choice(time.size, added, p=weights / weights.sum())
    when = rng.uniform(0.0, time[who])
    np.minimum.at(first, who, when)
    total = events + np.bincount(who, minlength=time.size)
    return PositiveControl(total, first, float(np.log((old + added) / old)), added)


def _check(exposed: Array, time: Array, events: Array, risk: Array, first: Array, ratio: float) -> None:
    problems = []
    if len({exposed.size, time.size, events.size, risk.size, first.size}) > 1:
        problems.append(Problem("arrays differ in length", "give one of each for a person"))
    elif not (np.isfinite(time).all() and (time > 0).all()):
        problems.append(Problem("a time at risk that is not positive", "leave the person out", column="time"))
    elif (events < 0).any() or not (np.isfinite(risk).all() and (risk >= 0).all()):
        problems.append(Problem("a negative count or risk", "counts and risks are zero or more"))
    elif not risk[exposed].sum() > 0:
        problems.append(Problem("nobody who is exposed has a risk", "give positive risks", column="risk"))
    elif events[exposed].sum() < FEWEST_OUTCOMES:
        cause = f"fewer than {FEWEST_OUTCOMES} outcomes among the exposed"
        problems.append(Problem(cause, "take a commoner negative control", column="events"))
    if not (np.isfinite(ratio) and ratio > 1):
        problems.append(
            Problem("no ratio above one", "give one such as 1.5, 2 or 4", column="ratio", value=str(ratio))
        )
    if problems:
        raise DataError(problems, place="a positive control")
