"""Build covariates: from the tables of a CDM to a sparse matrix, in memory that does not grow with the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from understudy.causal.covariate_matrix import CovariateMatrix
from understudy.causal.covariates.analysis import CovariateAnalysis
from understudy.causal.covariates.assembly import Piece, assemble
from understudy.causal.covariates.concept_choice import prepare_choice
from understudy.causal.covariates.concept_groups import groups_table
from understudy.causal.covariates.entries import ENTRIES, check_persons, entries_of
from understudy.causal.covariates.naming import covariates_table
from understudy.causal.covariates.queries import groups_name, pairs_name, points_name, query
from understudy.causal.covariates.records import TABLES, records_table
from understudy.causal.covariates.score import points_table
from understudy.causal.covariates.scores import SCORES
from understudy.causal.covariates.settings import CovariateSettings, settings_of
from understudy.causal.covariates.tables_needed import check_tables
from understudy.causal.covariates.value_pairs import pairs_table
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.cdm import Cdm
    from understudy.causal.study_population import StudyPopulation


def build_covariates(
    cdm: Cdm,
    entries: pd.DataFrame | StudyPopulation,
    settings: CovariateSettings | Mapping[str, Any] | None = None,
    *,
    chunk: int = 50_000,
) -> CovariateMatrix:
    """What was known of each person on the day of entry, by the analyses of OHDSI's FeatureExtraction.

    Parameters
    ----------
    cdm : Cdm
        As `understudy.causal.open_cdm` opens it; its `memory` bounds what DuckDB takes.
    entries : DataFrame or StudyPopulation
        Columns person_id and start (and end, for DemographicsTimeInCohort); a person may enter more than once. Their
        order is that of the rows of the matrix.
    settings : CovariateSettings or mapping, optional
        OHDSI's defaults, where nothing is given.
    chunk : int
        So many entries are asked for at once. The matrix does not depend on it, the memory does.

    Returns
    -------
    CovariateMatrix
        Its `covariates` have further columns: analysis (its name), window (in words), missing_means_zero. A zero that
        was recorded (a score of nought, a measurement of 0) is stored.

    Raises
    ------
    StudyError
        If the settings are impossible or name unknown concepts, or if DuckDB's memory is too small.
    DataError
        If the entries or the tables of the CDM cannot be used.

    Examples
    --------
    >>> import duckdb, pandas as pd
    >>> from types import SimpleNamespace
    >>> connection = duckdb.connect()
    >>> connection.execute("CREATE TABLE person AS SELECT 7 AS person_id, 1950 AS year_of_birth") and None
    >>> cdm = SimpleNamespace(connection=connection)
    >>> entries = pd.DataFrame({"person_id": [7, 7], "start": pd.to_datetime(["2000-03-01", "2004-05-01"])})
    >>> matrix = build_covariates(cdm, entries, {"analyses": ["DemographicsAge", "DemographicsAgeGroup"]})
    >>> matrix.covariates["name"].tolist()
    ['age in years', 'age group: 50-54']
    >>> matrix.values.toarray().tolist()
    [[50.0, 1.0], [54.0, 1.0]]

    References
    ----------
    Schuemie et al., FeatureExtraction, R package 3.13 (OHDSI).
    """
    settings = settings_of(settings)
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; ask for at least one entry at once")
    rows = entries_of(entries, any(each.name == "DemographicsTimeInCohort" for each in settings.chosen))
    connection = cdm.connection
    check_tables(cdm, settings)
    with _workspace(connection, chunk):
        _set_entries(connection, rows)
        check_persons(connection, any(_needs_birth(each) for each in settings.chosen))
        _prepare(connection, settings)
        values, ids = assemble(list(_pieces(connection, rows, settings, chunk)), len(rows))
        covariates = covariates_table(connection, ids, settings)
    return CovariateMatrix(values, rows["person_id"].to_numpy(), covariates)


def _needs_birth(analysis: CovariateAnalysis) -> bool:
    score = SCORES.get(analysis.id)
    return analysis.name in ("DemographicsAge", "DemographicsAgeGroup") or bool(score and score.age_points)


@contextmanager
def _workspace(connection: Any, chunk: int) -> Iterator[None]:
    """Temporary tables of ours are gone afterwards, whatever happens; too little memory is told as such."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise StudyError(
            "DuckDB ran out of memory while covariates were built",
            place=f"chunks of {chunk:,} entries",
            repair="give build_covariates a smaller chunk=, or open_cdm more memory=",
        ) from None
    finally:
        sql = "SELECT table_name FROM duckdb_tables() WHERE temporary AND starts_with(table_name, 'understudy_')"
        for (name,) in connection.execute(sql).fetchall():
            connection.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _set_entries(connection: Any, rows: pd.DataFrame) -> None:
    """Make these the present entries."""
    more = ', CAST("end" AS DATE) AS "end"' if "end" in rows else ""
    sql = f"""
        CREATE OR REPLACE TEMP TABLE {ENTRIES} AS
        SELECT CAST(entry AS INTEGER) AS entry, person_id, CAST(start AS DATE) AS start {more} FROM understudy_given
    """
    connection.register("understudy_given", rows)
    try:
        connection.execute(sql)
    finally:
        connection.unregister("understudy_given")


def _prepare(connection: Any, settings: CovariateSettings) -> None:
    """What the analyses need of the vocabulary, made once."""
    prepare_choice(connection, settings)
    made: set[str] = set()
    for each in settings.chosen:
        if each.kind == "group" and groups_name(each) not in made:
            groups_table(connection, groups_name(each), each.table, settings)
            made.add(groups_name(each))
        if each.kind in ("number", "pair") and pairs_name(each) not in made:
            second = "unit_concept_id" if each.kind == "number" else "value_as_concept_id"
            pairs_table(connection, pairs_name(each), each.table, second)
            made.add(pairs_name(each))
        if each.kind == "score":
            points_table(connection, points_name(each), SCORES[each.id])


def _pieces(connection: Any, rows: pd.DataFrame, settings: CovariateSettings, chunk: int) -> Iterator[Piece]:
    """Answers for some entries after the others, by persons, so that a table sorted by persons is read once."""
    by_person = rows.sort_values(["person_id", "entry"])
    for begin in range(0, len(rows), chunk):
        _set_entries(connection, by_person.iloc[begin : begin + chunk])
        for table, analyses in groupby(
            sorted(settings.chosen, key=lambda each: each.table), lambda each: each.table
        ):
            yield from _answers(connection, table, list(analyses), settings)


def _answers(
    connection: Any, table: str, analyses: list[CovariateAnalysis], settings: CovariateSettings
) -> Iterator[Piece]:
    """Answers of all analyses of a table; its records of the present entries are picked out once."""
    if table:
        starts = [settings.window(each)[0] for each in analyses]
        since = None if None in starts else min(start for start in starts if start is not None)
        kinds = {each.kind: None for each in analyses}
        records_table(connection, TABLES[table], kinds, since, settings.end)
    for each in analyses:
        piece = Piece.of(connection.execute(query(each, settings)).fetchnumpy())
        if piece.ids.size:
            yield piece
