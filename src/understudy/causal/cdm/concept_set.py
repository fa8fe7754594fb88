"""Concept set: codes of the vocabulary that mean one thing, with what descends from them or is mapped to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from understudy.core.errors import StudyError
from understudy.core.section import Section, Whole, complaint

if TYPE_CHECKING:
    from understudy.causal.cdm.cdm import Cdm


class Concept(Section):
    """A concept of a set; a number alone stands for ``{ id = number }``."""

    id: Annotated[Whole, Field(ge=0)] = Field(description="concept_id of the vocabulary")
    descendants: bool = Field(default=True, description="with all that descends from it (concept_ancestor)")
    excluded: bool = Field(default=False, description="taken out of the set rather than put in")
    mapped: bool = Field(default=False, description="with the source codes that are mapped to it")


class ConceptSet(Section):
    """Concepts that mean one thing, as in ATLAS: included ones less excluded ones.

    Examples
    --------
    >>> bleeds = ConceptSet(concepts=[192671, {"id": 4027663, "excluded": True}])
    >>> bleeds.concepts[0].descendants, bleeds.concepts[1].excluded
    (True, True)
    """

    concepts: Annotated[tuple[Concept, ...], Field(min_length=1)] = Field(
        description="concept ids, or tables such as { id = 192671, descendants = false }"
    )

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        """A list or a number alone, and numbers for concepts."""
        found = data if isinstance(data, Mapping | ConceptSet) else {"concepts": data}
        if isinstance(found, Mapping) and "concepts" in found:
            listed = found["concepts"]
            listed = listed if isinstance(listed, list | tuple) else [listed]
            return {**found, "concepts": tuple(map(_concept, listed))}
        return found

    @model_validator(mode="after")
    def _something(self) -> ConceptSet:
        if all(each.excluded for each in self.concepts):
            raise complaint("a concept set that only excludes", "include a concept")
        return self


def _concept(given: Any) -> Any:
    return given if isinstance(given, Mapping | Concept) else {"id": given}


@dataclass(frozen=True)
class ResolvedConcepts:
    """What a concept set is in a vocabulary.

    Parameters
    ----------
    ids : tuple of int
        Rising.
    unknown : tuple of int
        Concepts that were listed, but are not in the vocabulary.
    """

    ids: tuple[int, ...]
    unknown: tuple[int, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of the ids: the same where a set means the same.

        Examples
        --------
        >>> ResolvedConcepts((1, 2)).hash == ResolvedConcepts((1, 2), unknown=(7,)).hash
        True
        """
        return hashlib.sha256(",".join(map(str, self.ids)).encode()).hexdigest()


def resolve(cdm: Cdm, concepts: ConceptSet, name: str = "concept set") -> ResolvedConcepts:
    """The ids that a set means in this CDM's vocabulary.

    Descendants that the vocabulary calls invalid are left out. A listed concept that is not in the vocabulary matches
    records that have its id, and is told apart.

    Parameters
    ----------
    cdm : Cdm
    concepts : ConceptSet
    name : str
        What errors call it.

    Raises
    ------
    StudyError
        If the set means nothing in this vocabulary, or a table that it needs is missing.
    """
    included = _ids(cdm, [each for each in concepts.concepts if not each.excluded], name)
    excluded = _ids(cdm, [each for each in concepts.concepts if each.excluded], name)
    listed = [each.id for each in concepts.concepts if not each.excluded]
    unknown = _unknown(cdm, listed)
    if len(unknown) == len(set(listed)):
        raise StudyError(
            f"the concept set {name!r} matches nothing: no concept of it is in the vocabulary",
            place=f"{cdm.name}, concepts {', '.join(map(str, listed[:5]))}",
            repair="check the concept ids, and that the vocabulary of the CDM is complete",
        )
    if not included - excluded:
        raise StudyError(
            f"the concept set {name!r} matches nothing: all that it includes is excluded",
            place=cdm.name,
            repair="exclude less",
        )
    return ResolvedConcepts(tuple(sorted(included - excluded)), unknown)


def _ids(cdm: Cdm, concepts: list[Concept], name: str) -> set[int]:
    found = _with_descendants(cdm, concepts, name)
    mapped = _with_descendants(cdm, [each for each in concepts if each.mapped], name)
    return found | (_mapped_to(cdm, mapped, name) if mapped else set())


def _with_descendants(cdm: Cdm, concepts: Iterable[Concept], name: str) -> set[int]:
    concepts = list(concepts)
    parents = [each.id for each in concepts if each.descendants]
    return {each.id for each in concepts} | (_descendants(cdm, parents, name) if parents else set())


def _descendants(cdm: Cdm, parents: list[int], name: str) -> set[int]:
    cdm.require("concept_ancestor", use=f"descendants in the concept set {name!r}")
    valid = (
        "WHERE descendant_concept_id NOT IN "
        "(SELECT concept_id FROM concept WHERE coalesce(invalid_reason, '') <> '' AND concept_id IS NOT NULL)"
        if "concept" in cdm.tables
        else ""
    )
    rows = cdm.connection.execute(
        "SELECT DISTINCT descendant_concept_id FROM concept_ancestor "
        f"JOIN (SELECT unnest($parents) AS parent) ON ancestor_concept_id = parent {valid}",
        {"parents": parents},
    ).fetchall()
    return {row[0] for row in rows if row[0] is not None}


def _mapped_to(cdm: Cdm, ids: set[int], name: str) -> set[int]:
    """Source codes whose standard concepts these are; the vocabulary may have either direction of the mapping."""
    cdm.require("concept_relationship", use=f"mapped codes in the concept set {name!r}")
    rows = cdm.connection.execute(
        "WITH maps AS (SELECT concept_id_1 AS source, concept_id_2 AS standard FROM concept_relationship "
        "WHERE relationship_id = 'Maps to' AND coalesce(invalid_reason, '') = '' UNION "
        "SELECT concept_id_2, concept_id_1 FROM concept_relationship "
        "WHERE relationship_id = 'Mapped from' AND coalesce(invalid_reason, '') = '') "
        "SELECT DISTINCT source FROM maps JOIN (SELECT unnest($ids) AS id) ON standard = id",
        {"ids": sorted(ids)},
    ).fetchall()
    return {row[0] for row in rows}


def _unknown(cdm: Cdm, listed: list[int]) -> tuple[int, ...]:
    if "concept" not in cdm.tables:
        return ()
    rows = cdm.connection.execute(
        "SELECT id FROM (SELECT DISTINCT unnest($listed) AS id) ANTI JOIN concept ON concept_id = id ORDER BY id",
        {"listed": listed},
    ).fetchall()
    return tuple(row[0] for row in rows)
