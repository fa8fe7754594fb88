"""Logistic regression: maximum likelihood where it exists, Firth's penalty where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.contrasts import RegressionFit
from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.estimates import Estimates
from understudy.biostatistics.linear_model import orthogonal_factors
from understudy.biostatistics.numeric_column import binary_column
from understudy.biostatistics.separation import separation
from understudy.core.errors import UnderstudyError

_STEPS = 200
_PROVEN = 8.0  # linear predictors up to which the end of the search proves that there is no separation
_SCORE = 1e-9  # largest score, in orthonormal covariates, at which the search ends


@dataclass(frozen=True, eq=False)
class LogisticModel(RegressionFit):
    """A fitted logistic regression.

    Attributes
    ----------
    design : Design
    coefficients : Estimates
        Log odds ratios with Wald intervals.
    covariance : array, shape (p, p)
        Inverse of the information, or a sandwich.
    probabilities : array, shape (n,)
    outcome : array, shape (n,)
    log_likelihood : float
        Without the penalty.
    penalised : bool
        Firth's.
    variance : {"model", "HC0"}
    """

    design: Design
    coefficients: Estimates
    covariance: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    outcome: NDArray[np.float64]
    log_likelihood: float
    penalised: bool
    variance: str

    @property
    def odds_ratios(self) -> Estimates:
        """The coefficients as odds ratios."""
        return replace(self.coefficients, scale="exp")

    def predict(self, design: Design) -> NDArray[np.float64]:
        """Probabilities for other rows, coded like the fitted ones."""
        return _inverse_logit(design.matrix @ self.coefficients.values)

    def __repr__(self) -> str:
        how = "Firth's penalty" if self.penalised else "maximum likelihood"
        return (
            f"Logistic model of {len(self.outcome)} rows, {int(self.outcome.sum())} with the outcome, {how}, "
            f"log-likelihood {self.log_likelihood:.4f}\n{self.coefficients}"
        )


def logistic_model(
    outcome: ArrayLike, design: Design, *, firth: bool = False, variance: str = "model", level: float = 0.95
) -> LogisticModel:
    """Fit a logistic regression.

    Parameters
    ----------
    outcome : array-like of 0 and 1, shape (n,)
    design : Design
    firth : bool
        Maximise the likelihood times the root of the information's determinant: finite under separation too.
    variance : {"model", "HC0"}
        Covariance of the coefficients by the model, or a sandwich that a wrong model leaves valid.
    level : float

    Returns
    -------
    LogisticModel

    Raises
    ------
    UnderstudyError
        If outcomes are separated (and `firth` is not asked for), naming the coefficients that run to infinity.
    DataError
        For outcomes that are not 0 or 1.

    References
    ----------
    Firth 1993, doi:10.1093/biomet/80.1.27; Heinze & Schemper 2002, doi:10.1002/sim.1047.

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> design = design_matrix({"arm": ["placebo"] * 10 + ["drug"] * 10}, reference={"arm": "placebo"})
    >>> fit = logistic_model([1] * 5 + [0] * 5 + [1] * 8 + [0] * 2, design)
    >>> round(fit.odds_ratios["arm[drug]"].value, 6)
    4.0
    """
    y = binary_column(outcome, "outcome", design.rows)
    if variance not in ("model", "HC0"):
        raise UnderstudyError(f"unknown variance {variance!r}", repair="take 'model' or 'HC0'")
    q, r = orthogonal_factors(design.matrix, design.names)
    gamma = _maximise(y, q, True) if firth else _finite_maximum(y, q, design)
    chance = _inverse_logit(q @ gamma)
    inverse = np.linalg.inv((q * (chance * (1 - chance))[:, None]).T @ q)
    if variance == "HC0":
        inverse = inverse @ ((q * ((y - chance) ** 2)[:, None]).T @ q) @ inverse
    back = np.linalg.inv(r)
    covariance = back @ inverse @ back.T
    coefficients = Estimates(
        design.names, back @ gamma, np.sqrt(np.diag(covariance)), np.full(len(gamma), np.inf), level
    )
    return LogisticModel(
        design, coefficients, covariance, chance, y, _log_likelihood(y, q @ gamma), firth, variance
    )


def penalised_profile(outcome: ArrayLike, design: Design, columns: Sequence[str]) -> tuple[float, float]:
    """Penalised likelihood ratio test of some coefficients, the one advised with Firth's penalty.

    Returns
    -------
    statistic, p_value : float
        Chi-square with as many degrees of freedom as columns; the penalty is that of the full model throughout (Heinze
        & Schemper 2002, doi:10.1002/sim.1047).

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> design = design_matrix({"arm": ["a"] * 4 + ["b"] * 4})
    >>> statistic, p = penalised_profile([0, 0, 0, 1, 1, 1, 1, 1], design, ["arm[b]"])
    >>> round(statistic, 3), round(p, 3)
    (4.101, 0.043)
    """
    from scipy.special import chdtrc

    y = binary_column(outcome, "outcome", design.rows)
    matrix = design.matrix
    orthogonal_factors(matrix, design.names)
    free = np.array([name not in columns for name in design.names])
    if free.all() or any(name not in design.names for name in columns):
        raise UnderstudyError(f"no coefficients {list(columns)}", repair=f"name some of {list(design.names)}")
    whole = _penalised(y, matrix, _maximise(y, matrix, True))
    part = _penalised(y, matrix, _maximise(y, matrix, True, free))
    statistic = 2 * (whole - part)
    return statistic, float(chdtrc(int((~free).sum()), statistic))


def _finite_maximum(y: NDArray[np.float64], q: NDArray[np.float64], design: Design) -> NDArray[np.float64]:
    """Maximum likelihood, or the error that there is none.

    Along a separating direction of unit length in orthonormal covariates the slope is at least 1 / (1 + exp(8)) = 3e-4
    as long as no linear predictor is beyond 8. A search that ended there, with a score of 1e-9, so proves that there is
    no separation; the linear programme decides all other cases.
    """
    try:
        gamma = _maximise(y, q, False)
    except (UnderstudyError, np.linalg.LinAlgError):
        _refuse_separation(y, design)
        raise
    if np.abs(q @ gamma).max() > _PROVEN:
        _refuse_separation(y, design)
    return gamma


def _refuse_separation(y: NDArray[np.float64], design: Design) -> None:
    found = separation(y, design.matrix, design.names)
    if found:
        raise UnderstudyError(
            f"{found.kind} separation: the likelihood has no maximum, as {', '.join(found.columns)} run to infinity",
            place="logistic regression",
            repair="take firth=True, leave out or join these terms, or compare proportions directly",
        )


def _maximise(
    y: NDArray[np.float64], x: NDArray[np.float64], firth: bool, free: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Newton steps (Fisher scoring) with halving; with `free` other coefficients stay zero."""
    moving = np.ones(x.shape[1], dtype=bool) if free is None else free
    beta = np.zeros(x.shape[1])
    value = _objective(y, x, beta, firth)
    for _ in range(_STEPS):
        score, information = _score(y, x, beta, firth)
        if not moving.any() or np.abs(score[moving]).max() < _SCORE:
            return beta
        move = np.zeros_like(beta)
        move[moving] = np.linalg.solve(information[np.ix_(moving, moving)], score[moving])
        for halving in range(40):
            tried = beta + move / 2**halving
            reached = _objective(y, x, tried, firth)
            if reached >= value - 1e-12 * max(1.0, abs(value)):
                break
        beta, value = tried, reached
    raise UnderstudyError(
        f"the search did not end in {_STEPS} steps", place="logistic regression", repair="rescale covariates"
    )


