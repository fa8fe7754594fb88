"""Columns: where each table of the CDM keeps what a criterion may ask of an event."""

from __future__ import annotations

# key of a criterion → table → column
NUMBER_COLUMNS: dict[str, dict[str, str]] = {
    "value": {"measurement": "value_as_number", "observation": "value_as_number"},
    "range_low": {"measurement": "range_low"},
    "range_high": {"measurement": "range_high"},
    "quantity": {
        "drug_exposure": "quantity",
        "procedure_occurrence": "quantity",
        "device_exposure": "quantity",
    },
    "days_supply": {"drug_exposure": "days_supply"},
    "refills": {"drug_exposure": "refills"},
    "dose": {"dose_era": "dose_value"},
    "occurrences": {"drug_era": "drug_exposure_count", "condition_era": "condition_occurrence_count"},
    "gap_days": {"drug_era": "gap_days"},
}
_TYPES = {
    "condition_occurrence": "condition_type_concept_id",
    "drug_exposure": "drug_type_concept_id",
    "procedure_occurrence": "procedure_type_concept_id",
    "measurement": "measurement_type_concept_id",
    "observation": "observation_type_concept_id",
    "device_exposure": "device_type_concept_id",
    "visit_occurrence": "visit_type_concept_id",
    "death": "death_type_concept_id",
    "observation_period": "period_type_concept_id",
}
CONCEPT_COLUMNS: dict[str, dict[str, str]] = {
    "types": _TYPES,
    "not_types": _TYPES,
    "statuses": {"condition_occurrence": "condition_status_concept_id"},
    "values": {"measurement": "value_as_concept_id", "observation": "value_as_concept_id"},
    "units": {
        "measurement": "unit_concept_id",
        "observation": "unit_concept_id",
        "dose_era": "unit_concept_id",
    },
    "operators": {"measurement": "operator_concept_id"},
    "qualifiers": {"observation": "qualifier_concept_id"},
    "modifiers": {"procedure_occurrence": "modifier_concept_id"},
    "routes": {"drug_exposure": "route_concept_id"},
    "visits": {
        name: "visit_occurrence_id"
        for name in (
            "condition_occurrence", "drug_exposure", "procedure_occurrence", "measurement", "observation",
            "device_exposure",
        )
    },
}  # fmt: skip
# keys that need more than one column
LENGTHS: dict[str, tuple[str, ...]] = {
    "length": ("drug_era", "condition_era", "dose_era", "visit_occurrence", "observation_period"),
    "ratio_to_low": ("measurement",),
    "ratio_to_high": ("measurement",),
    "abnormal": ("measurement",),
}
# SQL of an event's last day, from its table's columns; the day after the first where nothing is known (as Circe has it)
ENDS: dict[str, str] = {
    "drug_exposure": "coalesce(t.drug_exposure_end_date, "
    "t.drug_exposure_start_date + CAST(t.days_supply AS INTEGER), t.drug_exposure_start_date + 1)",
    "condition_occurrence": "coalesce(t.condition_end_date, t.condition_start_date + 1)",
    "device_exposure": "coalesce(t.device_exposure_end_date, t.device_exposure_start_date + 1)",
    "procedure_occurrence": "coalesce(t.procedure_end_date, t.procedure_date + 1)",
    "visit_occurrence": "coalesce(t.visit_end_date, t.visit_start_date + 1)",
    "measurement": "t.measurement_date + 1",
    "observation": "t.observation_date + 1",
    "death": "t.death_date + 1",
}
