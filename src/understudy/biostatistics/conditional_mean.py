"""Conditional mean imputation: one imputation without noise, its error by the jackknife.

Wolbers, Noci, Delmar, Gower-Page, Yiu & Bartlett 2022, doi:10.1002/pst.2234.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.conditional_normal import conditional_normal
from understudy.biostatistics.covariance_search import Maximum, maximise
from understudy.biostatistics.covariance_structure import covariance_structure
from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.estimates import Estimate, Estimates
from understudy.biostatistics.imputation import arm_estimates, arm_rows, patient_distribution
from understudy.biostatistics.imputation_posterior import ParameterDraws
from understudy.biostatistics.incomplete_outcomes import STRATEGIES, IncompleteOutcomes, incomplete_outcomes
from understudy.biostatistics.linear_model import orthogonal_factors
from understudy.biostatistics.repeated_measures import RepeatedMeasures, repeated_measures

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ConditionalMean:
    """Comparison of arms after conditional mean imputation.

    Attributes
    ----------
    estimates : Estimates
        Differences from the reference arm and least-squares means, with normal intervals.
    values : array, shape (n, visits)
        The completed outcomes.
    leave_one_out : array, shape (n, estimates)
        Estimates without each patient.
    """

    estimates: Estimates
    values: Array
    leave_one_out: Array

    def __getitem__(self, name: str) -> Estimate:
        return self.estimates[name]

    def table(self) -> pd.DataFrame:
        """Estimates, one a row."""
        return self.estimates.table()

    def __repr__(self) -> str:
        return f"Conditional mean imputation, jackknife over {len(self.values)} patients\n{self.estimates}"


def conditional_mean(
    outcome: ArrayLike,
    design: Design,
    *,
    arm: str,
    strategy: str | Mapping[str, str] = STRATEGIES[0],
    reference: object = None,
    deviation: ArrayLike | None = None,
    visit: int = -1,
    level: float = 0.95,
) -> ConditionalMean:
    """Impute conditional means of a model fitted by REML, compare arms, and jackknife the whole.

    Nothing in it is random, so it checks multiple imputation; its standard errors are those of repeated sampling, which for
    reference-based strategies are smaller than Rubin's.

    Parameters
    ----------
    outcome, design, arm, strategy, reference, deviation
        As for `impute`; the covariance of visits is common to all arms.
    visit : int
        Visit at which arms are compared, from zero, or from the end below zero.
    level : float

    Returns
    -------
    ConditionalMean

    Raises
    ------
    DataError, UnderstudyError
        For bad values or settings, or a covariance that cannot be estimated, with or without a patient.

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> visits = [[1, 2], [2, 2], [1, 1], [2, 3], [3, 3], [0, 1], [3, 5], [4, 6], [5, 6], [3, np.nan], [4, 7], [5, 5]]
    >>> design = design_matrix({"arm": ["placebo"] * 6 + ["drug"] * 6}, reference={"arm": "placebo"})
    >>> found = conditional_mean(visits, design, arm="arm")
    >>> round(found["drug - placebo"].value, 3), round(found["drug - placebo"].standard_error, 3)
    (3.481, 0.503)
    """
    data = incomplete_outcomes(
        outcome, design, arm=arm, strategy=strategy, reference=reference, deviation=deviation
    )
    rows = arm_rows(design, arm, data.reference)
    fitted = _fit(data, None)
    values = _completed(data, fitted)
    point = _estimated(data, rows, values, visit)
    start = tuple(covariance_structure("unstructured", data.visits).matrix(n) for n in fitted[1].naturals)
    left_out = []
    for patient in range(len(data.values)):
        part = data.without(patient)
        again = _completed(part, _fit(part, start))
        # Means over covariates move with the patients who are left, as in a sample of their own.
        left_out.append(_estimated(part, arm_rows(part.design, arm, part.reference), again, visit))
    spread = np.array(left_out)
    count = len(spread)
    errors = np.sqrt((count - 1) / count * np.sum((spread - spread.mean(axis=0)) ** 2, axis=0))
    estimates = Estimates(tuple(rows), point, errors, np.full(len(point), np.inf), level)
    return ConditionalMean(estimates, values, spread)


def _fit(data: IncompleteOutcomes, start: tuple[Array, ...] | None) -> tuple[RepeatedMeasures, Maximum]:
    """REML fit of the multivariate regression, each visit with coefficients of its own."""
    seen = ~np.isnan(data.model_values)
    patients, visits = np.nonzero(seen)
    kept, patients = np.unique(patients, return_inverse=True)
    x = data.covariates
    wide = np.zeros((len(visits), data.visits, x.shape[1]))
    wide[np.arange(len(visits)), visits] = x[kept[patients]]
    matrix = wide.reshape(len(visits), -1)
    names = [f"visit {visit + 1}, {name}" for visit in range(data.visits) for name in data.design.names]
    factors = orthogonal_factors(matrix, names)
    groups = np.zeros(len(kept), dtype=int)
    measured = repeated_measures(data.model_values[seen], factors, patients, visits, groups)
    structure = covariance_structure("unstructured", data.visits)
    return measured, maximise(measured, structure, True, start)


def _completed(data: IncompleteOutcomes, fitted: tuple[RepeatedMeasures, Maximum]) -> Array:
    measured, best = fitted
    beta = measured.offset + np.linalg.solve(measured.triangle, best.level.beta)
    sigma = covariance_structure("unstructured", data.visits).matrix(best.naturals[0])
    single = ParameterDraws(beta.reshape(1, data.visits, -1).swapaxes(1, 2), sigma[None], 0)
    draws = dict.fromkeys(data.design.levels(data.arm), single)
    values = data.values.copy()
    for patient in np.flatnonzero(np.isnan(values).any(axis=1)):
        gap = np.isnan(values[patient])
        mean, spread = patient_distribution(data, patient, draws)
        values[patient, gap] = conditional_normal(data.values[patient], gap, mean[0], spread[0])
    return values


def _estimated(data: IncompleteOutcomes, rows: Mapping[str, Array], values: Array, visit: int) -> Array:
    return arm_estimates(data.design, rows, values[None, :, visit])[0][0]