def _score(
    y: NDArray[np.float64], x: NDArray[np.float64], beta: NDArray[np.float64], firth: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chance = _inverse_logit(x @ beta)
    weight = chance * (1 - chance)
    information = (x * weight[:, None]).T @ x
    residual = y - chance
    if firth:
        leverage = weight * np.einsum("ij,jk,ik->i", x, np.linalg.inv(information), x)
        residual = residual + leverage * (0.5 - chance)
    return x.T @ residual, information


def _objective(
    y: NDArray[np.float64], x: NDArray[np.float64], beta: NDArray[np.float64], firth: bool
) -> float:
    return _penalised(y, x, beta) if firth else _log_likelihood(y, x @ beta)


def _penalised(y: NDArray[np.float64], x: NDArray[np.float64], beta: NDArray[np.float64]) -> float:
    chance = _inverse_logit(x @ beta)
    information = (x * (chance * (1 - chance))[:, None]).T @ x
    return _log_likelihood(y, x @ beta) + 0.5 * float(np.linalg.slogdet(information)[1])


def _log_likelihood(y: NDArray[np.float64], predictor: NDArray[np.float64]) -> float:
    return float(np.sum(y * predictor - np.logaddexp(0.0, predictor)))


def _inverse_logit(predictor: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    return expit(predictor)
