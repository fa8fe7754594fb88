"""Concept groups: what conditions and drugs are rolled up to, by the hierarchy of the vocabulary.

Conditions: ancestors three or more steps below SNOMED's "clinical finding", and a few nearer ones that say something by
themselves, without names that only tell a place or a kind. Drugs: ingredients, and the levels 1 to 4 of ATC. The rules
and the exceptions are FeatureExtraction's.
"""

from __future__ import annotations

from typing import Any

from understudy.causal.covariates.concept_choice import admitted
from understudy.causal.covariates.settings import CovariateSettings

CLINICAL_FINDING = 441840
# Close below it, yet telling: obesity, diarrhoea, bleeding of the gut, neoplasms and the like.
_NEAR = (
    *(433736, 433595, 441408, 72404, 192671, 137977, 434621, 437312, 439847, 4171917),
    *(438555, 4299449, 375258, 76784, 40483532, 4145627, 434157, 433778, 258449, 313878),
)
_EMPTY_NAMES = (
    *("%finding", "Disorder of%", "Finding of%", "Disease of%", "Injury of%", "%by site", "%by body site"),
    *("%by mechanism", "%of body region", "%of anatomical site", "%of specific body structure%"),
)
_CONDITIONS = """
    SELECT DISTINCT c.concept_id FROM concept c
    JOIN concept_ancestor f ON f.descendant_concept_id = c.concept_id
    WHERE f.ancestor_concept_id = $top AND c.domain_id = 'Condition'
        AND (f.min_levels_of_separation > 2 OR list_contains($near::BIGINT[], c.concept_id))
        AND NOT list_bool_or(list_transform($names::VARCHAR[], lambda name : c.concept_name LIKE name))
"""
_DRUGS = """
    SELECT DISTINCT concept_id FROM concept
    WHERE concept_id != 0 AND (
        (vocabulary_id = 'ATC' AND length(concept_code) IN (1, 3, 4, 5))
        OR (standard_concept = 'S' AND concept_class_id = 'Ingredient' AND domain_id = 'Drug')
    )
"""


def groups_table(connection: Any, name: str, of: str, settings: CovariateSettings) -> None:
    """Make the temporary table of groups: concept, ancestor.

    Parameters
    ----------
    of : str
        ``condition_era`` or ``drug_era``.
    """
    conditions = of == "condition_era"
    given = {"top": CLINICAL_FINDING, "near": list(_NEAR), "names": list(_EMPTY_NAMES)} if conditions else {}
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT DISTINCT descendant_concept_id AS concept, ancestor_concept_id AS ancestor
        FROM concept_ancestor JOIN ({_CONDITIONS if conditions else _DRUGS}) ON ancestor_concept_id = concept_id
        WHERE {admitted(settings, "ancestor_concept_id", "descendant_concept_id")}
        """,
        given,
    )
