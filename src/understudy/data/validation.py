"""Validation: what a table must satisfy before any model is known; all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from understudy.core.errors import Problem
from understudy.data.draft import DOSE_EVENTS, Draft
from understudy.data.layout import WHOLE_NUMBERS

_NOTES = ("comment", "comments", "note", "notes", "remark", "remarks")
_EVENTS = "0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose"
_ONE_DOSE = (
    "delete one of them; where two doses were given at once, write one with the sum, or different CMT values"
)
_ONE_MEASUREMENT = "delete one of them; true replicates need a different TIME, DVID or CMT"


def check(draft: Draft, repeats: bool = False) -> tuple[Problem, ...]:
    """Every problem of a table, by row and column, one for each cell.

    Parameters
    ----------
    draft : Draft
    repeats : bool
        Whether the same record may stand twice.

    Returns
    -------
    tuple of Problem
        Empty for a valid table.
    """
    for rule in (_check_whole, _check_events, _check_doses, _check_repeats, _check_limits):
        rule(draft)
    if {"id", "time"} <= draft.layout.places.keys():
        _check_order(draft)
        if not repeats:
            _check_duplicates(draft)
    return _first_per_cell(draft.problems, draft.layout.names)


def _check_whole(draft: Draft) -> None:
    for name in WHOLE_NUMBERS:
        values = draft.columns[name]
        broken = np.isfinite(values) & ((values != np.round(values)) | (np.abs(values) > 2**31))
        draft.flag(broken, name, "not a whole number", "write a whole number")


def _check_events(draft: Draft) -> None:
    event, missing = draft.columns["evid"], draft.columns["mdv"]
    for k in np.flatnonzero(~np.isin(event, range(5))):
        draft.flag_row(k, "evid", "not an event", _event_repair(event[k]))
    repair = "write 1 where DV is no measurement, 0 where it is"
    draft.flag(~np.isin(missing, (0, 1)), "mdv", "MDV is neither 0 nor 1", repair)


def _event_repair(event: float) -> str:
    """For compound codes such as 101 (bolus into compartment 1), what they are in NONMEM's terms."""
    infusion, rest = divmod(event, 10000)
    compartment, kind = divmod(rest, 100)
    if infusion in (0, 1) and compartment >= 1 and kind == 1:
        rate = ", and its RATE" if infusion else ""
        return f"write EVID 1 and CMT {compartment:g}{rate}: {event:g} is nlmixr's code for that dose"
    return f"write {_EVENTS}"


def _check_order(draft: Draft) -> None:
    """Each patient's records stand together and go forward in time."""
    ids, time, lines = draft.columns["id"], draft.columns["time"], draft.sheet.lines
    seen: dict[str, int] = {}
    for k in draft.starts:
        if ids[k] and ids[k] in seen:
            cause = f"the identifier occurs again after other patients (first on row {seen[ids[k]]})"
            draft.flag_row(
                k, "id", cause, "put each patient's records together, or name the second patient otherwise"
            )
        seen.setdefault(ids[k], int(lines[k]))
    back = np.flatnonzero((time[1:] < time[:-1]) & (ids[1:] == ids[:-1])) + 1
    for k in back:
        cause = f"time goes back by {time[k - 1] - time[k]:.6g}"
        repair = "sort each patient's records by time; a new occasion goes on in time, even after a reset"
        draft.flag_row(k, "time", cause, repair)


def _check_doses(draft: Draft) -> None:
    event = draft.columns["evid"]
    dose = np.isin(event, DOSE_EVENTS)
    amount, rate, steady, interval = (np.nan_to_num(draft.columns[n]) for n in ("amt", "rate", "ss", "ii"))
    draft.flag(dose & (amount < 0), "amt", "a negative amount", "write the amount given")
    draft.flag(
        dose & (rate < 0) & ~np.isin(rate, (-1, -2)),
        "rate",
        "a negative rate",
        "write the infusion's rate, 0 for a bolus, -1 or -2 where the model has the rate or the duration",
    )
    without = dose & (amount == 0)
    draft.flag(
        without & (rate > 0) & (steady != 1),
        "amt",
        "a rate without an amount",
        "write the amount infused; AMT = 0 with a rate is for a constant infusion at steady state (SS = 1)",
    )
    draft.flag(
        without & (rate <= 0), "amt", "a dose without an amount", "write AMT, or EVID = 0 if it is no dose"
    )
    draft.flag(
        without & (rate > 0) & (steady == 1) & (interval != 0),
        "ii",
        "a constant infusion (AMT = 0) with an interval",
        "write II = 0, or the amount of each infusion",
    )
    draft.flag(
        np.isin(event, (0, 2, 3)) & (amount != 0),
        "amt",
        "an amount on a row that is no dose",
        "write EVID = 1, or leave AMT empty",
    )


