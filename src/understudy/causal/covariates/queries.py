"""Queries: each kind of analysis as a question to DuckDB, answered by identifier, entry and value.

The names in them are this package's own; what a user gives comes in as temporary tables.
"""

from __future__ import annotations

from understudy.causal.covariates.analysis import CovariateAnalysis
from understudy.causal.covariates.concept_choice import WANTED, admitted
from understudy.causal.covariates.entries import ENTRIES
from understudy.causal.covariates.records import RECORDS
from understudy.causal.covariates.scores import SCORES
from understudy.causal.covariates.settings import CovariateSettings

_PERSON = f"FROM {ENTRIES} e JOIN person p ON CAST(p.person_id AS BIGINT) = e.person_id"
_AGE = "year(e.start) - CAST(p.year_of_birth AS BIGINT)"
_PERIOD = f"""FROM {ENTRIES} e JOIN observation_period o ON CAST(o.person_id AS BIGINT) = e.person_id
    AND CAST(o.observation_period_start_date AS DATE) <= e.start
    AND CAST(o.observation_period_end_date AS DATE) >= e.start"""


def groups_name(analysis: CovariateAnalysis) -> str:
    """Temporary table of the groups that an analysis rolls up to."""
    return f"understudy_groups_{analysis.table}"


def pairs_name(analysis: CovariateAnalysis) -> str:
    """Temporary table of the pairs that an analysis is about."""
    return f"understudy_pairs_{analysis.table}_{analysis.kind}"


def points_name(analysis: CovariateAnalysis) -> str:
    """Temporary table of the points of a score."""
    return f"understudy_points_{analysis.id}"


