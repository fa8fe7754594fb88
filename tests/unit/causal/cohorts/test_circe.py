"""Circe: an expression of ATLAS and our own form are one definition; what is not supported is refused by its path."""

import json
from copy import deepcopy
from datetime import date

import pytest
from small_cdm import CHILD, LAB, OUTCOME, TARGET, base, condition, era, measured, observed, write_cdm

from understudy.causal.cdm import open_cdm
from understudy.causal.cohorts import CohortDefinition, build_cohort, load_definition, read_circe
from understudy.core.errors import FormatError, StudyError


def concept_set(number, name, *ids, **more):
    items = [
        {"concept": {"CONCEPT_ID": each, "CONCEPT_NAME": "a name"}, "includeDescendants": True, **more}
        for each in ids
    ]
    return {"id": number, "name": name, "expression": {"items": items}}


def concept(number):
    return {"CONCEPT_ID": number, "CONCEPT_NAME": "x", "STANDARD_CONCEPT": "S", "DOMAIN_ID": "x"}


def window(first, last, **more):
    def limit(day, outward):
        return {"Coeff": outward} if day is None else {"Days": abs(day), "Coeff": -1 if day < 0 else 1}

    return {"Start": limit(first, -1), "End": limit(last, 1), **more}


def rule(criteria, first=None, last=None, kind=2, count=1, **more):
    return {
        "Criteria": criteria, "StartWindow": window(first, last), "Occurrence": {"Type": kind, "Count": count}, **more,
    }  # fmt: skip


EXPRESSION = {
    "cdmVersionRange": ">=5.0.0",
    "ConceptSets": [concept_set(0, "drug", TARGET), concept_set(1, "bleed", OUTCOME), concept_set(2, "lab", LAB)],
    "PrimaryCriteria": {
        "CriteriaList": [
            {"DrugEra": {"CodesetId": 0, "First": True, "AgeAtStart": {"Value": 18, "Op": "gte"},
                         "Gender": [concept(8507)], "EraStartDate": {"Value": "2000-06-01", "Op": "bt",
                                                                      "Extent": "2019-12-31"}}}
        ],
        "ObservationWindow": {"PriorDays": 30, "PostDays": 0},
        "PrimaryCriteriaLimit": {"Type": "First"},
    },
    "AdditionalCriteria": {
        "Type": "ANY",
        "CriteriaList": [rule({"ConditionOccurrence": {"CodesetId": 1}}, None, 0)],
        "DemographicCriteriaList": [{"Age": {"Value": 40, "Op": "bt", "Extent": 90}}],
        "Groups": [],
    },
    "QualifiedLimit": {"Type": "First"},
    "ExpressionLimit": {"Type": "All"},
    "InclusionRules": [
        {
            "name": "a high value, or none of two", "description": "in words",
            "expression": {
                "Type": "AT_LEAST", "Count": 1,
                "CriteriaList": [
                    rule({"Measurement": {"CodesetId": 2, "ValueAsNumber": {"Value": 5, "Op": "gt"},
                                          "Unit": [concept(8840)]}}, -365, -1),
                ],
                "DemographicCriteriaList": [],
                "Groups": [{"Type": "ALL", "CriteriaList": [
                    rule({"ConditionOccurrence": {"CodesetId": 1}}, -100, -1, 1, 0,
                         EndWindow=window(-90, None, UseEventEnd=True), IgnoreObservationPeriod=True)
                ], "DemographicCriteriaList": [], "Groups": []}],
            },
        }
    ],
    "EndStrategy": {"DateOffset": {"DateField": "EndDate", "Offset": 30}},
    "CensoringCriteria": [{"ConditionOccurrence": {"CodesetId": 1, "CorrelatedCriteria": {
        "Type": "ALL", "CriteriaList": [rule({"Measurement": {"CodesetId": 2}}, 0, 7, 2, 2)],
        "DemographicCriteriaList": [], "Groups": []}}}],
    "CollapseSettings": {"CollapseType": "ERA", "EraPad": 5},
    "CensorWindow": {"StartDate": "2001-01-01"},
}  # fmt: skip

