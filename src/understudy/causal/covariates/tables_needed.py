"""Tables needed: whether a CDM has the tables and columns that analyses read."""

from __future__ import annotations

from typing import Any

from understudy.causal.covariates.analysis import CovariateAnalysis
from understudy.causal.covariates.records import columns_needed
from understudy.causal.covariates.scores import SCORES
from understudy.causal.covariates.settings import CovariateSettings
from understudy.core.errors import DataError, Problem

_CONCEPT = ("concept_id", "concept_name")
_ANCESTOR = ("ancestor_concept_id", "descendant_concept_id")
_VOCABULARY = {("concept", "concept_id"), *(("concept_ancestor", column) for column in _ANCESTOR)}


def check_tables(cdm: Any, settings: CovariateSettings) -> None:
    """Refuse a CDM without them.

    Raises
    ------
    DataError
        With every table or column that is missing, and the analyses that read it.
    """
    sql = "SELECT lower(table_name), lower(column_name) FROM information_schema.columns"
    there = set(cdm.connection.execute(sql).fetchall())
    # A column that the source lacks is there too, and empty.
    there -= {(table, column) for table, columns in getattr(cdm, "absent", {}).items() for column in columns}
    tables = {table for table, _ in there}
    readers: dict[tuple[str, str], list[str]] = {}
    chosen = settings.included_concepts or settings.excluded_concepts
    for analysis in settings.chosen:
        for table, column in sorted(_needs(analysis) | (_VOCABULARY if chosen else set())):
            if (table, column) not in there:
                key = (table, column if table in tables else "")
                readers.setdefault(key, []).append(analysis.name)
    if readers:
        problems = [_problem(table, column, names) for (table, column), names in readers.items()]
        raise DataError(problems, place="the CDM")


def _problem(table: str, column: str, names: list[str]) -> Problem:
    what = f"the table {table} has no column {column}" if column else f"there is no table {table}"
    names = list(dict.fromkeys(names))
    return Problem(what, f"load it, or leave out these analyses: {', '.join(names)}")


def _needs(analysis: CovariateAnalysis) -> set[tuple[str, str]]:
    """Tables and columns that an analysis reads."""
    needs = {("person", "person_id"), ("person", "year_of_birth")}
    if analysis.table:
        needs |= {(analysis.table, column) for column in ("person_id", *columns_needed(analysis))}
        needs |= {("concept", column) for column in _CONCEPT}
    if analysis.kind in ("group", "score", "inpatient"):
        needs |= {("concept_ancestor", column) for column in _ANCESTOR}
    if analysis.kind == "inpatient":
        visit = ("person_id", "visit_concept_id", "visit_start_date", "visit_end_date")
        needs |= {("visit_occurrence", column) for column in visit}
    if analysis.kind == "score":
        needs |= _needs_of_score(analysis)
    if analysis.name in ("DemographicsGender", "DemographicsRace", "DemographicsEthnicity"):
        column = f"{analysis.name.removeprefix('Demographics').lower()}_concept_id"
        needs |= {("person", column), *(("concept", column) for column in (*_CONCEPT, "concept_class_id"))}
    if analysis.name.endswith("ObservationTime"):
        period = ("person_id", "observation_period_start_date", "observation_period_end_date")
        needs |= {("observation_period", column) for column in period}
    return needs


def _needs_of_score(analysis: CovariateAnalysis) -> set[tuple[str, str]]:
    score = SCORES[analysis.id]
    if score.vocabulary:
        columns = ("concept_id_1", "concept_id_2", "relationship_id")
        return {("concept_relationship", column) for column in columns}
    return {("person", "gender_concept_id")} if score.women else set()
