"""Control cohorts: outcomes that the treatment does not cause, many at once, by which the error of a study is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from understudy.causal.cdm.concept_set import ConceptSet, resolve
from understudy.causal.cdm.schema import TABLES
from understudy.causal.cohort import Cohort
from understudy.causal.cohorts.definition import CohortDefinition
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.cdm.cdm import Cdm


def control_cohorts(
    cdm: Cdm,
    controls: Sequence[int],
    *,
    outcome: CohortDefinition | ConceptSet | None = None,
    table: str = "condition_occurrence",
    descendants: bool = True,
    first: bool = False,
) -> dict[int, Cohort]:
    """Cohorts of negative control outcomes, by concept id, in the order given.

    All of them are found with one pass over the table. A day on which a control is recorded is an entry, which ends on
    that day, whether or not the person is observed then, as in OHDSI's cohorts of negative controls.

    Parameters
    ----------
    cdm : Cdm
    controls : sequence of int
        Concept ids.
    outcome : CohortDefinition or ConceptSet, optional
        The outcome of interest: a control that means the same is refused.
    table : str
        Table of the CDM in which they are recorded.
    descendants : bool
        Whether what descends from a control counts as it.
    first : bool
        Only the first day of each person.

    Raises
    ------
    StudyError
        If a control is given twice, is not in the vocabulary, or is the outcome or a part of it.
    """
    controls = _once(cdm, controls)
    known = TABLES.get(table)
    if known is None or not known.concept:
        raise StudyError(
            f"{table!r} is no table of events with concepts", place="table", repair="such as condition_era"
        )
    cdm.require(table, use="negative controls")
    _require_vocabulary(cdm, controls)
    if outcome is not None:
        _require_others(cdm, controls, outcome)
    rows = _entries(cdm, controls, table, descendants, first)
    names, days = _names(cdm, controls), dict(tuple(rows.groupby("control")[["person_id", "start", "end"]]))
    empty = rows[["person_id", "start", "end"]].iloc[:0]
    return {
        each: Cohort(names[each], days[each].reset_index(drop=True) if each in days else empty)
        for each in controls
    }


def _once(cdm: Cdm, controls: Sequence[int]) -> list[int]:
    found = [int(each) for each in controls]
    twice = sorted({each for each in found if found.count(each) > 1})
    if twice:
        raise StudyError(
            f"negative control {twice[0]} is given twice", place=cdm.name, repair="give every control once"
        )
    return found


def _require_vocabulary(cdm: Cdm, controls: list[int]) -> None:
    if "concept" not in cdm.tables:
        return
    rows = cdm.connection.execute(
        "SELECT id FROM (SELECT unnest($ids) AS id) ANTI JOIN concept ON concept_id = id ORDER BY id",
        {"ids": controls},
    ).fetchall()
    if rows:
        raise StudyError(
            f"negative controls match nothing: {', '.join(str(row[0]) for row in rows)} not in the vocabulary",
            place=cdm.name,
            repair="check the concept ids, or leave these out",
        )


def _require_others(cdm: Cdm, controls: list[int], outcome: CohortDefinition | ConceptSet) -> None:
    """No control lies within what the outcome's entry events mean; the outcome may lie within no control either."""
    ids = _ids_of(cdm, outcome)
    for control in controls:
        meant = set(resolve(cdm, ConceptSet(concepts=control), f"negative control {control}").ids)
        if control in ids or ids <= meant:
            raise StudyError(
                f"negative control {control} is the outcome",
                place=cdm.name,
                repair="choose a control that the treatment does not cause and that is not the outcome",
            )


def _ids_of(cdm: Cdm, outcome: CohortDefinition | ConceptSet) -> set[int]:
    if isinstance(outcome, ConceptSet):
        return set(resolve(cdm, outcome, "outcome").ids)
    sets: Mapping[str, ConceptSet] = outcome.sets()
    found: set[int] = set()
    for event in outcome.entry:
        if event.concepts is not None:
            named = sets[event.concepts] if isinstance(event.concepts, str) else event.concepts
            found |= set(resolve(cdm, named, outcome.name).ids)
    return found


def _entries(cdm: Cdm, controls: list[int], table: str, descendants: bool, first: bool) -> pd.DataFrame:
    source = TABLES[table]
    meant = "SELECT unnest($ids) AS control, unnest($ids) AS concept_id"
    if descendants:
        cdm.require("concept_ancestor", use="descendants of negative controls")
        meant += (
            " UNION SELECT ancestor_concept_id, descendant_concept_id FROM concept_ancestor "
            "WHERE ancestor_concept_id IN (SELECT unnest($ids))"
        )
    days = f"min(t.{source.start})" if first else f"t.{source.start}"
    group = "GROUP BY m.control, t.person_id" if first else ""
    found = cdm.connection.execute(
        f"SELECT DISTINCT m.control, t.person_id, {days} AS start FROM {table} t "
        f"JOIN ({meant}) m ON m.concept_id = t.{source.concept} WHERE t.{source.start} IS NOT NULL {group} "
        "ORDER BY m.control, t.person_id, start",
        {"ids": controls},
    ).df()
    found = found.astype({"control": "int64", "person_id": "int64", "start": "datetime64[us]"})
    return found.assign(end=found["start"])


def _names(cdm: Cdm, controls: list[int]) -> dict[int, str]:
    names = {each: f"control {each}" for each in controls}
    if "concept" in cdm.tables:
        names |= dict(
            cdm.connection.execute(
                "SELECT concept_id, concept_name FROM concept WHERE concept_id IN (SELECT unnest($ids))",
                {"ids": controls},
            ).fetchall()
        )
    return names
