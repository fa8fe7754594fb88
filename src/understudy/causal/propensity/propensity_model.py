"""Propensity model: a penalised regression of the treatment on everything that was known before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.covariate_matrix import CovariateMatrix
from understudy.causal.covariates.tidying import tidy
from understudy.causal.masking import masked
from understudy.causal.propensity.prior import Prior
from understudy.causal.propensity.propensity_scores import PropensityScores, treated
from understudy.causal.propensity.settings import PropensitySettings
from understudy.causal.propensity.sparse_logistic import SparseLogistic, penalised_logistic
from understudy.causal.propensity.variance_search import ChosenVariance, choose_variance
from understudy.core.errors import DataError, Problem, StudyError
from understudy.core.random import uniforms

if TYPE_CHECKING:
    import pandas as pd

_ROUNDING = 1e-15  # share of a mean square below which a variance is rounding error


@dataclass(frozen=True, eq=False, repr=False)
class PropensityModel(PropensityScores):
    """Propensity scores with the model they come from. Made by `propensity_score`.

    Parameters
    ----------
    scores, treatment
        As in `PropensityScores`.
    fit : SparseLogistic
        On the columns of `tidied`.
    tidied : CovariateMatrix
        The covariates that entered, each divided by its largest value; what is rare or redundant is in its `dropped`.
    search : ChosenVariance or None
        How the variance was found; None where it was given.
    notes : tuple of str
        What a reader has to know.
    """

    fit: SparseLogistic
    tidied: CovariateMatrix
    search: ChosenVariance | None = None
    notes: tuple[str, ...] = ()

    @property
    def intercept(self) -> float:
        """Log odds of the treatment where all covariates are zero."""
        return self.fit.intercept

    @property
    def variance(self) -> float:
        """Of the prior."""
        return self.fit.prior.variance

    @property
    def coefficients(self) -> pd.DataFrame:
        """Columns covariate_id, name, coefficient: what is not zero, the largest first."""
        order = self.fit.selected
        order = order[np.argsort(-np.abs(self.fit.coefficients[order]), kind="stable")]
        found = self.tidied.covariates.iloc[order][["covariate_id", "name"]].reset_index(drop=True)
        return found.assign(coefficient=self.fit.coefficients[order])


def propensity_score(
    covariates: CovariateMatrix, treatment: ArrayLike, settings: PropensitySettings | None = None
) -> PropensityModel:
    """Estimate who gets the target treatment, by a large-scale penalised logistic regression.

    All covariates enter; the prior chooses among them (Tian, Schuemie, Suchard 2018, doi:10.1093/ije/dyy120). They are
    tidied first: see `understudy.causal.covariates.tidy`.

    Parameters
    ----------
    covariates : CovariateMatrix
    treatment : array of 0 and 1, shape (n,)
        1 in the target, 0 in the comparator cohort, in the order of the matrix's persons.
    settings : PropensitySettings, optional

    Raises
    ------
    DataError
        If covariates go with the treatment so closely that they are probably the treatment: each is named.
    StudyError
        If a cohort has fewer than two persons, lengths differ, or no covariate is left.

    Examples
    --------
    >>> import pandas as pd
    >>> from scipy.sparse import csc_matrix
    >>> values = csc_matrix([[1, 0], [1, 1], [0, 1], [1, 0], [0, 1], [0, 0], [1, 1], [0, 1.0]])
    >>> about = pd.DataFrame({"covariate_id": [1210, 2210], "name": ["asthma", "gout"], "analysis_id": 210})
    >>> matrix = CovariateMatrix(values, np.arange(8), about.assign(concept_id=[1, 2], binary=True))
    >>> model = propensity_score(matrix, [1, 1, 0, 0, 1, 0, 1, 0], PropensitySettings(variance=10.0))
    >>> model.coefficients.round(3)
       covariate_id    name  coefficient
    0          1210  asthma        1.271
    1          2210    gout        0.483
    """
    settings = settings or PropensitySettings()
    treatment = treated(treatment)
    _require_two(treatment)
    _require_length(covariates, treatment)
    clean = tidy(_chosen(covariates, settings), min_fraction=settings.least_fraction)
    _require_covariates(clean)
    refuse_correlated(clean, treatment, settings.highest_correlation)
    rows = _sampled(treatment, settings)
    values = clean.values if rows.all() else clean.values.tocsr()[rows].tocsc()
    prior, search = _prior(values, treatment[rows], settings)
    fit = penalised_logistic(values, treatment[rows], prior, names=list(clean.covariates["name"]))
    scores = fit.probabilities if rows.all() else _scores_of_all(fit, clean, treatment, rows)
    notes = _notes(fit, treatment, rows, search)
    return PropensityModel(scores, treatment, fit, clean, search, notes)


def correlations(covariates: CovariateMatrix, treatment: ArrayLike) -> NDArray[np.float64]:
    """Pearson's correlation of each covariate with the treatment, shape (p,); zero for one that does not vary."""
    x, t = covariates.values, np.asarray(treatment, float)
    n = t.size
    mean, square = np.asarray(x.mean(axis=0)).ravel(), np.asarray(x.multiply(x).mean(axis=0)).ravel()
    spread = (square - mean**2) * t.var()
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (x.T @ t / n - mean * t.mean()) / np.sqrt(spread)
    return np.where(spread > _ROUNDING * square, np.clip(found, -1, 1), 0.0)


