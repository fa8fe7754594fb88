"""Score: points for conditions that a person has ever had, added up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ScoreItem:
    """A condition that gives points, once a person.

    Parameters
    ----------
    name : str
        Items of one name count once, by their highest points.
    points : float
    descendants_of : tuple of int
        Concepts whose descendants (themselves among them) are meant.
    concepts : tuple of int
        Further concepts, themselves only, where the vocabulary has them as valid.
    without : tuple of int
        Concepts whose descendants are not meant.
    codes : tuple of str
        Codes of the score's source vocabulary, whose standard concepts are meant; a trailing % stands for any ending.
    """

    name: str
    points: float
    descendants_of: tuple[int, ...] = ()
    concepts: tuple[int, ...] = ()
    without: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """A score of conditions, age and sex.

    Parameters
    ----------
    label : str
        What reports call it.
    items : tuple of ScoreItem
    vocabulary : str
        Source vocabulary of the items' codes, ``ICD9CM`` or ``ICD10``; empty if they are concepts.
    age_points : tuple of (int, float)
        From this age (year of entry less year of birth) these points, the highest age counts; everybody has a value
        then, be it zero.
    women : float
        Points for women (concept 8532).
    source : str
        Original publication.
    """

    label: str
    items: tuple[ScoreItem, ...]
    source: str
    vocabulary: str = ""
    age_points: tuple[tuple[int, float], ...] = field(default=())
    women: float = 0.0

    @property
    def of_person(self) -> str:
        """SQL of the points for age and sex, of e (an entry) and p (its person)."""
        steps = " ".join(
            f"WHEN year(e.start) - CAST(p.year_of_birth AS BIGINT) >= {int(age)} THEN {float(points)}"
            for age, points in sorted(self.age_points, reverse=True)
        )
        return f"CASE {steps} ELSE 0.0 END + CASE WHEN p.gender_concept_id = 8532 THEN {float(self.women)} ELSE 0.0 END"


def points_table(connection: Any, name: str, score: Score) -> None:
    """Make the temporary table of a score: concept, item, points."""
    sql = _BY_CODE if score.vocabulary else _BY_CONCEPT
    given: dict[str, Any] = {"vocabulary": score.vocabulary} if score.vocabulary else {}
    for field_name in ("codes",) if score.vocabulary else ("descendants_of", "concepts", "without"):
        rows = [(item, key) for item in score.items for key in getattr(item, field_name)]
        given[field_name] = [key for _, key in rows]
        given[f"{field_name}_item"] = [item.name for item, _ in rows]
        given[f"{field_name}_points"] = [float(item.points) for item, _ in rows]
    given.pop("without_points", None)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}", given)


_BY_CONCEPT = """
    WITH named AS (
        SELECT a.descendant_concept_id AS concept, item, points FROM concept_ancestor a JOIN (
            SELECT unnest($descendants_of::BIGINT[]) AS above, unnest($descendants_of_item::VARCHAR[]) AS item,
                unnest($descendants_of_points::DOUBLE[]) AS points
        ) ON a.ancestor_concept_id = above
        UNION
        SELECT c.concept_id, item, points FROM concept c JOIN (
            SELECT unnest($concepts::BIGINT[]) AS alone, unnest($concepts_item::VARCHAR[]) AS item,
                unnest($concepts_points::DOUBLE[]) AS points
        ) ON c.concept_id = alone WHERE c.invalid_reason IS NULL
    ), unmeant AS (
        SELECT a.descendant_concept_id AS concept, item FROM concept_ancestor a JOIN (
            SELECT unnest($without::BIGINT[]) AS above, unnest($without_item::VARCHAR[]) AS item
        ) ON a.ancestor_concept_id = above
    )
    SELECT DISTINCT concept, item, points FROM named ANTI JOIN unmeant USING (concept, item)
"""
_BY_CODE = """
    SELECT DISTINCT target.concept_id AS concept, item, points
    FROM (
        SELECT unnest($codes::VARCHAR[]) AS pattern, unnest($codes_item::VARCHAR[]) AS item,
            unnest($codes_points::DOUBLE[]) AS points
    )
    JOIN concept source ON source.vocabulary_id = $vocabulary AND source.concept_code LIKE pattern
    JOIN concept_relationship ON concept_id_1 = source.concept_id AND relationship_id = 'Maps to'
    JOIN concept target ON target.concept_id = concept_id_2 AND target.vocabulary_id = 'SNOMED'
"""