SAME = CohortDefinition(
    name="users",
    concept_sets={"drug": TARGET, "bleed": OUTCOME, "lab": LAB},
    entry=[
        {"table": "drug_era", "concepts": "drug", "first": True, "age": {"at_least": 18}, "gender": [8507],
         "starts": {"on_or_after": date(2000, 6, 1), "on_or_before": date(2019, 12, 31)}}
    ],
    prior_observation=30,
    entry_limit="first",
    given={
        "require": "any",
        "events": [{"table": "condition_occurrence", "concepts": "bleed", "window": {"end": 0}, "at_least": 1}],
        "people": [{"age": {"at_least": 40, "at_most": 90}}],
    },
    given_limit="first",
    inclusion=[
        {
            "name": "a high value, or none of two", "at_least": 1,
            "events": [{"table": "measurement", "concepts": "lab", "value": {"above": 5}, "units": [8840],
                        "window": {"start": -365, "end": -1}, "at_least": 1}],
            "groups": [{"events": [{"table": "condition_occurrence", "concepts": "bleed", "observed": False,
                                    "window": {"start": -100, "end": -1}, "at_most": 0,
                                    "end_window": {"start": -90, "event": "end"}}]}],
        }
    ],
    exit={"at": "event end", "days": 30},
    censoring=[
        {"table": "condition_occurrence", "concepts": "bleed", "given": {
            "events": [{"table": "measurement", "concepts": "lab", "window": {"start": 0, "end": 7}, "at_least": 2}]}}
    ],
    collapse_gap=5,
    period_start=date(2001, 1, 1),
)  # fmt: skip


def _changed(**changes):
    return deepcopy(EXPRESSION) | changes


def _read(expression):
    return read_circe(json.dumps(expression), "users")


def test_both_forms_are_one_definition():
    assert _read(EXPRESSION) == SAME


def test_both_forms_give_the_same_cohort(tmp_path):
    tables = base(1, 2, 3, 4) | {
        "drug_era": [era(each, TARGET, f"2005-01-0{each}", "2005-01-31") for each in (1, 2, 3, 4)],
        "condition_occurrence": [condition(1, CHILD, "2004-12-01"), condition(2, CHILD, "2005-01-20")],
        "measurement": [
            measured(1, LAB, "2004-11-01", 9.0), measured(2, LAB, "2005-01-21", 1.0),
            measured(2, LAB, "2005-01-22", 1.0), measured(3, LAB, "2004-11-01", 1.0),
        ],
    }  # fmt: skip
    with open_cdm(write_cdm(tmp_path, tables)) as cdm:
        ours, theirs = build_cohort(cdm, SAME), build_cohort(cdm, _read(EXPRESSION))
    assert ours.rows.equals(theirs.rows)
    assert ours.hash == theirs.hash
    rows = [(n, str(end.date())) for n, _, end in ours.rows.itertuples(index=False)]
    assert rows == [(1, "2005-03-02"), (2, "2005-01-20"), (3, "2005-03-02"), (4, "2005-03-02")]


def test_what_an_expression_leaves_out_is_as_in_circe(tmp_path):
    least = {
        "ConceptSets": [concept_set(0, "drug", TARGET)],
        "PrimaryCriteria": {"CriteriaList": [{"DrugEra": {"CodesetId": 0}}]},
    }
    found = _read(least)
    assert (found.entry_limit, found.given_limit, found.limit) == ("first", "first", "first")
    assert found.exit.at == "end of observation"
    concepts = deepcopy(least)
    del concepts["ConceptSets"][0]["expression"]["items"][0]["includeDescendants"]
    assert not _read(concepts).concept_sets["drug"].concepts[0].descendants


def test_an_export_with_the_expression_inside_is_read():
    assert _read({"id": 7, "name": "x", "expression": EXPRESSION}) == SAME
    assert _read({"id": 7, "name": "x", "expression": json.dumps(EXPRESSION)}) == SAME