def _check_repeats(draft: Draft) -> None:
    dose = np.isin(draft.columns["evid"], DOSE_EVENTS)
    columns = (np.nan_to_num(draft.columns[n]) for n in ("amt", "rate", "ss", "ii", "addl"))
    amount, rate, steady, interval, additional = columns
    draft.flag(dose & ~np.isin(steady, (0, 1, 2)), "ss", "SS is none of 0, 1, 2", "write 0, 1 or 2")
    draft.flag(dose & (interval < 0), "ii", "a negative interval", "write the time between doses")
    draft.flag(
        dose & (additional < 0), "addl", "a negative number of doses", "write how many more doses follow"
    )
    constant = (rate > 0) & (amount == 0)
    draft.flag(
        dose & np.isin(steady, (1, 2)) & (interval == 0) & ~constant,
        "ii",
        "steady state (SS) without an interval (II)",
        "write the time between doses in II, or SS = 0",
    )
    draft.flag(
        dose & (additional > 0) & (interval == 0),
        "addl",
        "additional doses (ADDL) without an interval (II)",
        "write the time between doses in II, or ADDL = 0",
    )


def _check_limits(draft: Draft) -> None:
    """CENS is a side, and LIMIT lies on the far side of DV."""
    columns = draft.columns
    if "cens" in columns:
        side = np.nan_to_num(columns["cens"])
        repair = "write 1 for a level below DV, -1 for one above DV, 0 for one that was measured"
        draft.flag(~np.isin(side, (-1, 0, 1)), "cens", "CENS is none of -1, 0, 1", repair)
        seen = (columns["evid"] == 0) & (columns["mdv"] == 0)
        draft.flag((side != 0) & seen & np.isnan(columns["dv"]), "dv", "a censored level without its limit in DV",
                   "write the limit of quantification")  # fmt: skip
    if "limit" in columns:
        side = np.nan_to_num(columns.get("cens", np.zeros(draft.size)))
        wrong = (side != 0) & (columns["evid"] == 0) & (side * columns["limit"] >= side * columns["dv"])
        repair = "where CENS is 1 LIMIT is the lower end and DV the upper, where it is -1 the other way round"
        draft.flag(wrong, "limit", "LIMIT and DV enclose no level", repair)


def _check_duplicates(draft: Draft) -> None:
    """The same record twice: all of its cells, or the same measurement."""
    columns = draft.columns
    measured = (columns["evid"] == 0) & (columns["mdv"] == 0)
    same = ("id", "time", "dvid", "cmt", "dv")
    for k, first in _repeated(draft, same, measured):
        cause = f"the measurement of row {first} again"
        draft.flag_row(k, "dv", cause, _ONE_MEASUREMENT)
    named = {name: place for name, place in draft.layout.others.items() if name.lower() not in _NOTES}
    places = [*draft.layout.places.values(), *named.values()]
    for k, first in _repeated(draft, ("id", "time", "evid", "amt", "dv"), ~measured):
        before = int(np.searchsorted(draft.sheet.lines, first))
        if all(draft.sheet.written(p, k) == draft.sheet.written(p, before) for p in places):
            column = "amt" if columns["evid"][k] in DOSE_EVENTS else "time"
            draft.flag_row(k, column, f"the record of row {first} again", _ONE_DOSE)


def _repeated(draft: Draft, names: Sequence[str], among: np.ndarray) -> list[tuple[int, int]]:
    """Rows that repeat an earlier one in these columns, each with the line of the first."""
    import pandas as pd

    rows = np.flatnonzero(among)
    columns = [draft.columns[name][rows] for name in names]
    keys = [c if c.dtype == object else np.where(np.isnan(c), -np.inf, c) for c in columns]
    table = pd.DataFrame(dict(zip(names, keys, strict=True)))
    twice = table.duplicated(keep=False).to_numpy()
    first: dict[tuple, int] = {}
    repeated = []
    for k, key in zip(rows[twice], table[twice].itertuples(index=False, name=None), strict=True):
        if key in first:
            repeated.append((int(k), first[key]))
        first.setdefault(key, int(draft.sheet.lines[k]))
    return repeated


def _first_per_cell(problems: Iterable[Problem], names: tuple[str, ...]) -> tuple[Problem, ...]:
    """The first problem of each cell, by row and column: what follows from it is not worth a line."""
    order = {name: k for k, name in enumerate(names)}
    kept: dict[tuple, Problem] = {}
    for problem in problems:
        key = (problem.row, problem.column, "" if problem.column is not None else problem.cause)
        kept.setdefault(key, problem)
    return tuple(sorted(kept.values(), key=lambda p: (p.row or 0, order.get(p.column, -1))))
