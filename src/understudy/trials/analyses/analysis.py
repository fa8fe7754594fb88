"""Analysis: which method a trial asks for, and what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from understudy.core.errors import StudyError
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

# Where each method is, the kinds of endpoint that it is for, and what it is called in reports.
_HOME = "understudy.trials.analyses"
METHODS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "cox": ("hazards.cox_analysis", ("survival",), "Cox regression, Efron's ties"),
    "log-rank": ("hazards.log_rank_analysis", ("survival",), "log-rank test"),
    "restricted mean": (
        "restricted_means.restricted_mean_analysis",
        ("survival",),
        "restricted mean survival time",
    ),
    "fine-gray": (
        "competing.fine_gray_analysis",
        ("competing",),
        "Fine-Gray and cause-specific Cox regression",
    ),
    "proportional rates": (
        "recurrent.rates_analysis",
        ("recurrent",),
        "proportional rates model, robust errors",
    ),
    "negative binomial": ("rates.negative_binomial_analysis", ("count",), "negative binomial regression"),
    "poisson": ("rates.poisson_analysis", ("count",), "Poisson regression"),
    "ancova": ("means.ancova_analysis", ("continuous",), "analysis of covariance"),
    "dose response": ("means.dose_analysis", ("continuous",), "linear trend over doses"),
    "mmrm": ("repeated.mmrm_analysis", ("longitudinal",), "mixed model for repeated measurements"),
    "multiple imputation": (
        "imputed.imputed_analysis",
        ("longitudinal",),
        "analysis of covariance after multiple imputation",
    ),
    "logistic": ("risks.logistic_analysis", ("binary",), "logistic regression, risks standardised"),
    "proportions": ("risks.proportions_analysis", ("binary",), "proportions as they are"),
}
_USUAL = {
    "survival": "cox",
    "competing": "fine-gray",
    "recurrent": "proportional rates",
    "continuous": "ancova",
    "longitudinal": "mmrm",
    "binary": "logistic",
    "count": "negative binomial",
}


@dataclass(frozen=True, eq=False)
class Analysed:
    """What one method found.

    Parameters
    ----------
    method : str
        Name among `METHODS`.
    effects : tuple of Effect
        The primary ones first, an arm after another.
    tables : mapping of str to DataFrame
        More of it: adjusted means, coefficients, tests of assumptions.
    notes : tuple of str
        What the reader must know: subjects left out, assumptions that fail.
    """

    method: str
    effects: tuple[Effect, ...]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The method in words."""
        return METHODS[self.method][2]


def method_of(trial: Trial, name: str | None = None) -> str:
    """The method asked for, or the usual one of the endpoint's kind.

    Raises
    ------
    StudyError
        If there is no such method, or it is for other endpoints.
    """
    kind = trial.protocol.endpoint.kind
    imputed = kind == "longitudinal" and trial.protocol.analysis.missing != "as observed"
    usual = "multiple imputation" if imputed else _USUAL[kind]
    wanted = name or trial.protocol.analysis.method or usual
    fitting = [key for key, (_, kinds, _) in METHODS.items() if kind in kinds]
    if wanted in fitting:
        return wanted
    cause = f"{wanted!r} is no analysis of a {kind} endpoint"
    raise StudyError(cause, place="analysis.method", repair=f"one of {', '.join(fitting)}")


def analyse(trial: Trial, method: str | None = None) -> Analysed:
    """The effects of a trial by one method.

    Parameters
    ----------
    trial : Trial
    method : str, optional
        Name among `METHODS`; that of the protocol, or the usual one, if left out.

    Raises
    ------
    StudyError
        If the method is not for this endpoint.

    Examples
    --------
    >>> from understudy.trials import load_trial
    >>> print(analyse(load_trial("examples/leukaemia/trial.toml")).effects[0])
    6-MP against placebo, hazard ratio: 0.2076 (0.09251 to 0.4659), p 0.000138
    """
    name = method_of(trial, method)
    module, _, function = METHODS[name][0].partition(".")
    work: Callable[[Trial], Analysed] = getattr(import_module(f"{_HOME}.{module}"), function)
    return work(trial)
