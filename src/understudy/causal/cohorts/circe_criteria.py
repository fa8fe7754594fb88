"""Circe criteria: events, windows and groups of an expression of ATLAS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from understudy.causal.cohorts.criterion import Event, Group, Occurrence, Person, Window
from understudy.causal.cohorts.json_node import JsonNode
from understudy.causal.cohorts.ranges import DateRange, NumberRange

ConceptSetNames = dict[int, str]

_TABLES = {
    "ConditionEra": "condition_era",
    "ConditionOccurrence": "condition_occurrence",
    "Death": "death",
    "DeviceExposure": "device_exposure",
    "DoseEra": "dose_era",
    "DrugEra": "drug_era",
    "DrugExposure": "drug_exposure",
    "Measurement": "measurement",
    "Observation": "observation",
    "ObservationPeriod": "observation_period",
    "ProcedureOccurrence": "procedure_occurrence",
    "VisitOccurrence": "visit_occurrence",
}
# Circe's key of a range → ours
_NUMBERS = {
    "Age": "age", "AgeAtStart": "age", "AgeAtEnd": "age_at_end", "ValueAsNumber": "value", "RangeLow": "range_low",
    "RangeHigh": "range_high", "RangeLowRatio": "ratio_to_low", "RangeHighRatio": "ratio_to_high",
    "Quantity": "quantity", "DaysSupply": "days_supply", "Refills": "refills", "DoseValue": "dose",
    "OccurrenceCount": "occurrences", "GapDays": "gap_days", "EraLength": "length", "VisitLength": "length",
    "PeriodLength": "length",
}  # fmt: skip
_DATES = {
    "OccurrenceStartDate": "starts", "EraStartDate": "starts", "PeriodStartDate": "starts",
    "OccurrenceEndDate": "ends", "EraEndDate": "ends", "PeriodEndDate": "ends",
}  # fmt: skip
_IDS = {
    "Gender": "gender", "ConditionStatus": "statuses", "ValueAsConcept": "values", "Unit": "units",
    "Operator": "operators", "Qualifier": "qualifiers", "Modifier": "modifiers", "RouteConcept": "routes",
    "VisitType": "visits",
}  # fmt: skip
_TYPES = {
    "ConditionType", "DrugType", "ProcedureType", "MeasurementType", "ObservationType", "DeviceType", "DeathType",
    "PeriodType",
}  # fmt: skip
_SOURCES = {
    "ConditionSourceConcept", "DrugSourceConcept", "ProcedureSourceConcept", "MeasurementSourceConcept",
    "ObservationSourceConcept", "DeviceSourceConcept", "VisitSourceConcept", "DeathSourceConcept",
}  # fmt: skip
_SIGNS = {"gt": "above", "gte": "at_least", "lt": "below", "lte": "at_most"}
_DAY_SIGNS = {"gt": "after", "gte": "on_or_after", "lt": "before", "lte": "on_or_before"}


def event_of(node: JsonNode, names: ConceptSetNames) -> Event:
    """An event of an expression: ``{"ConditionOccurrence": {…}}``."""
    keys = _event_keys(node, names)
    return node.checked(lambda: Event(**keys))


def _event_keys(node: JsonNode, names: ConceptSetNames) -> dict[str, Any]:
    with node.reading():
        kind = node.only_key()
        if kind not in _TABLES:
            raise node.error(
                "this kind of criterion is not supported", kind, f"supported: {', '.join(_TABLES)}"
            )
        inner = node.node(kind)
        assert inner is not None
        with inner.reading():
            return {"table": _TABLES[kind], **_what(inner, kind, names)}


def _what(node: JsonNode, kind: str, names: ConceptSetNames) -> dict[str, Any]:
    keys: dict[str, Any] = {"first": node.flag("First"), "abnormal": node.flag("Abnormal")}
    if node.has("CodesetId") or node.take("CodesetId") is not None:
        keys["concepts"] = _set_name(node, "CodesetId", names)
    for key in _SOURCES:
        if node.take(key) is not None:
            keys["source_concepts"] = _set_name(node, key, names)
    keys |= _each(node, _NUMBERS, number_range) | _each(node, _DATES, date_range)
    keys |= _types(node, kind) | _each(node, _ids_of(kind), ids)
    group = node.node("CorrelatedCriteria")
    return keys | ({} if group is None else {"given": group_of(group, names)})


def _each(node: JsonNode, known: dict[str, str], read: Callable[[JsonNode, str], Any]) -> dict[str, Any]:
    return {ours: read(node, key) for key, ours in known.items() if node.has(key)}


def _ids_of(kind: str) -> dict[str, str]:
    """``VisitType`` of a visit is how it was recorded; of other events it is the kind of their visit."""
    return {key: ours for key, ours in _IDS.items() if not (key == "VisitType" and kind == "VisitOccurrence")}


def _types(node: JsonNode, kind: str) -> dict[str, Any]:
    for key in _TYPES | ({"VisitType"} if kind == "VisitOccurrence" else set()):
        exclude = node.flag(f"{key}Exclude")
        if node.has(key):
            return {"not_types" if exclude else "types": ids(node, key)}
    return {}


def _set_name(node: JsonNode, key: str, names: ConceptSetNames) -> str:
    number = node.whole(key)
    if number not in names:
        raise node.error(f"there is no concept set {number}", key)
    return names[number]  # type: ignore[index]


def ids(node: JsonNode, key: str) -> tuple[int, ...]:
    """The concept ids of a list of concepts."""
    found = []
    for each in node.nodes(key):
        number = each.whole("CONCEPT_ID")
        if number is None:
            raise each.error("a concept without CONCEPT_ID")
        found.append(number)
    return tuple(found)


def number_range(node: JsonNode, key: str) -> NumberRange:
    """A range of numbers."""
    inner, limits = _range(node, key, _SIGNS, _number)
    return inner.checked(lambda: NumberRange(**limits))


def date_range(node: JsonNode, key: str) -> DateRange:
    """A range of days."""
    inner, limits = _range(node, key, _DAY_SIGNS, _day)
    return inner.checked(lambda: DateRange(**limits))


def _range(
    node: JsonNode, key: str, signs: dict[str, str], read: Callable[[JsonNode, str], Any]
) -> tuple[JsonNode, dict[str, Any]]:
    inner = node.node(key)
    assert inner is not None
    with inner.reading():
        sign = inner.take("Op")
        value = read(inner, "Value")
        low, high = signs["gte"], signs["lte"]
        if sign in signs:
            return inner, {signs[sign]: value}
        if sign == "eq":
            return inner, {low: value, high: value}
        if sign == "!eq":
            return inner, {"outside": (value, value)}
        if sign not in ("bt", "!bt"):
            raise inner.error(f"{sign!r} is no comparison", "Op", "use lt, lte, eq, !eq, gt, gte, bt or !bt")
        extent = read(inner, "Extent")
    return inner, {low: value, high: extent} if sign == "bt" else {"outside": (value, extent)}


def _number(node: JsonNode, key: str) -> float:
    found = node.take(key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise node.error(f"{found!r} is no number", key)
    return float(found)


def _day(node: JsonNode, key: str) -> date:
    found = node.take(key)
    try:
        return date.fromisoformat(found)
    except (TypeError, ValueError):
        raise node.error(f"{found!r} is no day written yyyy-mm-dd", key) from None


def group_of(node: JsonNode, names: ConceptSetNames) -> Group:
    """A group of rules."""
    with node.reading():
        kind = node.choice("Type", {each: each for each in ("ALL", "ANY", "AT_LEAST", "AT_MOST")}, "ALL")
        count = node.whole("Count")
        keys: dict[str, Any] = {"require": "any" if kind == "ANY" else "all"}
        if kind in ("AT_LEAST", "AT_MOST"):
            if count is None:
                raise node.error(f"{kind} of how many?", "Count")
            keys[kind.lower()] = count
        keys |= {
            "events": tuple(_occurrence(each, names) for each in node.nodes("CriteriaList")),
            "people": tuple(_person(each) for each in node.nodes("DemographicCriteriaList")),
            "groups": tuple(group_of(each, names) for each in node.nodes("Groups")),
        }
    return node.checked(lambda: Group(**keys))


def _occurrence(node: JsonNode, names: ConceptSetNames) -> Occurrence:
    with node.reading():
        criterion = node.node("Criteria")
        if criterion is None:
            raise node.error("a rule without its event", "Criteria")
        keys = _event_keys(criterion, names)
        keys["window"] = _window(node.node("StartWindow"), "start")
        end = node.node("EndWindow")
        keys["end_window"] = None if end is None else _window(end, "end")
        keys |= _how_often(node.node("Occurrence"))
        keys["same_visit"] = node.flag("RestrictVisit")
        keys["observed"] = not node.flag("IgnoreObservationPeriod")
    return node.checked(lambda: Occurrence(**keys))


def _how_often(node: JsonNode | None) -> dict[str, Any]:
    if node is None:
        return {"at_least": 1}
    with node.reading():
        kinds = {0: "exactly", 1: "at_most", 2: "at_least"}
        kind, count = node.whole("Type"), node.whole("Count")
        if kind not in kinds or count is None:
            raise node.error(
                f"occurrences of type {kind!r}, {count!r} times", repair="type 0, 1 or 2, and a count"
            )
        columns = {"DOMAIN_CONCEPT": "concepts", "START_DATE": "days", "VISIT_ID": "visits"}
        column = node.choice("CountColumn", columns, "DOMAIN_CONCEPT")
        return {kinds[kind]: count, "distinct": column if node.flag("IsDistinct") else None}


def _window(node: JsonNode | None, event: str) -> Window:
    """A window; that of an event's end is about its end where it does not say, that of its start about its start."""
    if node is None:
        return Window()
    with node.reading():
        use_end = node.take("UseEventEnd", event == "end")
        keys = {
            "start": _limit_of_window(node, "Start", -1),
            "end": _limit_of_window(node, "End", 1),
            "index": "end" if node.flag("UseIndexEnd") else "start",
            "event": "end" if use_end else "start",
        }
    return node.checked(lambda: Window(**keys))


def _limit_of_window(node: JsonNode, key: str, outward: int) -> int | None:
    inner = node.node(key)
    if inner is None:
        return None
    with inner.reading():
        days, side = inner.whole("Days"), inner.whole("Coeff", outward)
        if side not in (-1, 1):
            raise inner.error(f"{side!r} is neither -1 (before) nor 1 (after)", "Coeff")
        if days is None and side != outward:
            raise inner.error("a window without limit, on its near side, is not supported", "Days")
    return None if days is None else days * side


def _person(node: JsonNode) -> Person:
    with node.reading():
        keys = _each(node, {"Age": "age"}, number_range)
        keys |= _each(node, {"OccurrenceStartDate": "starts", "OccurrenceEndDate": "ends"}, date_range)
        keys |= _each(node, {"Gender": "gender", "Race": "race", "Ethnicity": "ethnicity"}, ids)
    return node.checked(lambda: Person(**keys))
