"""Conditional mean imputation: one imputation without noise, its error by the jackknife.

Wolbers, Noci, Delmar, Gower-Page, Yiu & Bartlett 2022, doi:10.1002/pst.2234.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.conditional_normal import conditional_normal
from understudy.biostatistics.covariance_search import Maximum, maximise
from understudy.biostatistics.covariance_structure import covariance_structure
from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.estimates import Estimates
from understudy.biostatistics.imputation import arm_estimates, arm_rows, patient_distributions
from understudy.biostatistics.imputation_posterior import ParameterDraws
from understudy.biostatistics.incomplete_outcomes import STRATEGIES, IncompleteOutcomes, incomplete_outcomes
from understudy.biostatistics.linear_model import orthogonal_factors
from understudy.biostatistics.repeated_measures import RepeatedMeasures, repeated_measures
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ConditionalMean:
    """Outcomes completed by conditional means, with the jackknife.

    Attributes
    ----------
    values : array, shape (n, visits)
        The completed outcomes.
    names : tuple of str
        Differences from the reference arm, and least-squares means of arms.
    estimates : array, shape (visits, names)
        By analysis of covariance at each visit.
    leave_one_out : array, shape (n, visits, names)
        The same without each patient.
    """

    values: Array
    names: tuple[str, ...]
    estimates: Array
    leave_one_out: Array

    def ancova(self, visit: int = -1, *, level: float = 0.95) -> Estimates:
        """Compare arms at a visit, with jackknife standard errors and normal intervals.

        Parameters
        ----------
        visit : int
            Position of the visit, from zero, or from the end below zero.
        level : float
        """
        apart = self.leave_one_out[:, visit] - self.leave_one_out[:, visit].mean(axis=0)
        errors = np.sqrt((len(apart) - 1) / len(apart) * np.sum(apart**2, axis=0))
        return Estimates(
            self.names, self.estimates[visit].copy(), errors, np.full(len(errors), np.inf), level
        )

    def table(self) -> pd.DataFrame:
        """Estimates at all visits, counted from 1."""
        import pandas as pd

        visits = range(len(self.estimates))
        return pd.concat({visit + 1: self.ancova(visit).table() for visit in visits}, names=["visit"])

    def __repr__(self) -> str:
        return (
            f"Conditional mean imputation, jackknife over {len(self.values)} patients; at the last visit\n"
            f"{self.ancova()}"
        )


def conditional_mean(
    outcome: ArrayLike,
    design: Design,
    *,
    arm: str,
    strategy: str | Mapping[str, str] = STRATEGIES[0],
    reference: object = None,
    deviation: ArrayLike | None = None,
) -> ConditionalMean:
    """Impute conditional means of a model fitted by REML, compare arms, and jackknife the whole.

    Nothing in it is random, so it checks multiple imputation; its standard errors are those of repeated sampling, which
    for reference-based strategies are smaller than Rubin's.

    Parameters
    ----------
    outcome, design, arm, strategy, reference, deviation
        As for `impute`; the covariance of visits is common to all arms.

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
    >>> found = conditional_mean(visits, design, arm="arm").ancova()["drug - placebo"]
    >>> round(found.value, 3), round(found.standard_error, 3)
    (3.699, 0.564)
    """
    data = incomplete_outcomes(
        outcome, design, arm=arm, strategy=strategy, reference=reference, deviation=deviation
    )
    measured, rows = _measured(data)
    best = maximise(measured, covariance_structure("unstructured", data.visits), True)
    values = _completed(data, measured, best)
    names, estimates = _estimated(data, values)
    again = [
        _estimated(part, _completed(part, *fit))[1] for part, fit in _left_out(data, measured, rows, best)
    ]
    return ConditionalMean(values, names, estimates, np.array(again))


def _left_out(
    data: IncompleteOutcomes, measured: RepeatedMeasures, rows: NDArray[np.int64], best: Maximum
) -> Iterator[tuple[IncompleteOutcomes, tuple[RepeatedMeasures, Maximum]]]:
    """The data without each patient, with the model fitted anew."""
    structure = covariance_structure("unstructured", data.visits)
    start = (structure.matrix(best.naturals[0]),)
    for patient in range(len(data.values)):
        at = np.flatnonzero(rows == patient)
        if not len(at):  # a patient without any measurement says nothing of the model
            yield data.without(patient), (measured, best)
            continue
        part = measured.without(int(at[0]))
        try:
            yield data.without(patient), (part, maximise(part, structure, True, start))
        except (np.linalg.LinAlgError, UnderstudyError) as error:
            raise UnderstudyError(
                f"without patient {patient} the imputation model cannot be fitted",
                place="jackknife",
                repair="leave covariates out, or join levels or visits that few patients have",
            ) from error


def _measured(data: IncompleteOutcomes) -> tuple[RepeatedMeasures, NDArray[np.int64]]:
    """What the likelihood needs, each visit with coefficients of its own, and which patients have measurements."""
    seen = ~np.isnan(data.model_values)
    patients, visits = np.nonzero(seen)
    rows, patients = np.unique(patients, return_inverse=True)
    x = data.covariates
    wide = np.zeros((len(visits), data.visits, x.shape[1]))
    wide[np.arange(len(visits)), visits] = x[rows[patients]]
    names = [f"visit {visit + 1}, {name}" for visit in range(data.visits) for name in data.design.names]
    factors = orthogonal_factors(wide.reshape(len(visits), -1), names)
    groups = np.zeros(len(rows), dtype=int)
    return repeated_measures(data.model_values[seen], factors, patients, visits, groups), rows


def _completed(data: IncompleteOutcomes, measured: RepeatedMeasures, best: Maximum) -> Array:
    beta = measured.offset + np.linalg.solve(measured.triangle, best.level.beta)
    sigma = covariance_structure("unstructured", data.visits).matrix(best.naturals[0])
    single = ParameterDraws(beta.reshape(1, data.visits, -1).swapaxes(1, 2), sigma[None], 0)
    draws = dict.fromkeys(data.design.levels(data.arm), single)
    values = data.values.copy()
    rows = np.flatnonzero(np.isnan(values).any(axis=1))
    means, spreads = patient_distributions(data, rows, draws)
    for patient, mean, spread in zip(rows, means, spreads, strict=True):
        gap = np.isnan(values[patient])
        values[patient, gap] = conditional_normal(data.values[patient], gap, mean[0], spread[0])
    return values


def _estimated(data: IncompleteOutcomes, values: Array) -> tuple[tuple[str, ...], Array]:
    """Names and estimates at all visits; means over covariates are those of the patients at hand."""
    rows = arm_rows(data.design, data.arm, data.reference)
    return tuple(rows), arm_estimates(data.design, rows, values.T)[0]
