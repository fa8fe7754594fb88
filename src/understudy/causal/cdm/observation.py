"""Observation: the periods in which persons are observed must not contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.causal.masking import masked
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    from understudy.causal.cdm.cdm import Cdm

_START, _END = "observation_period_start_date", "observation_period_end_date"


def require_sound_observation(cdm: Cdm) -> None:
    """Make sure that a day lies in at most one observation period of a person.

    Raises
    ------
    StudyError
        If periods have no start or end, end before they start, or overlap: who enters, and how long they are at risk,
        would depend on which of them is read.
    """
    broken, negative, overlapping = observation_faults(cdm)
    told = (
        (broken, "without a start, an end or a person", "give every period both days"),
        (negative, "that end before they start", "correct their dates"),
        (overlapping, "that overlap another one of their person", "make one of periods that overlap"),
    )
    found = [f"{masked(count)} {what}" for count, what, _ in told if count]
    if found:
        raise StudyError(
            f"observation periods: {'; '.join(found)}",
            place=f"{cdm.name}, table observation_period",
            repair="; ".join(repair for count, _, repair in told if count),
        )


def observation_faults(cdm: Cdm) -> tuple[int, int, int]:
    """Observation periods with an empty field, that end before they start, and that overlap an earlier one."""
    row = cdm.connection.execute(
        f"SELECT count(*) FILTER (WHERE {_START} IS NULL OR {_END} IS NULL OR person_id IS NULL), "
        f"count(*) FILTER (WHERE {_END} < {_START}), count(*) FILTER (WHERE {_START} <= before) "
        f"FROM (SELECT person_id, {_START}, {_END}, max({_END}) OVER (PARTITION BY person_id ORDER BY {_START}, {_END} "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM observation_period)"
    ).fetchone()
    assert row is not None
    return row
