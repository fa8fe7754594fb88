"""Concept sets: what they mean in a vocabulary, and that a set that means nothing is an error with its name."""

import pytest
from pydantic import ValidationError
from small_cdm import concepts, observed, person, write_cdm

from understudy.causal.cdm import ConceptSet, open_cdm, resolve
from understudy.core.errors import StudyError


@pytest.fixture
def cdm(tmp_path):
    # 1 is above 2 and 3, 2 above 4; 9 is invalid; 100 is a source code mapped to 2, 101 one mapped to 3
    tables = {
        "person": [person(1)], "observation_period": [observed(1)],
        **concepts(1, 2, 3, 4, 9, 100, 101, parents={1: [2, 3, 4, 9], 2: [4]}),
        "concept_relationship": [
            {"concept_id_1": 100, "concept_id_2": 2, "relationship_id": "Maps to", "invalid_reason": None},
            {"concept_id_1": 3, "concept_id_2": 101, "relationship_id": "Mapped from", "invalid_reason": None},
            {"concept_id_1": 100, "concept_id_2": 4, "relationship_id": "Maps to", "invalid_reason": "D"},
        ],
    }  # fmt: skip
    for row in tables["concept"]:
        row["invalid_reason"] = "D" if row["concept_id"] == 9 else None
    with open_cdm(write_cdm(tmp_path, tables)) as found:
        yield found


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (1, (1, 2, 3, 4)),
        ([{"id": 1, "descendants": False}], (1,)),
        ([1, {"id": 2, "excluded": True}], (1, 3)),
        ([1, {"id": 2, "excluded": True, "descendants": False}], (1, 3, 4)),
        ([{"id": 2, "mapped": True}], (2, 4, 100)),
        ([{"id": 3, "mapped": True}], (3, 101)),
        ([9], (9,)),
    ],
)
def test_ids_of_a_set(cdm, given, ids):
    assert resolve(cdm, ConceptSet(concepts=given)).ids == ids


def test_the_hash_is_of_what_a_set_means_not_of_how_it_is_written(cdm):
    hashes = {
        resolve(cdm, ConceptSet(concepts=each)).hash
        for each in ([2], [2, 4], [{"id": 4}, {"id": 2, "descendants": False}])
    }
    assert len(hashes) == 1
    assert resolve(cdm, ConceptSet(concepts=[3])).hash not in hashes


def test_concepts_that_the_vocabulary_lacks_are_kept_and_told(cdm):
    found = resolve(cdm, ConceptSet(concepts=[2, 555]))
    assert found.unknown == (555,)
    assert 555 in found.ids


def test_a_set_that_means_nothing_is_named(cdm):
    with pytest.raises(StudyError, match="'GI bleed' matches nothing: no concept of it is in the vocabulary"):
        resolve(cdm, ConceptSet(concepts=[555, 556]), "GI bleed")
    with pytest.raises(StudyError, match="'x' matches nothing: all that it includes is excluded"):
        resolve(cdm, ConceptSet(concepts=[2, {"id": 1, "excluded": True}]), "x")


def test_without_a_vocabulary_ids_are_taken_as_written_and_descendants_are_refused(tmp_path):
    folder = write_cdm(tmp_path / "bare", {"person": [person(1)], "observation_period": [observed(1)]})
    with open_cdm(folder) as cdm:
        assert resolve(cdm, ConceptSet(concepts=[{"id": 7, "descendants": False}])).ids == (7,)
        with pytest.raises(StudyError, match="no table concept_ancestor, needed for descendants"):
            resolve(cdm, ConceptSet(concepts=[7]))


@pytest.mark.parametrize(
    "given", [[], [{"id": 1, "excluded": True}], ["1; DROP TABLE concept"], [-1], [{"id": 1, "x": 2}]]
)
def test_sets_that_cannot_be(given):
    with pytest.raises(ValidationError):
        ConceptSet(concepts=given)
