"""History: what was known of a person before a period, as columns of covariates."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.covariate_table import CovariateTable, names_of
from understudy.causal.emulation.person_periods import PersonPeriods
from understudy.core.errors import StudyError

_CALL = re.compile(r"(previous|first)\((.+)\)")
DERIVED = ("period", "time", "treatment", "previous_treatment", "cumulative_treatment", "time_on_regime")


def with_history(periods: PersonPeriods, terms: Iterable[str]) -> CovariateTable:
    """The covariates, with the columns of history that terms name.

    Parameters
    ----------
    periods : PersonPeriods
    terms : iterable of str
        May name, beside covariates: ``period``; ``time`` since the person's first row; ``treatment``;
        ``previous_treatment`` (0 in the first row); ``cumulative_treatment``, the treated periods before this one;
        ``time_on_regime`` since treatment last changed, before this period; ``previous(x)``, the covariate in the row
        before (in the first row its own value); ``first(x)``, its value in the person's first row.

    Returns
    -------
    CovariateTable

    Raises
    ------
    StudyError
        For a column of that name in the table, and unknown names.
    """
    table, added, levels = periods.covariates, {}, dict(periods.covariates.levels)
    calls = {f"{kind}({name})" for name in table.columns for kind in ("previous", "first")}
    for name in names_of(terms, {*table.columns, *DERIVED, *calls}):
        if name in DERIVED:
            added[name] = _derived(periods, name)
        elif name in calls and name not in table.columns:
            kind, inner = _CALL.fullmatch(name).groups()
            added[name] = table.columns[inner][previous_row(periods) if kind == "previous" else periods.first]
            if inner in levels:
                levels[name] = levels[inner]
    taken = [name for name in added if name in table.columns]
    if taken:
        raise StudyError(
            f"a covariate is called {taken[0]}, which stands for a person's history here",
            place="the models", repair="rename the column",
        )  # fmt: skip
    return CovariateTable({**table.columns, **added}, levels)


def previous_row(periods: PersonPeriods) -> NDArray[np.int64]:
    """For each row the one before of the same person; of a first row itself."""
    return np.maximum(np.arange(periods.rows) - 1, periods.first)


def _derived(periods: PersonPeriods, name: str) -> NDArray[np.float64]:
    if name == "time_on_regime":
        return _time_on_regime(periods)
    values = {
        "period": periods.period,
        "time": periods.period - periods.period[periods.first],
        "treatment": periods.treatment,
        "previous_treatment": periods.previous_treatment,
        "cumulative_treatment": periods.treated - periods.treatment,
    }
    return values[name].astype(float)


def _time_on_regime(periods: PersonPeriods) -> NDArray[np.float64]:
    """Periods since treatment last changed, as they stood before this period; 0 in the first row."""
    at = np.arange(periods.rows)
    begins = (periods.treatment != periods.previous_treatment) | (at == periods.first)
    since = np.maximum.accumulate(np.where(begins, at, 0))
    before = since[previous_row(periods)]
    return np.where(at == periods.first, 0, periods.period - periods.period[before]).astype(float)
