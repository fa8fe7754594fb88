"""Concept choice: which concepts, and which covariates, the settings let through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy.causal.covariates.settings import CovariateSettings
from understudy.core.errors import StudyError

INCLUDED, EXCLUDED, WANTED = "understudy_included", "understudy_excluded", "understudy_wanted"


def prepare_choice(connection: Any, settings: CovariateSettings) -> None:
    """Make the temporary tables of concepts to include and exclude, and of covariates wanted.

    Raises
    ------
    StudyError
        If a concept is in neither of the tables concept and concept_ancestor.
    """
    included, excluded = settings.included_concepts, settings.excluded_concepts
    _check_known(connection, "included_concepts", included)
    _check_known(connection, "excluded_concepts", excluded)
    _concepts(connection, INCLUDED, included, settings.include_descendants)
    _concepts(connection, EXCLUDED, excluded, settings.exclude_descendants)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {WANTED} AS SELECT DISTINCT unnest($ids::BIGINT[]) AS covariate_id",
        {"ids": list(settings.included_covariates)},
    )


def admitted(settings: CovariateSettings, *columns: str) -> str:
    """SQL that is true where all these columns hold concepts that the settings let through."""
    conditions = []
    for column in columns:
        if settings.included_concepts:
            conditions.append(f"{column} IN (SELECT concept FROM {INCLUDED})")
        if settings.excluded_concepts:
            conditions.append(f"{column} NOT IN (SELECT concept FROM {EXCLUDED})")
    return " AND ".join(conditions) or "TRUE"


def _concepts(connection: Any, table: str, concepts: Sequence[int], descendants: bool) -> None:
    below = (
        ""
        if not (descendants and concepts)
        else """
        UNION SELECT descendant_concept_id FROM concept_ancestor
        WHERE ancestor_concept_id IN (SELECT unnest($ids::BIGINT[]))
    """
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS SELECT DISTINCT concept FROM (
            SELECT unnest($ids::BIGINT[]) AS concept {below}
        )
        """,
        {"ids": list(concepts)},
    )


def _check_known(connection: Any, key: str, concepts: Sequence[int]) -> None:
    """Refuse a concept that the vocabulary does not have: a slip of the pen would otherwise go unseen."""
    if not concepts:
        return
    found = connection.execute(
        """
        SELECT DISTINCT id FROM (SELECT unnest($ids::BIGINT[]) AS id)
        WHERE id NOT IN (SELECT concept_id FROM concept WHERE concept_id IS NOT NULL)
            AND id NOT IN (SELECT descendant_concept_id FROM concept_ancestor WHERE descendant_concept_id IS NOT NULL)
            AND id NOT IN (SELECT ancestor_concept_id FROM concept_ancestor WHERE ancestor_concept_id IS NOT NULL)
        ORDER BY id
        """,
        {"ids": list(concepts)},
    ).fetchall()
    if found:
        names = ", ".join(str(id) for (id,) in found)
        raise StudyError(
            f"the vocabulary of this CDM has no concept {names}",
            place=key,
            repair="look the numbers up in the table concept",
        )
