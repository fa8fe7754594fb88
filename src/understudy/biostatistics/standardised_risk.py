"""Standardised risks: what the outcome's share would be, were everyone in one arm (g-computation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.estimates import Estimates
from understudy.biostatistics.logistic import LogisticModel
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
VARIANCES = ("unconditional", "conditional", "conditional HC0")


@dataclass(frozen=True, eq=False)
class StandardisedRisks:
    """Risks in each arm and their contrasts with a reference arm.

    Attributes
    ----------
    risks : Estimates
        One an arm.
    differences : Estimates
        Risk differences from the reference arm.
    ratios, odds_ratios : Estimates
        On the scale "exp": intervals are made on the logarithm.
    covariance : array, shape (arms, arms)
        Of the risks.
    variance : str
    """

    risks: Estimates
    differences: Estimates
    ratios: Estimates
    odds_ratios: Estimates
    covariance: Array
    variance: str

    def table(self) -> pd.DataFrame:
        """Risks, differences, ratios and odds ratios, one a row; standard errors of ratios are of logarithms.

        Risks have no p-value: nobody asks whether one is zero.
        """
        import pandas as pd

        parts = {"risk": self.risks, "difference": self.differences}
        parts |= {"ratio": self.ratios, "odds ratio": self.odds_ratios}
        columns = {"ratio": "estimate", "standard_error_of_log": "standard_error"}
        table = pd.concat({name: part.table().rename(columns=columns) for name, part in parts.items()})
        table.loc["risk", ["statistic", "p_value"]] = np.nan
        return table

    def __repr__(self) -> str:
        import pandas as pd

        parts = {"risk": self.risks, "difference": self.differences}
        parts |= {"ratio": self.ratios, "odds ratio": self.odds_ratios}
        columns = {"ratio": "estimate", "SE of log": "SE"}
        table = pd.concat({name: part.printed().rename(columns=columns) for name, part in parts.items()})
        table.loc["risk", "p"] = ""
        return f"Standardised risks, {self.variance} variance; SE of ratios is of their logarithms\n{table.to_string()}"


def standardised_risks(
    fit: LogisticModel, arm: str, *, against: object = None, variance: str = "unconditional"
) -> StandardisedRisks:
    """Standardise a logistic model's predictions over all patients, arm by arm.

    Parameters
    ----------
    fit : LogisticModel
        By maximum likelihood with an intercept and the arm among its variables, with or without interactions.
    arm : str
    against : level, optional
        By default the reference level.
    variance : {"unconditional", "conditional", "conditional HC0"}
        The first (Ye et al.) is for the population that patients are drawn from, whether or not the model is right, for
        simply randomised arms. The others take covariates as fixed: the delta method over the model's covariance, or a
        sandwich.

    Returns
    -------
    StandardisedRisks

    Raises
    ------
    UnderstudyError
        For arms with fewer than two patients, a penalised fit with the unconditional variance, or a risk of 0 or 1.

    References
    ----------
    Ye, Bannick, Yi & Shao 2023, doi:10.1080/24754269.2023.2205802; Ge et al. 2011, doi:10.1177/009286151104500409; FDA,
    Adjusting for Covariates in Randomized Clinical Trials, May 2023.

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> from understudy.biostatistics.logistic import logistic_model
    >>> design = design_matrix({"arm": ["placebo"] * 10 + ["drug"] * 10}, reference={"arm": "placebo"})
    >>> fit = logistic_model([1] * 5 + [0] * 5 + [1] * 8 + [0] * 2, design)
    >>> round(standardised_risks(fit, "arm").differences["drug - placebo"].value, 6)
    0.3
    """
    if variance not in VARIANCES:
        raise UnderstudyError(f"unknown variance {variance!r}", repair=f"take one of {list(VARIANCES)}")
    arms = fit.design.levels(arm)
    designs = [fit.design.set_to(**{arm: level}).matrix for level in arms]
    predicted = np.column_stack([_expit(matrix @ fit.coefficients.values) for matrix in designs])
    means = predicted.mean(axis=0)
    if variance == "unconditional":
        covariance = _unconditional(fit, np.array(fit.design.columns[arm]), arms, predicted)
    else:
        covariance = _conditional(fit, designs, predicted, variance)
    base = arms.index(
        fit.design.with_values({arm: [arms[0] if against is None else against]}).columns[arm][0]
    )
    return _compared(arms, base, means, covariance, fit.coefficients.level, variance)


def _unconditional(fit: LogisticModel, given: NDArray, arms: tuple[str, ...], predicted: Array) -> Array:
    """The covariance of Ye et al., equation for a canonical link: residuals within arms, predictions over all."""
    if fit.penalised or not fit.design.intercept:
        raise UnderstudyError(
            "the unconditional variance needs maximum likelihood with an intercept",
            repair="take variance='conditional', or fit without the penalty",
        )
    count = len(arms)
    covariance = -np.atleast_2d(np.cov(predicted.T))
    for first, arm in enumerate(arms):
        own = given == arm
        if own.sum() < 2:
            raise UnderstudyError(f"arm {arm!r} has {int(own.sum())} patients", repair="leave this arm out")
        y, inside = fit.outcome[own], predicted[own]
        covariance[first, first] += np.var(y - inside[:, first], ddof=1) / own.mean()
        for second in range(count):
            shared = np.cov(y, inside[:, second])[0, 1]
            covariance[first, second] += shared
            covariance[second, first] += shared
    return covariance / len(given)


def _conditional(fit: LogisticModel, designs: list[Array], predicted: Array, variance: str) -> Array:
    slopes = np.array(
        [
            (chance * (1 - chance)) @ matrix / len(chance)
            for chance, matrix in zip(predicted.T, designs, strict=True)
        ]
    )
    covariance = fit.covariance
    if variance == "conditional HC0" and fit.variance != "HC0":
        x = fit.design.matrix
        weight = fit.probabilities * (1 - fit.probabilities)
        inverse = np.linalg.inv((x * weight[:, None]).T @ x)
        covariance = inverse @ ((x * ((fit.outcome - fit.probabilities) ** 2)[:, None]).T @ x) @ inverse
    return slopes @ covariance @ slopes.T


def _compared(
    arms: tuple[str, ...], base: int, means: Array, covariance: Array, level: float, variance: str
) -> StandardisedRisks:
    if (means <= 0).any() or (means >= 1).any():
        raise UnderstudyError(
            f"arm {arms[int(np.argmax((means <= 0) | (means >= 1)))]!r} has a risk of 0 or 1",
            repair="compare proportions by two_proportions",
        )
    others = [at for at in range(len(arms)) if at != base]

    def contrast(sign: str, values: Array, slopes: Array, scale: str = "identity") -> Estimates:
        rows = np.zeros((len(others), len(arms)))
        rows[np.arange(len(others)), others] = slopes[others]
        rows[:, base] = -slopes[base]
        errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", rows, covariance, rows), 0.0))
        names = tuple(f"{arms[at]} {sign} {arms[base]}" for at in others)
        return Estimates(
            names, values[others] - values[base], errors, np.full(len(names), np.inf), level, scale=scale
        )

    risks = Estimates(arms, means, np.sqrt(np.diag(covariance)), np.full(len(arms), np.inf), level)
    odds = 1 / (means * (1 - means))
    return StandardisedRisks(
        risks,
        contrast("-", means, np.ones(len(arms))),
        contrast("/", np.log(means), 1 / means, "exp"),
        contrast("/", np.log(means / (1 - means)), odds, "exp"),
        covariance,
        variance,
    )


def _expit(predictor: Array) -> Array:
    from scipy.special import expit

    return expit(predictor)
