"""Mixed models for repeated measurements (MMRM): marginal normal models with a covariance between visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.contrasts import RegressionFit, Weights, wald_test, weight_rows
from understudy.biostatistics.covariance_search import maximise
from understudy.biostatistics.covariance_structure import CovarianceStructure, covariance_structure
from understudy.biostatistics.design_matrix import Design, Variable, known_levels, ordered_levels
from understudy.biostatistics.estimates import Estimates, FTest
from understudy.biostatistics.kenward_roger import (
    SmallSample,
    kenward_roger,
    satterthwaite_several,
    satterthwaite_single,
    small_sample,
)
from understudy.biostatistics.linear_model import orthogonal_factors
from understudy.biostatistics.numeric_column import category_column, numeric_column
from understudy.biostatistics.repeated_measures import RepeatedMeasures, repeated_measures
from understudy.core.errors import DataError, Problem, UnderstudyError

FREEDOMS = ("kenward-roger", "satterthwaite", "normal")


@dataclass(frozen=True, eq=False)
class MMRM(RegressionFit):
    """A fitted mixed model for repeated measurements.

    Attributes
    ----------
    design : Design
        Of all rows given, those without an outcome too: least-squares means average over them.
    coefficients : Estimates
    covariance : array, shape (p, p)
        Of the coefficients; Kenward and Roger's adjusted one with their degrees of freedom.
    visits, groups : tuple of str
    visit_covariance : mapping of group to array, shape (visits, visits)
        One entry, named ``"all"``, without groups.
    structure : CovarianceStructure
    method : {"REML", "ML"}
    freedom : {"kenward-roger", "satterthwaite", "normal"}
    deviance : float
        Minus twice the (restricted) log-likelihood.
    patients, observations, missing : int
        Patients with an outcome at all; rows used; rows without an outcome.
    steps : int
        Newton steps that were needed.
    """

    design: Design
    coefficients: Estimates
    covariance: NDArray[np.float64]
    visits: tuple[str, ...]
    groups: tuple[str, ...]
    visit_covariance: Mapping[str, NDArray[np.float64]]
    structure: CovarianceStructure
    method: str
    freedom: str
    deviance: float
    patients: int
    observations: int
    missing: int
    steps: int
    _small: SmallSample

    @property
    def covariance_parameters(self) -> int:
        """Number of covariance parameters."""
        return self.structure.count * len(self.groups)

    @property
    def aic(self) -> float:
        """Akaike's criterion; with REML it compares covariances of one design only, as the deviance does."""
        fixed = len(self.coefficients.names) if self.method == "ML" else 0
        return self.deviance + 2 * (self.covariance_parameters + fixed)

    def contrasts(self, weights: Weights) -> Estimates:
        """Linear combinations of coefficients, each a vector, or a mapping of coefficient to weight."""
        rows = weight_rows(self.coefficients.names, weights)
        return _judged(
            tuple(weights), rows, self.coefficients.values, self._small, self.freedom, self.coefficients.level
        )

    def test(self, name: str, rows: ArrayLike) -> FTest:
        """F test that all contrasts, shape (q, p), are zero; chi-square over q with normal intervals."""
        matrix = np.atleast_2d(np.asarray(rows, dtype=float))
        beta, scale, freedom = self.coefficients.values, 1.0, np.inf
        if self.freedom == "kenward-roger":
            freedom, scale = kenward_roger(self._small, matrix)
        elif self.freedom == "satterthwaite":
            freedom = satterthwaite_several(self._small, matrix)
        return wald_test(name, matrix, beta, self.covariance, freedom, scale)

    def __repr__(self) -> str:
        return (
            f"MMRM of {self.patients} patients, {self.observations} measurements ({self.missing} missing), "
            f"{self.structure.name} covariance, {self.method}, {self.freedom}, deviance {self.deviance:.2f}\n"
            f"{self.coefficients}"
        )


