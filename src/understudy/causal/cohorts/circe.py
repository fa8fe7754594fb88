"""Circe: cohort expressions of OHDSI's ATLAS, in JSON, as cohort definitions.

What is common of them is read: concept sets, entry events of eleven tables, rules with groups, exits, censoring events,
eras. Anything else is refused with its JSON path: a rule that was passed over would change who is in the cohort.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from understudy.causal.cdm.concept_set import Concept, ConceptSet
from understudy.causal.cohorts.circe_criteria import ConceptSetNames, event_of, group_of
from understudy.causal.cohorts.criterion import InclusionRule
from understudy.causal.cohorts.definition import CohortDefinition, Exit, Limit
from understudy.causal.cohorts.json_node import JsonNode

_LIMITS: dict[str, Limit] = {"First": "first", "Last": "last", "All": "all"}


def read_circe(text: str, name: str, place: str = "the expression") -> CohortDefinition:
    """A cohort definition from an expression of ATLAS.

    Parameters
    ----------
    text : str
        JSON, the expression itself or an export of WebAPI that has it under ``expression``.
    name : str
        What reports call the cohort.
    place : str
        What errors call the document.

    Raises
    ------
    FormatError
        If it is no such expression, or has something that is not supported: with its JSON path.

    Examples
    --------
    >>> text = '''{"ConceptSets": [{"id": 0, "name": "celecoxib", "expression": {"items": [
    ...     {"concept": {"CONCEPT_ID": 1118084}, "includeDescendants": true}]}}],
    ...   "PrimaryCriteria": {"CriteriaList": [{"DrugEra": {"CodesetId": 0}}],
    ...     "ObservationWindow": {"PriorDays": 183, "PostDays": 0}, "PrimaryCriteriaLimit": {"Type": "First"}}}'''
    >>> users = read_circe(text, "new users")
    >>> users.entry[0].table, users.prior_observation, users.exit.at
    ('drug_era', 183, 'end of observation')
    """
    top = JsonNode.of_text(text, place)
    if top.has("expression") and not top.has("PrimaryCriteria"):
        inner = top.take("expression")
        top = JsonNode.of_text(inner, place) if isinstance(inner, str) else JsonNode(inner, "$.expression")
    with top.reading():
        for label in ("cdmVersionRange", "Title"):  # what they say changes nobody's entry
            top.take(label)
        return _definition(top, name)


def _definition(top: JsonNode, name: str) -> CohortDefinition:
    names, sets = _concept_sets(top)
    primary = top.node("PrimaryCriteria")
    if primary is None:
        raise top.error(
            "an expression without PrimaryCriteria", repair="export a cohort definition from ATLAS"
        )
    given = top.node("AdditionalCriteria")
    keys: dict[str, Any] = {
        "name": name,
        "concept_sets": sets,
        **_entry(primary, names),
        "given": None if given is None else group_of(given, names),
        "given_limit": _limit(top.node("QualifiedLimit")),
        "inclusion": tuple(_rule(node, names) for node in top.nodes("InclusionRules")),
        "limit": _limit(top.node("ExpressionLimit")),
        "exit": _exit(top.node("EndStrategy"), names),
        "censoring": tuple(event_of(node, names) for node in top.nodes("CensoringCriteria")),
        "collapse_gap": _collapse(top.node("CollapseSettings")),
        **_period(top.node("CensorWindow")),
    }
    return top.checked(lambda: CohortDefinition(**keys))


def _concept_sets(top: JsonNode) -> tuple[ConceptSetNames, dict[str, ConceptSet]]:
    names: ConceptSetNames = {}
    sets: dict[str, ConceptSet] = {}
    for node in top.nodes("ConceptSets"):
        with node.reading():
            number = node.whole("id")
            if number is None or number in names:
                raise node.error("a concept set needs a number of its own", "id")
            label = str(node.take("name", f"concept set {number}")).strip() or f"concept set {number}"
            names[number] = label if label not in sets else f"{label} ({number})"
            sets[names[number]] = _concept_set(node)
    return names, sets


def _concept_set(node: JsonNode) -> ConceptSet:
    expression = node.node("expression")
    if expression is None:
        raise node.error("a concept set without an expression")
    with expression.reading():
        items = tuple(_concept(item) for item in expression.nodes("items"))
    return node.checked(lambda: ConceptSet(concepts=items))


def _concept(item: JsonNode) -> Concept:
    with item.reading():
        concept = item.node("concept")
        number = concept.whole("CONCEPT_ID") if concept else None
        if number is None:
            raise item.error("a concept without CONCEPT_ID")
        keys = {
            "descendants": item.flag("includeDescendants"),
            "excluded": item.flag("isExcluded"),
            "mapped": item.flag("includeMapped"),
        }
    return item.checked(lambda: Concept(id=number, **keys))


def _entry(primary: JsonNode, names: ConceptSetNames) -> dict[str, Any]:
    with primary.reading():
        events = tuple(event_of(node, names) for node in primary.nodes("CriteriaList"))
        if not events:
            raise primary.error("no event with which one enters", "CriteriaList")
        limit = _limit(primary.node("PrimaryCriteriaLimit"))
        window = primary.node("ObservationWindow")
        days = {"prior_observation": 0, "post_observation": 0}
        if window is not None:
            with window.reading():
                days = {
                    "prior_observation": window.whole("PriorDays", 0) or 0,
                    "post_observation": window.whole("PostDays", 0) or 0,
                }
    return {"entry": events, "entry_limit": limit, **days}


def _limit(node: JsonNode | None) -> Limit:
    """A limit that is not given means the first, as in Circe."""
    if node is None:
        return "first"
    with node.reading():
        return node.choice("Type", _LIMITS, "First")


def _rule(node: JsonNode, names: ConceptSetNames) -> InclusionRule:
    with node.reading():
        node.take("description")
        label = str(node.take("name", "")).strip() or f"rule at {node.path}"
        expression = node.node("expression")
        if expression is None:
            raise node.error("an inclusion rule without an expression")
        group = group_of(expression, names)
    return node.checked(lambda: InclusionRule(name=label, **dict(group)))


def _exit(node: JsonNode | None, names: ConceptSetNames) -> Exit:
    if node is None:
        return Exit(at="end of observation")
    with node.reading():
        offset, era = node.node("DateOffset"), node.node("CustomEra")
        if (offset is None) == (era is None):
            raise node.error("one of DateOffset and CustomEra was expected")
        return _offset(offset) if offset is not None else _era(era, names)  # type: ignore[arg-type]


def _offset(node: JsonNode) -> Exit:
    with node.reading():
        at = node.choice("DateField", {"StartDate": "event start", "EndDate": "event end"}, "StartDate")
        days = node.whole("Offset", 0) or 0
    return Exit(at=at, days=days)  # type: ignore[arg-type]


def _era(node: JsonNode, names: ConceptSetNames) -> Exit:
    with node.reading():
        number = node.whole("DrugCodesetId")
        if number not in names:
            raise node.error(f"there is no concept set {number}", "DrugCodesetId")
        keys = {
            "gap": node.whole("GapDays", 0),
            "surveillance": node.whole("Offset", 0),
            "days_supply": node.whole("DaysSupplyOverride"),
        }
    return node.checked(lambda: Exit(at="end of exposure", exposure=names[number], **keys))  # type: ignore[index,arg-type]


def _collapse(node: JsonNode | None) -> int:
    if node is None:
        return 0
    with node.reading():
        node.choice("CollapseType", {"ERA": "era"}, "ERA")
        return node.whole("EraPad", 0) or 0


def _period(node: JsonNode | None) -> dict[str, date]:
    if node is None:
        return {}
    with node.reading():
        days = {"period_start": node.take("StartDate"), "period_end": node.take("EndDate")}
    try:
        return {key: date.fromisoformat(text) for key, text in days.items() if text}
    except (TypeError, ValueError):
        raise node.error("a day that is not written yyyy-mm-dd") from None
