"""Profiles: one patient's measurements of one output, and the doses between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

ROUTES = ("extravascular", "iv")
EXTRAVASCULAR, BOLUS, INFUSION = "extravascular", "bolus", "infusion"
# A bolus with an infusion, and intravenous with extravascular doses.
IV, MIXED = "iv", "several routes"
INTRAVENOUS = (BOLUS, INFUSION, IV)


@dataclass(frozen=True)
class GivenDose:
    """What was given at one time.

    Parameters
    ----------
    time, amount : float
    route : str
        "extravascular", "bolus", "infusion", "iv" for a bolus with an infusion, or "several routes".
    duration : float
        Of an infusion.
    place : float
        Position of its row; infinite for an additional dose, which has none.
    interval : float
        Time to the next dose as the records say it (II), 0 where they do not.
    steady : bool
        Whether the records say that it is one at steady state (SS).
    segment : int
        Which stretch between resets it belongs to.
    groups : tuple
        Values of the group columns on its row.
    """

    time: float
    amount: float
    route: str
    duration: float = 0.0
    place: float = math.inf
    interval: float = 0.0
    steady: bool = False
    segment: int = 0
    groups: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class Profile:
    """Measurements of one output in one patient, with all doses.

    Parameters
    ----------
    id, output : str
    times, values : float array, shape (n,)
        In the order of the records; zero where below the limit of quantification.
    places, lines, segments : int array, shape (n,)
        Position among the records, line of the file, stretch between resets.
    doses : tuple of GivenDose
        By time.
    groups : tuple
        Values of the group columns on the patient's first row.
    """

    id: str
    output: str
    times: np.ndarray
    values: np.ndarray
    places: np.ndarray
    lines: np.ndarray
    segments: np.ndarray
    doses: tuple[GivenDose, ...] = field(repr=False)
    groups: tuple[Any, ...] = ()


def require_usable_doses(doses: pd.DataFrame, routes: str | Mapping[str, str], source: str) -> None:
    """Raise for doses that have no non-compartmental analysis.

    Raises
    ------
    DataError
        With every such row.
    """
    problems = []
    for row in doses.itertuples():
        if row.amt <= 0:
            cause = "a constant infusion at steady state (AMT = 0) has no dosing interval"
            repair = "its clearance is the rate over the level; leave these patients out"
            problems.append(Problem(cause, repair, row.row, "AMT"))
        if row.ss == 2:
            cause = "a steady state on top of another (SS = 2) has no single dosing interval"
            repair = "write all doses of one interval as rows, and give `steady_state` and `intervals`"
            problems.append(Problem(cause, repair, row.row, "SS", "2"))
        if row.rate < 0 and route_of(row.cmt, row.rate, routes) != EXTRAVASCULAR:
            cause = f"RATE {row.rate:g} leaves the duration to a model"
            problems.append(Problem(cause, "write the rate of the infusion", row.row, "RATE"))
    if problems:
        raise DataError(problems, place=source)


def route_of(cmt: str, rate: float, routes: str | Mapping[str, str]) -> str:
    """Route of one dose.

    Parameters
    ----------
    cmt : str
        Compartment that is dosed.
    rate : float
        RATE of the record.
    routes : str or mapping
        "extravascular" or "iv", or one for each compartment.

    Examples
    --------
    >>> route_of("1", 0.0, "iv"), route_of("2", 100.0, {"1": "extravascular", "2": "iv"})
    ('bolus', 'infusion')
    """
    route = routes if isinstance(routes, str) else routes[cmt]
    if route == "extravascular":
        return EXTRAVASCULAR
    return INFUSION if rate > 0 else BOLUS


def patient_doses(
    rows: Sequence[Mapping[str, Any]],
    starts: Mapping[int, float],
    last: float,
    routes: str | Mapping[str, str],
    by: tuple[str, ...],
    amounts: Mapping[str, float],
) -> tuple[GivenDose, ...]:
    """The doses of one patient by time: additional ones written out, those given together added up.

    Parameters
    ----------
    rows : sequence of mapping
        Records of doses, with ``segment`` and ``place``.
    starts : mapping of int to float
        When each segment begins: what is pending ends there.
    last : float
        Time of the patient's last record.
    routes : str or mapping
        See `route_of`.
    by : tuple of str
        Group columns.
    amounts : mapping of str to float
        What amounts into each compartment are multiplied by to be in one unit.
    """
    found: dict[tuple[int, float], GivenDose] = {}
    for row in rows:
        for dose in _written_out(row, routes, by, amounts[row["cmt"]], last):
            pending = dose.place == math.inf
            if not pending or dose.time < starts.get(dose.segment + 1, math.inf):
                key = (dose.segment, dose.time)
                found[key] = _together(found[key], dose) if key in found else dose
    return tuple(found[key] for key in sorted(found))


def _written_out(
    row: Mapping[str, Any], routes: str | Mapping[str, str], by: tuple[str, ...], factor: float, last: float
) -> Iterator[GivenDose]:
    """A dose and its additional ones, up to the first after the patient's last record."""
    route = route_of(row["cmt"], row["rate"], routes)
    duration = row["amt"] / row["rate"] if route == INFUSION else 0.0
    first = GivenDose(
        row["time"],
        row["amt"] * factor,
        route,
        duration,
        row["place"],
        row["ii"],
        row["ss"] == 1,
        row["segment"],
        tuple(row[name] for name in by),
    )
    yield first
    if row["addl"] and row["ii"] > 0:
        most = min(row["addl"], max(0, math.floor((last - row["time"]) / row["ii"])) + 1)
        for k in range(1, int(most) + 1):
            yield replace(first, time=row["time"] + k * row["ii"], place=math.inf)


def _together(first: GivenDose, second: GivenDose) -> GivenDose:
    return replace(
        first,
        amount=first.amount + second.amount,
        route=joint_route({first.route, second.route}),
        duration=max(first.duration, second.duration),
        place=min(first.place, second.place),
        steady=first.steady or second.steady,
        interval=max(first.interval, second.interval),
    )


def joint_route(routes: set[str]) -> str:
    """Route of several doses together; empty where there are none.

    Examples
    --------
    >>> joint_route({"bolus", "infusion"}), joint_route({"bolus", "extravascular"})
    ('iv', 'several routes')
    """
    if len(routes) < 2:
        return next(iter(routes), "")
    return IV if routes <= set(INTRAVENOUS) else MIXED
