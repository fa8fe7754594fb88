"""Method: what an analysis is called, which endpoints it is for, what it takes, and whose code does what in it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

_OWN = "understudy"


@dataclass(frozen=True)
class Method:
    """An analysis of a trial.

    Parameters
    ----------
    home : str
        Module of `understudy.trials.analyses` and function, from a trial to `Analysed`.
    kinds : tuple of str
        Endpoints that it is for.
    words : str
        What reports call it.
    parts : tuple of (str, str)
        What is computed, and the package that computes it.
    covariates, strata : bool
        Whether the protocol's are used.

    Examples
    --------
    >>> METHODS["ancova"].maker.split(" by ")[0]
    'analysis of covariance: least squares (QR)'
    """

    home: str
    kinds: tuple[str, ...]
    words: str
    parts: tuple[tuple[str, str], ...]
    covariates: bool = False
    strata: bool = False

    @property
    def maker(self) -> str:
        """Whose code did what, with its version."""
        packages = dict.fromkeys(package for _, package in self.parts)
        told = [
            f"{', '.join(what for what, each in self.parts if each == package)} by {_written(package)}"
            for package in packages
        ]
        return f"{self.words}: {'; '.join(told)}"


def _written(package: str) -> str:
    """A package with its version; without one where it is not installed."""
    if package == _OWN:
        return "Understudy's own code"
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


_COUNTS = (("likelihood", "statsmodels"), ("standard errors, intervals and tests", _OWN))
_HAZARDS = ("partial likelihood, errors and tests", _OWN)

METHODS: dict[str, Method] = {
    "cox": Method(
        "hazards.cox_analysis", ("survival",), "Cox regression, Efron's ties",
        (_HAZARDS, ("test of proportional hazards", _OWN), ("Kaplan-Meier curves", _OWN)), True, True,
    ),
    "log-rank": Method(
        "hazards.log_rank_analysis", ("survival",), "log-rank test",
        (("log-rank test, and the hazard ratio beside it", _OWN), ("Kaplan-Meier curves", _OWN)), False, True,
    ),
    "restricted mean": Method(
        "restricted_means.restricted_mean_analysis", ("survival",), "restricted mean survival time",
        (("restricted means and their errors", _OWN), ("Kaplan-Meier curves", _OWN)),
    ),
    "fine-gray": Method(
        "competing.fine_gray_analysis", ("competing",), "Fine-Gray and cause-specific Cox regression",
        (_HAZARDS, ("cumulative incidence (Aalen-Johansen)", _OWN)), True,
    ),
    "cumulative incidence": Method(
        "incidence.incidence_analysis", ("competing",), "cumulative incidence (Aalen-Johansen) at a time",
        (("cumulative incidence, its errors and Gray's test", _OWN),),
    ),
    "proportional rates": Method(
        "recurrent.rates_analysis", ("recurrent",), "proportional rates model, robust errors",
        (_HAZARDS, ("mean cumulative function", _OWN)), True, True,
    ),
    "andersen-gill": Method(
        "recurrent.andersen_gill_analysis", ("recurrent",), "Andersen-Gill model, robust errors",
        (_HAZARDS, ("mean cumulative function", _OWN)), True, True,
    ),
    "pwp total time": Method(
        "recurrent.total_time_analysis", ("recurrent",), "Prentice-Williams-Peterson model, time since randomisation",
        (_HAZARDS, ("mean cumulative function", _OWN)), True,
    ),
    "pwp gap time": Method(
        "recurrent.gap_time_analysis", ("recurrent",), "Prentice-Williams-Peterson model, time since the event before",
        (_HAZARDS, ("mean cumulative function", _OWN)), True,
    ),
    "mean cumulative": Method(
        "mean_counts.mean_count_analysis", ("recurrent",), "mean cumulative number of events at a time",
        (("mean cumulative function and its robust errors", _OWN),),
    ),
    "negative binomial": Method(
        "rates.negative_binomial_analysis", ("count",), "negative binomial regression", _COUNTS, True,
    ),
    "poisson": Method("rates.poisson_analysis", ("count",), "Poisson regression", _COUNTS, True),
    "ancova": Method(
        "means.ancova_analysis", ("continuous",), "analysis of covariance",
        (("least squares (QR)", "numpy"), ("adjusted means, errors and tests", _OWN)), True,
    ),
    "dose response": Method(
        "means.dose_analysis", ("continuous",), "linear trend over doses",
        (("least squares (QR)", "numpy"), ("errors and tests", _OWN)), True,
    ),
    "mmrm": Method(
        "repeated.mmrm_analysis", ("longitudinal",), "mixed model for repeated measurements",
        (("restricted likelihood, unstructured covariance", _OWN), ("Kenward-Roger and Satterthwaite", _OWN)), True,
    ),
    "multiple imputation": Method(
        "imputed.imputed_analysis", ("longitudinal",), "analysis of covariance after multiple imputation",
        (("imputation, at random or by reference", _OWN), ("pooling by Rubin's rules", _OWN)), True,
    ),
    "logistic": Method(
        "risks.logistic_analysis", ("binary",), "logistic regression, risks standardised",
        (("likelihood", _OWN), ("separation, by linear programming (HiGHS)", "scipy"), ("standardised risks", _OWN)),
        True,
    ),
    "firth logistic": Method(
        "risks.firth_analysis", ("binary",), "logistic regression with Firth's penalty, risks standardised",
        (("penalised likelihood", _OWN), ("standardised risks", _OWN)), True,
    ),
    "proportions": Method(
        "risks.proportions_analysis", ("binary",), "proportions as they are",
        (("intervals (Newcombe) and tests", _OWN),),
    ),
    "win ratio": Method(
        "wins.win_analysis", ("hierarchical",), "win ratio, net benefit and win odds of all pairs",
        (("comparison of pairs, and errors of U-statistics", _OWN),), False, True,
    ),
}  # fmt: skip
# Keys of [analysis] that only some methods have a use for.
TAKEN_BY = {
    "horizon": ("restricted mean", "cumulative incidence", "mean cumulative"),
    "at_most": ("pwp total time", "pwp gap time"),
    "covariance": ("mmrm",),
    "degrees_of_freedom": ("mmrm",),
    "missing": ("multiple imputation",),
    "imputations": ("multiple imputation",),
}
USUAL = {
    "survival": "cox",
    "competing": "fine-gray",
    "recurrent": "proportional rates",
    "continuous": "ancova",
    "longitudinal": "mmrm",
    "binary": "logistic",
    "count": "negative binomial",
    "hierarchical": "win ratio",
}
