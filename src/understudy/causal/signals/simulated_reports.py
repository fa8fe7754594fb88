"""Simulated reports: drugs and events drawn independently, but for pairs that are planted; to try methods on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.openfda import quarters_of
from understudy.causal.signals.reports import Reports, empty_table, joined
from understudy.core.random import uniforms

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# Drug, event (numbered from 1) and by how much the odds of the event are multiplied where the drug is.
PLANTED = ((1, 1, 8.0), (2, 5, 4.0), (3, 9, 3.0))
_FIRST, _LAST = np.datetime64("2021-01-01"), np.datetime64("2023-12-31")
_COUNTRIES = ("US", "GB", "JP", "FR", "DE")


def simulate_reports(
    count: int,
    *,
    seed: int,
    drugs: int = 30,
    events: int = 60,
    planted: Sequence[tuple[int, int, float]] = PLANTED,
    duplicates: float = 0.0,
) -> Reports:
    """Reports in which drug and event are independent, but for planted pairs.

    The k-th drug and event are named with a probability that falls as 1 / (k + 2); each report has one at least of
    both. Sex, age, country, event dates and dates of receipt of three years are drawn apart; events follow the start of
    the drug after a Weibull time.

    Parameters
    ----------
    count : int
        Reports.
    seed : int
    drugs, events : int
        Different names.
    planted : sequence of (int, int, float)
        Numbers of drug and event from 1, and the factor by which the odds of the event are multiplied.
    duplicates : float
        Share of reports that are sent again by another reporter, with some of their fields changed or missing; their
        ``duplicate_of`` is the key of the first.

    Returns
    -------
    Reports

    Examples
    --------
    >>> simulate_reports(1000, seed=1)
    Reports: 1,000 reports, ... rows left out
    """
    draws = uniforms(seed, "reports", range(count), 12)
    drug_matrix = _named(uniforms(seed, "drugs", range(count), drugs), _falling(drugs, 0.9))
    odds = np.broadcast_to(_odds(_falling(events, 1.2)), (count, events)).copy()
    for drug, event, factor in planted:
        odds[drug_matrix[:, drug - 1], event - 1] *= factor
    event_matrix = _named(uniforms(seed, "events", range(count), events), odds / (1 + odds))
    reports = _reports(draws, drug_matrix, event_matrix)
    again = np.flatnonzero(draws[:, 11] < duplicates)
    return _with_duplicates(reports, again, seed) if len(again) else reports


def _falling(count: int, total: float) -> NDArray[np.float64]:
    """Probabilities that fall as 1 / (k + 2) and sum to `total`."""
    weights = 1 / (np.arange(count) + 3)
    return total * weights / weights.sum()


def _odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return probability / (1 - probability)


def _named(draws: NDArray[np.float64], probability: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which are named; the one that is nearest to being named, where none is."""
    margin = draws / probability
    found = margin < 1
    found[np.arange(len(draws)), margin.argmin(axis=1)] = True
    return found


def _reports(draws: NDArray[np.float64], drugs: NDArray[np.bool_], events: NDArray[np.bool_]) -> Reports:
    import pandas as pd

    days = (_FIRST + (draws[:, 0] * int((_LAST - _FIRST).astype(int) + 1)).astype(int)).astype(
        "datetime64[D]"
    )
    happened = days - (5 + draws[:, 1] * 60).astype(int)
    waited = (20 * (-np.log(draws[:, 2])) ** (1 / 0.7)).astype(int)
    received = _texts(days)
    keys = np.array([str(10_000_001 + k) for k in range(len(draws))], object)
    cases = pd.DataFrame(
        {
            "key": keys, "case": keys, "version": 1.0, "received": received,
            "event_date": np.where(draws[:, 3] < 0.7, _texts(happened), ""),
            "sex": np.where(draws[:, 4] < 0.55, "F", "M"), "age": np.round(1 + 89 * draws[:, 5] ** 0.7),
            "weight": np.nan, "country": np.array(_COUNTRIES, object)[(draws[:, 6] ** 2 * 5).astype(int)],
            "reporter": np.where(draws[:, 7] < 0.5, "MD", "CN"), "kind": "EXP",
        }
    )  # fmt: skip
    cases["quarter"] = quarters_of(cases["received"])
    owner, drug = np.nonzero(drugs)
    sequence = (np.arange(len(owner)) - np.searchsorted(owner, owner) + 1).astype(str).astype(object)
    names = np.array([f"DRUG {k + 1}" for k in range(drugs.shape[1])], object)[drug]
    role = np.where(sequence == "1", "PS", "SS").astype(object)
    table = pd.DataFrame(
        {"report": owner, "sequence": sequence, "name": names, "substance": names, "role": role}
    ).assign(dechallenge="", rechallenge="")
    reporter, event = np.nonzero(events)
    reactions = pd.DataFrame(
        {
            "report": reporter,
            "event": np.array([f"EVENT {k + 1}" for k in range(events.shape[1])], object)[event],
        }
    )
    therapies = pd.DataFrame(
        {
            "report": owner,
            "sequence": sequence,
            "start": _texts((happened - waited)[owner]),
            "end": "",
            "days": np.nan,
        }
    )
    outcomes = pd.DataFrame({"report": np.flatnonzero(draws[:, 8] < 0.2)}).assign(outcome="HO")
    return Reports(
        cases.assign(duplicate_of=""), table, reactions, outcomes, empty_table("indications"), therapies,
        sources={},
    )  # fmt: skip


def _texts(days: NDArray[np.datetime64]) -> NDArray:
    return np.datetime_as_string(days, unit="D").astype(object)


def _with_duplicates(reports: Reports, again: NDArray[np.int64], seed: int) -> Reports:
    """A second report of these: other numbers; age and dates may be off, fields missing, an event left out."""

    copies = reports.kept(again)
    draws = uniforms(seed, "duplicates", again, 8)
    cases = copies.cases.assign(
        key=[str(20_000_001 + k) for k in range(len(again))],
        case=[str(20_000_001 + k) for k in range(len(again))],
        duplicate_of=copies.cases["key"],
        age=_spoiled(copies.cases["age"], draws[:, 0], draws[:, 1]),
        event_date=copies.cases["event_date"].where(draws[:, 2] > 0.15, ""),
        sex=copies.cases["sex"].where(draws[:, 3] > 0.1, ""),
        reporter="OT",
    )
    reactions = copies.reactions
    first = ~reactions.duplicated("report")
    dropped = draws[reactions["report"].to_numpy(), 4] < 0.2
    kept = reactions[first | ~dropped].reset_index(drop=True)

    return joined([reports, replace(copies, cases=cases, reactions=kept)])


def _spoiled(age: pd.Series, draw: NDArray[np.float64], other: NDArray[np.float64]) -> pd.Series:
    """One in ten missing, one in ten a year off."""
    moved = age + np.where(draw < 0.1, np.where(other < 0.5, 1, -1), 0)
    return moved.where(draw < 0.9)
