"""Simulated tables: people of a simulated study as the tables of an OMOP CDM 5.4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

TARGET, COMPARATOR = 1_000_001, 1_000_002
OUTCOME = 2_000_000  # controls follow it
GROUP, CONDITION = 3_000_000, 3_000_001
_FINDING = 441840  # SNOMED's "clinical finding", below which groups of conditions are
_MALE, _FEMALE, _RECORD = 8507, 8532, 32817
_FIRST = np.datetime64("2012-01-01")
_AFTER = 60  # days under observation after the exposure


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedPeople:
    """People and what happens to them; n persons.

    Parameters
    ----------
    age : float array, shape (n,)
        Years at entry.
    female, target : bool array, shape (n,)
    conditions : bool array, shape (n, k)
        Recorded in the year before entry.
    condition_days : int array, shape (n, k)
        Days before entry on which they were recorded.
    entry, history, exposure : int array, shape (n,)
        Day of entry since 2012; days of observation before it, and of exposure after it.
    outcome_days : int array, shape (n, m)
        Days after entry on which outcomes would happen.
    """

    age: NDArray[np.float64]
    female: NDArray[np.bool_]
    target: NDArray[np.bool_]
    conditions: NDArray[np.bool_]
    condition_days: NDArray[np.int64]
    entry: NDArray[np.int64]
    history: NDArray[np.int64]
    exposure: NDArray[np.int64]
    outcome_days: NDArray[np.int64]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Identifiers, from 1."""
        return np.arange(1, self.age.size + 1)

    @property
    def entry_day(self) -> NDArray[np.datetime64]:
        """Date of entry."""
        return _FIRST + self.entry


def tables(people: SimulatedPeople) -> dict[str, pd.DataFrame]:
    """The tables that a study needs."""
    occurrences = _occurrences(people)
    return {
        "cdm_source": _source(),
        "concept": _concepts(people),
        "concept_ancestor": _ancestors(people),
        "person": _person(people),
        "observation_period": _observation(people),
        "drug_era": _drugs(people),
        "condition_occurrence": occurrences,
        "condition_era": _eras(occurrences),
    }


def _frame(**columns: object) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns)


def _source() -> pd.DataFrame:
    return _frame(cdm_source_name=["Simulated records"], cdm_source_abbreviation=["simulated"], cdm_version=["5.4"],
                  vocabulary_version=["simulated"])  # fmt: skip


def _person(people: SimulatedPeople) -> pd.DataFrame:
    born = people.entry_day.astype("datetime64[Y]").astype(int) + 1970 - people.age.astype(int)
    return _frame(
        person_id=people.numbers, gender_concept_id=np.where(people.female, _FEMALE, _MALE), year_of_birth=born,
        month_of_birth=1, day_of_birth=1, race_concept_id=0, ethnicity_concept_id=0,
    )  # fmt: skip


def _observation(people: SimulatedPeople) -> pd.DataFrame:
    return _frame(
        observation_period_id=people.numbers, person_id=people.numbers,
        observation_period_start_date=people.entry_day - people.history,
        observation_period_end_date=people.entry_day + people.exposure + _AFTER,
        period_type_concept_id=_RECORD,
    )  # fmt: skip


def _drugs(people: SimulatedPeople) -> pd.DataFrame:
    return _frame(
        drug_era_id=people.numbers, person_id=people.numbers,
        drug_concept_id=np.where(people.target, TARGET, COMPARATOR),
        drug_era_start_date=people.entry_day, drug_era_end_date=people.entry_day + people.exposure,
        drug_exposure_count=1, gap_days=0,
    )  # fmt: skip


def _occurrences(people: SimulatedPeople) -> pd.DataFrame:
    """Conditions before entry, and outcomes while under observation."""
    who, which = np.nonzero(people.conditions)
    before = people.entry_day[who] - people.condition_days[who, which] - 1
    seen = people.outcome_days <= (people.exposure + _AFTER)[:, None]
    whom, what = np.nonzero(seen)
    after = people.entry_day[whom] + people.outcome_days[whom, what]
    days = np.concatenate([before, after])
    found = _frame(
        person_id=people.numbers[np.concatenate([who, whom])],
        condition_concept_id=np.concatenate([CONDITION + which, OUTCOME + what]),
        condition_start_date=days, condition_end_date=days, condition_type_concept_id=_RECORD,
    )  # fmt: skip
    found.insert(0, "condition_occurrence_id", np.arange(1, len(found) + 1))
    return found


def _eras(occurrences: pd.DataFrame) -> pd.DataFrame:
    return _frame(
        condition_era_id=occurrences["condition_occurrence_id"], person_id=occurrences["person_id"],
        condition_concept_id=occurrences["condition_concept_id"],
        condition_era_start_date=occurrences["condition_start_date"],
        condition_era_end_date=occurrences["condition_end_date"], condition_occurrence_count=1,
    )  # fmt: skip


def _names(people: SimulatedPeople) -> dict[int, tuple[str, str, str]]:
    """Name, domain and vocabulary of every concept."""
    found = {_MALE: ("MALE", "Gender", "Gender"), _FEMALE: ("FEMALE", "Gender", "Gender")}
    found |= {TARGET: ("target drug", "Drug", "RxNorm"), COMPARATOR: ("comparator drug", "Drug", "RxNorm")}
    found |= {
        OUTCOME + k: (f"control {k}" if k else "outcome", "Condition", "SNOMED")
        for k in range(people.outcome_days.shape[1])
    }
    found[_FINDING] = ("Clinical finding", "Condition", "SNOMED")
    found[GROUP] = ("condition before treatment", "Condition", "SNOMED")
    found |= {
        CONDITION + k: (f"condition {k + 1}", "Condition", "SNOMED")
        for k in range(people.conditions.shape[1])
    }
    return found


def _concepts(people: SimulatedPeople) -> pd.DataFrame:
    names = _names(people)
    name, domain, vocabulary = zip(*names.values(), strict=True)
    classes = {"Drug": "Ingredient", "Condition": "Clinical Finding", "Gender": "Gender"}
    return _frame(
        concept_id=list(names), concept_name=name, domain_id=domain, vocabulary_id=vocabulary,
        concept_class_id=[classes[each] for each in domain], standard_concept="S",
        concept_code=[str(each) for each in names], valid_start_date="1970-01-01", valid_end_date="2099-12-31",
        invalid_reason="",
    )  # fmt: skip


def _ancestors(people: SimulatedPeople) -> pd.DataFrame:
    """Every concept descends from itself; conditions before treatment from their group, and all from a finding."""
    own = np.array(list(_names(people)))
    conditions = CONDITION + np.arange(people.conditions.shape[1])
    groups = np.full(conditions.size, GROUP)
    findings = np.full(conditions.size + 1, _FINDING)
    levels = np.repeat([0, 1, 3, 4], [own.size, conditions.size, 1, conditions.size])
    return _frame(
        ancestor_concept_id=np.concatenate([own, groups, findings]),
        descendant_concept_id=np.concatenate([own, conditions, [GROUP], conditions]),
        min_levels_of_separation=levels, max_levels_of_separation=levels,
    )  # fmt: skip
