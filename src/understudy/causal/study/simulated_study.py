"""Simulated study: records in which the effect is known, and the study that has to find it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.study.simulated_tables import OUTCOME, SimulatedPeople, tables
from understudy.core.errors import StudyError
from understudy.core.random import normals, uniforms
from understudy.core.text_files import write_texts

if TYPE_CHECKING:
    import pandas as pd

CONDITIONS = 24  # before treatment; the first eight act on treatment and outcomes
CONFOUNDERS = 8
CONTROLS = 40
_PREFERENCE = 0.35  # log odds of the target treatment by a confounder
_PROGNOSIS = 0.3  # log hazard of outcomes by a confounder
_RATE = 0.12  # of an outcome, a year
_SPREAD = 0.25  # of how much what is not recorded acts on one control or another, as a share of its mean


@dataclass(frozen=True)
class SimulatedStudy:
    """Records of new users of two drugs, in which the effect of one against the other is known.

    Age, sex and eight conditions act on who gets which drug and on what happens then; so does one thing that no record
    tells. Forty other outcomes depend on all of these but not on the drug: they are negative controls.

    Parameters
    ----------
    persons : int
    hazard_ratio : float
        Of the outcome in question, target against comparator.
    unmeasured : float
        How much what is not recorded acts on the choice of the drug and on the logarithm of hazards, a standard
        deviation of it; 0 for no unmeasured confounding.
    seed : int

    Raises
    ------
    StudyError
        For fewer than 100 persons or a hazard ratio that is not positive.

    Examples
    --------
    >>> study = SimulatedStudy(500, hazard_ratio=1.5)
    >>> frames = study.tables
    >>> len(frames["person"]), sorted(frames)[:3]
    (500, ['cdm_source', 'concept', 'concept_ancestor'])
    """

    persons: int = 4000
    hazard_ratio: float = 1.0
    unmeasured: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.persons < 100:
            raise StudyError(f"{self.persons} persons are too few", repair="simulate at least 100")
        if not self.hazard_ratio > 0:
            raise StudyError(f"a hazard ratio of {self.hazard_ratio:g}", repair="give one above 0")

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables of the CDM by their names."""
        return tables(self.people)

    @cached_property
    def people(self) -> SimulatedPeople:
        """Who they are, what they get and what happens to them."""
        age = 45 + 35 * self._uniform("age")[:, 0]
        female = self._uniform("sex")[:, 0] < 0.55
        hidden = self._normal("unmeasured")[:, 0]
        common = 0.08 + 0.2 * self._uniform("conditions", CONDITIONS + 1)[:, 0:1]
        conditions = self._uniform("conditions", CONDITIONS + 1)[:, 1:] < common * (0.6 + age[:, None] / 120)
        acting = conditions[:, :CONFOUNDERS].sum(axis=1) - 1.2
        standard_age = (age - 62.5) / 10
        leaning = -0.3 + _PREFERENCE * acting + 0.25 * standard_age + self.unmeasured * hidden
        target = self._uniform("treatment")[:, 0] < 1 / (1 + np.exp(-leaning))
        risk = _PROGNOSIS * acting + 0.3 * standard_age + 0.1 * ~female
        return SimulatedPeople(
            age, female, target, conditions, self._days("conditions' days", CONDITIONS, 360),
            self._days("entry", 1, 1400)[:, 0], 400 + self._days("history", 1, 1500)[:, 0],
            90 + self._days("exposure", 1, 600)[:, 0], self._outcome_days(risk, hidden, target),
        )  # fmt: skip

    def _outcome_days(self, risk: NDArray, hidden: NDArray, target: NDArray) -> NDArray[np.int64]:
        """Day of the outcome in question, then of each control, counted from entry; shape (n, 1 + controls)."""
        acts = self.unmeasured * np.append(
            1.0, 1 + _SPREAD * normals(self.seed, "controls", range(CONTROLS), 1)[:, 0]
        )
        hazards = _RATE * np.exp(risk[:, None] + hidden[:, None] * acts)
        hazards[:, 0] *= np.where(target, self.hazard_ratio, 1.0)
        waits = -np.log(self._uniform("outcomes", 1 + CONTROLS)) / hazards
        return np.minimum(np.floor(365.25 * waits), 10**6).astype(np.int64) + 1

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write ``study.toml`` and the CDM, ``cdm/*.csv``; the files.

        Raises
        ------
        StudyError
            If the folder has a study already.
        """
        if (folder / "study.toml").exists():
            raise StudyError("there is a study already", place=str(folder), repair="name another folder")
        texts = {
            f"cdm/{name}.csv": frame.to_csv(index=False, lineterminator="\n")
            for name, frame in self.tables.items()
        }
        controls = "".join(f"{OUTCOME + k},control {k}\n" for k in range(1, CONTROLS + 1))
        texts["controls.csv"] = f"concept_id,name\n{controls}"
        return write_texts(folder, {"study.toml": STUDY, **texts})

    def _uniform(self, purpose: str, count: int = 1) -> NDArray[np.float64]:
        return uniforms(self.seed, purpose, range(self.persons), count)

    def _normal(self, purpose: str) -> NDArray[np.float64]:
        return normals(self.seed, purpose, range(self.persons), 1)

    def _days(self, purpose: str, count: int, longest: int) -> NDArray[np.int64]:
        return np.floor(longest * self._uniform(purpose, count)).astype(np.int64)


STUDY = """\
title = "Two drugs and an outcome, simulated"
question = "Do new users of the target drug have the outcome more often than new users of the comparator?"

[cdm]
path = "cdm"
site = "simulated"

[target]
name = "target drug"
entry = [{ table = "drug_era", concepts = 1000001 }]

[comparator]
name = "comparator drug"
entry = [{ table = "drug_era", concepts = 1000002 }]

[[outcomes]]
name = "outcome"
entry = [{ table = "condition_occurrence", concepts = 2000000 }]

[population]
both_cohorts = "remove all"
washout = 365

[covariates]
analyses = ["DemographicsGender", "DemographicsAgeGroup", "DemographicsIndexYear", "ConditionGroupEraLongTerm"]
excluded_concepts = [1000001, 1000002]

[[analyses]]
name = "crude"
waive = { balance = "shown beside the others, to see what adjustment does" }

[[analyses]]
name = "matched"
adjustment = "match"

[[analyses]]
name = "stratified"
adjustment = "stratify"

[[analyses]]
name = "weighted"
adjustment = "weight"

[negative_controls]
file = "controls.csv"
"""