DOMAINS = {
    "ConditionEra": ({"EraLength": {"Value": 3, "Op": "lt"}, "OccurrenceCount": {"Value": 2, "Op": "gte"}},
                     {"table": "condition_era", "length": {"below": 3}, "occurrences": {"at_least": 2}}),
    "ConditionOccurrence": ({"ConditionType": [concept(5)], "ConditionTypeExclude": True,
                             "ConditionStatus": [concept(6)], "ConditionSourceConcept": 1,
                             "VisitType": [concept(9201)]},
                            {"table": "condition_occurrence", "not_types": [5], "statuses": [6],
                             "source_concepts": "bleed", "visits": [9201]}),
    "Death": ({"DeathType": [concept(5)], "Age": {"Value": 80, "Op": "lte"}},
              {"table": "death", "types": [5], "age": {"at_most": 80}}),
    "DeviceExposure": ({"Quantity": {"Value": 2, "Op": "eq"}},
                       {"table": "device_exposure", "quantity": {"at_least": 2, "at_most": 2}}),
    "DoseEra": ({"DoseValue": {"Value": 2, "Op": "!bt", "Extent": 3}, "Unit": [concept(8576)]},
                {"table": "dose_era", "dose": {"outside": (2, 3)}, "units": [8576]}),
    "DrugExposure": ({"DaysSupply": {"Value": 30, "Op": "gte"}, "Refills": {"Value": 1, "Op": "gt"},
                      "RouteConcept": [concept(1)], "DrugType": [concept(5)]},
                     {"table": "drug_exposure", "days_supply": {"at_least": 30}, "refills": {"above": 1},
                      "routes": [1], "types": [5]}),
    "DrugEra": ({"GapDays": {"Value": 0, "Op": "eq"}, "AgeAtEnd": {"Value": 70, "Op": "lt"}},
                {"table": "drug_era", "gap_days": {"at_least": 0, "at_most": 0}, "age_at_end": {"below": 70}}),
    "Measurement": ({"Abnormal": True, "Operator": [concept(4172703)], "RangeHighRatio": {"Value": 3, "Op": "gt"},
                     "RangeLowRatio": {"Value": 1, "Op": "!eq"}, "ValueAsConcept": [concept(2)]},
                    {"table": "measurement", "abnormal": True, "operators": [4172703], "ratio_to_high": {"above": 3},
                     "ratio_to_low": {"outside": (1, 1)}, "values": [2]}),
    "Observation": ({"ValueAsNumber": {"Value": 1, "Op": "gt"}, "Qualifier": [concept(3)]},
                    {"table": "observation", "value": {"above": 1}, "qualifiers": [3]}),
    "ObservationPeriod": ({"PeriodLength": {"Value": 365, "Op": "gte"}, "PeriodType": [concept(5)],
                           "PeriodStartDate": {"Value": "2010-01-01", "Op": "gt"}},
                          {"table": "observation_period", "length": {"at_least": 365}, "types": [5],
                           "starts": {"after": date(2010, 1, 1)}}),
    "ProcedureOccurrence": ({"Modifier": [concept(4)], "OccurrenceEndDate": {"Value": "2010-01-01", "Op": "lt"}},
                            {"table": "procedure_occurrence", "modifiers": [4], "ends": {"before": date(2010, 1, 1)}}),
    "VisitOccurrence": ({"VisitLength": {"Value": 1, "Op": "gt"}, "VisitType": [concept(44818517)]},
                        {"table": "visit_occurrence", "length": {"above": 1}, "types": [44818517]}),
}  # fmt: skip


@pytest.mark.parametrize("kind", DOMAINS)
def test_every_domain_is_read(kind):
    theirs, ours = DOMAINS[kind]
    expression = _changed(PrimaryCriteria={"CriteriaList": [{kind: {**theirs, "First": None}}]})
    assert _read(expression).entry == CohortDefinition(name="x", entry=[ours]).entry


