"""Material: what a study takes from the records once, for all its analyses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.cdm.cdm import Cdm
from understudy.causal.cdm.cdm_check import check
from understudy.causal.cohort import Cohort
from understudy.causal.cohorts.build import build_cohort
from understudy.causal.cohorts.comparison import Comparison, comparison
from understudy.causal.cohorts.control_cohorts import control_cohorts
from understudy.causal.cohorts.population import population
from understudy.causal.covariate_matrix import CovariateMatrix
from understudy.causal.covariates.build import build_covariates
from understudy.causal.propensity.propensity_model import PropensityModel, propensity_score
from understudy.causal.propensity.propensity_scores import PropensityScores
from understudy.causal.study.study import Study
from understudy.causal.study_population import StudyPopulation
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_ENTRY = ["person_id", "treatment", "start"]
Told = Callable[[str], None]


@dataclass(frozen=True, eq=False, repr=False)
class Material:
    """What a study takes from the records.

    Parameters
    ----------
    compared : Comparison
    at_risk : StudyPopulation
        Everybody, whatever the outcome: propensity scores are theirs.
    outcomes : mapping of str to StudyPopulation
        Of the outcomes in question.
    controls : mapping of str to Cohort
        Negative controls; their populations are made when they are analysed, for there may be hundreds.
    covariates : CovariateMatrix or None
        Of `at_risk`.
    model : PropensityModel or None
    cohorts : mapping of str to Cohort
        As they were built, by their names.
    doubts : tuple of str
        What is doubtful in the records, small counts masked.
    """

    compared: Comparison
    at_risk: StudyPopulation
    outcomes: Mapping[str, StudyPopulation]
    controls: Mapping[str, Cohort]
    covariates: CovariateMatrix | None
    model: PropensityModel | None
    cohorts: Mapping[str, Cohort] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of what was taken from the records: of cohorts, of those compared, of their covariates."""
        found = {f"cohort: {name}": rows_hash(each.rows) for name, each in self.cohorts.items()}
        found["study population"] = rows_hash(self.at_risk.rows)
        if self.covariates is not None:
            found["covariates"] = matrix_hash(self.covariates)
        return found

    def place(self, people: StudyPopulation) -> NDArray[np.int64]:
        """Where the rows of a population are among those at risk, shape (n,)."""
        where = self.at_risk.rows[_ENTRY].assign(place=np.arange(len(self.at_risk.rows)))
        return people.rows[_ENTRY].merge(where, on=_ENTRY, how="left")["place"].to_numpy(np.int64)

    def scores(self, people: StudyPopulation) -> PropensityScores | None:
        """Their propensity scores; None without a model."""
        if self.model is None:
            return None
        return PropensityScores(self.model.scores[self.place(people)], people.treatment)


def rows_hash(rows: pd.DataFrame) -> str:
    """SHA-256 of a table's columns."""
    found = hashlib.sha256()
    for name in rows:
        found.update(str(name).encode())
        values = rows[name].to_numpy()
        if values.dtype.kind == "M":  # whatever the resolution of the days
            values = values.astype("datetime64[D]").astype(np.int64)
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def matrix_hash(covariates: CovariateMatrix) -> str:
    """SHA-256 of a sparse matrix and the identifiers of its columns."""
    values = covariates.values
    parts = (values.indptr.astype(np.int64), values.indices.astype(np.int64), values.data)
    found = hashlib.sha256(covariates.covariates["covariate_id"].to_numpy(np.int64).tobytes())
    for part in parts:
        found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()


def gather(study: Study, cdm: Cdm, told: Told) -> Material:
    """Cohorts, populations, covariates and propensity scores.

    Raises
    ------
    StudyError
        If a concept set matches nothing, a side has nobody, or a negative control is an outcome.
    DataError
        If records contradict themselves, or a covariate is all but the treatment.
    """
    told("Checking the records")
    doubts = _doubts(cdm)
    told("Building cohorts")
    target, comparator, *outcomes = (
        build_cohort(cdm, each) for each in (study.target, study.comparator, *study.outcomes)
    )
    settings = study.file.population
    compared = comparison(cdm, target, comparator, settings)
    at_risk = population(compared, _nothing(), settings)
    asked = {each.name: population(compared, each, settings) for each in outcomes}
    controls = _control_cohorts(study, cdm)
    covariates = _covariates(study, cdm, at_risk, told)
    model = _model(study, covariates, at_risk, told)
    cohorts = {each.name: each for each in (target, comparator, *outcomes)}
    return Material(compared, at_risk, asked, controls, covariates, model, cohorts, doubts)


def _doubts(cdm: Cdm) -> tuple[str, ...]:
    """Warnings about rows of the records; an error stops the study, what is missing stops where it is asked for."""
    found = check(cdm)
    if not found.ok:
        problems = [Problem(str(each), "see `understudy rwe check`") for each in found.errors]
        raise DataError(problems, place=cdm.name)
    return tuple(str(each) for each in found.warnings if each.rows)


def _nothing() -> Cohort:
    """A cohort of an outcome that nobody has."""
    import pandas as pd

    days = pd.to_datetime(pd.Series([], dtype="datetime64[us]"))
    rows: pd.DataFrame = pd.DataFrame({"person_id": np.zeros(0, np.int64), "start": days, "end": days})
    return Cohort("no outcome", rows)


def _control_cohorts(study: Study, cdm: Cdm) -> dict[str, Cohort]:
    """Cohorts of negative controls by their names; none of them may be an outcome in question."""
    section, cohorts = study.file.negative_controls, {}
    for outcome in study.outcomes if section else ():
        cohorts = control_cohorts(
            cdm, study.controls, outcome=outcome, table=section.table, first=section.first_only
        )
    return {cohort.name: cohort for cohort in cohorts.values()}


def _covariates(study: Study, cdm: Cdm, people: StudyPopulation, told: Told) -> CovariateMatrix | None:
    if study.file.covariates is None:
        return None
    told("Building covariates")
    return build_covariates(cdm, people, study.file.covariates)


def _model(
    study: Study, covariates: CovariateMatrix | None, people: StudyPopulation, told: Told
) -> PropensityModel | None:
    if covariates is None:
        return None
    told("Fitting the propensity model")
    return propensity_score(covariates, people.treatment, study.file.propensity)
