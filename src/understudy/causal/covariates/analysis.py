"""Analysis: one way of making covariates from a table of the CDM, with OHDSI's number and name.

A covariate's identifier ends in the number of its analysis; numbers, names and what they stand for are those of OHDSI's
FeatureExtraction (Schuemie et al., FeatureExtraction: Generating features for a cohort, R package, version 3.13).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BINARY = ("concept", "inpatient", "group", "range", "pair", "level")
WINDOWS = {"AnyTimePrior": "any", "LongTerm": "long", "MediumTerm": "medium", "ShortTerm": "short"}
BY_DEFAULT = frozenset(
    {1, 3, 4, 5, 6, 7, 210, 212, 410, 412, 413, 502, 504, 602, 604, 702, 704, 710, 712, 714, 716}
    | {802, 804, 806, 808, 901, 902, 903, 904}
)


@dataclass(frozen=True)
class CovariateAnalysis:
    """One way of making covariates.

    Parameters
    ----------
    id : int
        Last three digits of its covariates' identifiers.
    name : str
        OHDSI's name.
    kind : str
        ``concept`` (one covariate a concept), ``inpatient`` (the same, during a stay in hospital), ``group`` (one an
        ancestor), ``number`` (last value of a measurement), ``range`` (below, within, above normal), ``pair`` (a
        concept with a concept for its value), ``distinct`` and ``count`` (how many concepts, records), ``by_concept``
        (how many records of each), ``level`` and ``days`` (of the entry or the person), ``score``.
    table : str
        Table of the CDM; empty where it is the entry or the person.
    window : str
        ``any`` (all that came before), ``long``, ``medium``, ``short``, ``end`` (its last day), or empty.
    starts : bool
        Whether only the first day of a record must lie in the window, instead of any.

    Examples
    --------
    >>> ANALYSES["ConditionGroupEraLongTerm"].id
    210
    >>> ANALYSES["DrugEraStartShortTerm"].starts
    True
    """

    id: int
    name: str
    kind: str
    table: str = ""
    window: str = ""
    starts: bool = False

    @property
    def binary(self) -> bool:
        """Whether its covariates are present or absent."""
        return self.kind in BINARY

    @property
    def missing_means_zero(self) -> bool:
        """Whether a person without an entry has zero of it, instead of not having been measured."""
        return self.kind != "number" and self.name != "DemographicsAge"

    @property
    def default(self) -> bool:
        """Whether it belongs to OHDSI's default set."""
        return self.id in BY_DEFAULT


def _demographics() -> Iterator[CovariateAnalysis]:
    levels = {1: "Gender", 3: "AgeGroup", 4: "Race", 5: "Ethnicity", 6: "IndexYear", 7: "IndexMonth"}
    days = {2: "Age", 8: "PriorObservationTime", 9: "PostObservationTime", 10: "TimeInCohort"}
    for id, name in sorted({**levels, **days, 11: "IndexYearMonth"}.items()):
        yield CovariateAnalysis(id, f"Demographics{name}", "days" if id in days else "level")


def _four(first: int, name: str, kind: str, table: str) -> Iterator[CovariateAnalysis]:
    """Any time before, long, medium and short term, with consecutive numbers."""
    for id, (suffix, window) in enumerate(WINDOWS.items(), first):
        yield CovariateAnalysis(id, name + suffix, kind, table, window)


def _eight(first: int, name: str, kind: str, table: str) -> Iterator[CovariateAnalysis]:
    """The same of eras; then those under way at the window's end, and those that begin in the three windows."""
    yield from _four(first, name, kind, table)
    yield CovariateAnalysis(first + 4, name + "Overlapping", kind, table, "end")
    for id, (suffix, window) in enumerate(list(WINDOWS.items())[1:], first + 5):
        yield CovariateAnalysis(id, f"{name}Start{suffix}", kind, table, window, starts=True)


def _three(first: int, name: str, kind: str, table: str) -> Iterator[CovariateAnalysis]:
    """Long, medium and short term."""
    for id, (suffix, window) in enumerate(list(WINDOWS.items())[1:], first):
        yield CovariateAnalysis(id, name + suffix, kind, table, window)


def _all() -> Iterator[CovariateAnalysis]:
    yield from _demographics()
    yield from _four(101, "ConditionOccurrence", "concept", "condition_occurrence")
    yield from _four(105, "ConditionOccurrencePrimaryInpatient", "inpatient", "condition_occurrence")
    yield from _eight(201, "ConditionEra", "concept", "condition_era")
    yield from _eight(209, "ConditionGroupEra", "group", "condition_era")
    yield from _four(301, "DrugExposure", "concept", "drug_exposure")
    yield from _eight(401, "DrugEra", "concept", "drug_era")
    yield from _eight(409, "DrugGroupEra", "group", "drug_era")
    yield from _four(501, "ProcedureOccurrence", "concept", "procedure_occurrence")
    yield from _four(601, "DeviceExposure", "concept", "device_exposure")
    yield from _four(701, "Measurement", "concept", "measurement")
    yield from _four(705, "MeasurementValue", "number", "measurement")
    yield from _four(709, "MeasurementRangeGroup", "range", "measurement")
    yield from _four(713, "MeasurementValueAsConcept", "pair", "measurement")
    yield from _four(801, "Observation", "concept", "observation")
    yield from _four(805, "ObservationValueAsConcept", "pair", "observation")
    for id, name in enumerate(("CharlsonIndex", "Dcsi", "Chads2", "Chads2Vasc"), 901):
        yield CovariateAnalysis(id, name, "score", "condition_era", "any")
    yield from _three(905, "DistinctConditionCount", "distinct", "condition_era")
    yield from _three(908, "DistinctIngredientCount", "distinct", "drug_era")
    yield from _three(911, "DistinctProcedureCount", "distinct", "procedure_occurrence")
    yield from _three(914, "DistinctMeasurementCount", "distinct", "measurement")
    yield from _three(917, "DistinctObservationCount", "distinct", "observation")
    yield from _three(920, "VisitCount", "count", "visit_occurrence")
    yield from _three(923, "VisitConceptCount", "by_concept", "visit_occurrence")
    yield CovariateAnalysis(926, "Hfrs", "score", "condition_era", "any")


ANALYSES: dict[str, CovariateAnalysis] = {each.name: each for each in _all()}
BY_ID: dict[int, CovariateAnalysis] = {each.id: each for each in ANALYSES.values()}
DEFAULTS: tuple[str, ...] = tuple(name for name, each in ANALYSES.items() if each.default)