def mmrm(
    outcome: ArrayLike,
    patient: ArrayLike,
    visit: ArrayLike,
    design: Design,
    *,
    structure: str = "unstructured",
    group: ArrayLike | None = None,
    method: str = "REML",
    freedom: str = "kenward-roger",
    information: str = "observed",
    visits: Sequence[object] | None = None,
    level: float = 0.95,
) -> MMRM:
    """Fit a mixed model for repeated measurements.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        One row a patient and visit; NaN, or no row at all, where it was not measured.
    patient, visit : array-like, shape (n,)
    design : Design, n rows
        With visit, arm and their interaction as categories, as a rule.
    structure : str
        A name of `covariance_structure`.
    group : array-like, shape (n,), optional
        Patients' groups, such as arms, each with a covariance of its own.
    method : {"REML", "ML"}
    freedom : {"kenward-roger", "satterthwaite", "normal"}
        Degrees of freedom; the first needs REML.
    information : {"observed", "expected"}
        Of the covariance parameters, for degrees of freedom; observed as in SAS PROC MIXED, expected as in Kenward &
        Roger's paper. With complete data and an unstructured covariance they are the same.
    visits : sequence, optional
        Their order; by default that of numbers, or of words.
    level : float
        Of the intervals.

    Returns
    -------
    MMRM

    Raises
    ------
    DataError
        For bad values, two measurements of a patient at a visit, patients in two groups.
    UnderstudyError
        For unknown settings, a design without full rank, or a covariance that cannot be estimated.

    References
    ----------
    Mallinckrodt et al. 2008, doi:10.1177/009286150804200402; Kenward & Roger 1997, doi:10.2307/2533558; Laird & Ware
    1982, doi:10.2307/2529876.

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> arm, visit = ["placebo"] * 6 + ["drug"] * 6, [1, 2] * 6
    >>> design = design_matrix({"arm": arm, "visit": visit}, reference={"arm": "placebo"},
    ...                        categories=["visit"], interactions=[("arm", "visit")])
    >>> fit = mmrm([1, 2, 2, 2, 3, 5, 4, 4, 5, 7, 6, 9], [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6], visit, design)
    >>> fit.differences("arm", by=["visit"]).table()[["estimate", "degrees_of_freedom"]].round(6).to_numpy()
    array([[3.      , 4.      ],
           [3.666667, 4.      ]])
    """
    _refuse_settings(method, freedom, information)
    y = numeric_column(outcome, "outcome", design.rows, missing=True)
    who, when = category_column(patient, "patient", len(y)), category_column(visit, "visit", len(y))
    grouping = category_column(group, "group", len(y)) if group is not None else ("all",) * len(y)
    order = _visit_order(when, visits)
    used = ~np.isnan(y)
    data, groups = _joined(y, who, when, grouping, design, order, used)
    shape = covariance_structure(structure, len(order))
    best = maximise(data, shape, method == "REML")
    small = _on_design(data, small_sample(data, shape, best, information))
    beta = data.offset + np.linalg.solve(data.triangle, best.level.beta)
    coefficients = _judged(design.names, np.eye(len(beta)), beta, small, freedom, level)
    return MMRM(
        design,
        coefficients,
        small.adjusted if freedom == "kenward-roger" else small.phi,
        order,
        groups,
        {name: shape.matrix(natural) for name, natural in zip(groups, best.naturals, strict=True)},
        shape,
        method,
        freedom,
        best.level.deviance,
        len(data.groups),
        data.observations,
        int((~used).sum()),
        best.steps,
        small,
    )


def _judged(
    names: tuple[str, ...],
    rows: NDArray[np.float64],
    beta: NDArray[np.float64],
    small: SmallSample,
    freedom: str,
    level: float,
) -> Estimates:
    """Contrasts with standard errors and degrees of freedom; of one contrast both methods give the same degrees."""
    covariance = small.adjusted if freedom == "kenward-roger" else small.phi
    errors = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows))
    degrees = np.full(len(rows), np.inf)
    if freedom != "normal":
        degrees = np.array([satterthwaite_single(small, row) for row in rows])
    return Estimates(names, rows @ beta, errors, degrees, level)


def _refuse_settings(method: str, freedom: str, information: str) -> None:
    for name, value, known in (
        ("method", method, ("REML", "ML")),
        ("degrees of freedom", freedom, FREEDOMS),
        ("information", information, ("observed", "expected")),
    ):
        if value not in known:
            raise UnderstudyError(f"unknown {name} {value!r}", repair=f"take one of {list(known)}")
    if method == "ML" and freedom == "kenward-roger":
        raise UnderstudyError(
            "Kenward and Roger's degrees of freedom are made for REML",
            repair="take method='REML', or freedom='satterthwaite'",
        )


def _visit_order(when: tuple[str, ...], visits: Sequence[object] | None) -> tuple[str, ...]:
    order = ordered_levels("visit", when, visits, None)
    known_levels(when, Variable("visit", order))
    return order


def _joined(
    y: NDArray[np.float64],
    who: tuple[str, ...],
    when: tuple[str, ...],
    grouping: tuple[str, ...],
    design: Design,
    order: tuple[str, ...],
    used: NDArray[np.bool_],
) -> tuple[RepeatedMeasures, tuple[str, ...]]:
    at = np.flatnonzero(used)
    names = {name: number for number, name in enumerate(dict.fromkeys(who[row] for row in at))}
    groups = tuple(sorted({grouping[row] for row in at}))
    places = np.full(len(names), -1)
    for row in at:
        patient, place = names[who[row]], groups.index(grouping[row])
        if places[patient] not in (-1, place):
            problem = Problem("a patient is in two groups", "give one", int(row), "group", grouping[row])
            raise DataError([problem], place="repeated measurements")
        places[patient] = place
    factors = orthogonal_factors(design.matrix[at], design.names)
    patients = np.array([names[who[row]] for row in at])
    visits = np.array([order.index(when[row]) for row in at])
    empty = [name for number, name in enumerate(order) if number not in visits]
    if empty:
        problem = Problem("nobody was measured", "leave this visit out", column="visit", value=empty[0])
        raise DataError([problem], place="repeated measurements")
    return repeated_measures(y[at], factors, patients, visits, places), groups


def _on_design(data: RepeatedMeasures, parts: SmallSample) -> SmallSample:
    """Small-sample quantities on the scale of the design's own columns."""
    back = np.linalg.inv(data.triangle)
    triangle = data.triangle
    return SmallSample(
        back @ parts.phi @ back.T,
        back @ parts.adjusted @ back.T,
        np.einsum("ba,ibc,cd->iad", triangle, parts.slopes, triangle),
        parts.parameters,
    )
