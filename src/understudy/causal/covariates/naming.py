"""Naming: what the columns of a covariate matrix are, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from understudy.causal.covariates.analysis import BY_ID, CovariateAnalysis
from understudy.causal.covariates.queries import pairs_name
from understudy.causal.covariates.records import TABLES
from understudy.causal.covariates.scores import SCORES
from understudy.causal.covariates.settings import CovariateSettings

if TYPE_CHECKING:
    import pandas as pd

_RANGES = {1: "below normal range", 2: "within normal range", 3: "above normal range"}
_OF_ENTRY = {
    2: "age in years",
    8: "days of observation before entry",
    9: "days of observation after entry",
    10: "days in the cohort",
}


def covariates_table(connection: Any, ids: NDArray[np.int64], settings: CovariateSettings) -> pd.DataFrame:
    """The columns of a matrix, in their order: see `CovariateMatrix.covariates`."""
    import pandas as pd

    pairs = _pairs(connection, ids, settings)
    concepts = [_concepts(int(id), pairs) for id in ids]
    names = _names(connection, {concept for pair in concepts for concept in pair})
    rows = []
    for id, (concept, second) in zip(ids, concepts, strict=True):
        analysis = BY_ID[int(id) % 1000]
        window = window_in_words(*settings.window(analysis)) if analysis.window else ""
        name = _name(analysis, int(id), window, names.get(concept), names.get(second))
        rows.append((int(id), name, analysis.id, concept, analysis, window))
    table = pd.DataFrame(
        [(*row[:4], row[4].binary, row[4].name, row[5], row[4].missing_means_zero) for row in rows],
        columns=[
            *("covariate_id", "name", "analysis_id", "concept_id", "binary"),
            *("analysis", "window", "missing_means_zero"),
        ],
    )
    whole = dict.fromkeys(("covariate_id", "analysis_id", "concept_id"), "int64")
    return table.astype({**whole, "binary": bool, "missing_means_zero": bool})


def window_in_words(since: int | None, until: int) -> str:
    """Days of a window.

    Examples
    --------
    >>> window_in_words(-365, 0), window_in_words(None, 0), window_in_words(0, 0)
    ('days -365 to 0', 'any day to 0', 'day 0')
    """
    if since is None:
        return f"any day to {until}"
    return f"day {until}" if since == until else f"days {since} to {until}"


def _pairs(
    connection: Any, ids: NDArray[np.int64], settings: CovariateSettings
) -> dict[int, tuple[int, int]]:
    """Concept and unit, or concept of the value, of the covariates that are about both."""
    found: dict[int, tuple[int, int]] = {}
    for analysis in settings.chosen:
        own = [int(id) for id in ids[ids % 1000 == analysis.id] // 1000]
        if analysis.kind in ("number", "pair") and own:
            sql = f"SELECT base, concept, second FROM {pairs_name(analysis)} WHERE list_contains($ids::BIGINT[], base)"
            for base, concept, second in connection.execute(sql, {"ids": own}).fetchall():
                found[base * 1000 + analysis.id] = (concept, second)
    return found


def _concepts(id: int, pairs: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """The concept that a covariate is about, and that of its unit or value; 0 for none."""
    analysis = BY_ID[id % 1000]
    if analysis.kind in ("number", "pair"):
        return pairs[id]
    if analysis.kind == "range":
        return id // 10000, 0
    if analysis.kind in ("concept", "inpatient", "group", "by_concept") or analysis.id in (1, 4, 5):
        return id // 1000, 0
    return 0, 0


def _names(connection: Any, concepts: set[int]) -> dict[int, str]:
    sql = "SELECT concept_id, concept_name FROM concept WHERE concept_id IN (SELECT unnest($ids::BIGINT[]))"
    wanted = sorted(concepts - {0})
    if not wanted:
        return {}
    return {int(id): str(name) for id, name in connection.execute(sql, {"ids": wanted}).fetchall()}


def _name(analysis: CovariateAnalysis, id: int, window: str, concept: str | None, second: str | None) -> str:
    if not analysis.table:
        return _name_of_entry(analysis, id, concept or "unknown concept")
    if analysis.kind == "score":
        return SCORES[analysis.id].label
    words, concept = TABLES[analysis.table].words, concept or "unknown concept"
    if analysis.kind == "distinct":
        return f"different concepts of {words}, {window}"
    if analysis.kind == "count":
        return f"number of {words}s, {window}"
    if analysis.kind == "number":
        return f"{words} value, {window}: {concept} ({second or 'unknown unit'})"
    kind = {
        "group": " group",
        "inpatient": " in hospital",
        "by_concept": "s, number",
        "range": f" {_RANGES.get(id // 1000 % 10)}",
    }.get(analysis.kind, "")
    begins = " beginning" if analysis.starts else ""
    value = f" = {second or 'unknown concept'}" if analysis.kind == "pair" else ""
    return f"{words}{kind}{begins}, {window}: {concept}{value}"


def _name_of_entry(analysis: CovariateAnalysis, id: int, concept: str) -> str:
    if analysis.id in _OF_ENTRY:
        return _OF_ENTRY[analysis.id]
    number = id // 1000
    return {
        1: f"sex: {concept.lower()}",
        3: f"age group: {5 * number}-{5 * number + 4}",
        4: f"race: {concept}",
        5: f"ethnicity: {concept}",
        6: f"year of entry: {number}",
        7: f"month of entry: {number}",
        11: f"year and month of entry: {number // 100}-{number % 100:02}",
    }[analysis.id]