def test_the_custom_era_and_distinct_counts():
    expression = _changed(
        EndStrategy={"CustomEra": {"DrugCodesetId": 0, "GapDays": 30, "Offset": 7, "DaysSupplyOverride": 28}}
    )
    assert dict(_read(expression).exit) == {
        "at": "end of exposure", "days": 0, "exposure": "drug", "gap": 30, "surveillance": 7, "days_supply": 28,
    }  # fmt: skip
    criteria = expression["AdditionalCriteria"]["CriteriaList"][0]
    criteria["Occurrence"] = {"Type": 0, "Count": 3, "IsDistinct": True, "CountColumn": "START_DATE"}
    criteria["StartWindow"] = window(-5, 5, UseIndexEnd=True, UseEventEnd=True)
    criteria["RestrictVisit"] = True
    found = _read(expression).given.events[0]
    assert (found.exactly, found.distinct, found.same_visit) == (3, "days", True)
    assert (found.window.index, found.window.event) == ("end", "end")


def _deep(path, value):
    expression = deepcopy(EXPRESSION)
    at = expression
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return expression


DRUG = ("PrimaryCriteria", "CriteriaList", 0, "DrugEra")
CASES = [
    (("Unknown",), {"x": 1}, "$.Unknown"),
    ((*DRUG, "DateAdjustment"), {"StartWith": "START_DATE"}, "$.PrimaryCriteria.CriteriaList[0].DrugEra.Date"),
    ((*DRUG, "GenderCS"), {"CodesetId": 1}, "$.PrimaryCriteria.CriteriaList[0].DrugEra.GenderCS"),
    ((*DRUG, "CodesetId"), 9, "$.PrimaryCriteria.CriteriaList[0].DrugEra.CodesetId"),
    ((*DRUG, "AgeAtStart"), {"Value": 18, "Op": "about"}, "DrugEra.AgeAtStart.Op"),
    ((*DRUG, "AgeAtStart"), {"Value": "18", "Op": "gt"}, "DrugEra.AgeAtStart.Value"),
    ((*DRUG, "EraStartDate"), {"Value": "01/02/2000", "Op": "gt"}, "DrugEra.EraStartDate.Value"),
    ((*DRUG, "First"), "yes", "DrugEra.First"),
    ((*DRUG, "ValueAsNumber"), {"Value": 1, "Op": "gt"}, "$.PrimaryCriteria.CriteriaList[0]"),
    (("PrimaryCriteria", "CriteriaList", 0), {"Specimen": {}}, "$.PrimaryCriteria.CriteriaList[0].Specimen"),
    (("PrimaryCriteria", "CriteriaList", 0), {"DrugEra": {}, "Death": {}}, "$.PrimaryCriteria.CriteriaList[0]"),
    (("PrimaryCriteria", "CriteriaList"), [], "$.PrimaryCriteria.CriteriaList"),
    (("PrimaryCriteria", "CriteriaList"), {}, "$.PrimaryCriteria.CriteriaList"),
    (("PrimaryCriteria", "PrimaryCriteriaLimit", "Type"), "Second", "$.PrimaryCriteria.PrimaryCriteriaLimit.Type"),
    (("PrimaryCriteria",), None, "$"),
    (("EndStrategy",), {"DateOffset": {"OffsetUnit": "hour", "Offset": 1}}, "$.EndStrategy.DateOffset.OffsetUnit"),
    (("EndStrategy",), {"CustomEra": {"DrugCodesetId": 4}}, "$.EndStrategy.CustomEra.DrugCodesetId"),
    (("EndStrategy",), {}, "$.EndStrategy"),
    (("CollapseSettings", "CollapseType"), "OTHER", "$.CollapseSettings.CollapseType"),
    (("CensorWindow", "EndDate"), "soon", "$.CensorWindow"),
    (("AdditionalCriteria", "Type"), "AT_LEAST", "$.AdditionalCriteria.Count"),
    (("AdditionalCriteria", "CriteriaList", 0, "Occurrence", "Type"), 7, "CriteriaList[0].Occurrence"),
    (("AdditionalCriteria", "CriteriaList", 0, "StartWindow", "Start"), {"Coeff": 1}, "StartWindow.Start.Days"),
    (("AdditionalCriteria", "DemographicCriteriaList", 0, "RaceCS"), {"CodesetId": 1}, "CriteriaList[0].RaceCS"),
    (("ConceptSets", 1, "id"), 0, "$.ConceptSets[1].id"),
    (("ConceptSets", 0, "expression", "items", 0, "concept"), {}, "$.ConceptSets[0].expression.items[0]"),
    (("ConceptSets", 0, "expression", "items"), [], "$.ConceptSets[0]"),
    (("InclusionRules", 0, "expression"), None, "$.InclusionRules[0]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "place"), CASES, ids=[f"{case[2]}-{k}" for k, case in enumerate(CASES)]
)
def test_anything_else_is_refused_by_its_path(path, value, place):
    with pytest.raises(FormatError) as caught:
        _read(_deep(path, value))
    assert place in caught.value.place


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"a": 1, "a": 2}'])
def test_text_that_is_no_expression(text):
    with pytest.raises(FormatError):
        read_circe(text, "users")


