"""Multiple imputation of longitudinal outcomes: at random, or as in a reference arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.conditional_normal import conditional_normal
from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.imputation_posterior import ParameterDraws, draw_parameters
from understudy.biostatistics.incomplete_outcomes import STRATEGIES, IncompleteOutcomes, incomplete_outcomes
from understudy.biostatistics.linear_model import orthogonal_factors
from understudy.biostatistics.reference_based import strategy_covariance, strategy_mean
from understudy.biostatistics.rubin import Pooled, pool
from understudy.core.errors import UnderstudyError
from understudy.core.random import normals

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Imputations:
    """Completed data sets.

    Attributes
    ----------
    outcomes : IncompleteOutcomes
    values : array, shape (imputations, n, visits)
        Measured values stay as they are.
    seed : int
    iterations : int
        Of data augmentation, zero where draws of parameters are independent.
    """

    outcomes: IncompleteOutcomes
    values: Array
    seed: int
    iterations: int

    @property
    def imputed(self) -> NDArray[np.bool_]:
        """Which values were missing, shape (n, visits)."""
        return np.isnan(self.outcomes.values)

    def shifted(self, delta: ArrayLike, *, arm: object = None, intermittent: bool = False) -> Imputations:
        """Add an amount to imputed values: a delta adjustment.

        Parameters
        ----------
        delta : array-like, broadcast to (n, visits)
            One number, or one a visit.
        arm : level, optional
            Only of this arm's patients.
        intermittent : bool
            Also before a patient's deviation.
        """
        chosen = self.imputed.copy()
        if not intermittent:
            chosen &= np.arange(self.outcomes.visits) >= self.outcomes.deviation[:, None]
        if arm is not None:
            name = self.outcomes.design.with_values({self.outcomes.arm: [arm]}).columns[self.outcomes.arm][0]
            chosen &= np.array([one == name for one in self.outcomes.arms])[:, None]
        amount = np.broadcast_to(np.asarray(delta, dtype=float), chosen.shape)
        return replace(self, values=self.values + np.where(chosen, amount, 0.0))

    def ancova(self, visit: int = -1, *, design: Design | None = None, level: float = 0.95) -> Pooled:
        """Compare arms at a visit by analysis of covariance in each data set, pooled by Rubin's rules.

        Parameters
        ----------
        visit : int
            Position of the visit, from zero, or from the end below zero.
        design : Design, optional
            Of the analysis; by default that of the imputation model.
        level : float

        Returns
        -------
        Pooled
            Least-squares means of the arms and their differences from the reference arm.
        """
        design = self.outcomes.design if design is None else design
        rows = arm_rows(design, self.outcomes.arm, self.outcomes.reference)
        estimates, variances, freedom = arm_estimates(design, rows, self.values[:, :, visit])
        return pool(tuple(rows), estimates, variances, complete_degrees_of_freedom=freedom, level=level)

    def __repr__(self) -> str:
        count = int(self.imputed.sum())
        return f"{len(self.values)} imputations of {count} missing of {self.imputed.size} values, seed {self.seed}"


def impute(
    outcome: ArrayLike,
    design: Design,
    *,
    arm: str,
    strategy: str | Mapping[str, str] = STRATEGIES[0],
    reference: object = None,
    deviation: ArrayLike | None = None,
    imputations: int = 100,
    covariance: str = "common",
    seed: int = 0,
    burn_in: int = 200,
    thin: int = 20,
) -> Imputations:
    """Impute missing outcomes from a Bayesian multivariate normal regression.

    Parameters
    ----------
    outcome : array-like, shape (n, visits)
        NaN where missing.
    design : Design, n rows
        Arm and covariates such as the baseline; each visit has coefficients of its own.
    arm : str
        Name of the arm in the design.
    strategy : str or mapping of arm to str
        "missing at random", "jump to reference", "copy reference" or "copy increments in reference".
    reference : level, optional
    deviation : array-like of int, shape (n,), optional
        See `incomplete_outcomes`.
    imputations : int
        Two or more.
    covariance : {"common", "by arm"}
        One covariance of visits, or one model an arm (with its own effects of covariates).
    seed : int
        The same seed gives the same values, whatever else is in the program; a patient's noise depends on no other's.
    burn_in, thin : int
        Of data augmentation, where values are missing between measured ones.

    Returns
    -------
    Imputations

    Raises
    ------
    DataError, UnderstudyError
        For bad values, settings, or too few measurements.

    References
    ----------
    Carpenter, Roger & Kenward 2013, doi:10.1080/10543406.2013.834911; Schafer 1997, Analysis of Incomplete
    Multivariate Data.

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> visits = [[1, 2], [2, 2], [1, 1], [2, 3], [3, 3], [0, 1], [3, 5], [4, 6], [5, 6], [3, np.nan], [4, 7], [5, 5]]
    >>> design = design_matrix({"arm": ["placebo"] * 6 + ["drug"] * 6}, reference={"arm": "placebo"})
    >>> found = impute(visits, design, arm="arm", strategy="jump to reference", imputations=10, seed=1)
    >>> found
    10 imputations of 1 missing of 24 values, seed 1
    >>> found.values[0, 0]
    array([1., 2.])
    """
    if imputations < 2 or thin < 1 or burn_in < 0:
        raise UnderstudyError(
            f"{imputations} imputations, burn-in {burn_in}, thin {thin}",
            repair="take two imputations or more, a burn-in of zero or more, and thin of one or more",
        )
    data = incomplete_outcomes(
        outcome, design, arm=arm, strategy=strategy, reference=reference, deviation=deviation
    )
    draws = _parameters(data, imputations, covariance, seed, burn_in, thin)
    noise = normals(seed, "imputation: values", range(len(data.values)), imputations * data.visits)
    noise = noise.reshape(len(data.values), imputations, data.visits)
    values = np.repeat(data.values[None], imputations, axis=0)
    rows = np.flatnonzero(np.isnan(data.values).any(axis=1))
    means, spreads = patient_distributions(data, rows, draws)
    for patient, mean, spread in zip(rows, means, spreads, strict=True):
        gap = np.isnan(data.values[patient])
        values[:, patient, gap] = conditional_normal(data.values[patient], gap, mean, spread, noise[patient])
    return Imputations(data, values, seed, max(one.iterations for one in draws.values()))


def patient_distributions(
    data: IncompleteOutcomes, patients: NDArray[np.int64], draws: Mapping[str, ParameterDraws]
) -> tuple[list[Array], list[Array]]:
    """Means, shape (draws, visits), and covariances, shape (draws, visits, visits), of patients by their strategies."""
    x, base, arms = data.covariates, data.reference_covariates, data.arms
    other = draws[data.reference]
    means, spreads = [], []
    for patient in patients:
        own = draws[arms[patient]]
        strategy, deviation = data.strategies[patient], int(data.deviation[patient])
        mean_own, mean_other = x[patient] @ own.coefficients, base[patient] @ other.coefficients
        means.append(strategy_mean(strategy, mean_own, mean_other, deviation))
        spreads.append(strategy_covariance(strategy, own.covariances, other.covariances, deviation))
    return means, spreads


def _parameters(
    data: IncompleteOutcomes, imputations: int, covariance: str, seed: int, burn_in: int, thin: int
) -> dict[str, ParameterDraws]:
    levels = data.design.levels(data.arm)
    if covariance == "common":
        shared = draw_parameters(
            data.model_values, data.covariates, imputations, seed=seed, burn_in=burn_in, thin=thin
        )
        return dict.fromkeys(levels, shared)
    if covariance != "by arm":
        raise UnderstudyError(f"unknown covariance {covariance!r}", repair="take 'common' or 'by arm'")
    return {level: _arm_parameters(data, level, imputations, seed, burn_in, thin) for level in levels}


def _arm_parameters(
    data: IncompleteOutcomes, level: str, imputations: int, seed: int, burn_in: int, thin: int
) -> ParameterDraws:
    """A model of one arm's patients alone: columns that do not vary there have no coefficient."""
    rows = np.array([one == level for one in data.arms])
    covariates = data.covariates[rows]
    _, first = np.unique(covariates, axis=1, return_index=True)
    kept = [column for column in sorted(first) if column == 0 or np.ptp(covariates[:, column]) > 0]
    drawn = draw_parameters(
        data.model_values[rows],
        covariates[:, kept],
        imputations,
        seed=seed,
        purpose=f"imputation of {level}",
        burn_in=burn_in,
        thin=thin,
    )
    coefficients = np.zeros((imputations, covariates.shape[1], data.visits))
    coefficients[:, kept] = drawn.coefficients
    return replace(drawn, coefficients=coefficients)


def arm_rows(design: Design, arm: str, reference: str) -> dict[str, Array]:
    """Contrasts for the arms' least-squares means (others weighted as observed) and differences from the reference."""
    means = {level: design.mean_row({arm: level}, weights="observed") for level in design.levels(arm)}
    gaps = {
        f"{level} - {reference}": row - means[reference] for level, row in means.items() if level != reference
    }
    return gaps | means


def arm_estimates(design: Design, rows: Mapping[str, Array], values: Array) -> tuple[Array, Array, int]:
    """Estimates and variances of contrasts in each of several outcomes, shape (outcomes, n), and degrees of freedom."""
    q, r = orthogonal_factors(design.matrix, design.names)
    contrast = np.array(list(rows.values())) @ np.linalg.inv(r)
    projected = values @ q
    freedom = values.shape[1] - q.shape[1]
    spread = (np.sum(values**2, axis=1) - np.sum(projected**2, axis=1)) / freedom
    return projected @ contrast.T, spread[:, None] * np.sum(contrast**2, axis=1), freedom