def refuse_correlated(covariates: CovariateMatrix, treatment: NDArray, highest: float) -> None:
    """Covariates that are all but the treatment are an error that names each."""
    found = correlations(covariates, treatment)
    about = covariates.covariates
    problems = [
        Problem(
            f"its correlation with the treatment is {found[j]:.2f}",
            "probably it is the drug itself, or part of how a cohort is defined: exclude its concept",
            column=f"{about['name'].iloc[j]} ({about['covariate_id'].iloc[j]})",
        )
        for j in np.flatnonzero(np.abs(found) > highest)
    ]
    if problems:
        raise DataError(problems, place="the covariates")


def _require_two(treatment: NDArray[np.int8]) -> None:
    for name, value in (("target", 1), ("comparator", 0)):
        if (count := int((treatment == value).sum())) < 2:
            raise StudyError(
                f"{masked(count)} persons are in the {name} cohort: a propensity model needs at least two",
                place="treatment",
                repair="look at the attrition, or give wider criteria",
            )


def _require_length(covariates: CovariateMatrix, treatment: NDArray) -> None:
    if covariates.values.shape[0] != treatment.size:
        raise StudyError(
            f"covariates of {covariates.values.shape[0]} persons, treatments of {treatment.size}",
            place="treatment",
            repair="give one treatment a row of the covariates, in their order",
        )


def _require_covariates(clean: CovariateMatrix) -> None:
    if clean.values.shape[1] == 0:
        gone = 0 if clean.dropped is None else len(clean.dropped)
        raise StudyError(
            f"no covariate is left: all {gone} are rare or redundant",
            place="covariates",
            repair="build more covariates, or lower least_fraction",
        )


def _chosen(covariates: CovariateMatrix, settings: PropensitySettings) -> CovariateMatrix:
    """Without the covariates that the settings leave out."""
    identifiers = covariates.covariates["covariate_id"].to_numpy()
    unknown = {*settings.included_covariates, *settings.excluded_covariates} - set(identifiers.tolist())
    if unknown:
        raise StudyError(
            f"there is no covariate {min(unknown)}",
            place="propensity settings",
            repair="look at covariate_id",
        )
    kept = ~np.isin(identifiers, settings.excluded_covariates)
    if settings.included_covariates:
        kept &= np.isin(identifiers, settings.included_covariates)
    return covariates if kept.all() else covariates.columns(kept)


def _prior(values, treatment, settings: PropensitySettings) -> tuple[Prior, ChosenVariance | None]:
    if settings.variance is not None:
        return Prior(settings.prior, settings.variance), None
    search = choose_variance(values, treatment, settings.prior, settings.search)
    return Prior(settings.prior, search.variance), search


def _sampled(treatment: NDArray[np.int8], settings: PropensitySettings) -> NDArray[np.bool_]:
    """Who enters the fit: all, or as many of each cohort as are wanted."""
    rows = np.ones(treatment.size, dtype=bool)
    for value in (0, 1):
        of_it = np.flatnonzero(treatment == value)
        if settings.most_persons is not None and of_it.size > settings.most_persons:
            drawn = uniforms(settings.search.seed, "persons of the propensity model", of_it, 1)[:, 0]
            rows[of_it[np.argsort(drawn)[settings.most_persons :]]] = False
    return rows


def _scores_of_all(
    fit: SparseLogistic, covariates: CovariateMatrix, treatment: NDArray, rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Scores with the intercept of the whole: King, Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868, equation 7."""
    from scipy.special import expit, logit

    moved = logit(treatment.mean()) - logit(treatment[rows].mean())
    return expit(logit(fit.predict(covariates.values)) + moved)


def _notes(
    fit: SparseLogistic, treatment: NDArray, rows: NDArray[np.bool_], search: ChosenVariance | None
) -> tuple[str, ...]:
    notes = []
    if not fit.selected.size:
        notes.append(
            f"no covariate tells the treatments apart at a prior variance of {fit.prior.variance:.3g}: all scores are "
            f"{treatment.mean():.3f}, and nothing is adjusted by them; a larger variance lets covariates in"
        )
    if not rows.all():
        notes.append(f"the model was fitted to a sample of {int(rows.sum())} of {rows.size} persons")
    if search is not None and search.note:
        notes.append(search.note)
    return tuple(notes)
