"""fit_sccs_intervals: the self-controlled case series of persons whose time is cut into intervals already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.survival.censored import labels, mark, numbers, same_length, stop_for
from understudy.biostatistics.survival.covariates import covariate_matrix
from understudy.biostatistics.survival.cox_search import Maximum, maximise
from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.outcomes.conditional_poisson import CountRows, count_rows
from understudy.causal.outcomes.estimate import BOUNDS, estimate
from understudy.causal.outcomes.one_parameter import Flat, Top, climb
from understudy.causal.outcomes.regression import Regression, telling_columns
from understudy.causal.outcomes.sandwich import sandwich
from understudy.core.errors import Problem, UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
MEASURE = "incidence rate ratio"
_PLACE = "the case series"


@dataclass(frozen=True, eq=False, repr=False)
class IntervalFit:
    """A fitted case series.

    Parameters
    ----------
    estimates : mapping of str to EffectEstimate
        Of the exposures.
    coefficients : mapping of str to float
        Of the other covariates, logarithms.
    log_likelihood : float
        At the maximum.
    cases, events : int
        Persons with an event, and their events.
    notes : tuple of str
    """

    estimates: Mapping[str, EffectEstimate]
    coefficients: Mapping[str, float]
    log_likelihood: float
    cases: int
    events: int
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> EffectEstimate:
        if name not in self.estimates:
            raise UnderstudyError(
                f"there is no exposure {name!r}",
                place=_PLACE,
                repair=f"ask for one of {list(self.estimates)}",
            )
        return self.estimates[name]

    def table(self) -> pd.DataFrame:
        """One row for each exposure: its name, and the columns of `EffectEstimate.table`."""
        import pandas as pd

        found = pd.concat([each.table() for each in self.estimates.values()], ignore_index=True)
        found.insert(0, "name", list(self.estimates))
        return found

    def __repr__(self) -> str:
        lines = [f"{name}: {found}" for name, found in self.estimates.items()]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def fit_sccs_intervals(
    stratum: ArrayLike,
    time: ArrayLike,
    count: ArrayLike,
    exposures: Any,
    covariates: Any = None,
    *,
    probes: Sequence[str] = (),
    bounds: tuple[float, float] | None = BOUNDS,
    level: float = 0.95,
) -> IntervalFit:
    """Fit rates within persons by the conditional Poisson likelihood.

    The number of events of a person is given, so that whatever stays the same within a person cancels (Farrington 1995,
    doi:10.2307/2533328; Whitaker, Farrington, Spiessens, Musonda 2006, doi:10.1002/sim.2302).

    Parameters
    ----------
    stratum : array, shape (n,)
        Labels of persons, or of whatever each has a rate of its own.
    time : array, shape (n,)
        Lengths of the intervals, positive.
    count : array, shape (n,)
        Events in each interval.
    exposures : mapping of names to arrays, DataFrame, or array of shape (n,) or (n, p)
        What is asked for; each gets an interval and a profile.
    covariates : the same, optional
        Adjusted for, such as splines of age. What follows from others is left out, with a note.
    probes : sequence of str
        Exposures that get an interval but no profile.
    bounds : (float, float) or None
        Ends of the profiles; None for no profile.
    level : float

    Returns
    -------
    IntervalFit
        Its robust errors take persons as clusters.

    Raises
    ------
    DataError
        For arrays that cannot be.

    Examples
    --------
    >>> days, events, exposed = [30, 335, 30, 335, 60, 305], [1, 0, 0, 1, 1, 0], [1, 0, 1, 0, 1, 0]
    >>> fit = fit_sccs_intervals([1, 1, 2, 2, 3, 3], days, events, {"drug": exposed})
    >>> round(fit["drug"].exp, 2)
    17.61
    """
    rows, names, asked = _rows(stratum, time, count, exposures, covariates)
    kept = _telling(rows, asked)
    model = _fitted(rows, kept)
    place = {name: int(k) for k, name in enumerate(np.array(names, dtype=object)[kept])}
    beta = model.found.beta / model.scale if kept.any() else np.zeros(0)
    estimates = {
        name: _one(rows, model, place.get(name), None if name in probes else bounds, level)
        for name in names[:asked]
    }
    left_out = [name for name, said in zip(names[asked:], kept[asked:], strict=True) if not said]
    notes = (f"left out, since others say the same: {', '.join(left_out)}",) if left_out else ()
    return IntervalFit(
        estimates,
        {name: float(beta[k]) for name, k in place.items() if name in names[asked:]},
        model.found.log_likelihood,
        rows.bounds.size - 1,
        int(rows.count.sum()),
        notes,
    )


def _rows(
    stratum: ArrayLike, time: ArrayLike, count: ArrayLike, exposures: Any, covariates: Any
) -> tuple[CountRows, tuple[str, ...], int]:
    """Checked and sorted rows, names of the columns, and how many of these are asked for."""
    problems: list[Problem] = []
    times, counts = numbers(time, "time", problems), numbers(count, "count", problems)
    same_length(counts, times.size, "count", "time", problems)
    stop_for(problems, _PLACE)
    mark(times <= 0, times, "time", "is not positive", "leave intervals without time out", problems)
    wrong = (counts < 0) | (counts != np.floor(counts))
    mark(wrong, counts, "count", "is no count", "give the number of events in the interval", problems)
    stop_for(problems, _PLACE)
    x, names = covariate_matrix(exposures, times.size)
    others, other_names = np.empty((times.size, 0)), ()
    if covariates is not None:
        others, other_names = covariate_matrix(covariates, times.size)
    twice = sorted(set(names) & set(other_names))
    if twice or not names:
        raise UnderstudyError(
            f"{', '.join(twice)} is exposure and covariate" if twice else "no exposure is given",
            place=_PLACE,
            repair="give each column one place",
        )
    member = labels(stratum, times.size, "stratum")[1]
    return count_rows(np.column_stack([x, others]), counts, times, member), (*names, *other_names), len(names)


def _telling(rows: CountRows, asked: int) -> NDArray[np.bool_]:
    """Columns that say something of their own; covariates come before exposures."""
    size = rows.x.shape[1]
    if not len(rows.x):
        return np.zeros(size, dtype=bool)
    order = np.r_[np.arange(asked, size), np.arange(asked)]
    information = rows.likelihood(np.zeros(size))[2][np.ix_(order, order)]
    kept = np.zeros(size, dtype=bool)
    kept[order] = telling_columns(information, size - 1)
    return kept


def _fitted(rows: CountRows, kept: NDArray[np.bool_]) -> Regression:
    """All coefficients at their maximum."""
    x = np.ascontiguousarray(rows.x[:, kept])
    found = Maximum(np.zeros(0), np.zeros(0), np.zeros((0, 0)), 0.0, 0, True)
    if kept.any():
        found = maximise(lambda beta: rows.likelihood(beta, x), np.zeros(x.shape[1]))
    return Regression(rows.likelihood, x, rows.offset, rows.scale[kept], 0, found)


def _one(
    rows: CountRows, model: Regression, place: int | None, bounds: tuple[float, float] | None, level: float
) -> EffectEstimate:
    """The estimate of one column; NaN where it was left out."""
    if place is None:
        note = "nobody with an event was both exposed and not, in a way that nothing else explains"
        return estimate(Flat(), MEASURE, level, bounds=bounds, notes=(note,))
    one = Regression(model.likelihood, model.x, model.offset, model.scale, place, model.found)
    if one.direction or not one.found.converged:
        top = climb(one)
    else:
        effect = float(one.found.beta[place] / one.scale[place])
        top = Top(effect, one.found.log_likelihood, one.at(effect)[2])
    notes = () if np.isfinite(top.effect) else (_separated(top.effect),)
    return estimate(
        one, MEASURE, level, top=top, robust_error=_robust(rows, one, top), bounds=bounds, notes=notes
    )


def _separated(effect: float) -> str:
    side = "in exposed time" if effect < 0 else "outside of exposed time"
    return f"no event {side} of those who had both: the estimate is infinite, and has one limit only"


def _robust(rows: CountRows, model: Regression, top: Top) -> float:
    """Sandwich with persons as clusters."""
    if top.curvature == 0:
        return np.nan
    member = np.repeat(np.arange(rows.bounds.size - 1), np.diff(rows.bounds))
    parts = rows.score_parts(model.found.beta, model.x)
    found = sandwich(parts, model.found.information, member)
    return float(np.sqrt(found[model.place, model.place]) / model.scale[model.place])
