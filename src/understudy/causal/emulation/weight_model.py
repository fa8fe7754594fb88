"""Weight models: chances of treatment and of staying in follow-up, by pooled logistic regressions.

Robins, Hernán & Brumback 2000, doi:10.1097/00001648-200009000-00011; stabilised weights Cole & Hernán 2008,
doi:10.1093/aje/kwn164.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.dense_rows import DenseRows, expit
from understudy.causal.emulation.history import with_history
from understudy.causal.emulation.person_periods import PersonPeriods
from understudy.causal.emulation.pooled_logistic import Maximum, dependent, maximise, moves
from understudy.core.errors import StudyError

Array = NDArray[np.float64]
Pool = Literal["none", "numerator", "both"]


@dataclass(frozen=True)
class WeightModel:
    """Terms of a chance given little (numerator) and given all that confounds (denominator).

    Parameters
    ----------
    denominator : tuple of str
        Terms of covariates and history, see `understudy.causal.emulation.history.with_history`.
    numerator : tuple of str
        Of the stabilising model: terms that the outcome model has too.
    pool : {"none", "numerator", "both"}
        Which of the two is one model whatever the previous treatment; otherwise one for the treated before and one for
        the others.
    """

    denominator: tuple[str, ...] = ()
    numerator: tuple[str, ...] = ()
    pool: Pool = "none"


@dataclass(frozen=True, eq=False)
class FittedChance:
    """A fitted chance: one of the regressions behind weights.

    Attributes
    ----------
    label : str
        What it is the chance of.
    coefficients : mapping of str to float
        Log odds ratios, without separable or dependent columns.
    rows : int
    separable : tuple of str
    """

    label: str
    coefficients: dict[str, float]
    rows: int
    separable: tuple[str, ...]


def chances(
    periods: PersonPeriods,
    event: NDArray[np.float64],
    terms: Sequence[str],
    groups: Sequence[tuple[str, NDArray[np.bool_]]],
    drawn: Array | None = None,
) -> tuple[Array, tuple[FittedChance, ...]]:
    """The fitted chance of each row, by a regression in each group of rows.

    Parameters
    ----------
    periods : PersonPeriods
    event : array of 0 and 1, shape (n,)
    terms : sequence of str
    groups : sequence of (label, mask)
        Rows outside all groups have a chance of NaN.
    drawn : array, shape (persons,), optional
        How often each person counts.

    Returns
    -------
    chance : array, shape (n,)
        0 or 1 where the event is separable.
    fits : tuple of FittedChance
    """
    table = with_history(periods, terms)
    matrix, names = table.design(terms, rows=periods.rows)
    weight = np.ones(periods.rows) if drawn is None else np.asarray(drawn, dtype=float)[periods.person]
    found, fits = np.full(periods.rows, np.nan), []
    for label, inside in groups:
        if not inside.any():
            continue
        chance, fitted = fitted_chance(matrix[inside], event[inside], names, weight[inside], label)
        found[inside] = chance
        fits.append(fitted)
    return found, tuple(fits)


def fitted_chance(
    matrix: Array, event: Array, names: tuple[str, ...], weight: Array, label: str
) -> tuple[Array, FittedChance]:
    """A logistic regression's chances: its columns that depend on others are left out, as predictions need none."""
    used, count = weight > 0, int((weight > 0).sum())
    if not count or len(np.unique(event[used])) < 2:
        constant = float(event[used][0]) if count else 0.5
        return np.full(len(event), constant), FittedChance(label, {}, count, ())
    kept = ~dependent(matrix, weight)
    left = tuple(name for name, has in zip(names, kept, strict=True) if has)
    rows = DenseRows(matrix[:, kept], event, left, weight, np.zeros(len(event), np.int64))
    found = maximise(rows)
    return chance_of(found, matrix[:, kept], left), FittedChance(
        label, found.coefficients, count, found.separable
    )


def chance_of(found: Maximum, matrix: Array, names: tuple[str, ...]) -> Array:
    """Chances at a maximum: 0 or 1 in rows that a separating direction moves, where the likelihood tends to."""
    coefficients = found.coefficients
    chance = expit(matrix @ np.array([coefficients.get(name, 0.0) for name in names]))
    undecided = np.ones(len(matrix), dtype=bool)
    for way in found.directions:
        side = matrix @ np.array([way.get(name, 0.0) for name in names])
        moved = undecided & moves(side)
        chance[moved], undecided = side[moved] > 0, undecided & ~moved
    return chance


def by_previous_treatment(periods: PersonPeriods, what: str) -> list[tuple[str, NDArray[np.bool_]]]:
    """Groups of rows by previous treatment, which is 0 in a person's first row."""
    return [(f"{what}, previous treatment {k}", periods.previous_treatment == k) for k in (0, 1)]


def treatment_ratios(
    periods: PersonPeriods, model: WeightModel, drawn: Array | None = None
) -> tuple[Array, tuple[FittedChance, ...]]:
    """For each row the chance of its treatment by the numerator over that by the denominator."""
    what, event = "treated", periods.treatment.astype(float)
    return _ratios(periods, model, event, periods.treatment, what, drawn, np.ones(periods.rows, dtype=bool))


def staying_ratios(
    periods: PersonPeriods, model: WeightModel, drawn: Array | None = None, *, known: bool = False
) -> tuple[Array, tuple[FittedChance, ...]]:
    """For each row the chance of not being lost by the numerator over that by the denominator.

    With `known`, persons are lost after the outcome of the period was seen: only those without it may be, and what a
    period weighs counts from the next on.
    """
    if not periods.censored.any():
        raise StudyError(
            "nobody is censored, so that nothing can be learned of it",
            place="weights for censoring", repair="name the column in [data] censored, or leave these weights out",
        )  # fmt: skip
    event, one = 1.0 - periods.censored, np.ones(periods.rows, np.int64)
    at_risk = periods.outcome != 1 if known else one == 1
    ratio, fits = _ratios(periods, model, event, one, "not lost", drawn, at_risk)
    if not known:
        return ratio, fits
    later = np.append(1.0, ratio[:-1])
    later[periods.starts] = 1.0
    return later, fits


def _ratios(
    periods: PersonPeriods, model: WeightModel, event: Array, taken: NDArray, what: str, drawn: Array | None,
    at_risk: NDArray[np.bool_],
) -> tuple[Array, tuple[FittedChance, ...]]:  # fmt: skip
    apart = [(label, inside & at_risk) for label, inside in by_previous_treatment(periods, what)]
    whole = [(what, at_risk)]
    above = whole if model.pool in ("numerator", "both") else apart
    below = whole if model.pool == "both" else apart
    upper, first = chances(periods, event, model.numerator, above, drawn)
    lower, second = chances(periods, event, model.denominator, below, drawn)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(taken == 1, upper, 1 - upper) / np.where(taken == 1, lower, 1 - lower)
    # Rows not at risk have no chance; of persons whom a bootstrap left out it may be 0, and their rows count nowhere.
    ratio = np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0)
    named = [replace(each, label=f"numerator: {each.label}") for each in first]
    return ratio, (*named, *(replace(each, label=f"denominator: {each.label}") for each in second))