def query(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    """SQL that gives covariate_id, entry and, unless they are all one, value; sorted by covariate and entry."""
    if analysis.table:
        make = {"number": _number, "range": _range, "pair": _pair, "group": _group, "score": _score}
        sql = make.get(analysis.kind, _concept)(analysis, settings)
    else:
        sql = _of_entry(analysis, settings)
    value = "" if analysis.binary else ", CAST(value AS DOUBLE) AS value"
    wanted = (
        f"WHERE covariate_id IN (SELECT covariate_id FROM {WANTED})" if settings.included_covariates else ""
    )
    return f"""SELECT CAST(covariate_id AS BIGINT) AS covariate_id, entry {value} FROM ({sql}) {wanted}
        ORDER BY covariate_id, entry"""


def _inside(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    """SQL that is true of records in the window."""
    since, until = settings.window(analysis)
    day = "first" if analysis.starts else "last"
    return f"first <= {until}" + ("" if since is None else f" AND {day} >= {since}")


def _concept(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    """One covariate a concept, or a count of records or concepts."""
    chosen = f"FROM {RECORDS} WHERE {_inside(analysis, settings)} AND {admitted(settings, 'concept')}"
    own = f"concept * 1000 + {analysis.id} AS covariate_id"
    if analysis.kind == "by_concept":
        return f"SELECT {own}, entry, count(*) AS value {chosen} GROUP BY concept, entry"
    if analysis.kind in ("count", "distinct"):
        of = "DISTINCT concept" if analysis.kind == "distinct" else "*"
        return f"SELECT {1000 + analysis.id} AS covariate_id, entry, count({of}) AS value {chosen} GROUP BY entry"
    return f"SELECT DISTINCT {own}, entry {chosen} {'AND inpatient' if analysis.kind == 'inpatient' else ''}"


def _group(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    return f"""
        SELECT DISTINCT ancestor * 1000 + {analysis.id} AS covariate_id, entry
        FROM (SELECT DISTINCT concept, entry FROM {RECORDS} WHERE {_inside(analysis, settings)})
        JOIN {groups_name(analysis)} USING (concept)
    """


def _number(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    """The last value of each measurement and unit; of several on its day, the smallest."""
    return f"""
        SELECT base * 1000 + {analysis.id} AS covariate_id, entry, number AS value
        FROM {RECORDS} r JOIN {pairs_name(analysis)} p ON p.concept = r.concept AND p.second = r.unit
        WHERE {_inside(analysis, settings)} AND number IS NOT NULL AND {admitted(settings, "r.concept")}
        QUALIFY row_number() OVER (PARTITION BY entry, base ORDER BY first DESC, number) = 1
    """


def _range(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    """Below, within, above the normal range; a record without a number counts as within it, as with OHDSI."""
    return f"""
        SELECT DISTINCT concept * 10000 + {analysis.id}
            + CASE WHEN number < low THEN 1000 WHEN number > high THEN 3000 ELSE 2000 END AS covariate_id, entry
        FROM {RECORDS}
        WHERE {_inside(analysis, settings)} AND low IS NOT NULL AND high IS NOT NULL
            AND {admitted(settings, "concept")}
    """


def _pair(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    return f"""
        SELECT DISTINCT base * 1000 + {analysis.id} AS covariate_id, entry
        FROM {RECORDS} r JOIN {pairs_name(analysis)} p ON p.concept = r.concept AND p.second = r.value
        WHERE {_inside(analysis, settings)} AND {admitted(settings, "r.concept")}
    """


def _score(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    """Points of conditions, each once, and of age and sex. Concepts included or excluded do not change a score."""
    score = SCORES[analysis.id]
    person = f"UNION ALL SELECT e.entry, {score.of_person} AS points {_PERSON}" if score.age_points else ""
    return f"""
        SELECT {1000 + analysis.id} AS covariate_id, entry, sum(points) AS value FROM (
            SELECT entry, max(points) AS points FROM {RECORDS} JOIN {points_name(analysis)} USING (concept)
            WHERE first <= {settings.end} GROUP BY entry, item {person}
        ) GROUP BY entry
    """


def _of_entry(analysis: CovariateAnalysis, settings: CovariateSettings) -> str:
    """Of the person, or of the day of entry."""
    name = analysis.name.removeprefix("Demographics")
    own = f"SELECT {1000 + analysis.id} AS covariate_id, entry"
    if name in ("Gender", "Race", "Ethnicity"):
        return _of_person(analysis, settings, f"{name.lower()}_concept_id")
    if name == "Age":
        return f"{own}, {_AGE} AS value {_PERSON}"
    if name == "PriorObservationTime":
        days = "max(date_diff('day', CAST(o.observation_period_start_date AS DATE), e.start))"
        return f"{own}, {days} AS value {_PERIOD} GROUP BY entry"
    if name == "PostObservationTime":
        days = "max(date_diff('day', e.start, CAST(o.observation_period_end_date AS DATE)))"
        return f"{own}, {days} AS value {_PERIOD} GROUP BY entry"
    if name == "TimeInCohort":
        return f"{own}, date_diff('day', e.start, e.\"end\") AS value FROM {ENTRIES} e"
    number = {
        "AgeGroup": f"({_AGE}) // 5",
        "IndexYear": "year(e.start)",
        "IndexMonth": "month(e.start)",
        "IndexYearMonth": "year(e.start) * 100 + month(e.start)",
    }[name]
    return f"SELECT ({number}) * 1000 + {analysis.id} AS covariate_id, entry {_PERSON}"


def _of_person(analysis: CovariateAnalysis, settings: CovariateSettings, column: str) -> str:
    """Sex wherever it is known; race and ethnicity where the vocabulary has their concepts as such."""
    known = f"{column} != 0"
    if analysis.name != "DemographicsGender":
        kind = analysis.name.removeprefix("Demographics").lower()
        known = f"{column} IN (SELECT concept_id FROM concept WHERE lower(concept_class_id) = '{kind}')"
    return f"""SELECT CAST({column} AS BIGINT) * 1000 + {analysis.id} AS covariate_id, entry {_PERSON}
        WHERE {known} AND {admitted(settings, column)}"""