def test_definitions_come_from_files_inside_a_folder(tmp_path):
    study = tmp_path / "study"
    study.mkdir()
    (study / "users.json").write_text(json.dumps(EXPRESSION))
    (study / "users.toml").write_text(
        'name = "users"\ncollapse_gap = 3\nperiod_start = 2001-01-01\n'
        '[[entry]]\ntable = "drug_era"\nconcepts = 1001\n[[entry]]\ntable = "measurement"\nvalue = { at_least = 7 }\n'
    )
    (tmp_path / "outside.json").write_text(json.dumps(EXPRESSION))
    (study / "link.json").symlink_to(tmp_path / "outside.json")
    assert load_definition("users.json", folder=study) == SAME
    assert load_definition(study / "users.json", name="others").name == "others"
    ours = load_definition("users.toml", folder=study)
    assert (ours.collapse_gap, ours.period_start, len(ours.entry)) == (3, date(2001, 1, 1), 2)
    for path in ("../outside.json", str(tmp_path / "outside.json"), "link.json"):
        with pytest.raises(StudyError, match="leads out of the study's folder"):
            load_definition(path, folder=study)
    with pytest.raises(StudyError, match=r"\.json or a \.toml"):
        load_definition("users.sql", folder=study)
    with pytest.raises(StudyError, match="cannot read"):
        load_definition("nowhere.json", folder=study)
    (study / "bad.toml").write_text('name = "x"\nwash = 3\n[[entry]]\ntable = "drug_eras"\n')
    with pytest.raises(StudyError) as caught:
        load_definition("bad.toml", folder=study)
    assert "wash" in str(caught.value)
    assert "drug_eras" in str(caught.value)


def test_a_rule_within_another_observation_period_is_not_met(tmp_path):
    """The index event's observation period bounds a window without limit, and the other event's end (as in Circe)."""
    tables = base(1) | {
        "observation_period": [observed(1, "2000-01-01", "2004-01-01"), observed(1, "2004-06-01")],
        "drug_era": [era(1, TARGET, "2005-01-01")],
        "condition_occurrence": [condition(1, OUTCOME, "2003-01-01")],
    }
    expression = _changed(AdditionalCriteria=None, InclusionRules=[], CensoringCriteria=[])
    seen = deepcopy(EXPRESSION["AdditionalCriteria"]) | {"DemographicCriteriaList": []}
    with open_cdm(write_cdm(tmp_path, tables)) as cdm:
        assert build_cohort(cdm, _read(expression)).persons == 1
        assert build_cohort(cdm, _read(expression | {"AdditionalCriteria": seen})).persons == 0
