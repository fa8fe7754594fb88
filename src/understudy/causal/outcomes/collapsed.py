"""The likelihood of a treatment alone, collapsed to few sums, with its robust error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from understudy.causal.outcomes.one_parameter import OneParameter, Top
from understudy.causal.outcomes.question import Question
from understudy.causal.outcomes.sandwich import sandwich
from understudy.causal.outcomes.two_by_two import TwoByTwo, hypergeometric
from understudy.causal.outcomes.two_groups import TwoGroups, risk_sets

Array = NDArray[np.float64]
RobustError = Callable[[Top], float]


def collapsed(asked: Question) -> tuple[OneParameter, RobustError]:
    """The likelihood, and a function from its maximum to the robust error.

    Parameters
    ----------
    asked : Question
        Its covariates are not looked at.
    """
    if asked.model == "cox":
        return _cox(asked)
    if asked.model == "poisson":
        return _poisson(asked)
    return _conditional(asked) if asked.stratified else _logistic(asked)


def _cox(asked: Question) -> tuple[OneParameter, RobustError]:
    happened = asked.event > 0
    sets = risk_sets(asked.time, happened, asked.treated, asked.stratum, asked.weight)

    def error(top: Top) -> float:
        return _error(asked, sets.score_parts(top.effect, happened, asked.treated), top)

    return sets.terms, error


def _poisson(asked: Question) -> tuple[OneParameter, RobustError]:
    size = int(asked.stratum.max()) + 1
    treated, others = asked.weight * asked.treated, asked.weight * ~asked.treated
    columns = (treated * asked.event, asked.weight * asked.event, others * asked.time, treated * asked.time)
    terms = TwoGroups(*(np.bincount(asked.stratum, column, size) for column in columns))

    def error(top: Top) -> float:
        share, rate = terms.shares(top.effect), terms.rates(top.effect)
        expected = rate[asked.stratum] * asked.time * np.where(asked.treated, np.exp(top.effect), 1.0)
        return _error(asked, (asked.treated - share[asked.stratum]) * (asked.event - expected), top)

    return terms, error


def _logistic(asked: Question) -> tuple[OneParameter, RobustError]:
    happened, each = asked.event > 0, (asked.treated, ~asked.treated)
    cells = [(float(asked.weight @ (group & happened)), float(asked.weight @ group)) for group in each]
    table = TwoByTwo(*cells[0], *cells[1])
    return table, lambda top: _error(asked, table.score_parts(top.effect, happened, asked.treated), top)


def _conditional(asked: Question) -> tuple[OneParameter, RobustError]:
    tables = hypergeometric(asked.event > 0, asked.treated, asked.stratum)
    return tables, lambda top: float(np.sqrt(tables.squared_scores(top.effect)) / top.curvature)


def _error(asked: Question, parts: Array, top: Top) -> float:
    found = sandwich((asked.weight * parts)[:, None], np.array([[top.curvature]]), asked.cluster)
    return float(np.sqrt(found[0, 0]))
