"""Point effect: the effect of a treatment given once, by weighting, by standardisation, or by both.

Hernán & Robins, Causal Inference: What If (2020), chapters 12 and 13; augmented weighting Robins, Rotnitzky & Zhao
1994, doi:10.1080/01621459.1994.10476818, and Bang & Robins 2005, doi:10.1111/j.1541-0420.2005.00377.x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.design_matrix import Design, design_matrix
from understudy.biostatistics.estimates import Estimates
from understudy.biostatistics.linear_model import LinearModel, linear_model
from understudy.biostatistics.logistic import LogisticModel, logistic_model
from understudy.biostatistics.standardised_risk import standardised_risks
from understudy.causal.emulation.dense_rows import DenseRows
from understudy.causal.emulation.overlap import Overlap, overlap
from understudy.causal.emulation.person_bootstrap import Resampled, resampled
from understudy.causal.emulation.point_table import PointTable
from understudy.causal.emulation.pooled_logistic import dependent, maximise
from understudy.causal.emulation.weight_model import chance_of, fitted_chance
from understudy.causal.emulation.weight_summary import WeightSummary, summarised, truncated
from understudy.core.errors import StudyError, UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
METHODS = ("unadjusted", "weighting", "standardisation", "doubly robust")


@dataclass(frozen=True)
class PointModels:
    """The models of a point effect.

    Parameters
    ----------
    treatment : tuple of str
        Terms of the chance of treatment, such as ``("age", "age^2", "sex")``.
    outcome : tuple of str
        Terms of the outcome beside treatment.
    modified_by : tuple of str
        Terms that the effect of treatment may vary with.
    stabilised : bool
        Whether weights are multiplied by the share with that treatment: the same estimate, weights near 1.
    truncate : float or None
        Quantile at which weights are cut.
    """

    treatment: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    modified_by: tuple[str, ...] = ()
    stabilised: bool = True
    truncate: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class PointEffect:
    """The mean outcome were nobody treated and were everybody, and their difference. Made by `point_effect`.

    Attributes
    ----------
    method : str
    means : Estimates
        "untreated", "treated".
    differences : Estimates
        "treated - untreated".
    ratios : Estimates or None
        Of a binary outcome the risk ratio, on the scale "exp".
    weights : WeightSummary or None
    overlap : Overlap or None
        How alike the groups are, before and after weighting.
    resamples : Resampled or None
        Of the two means, shape (copies, 2).
    notes : tuple of str
    """

    method: str
    means: Estimates
    differences: Estimates
    ratios: Estimates | None = None
    weights: WeightSummary | None = None
    overlap: Overlap | None = None
    resamples: Resampled | None = None
    notes: tuple[str, ...] = ()

    @property
    def bootstrap(self) -> Estimates | None:
        """The difference with the bootstrap's standard error; its percentiles are `resamples`' interval."""
        if self.resamples is None:
            return None
        spread = (self.resamples.values[:, 1] - self.resamples.values[:, 0]).std(ddof=1)
        return replace(self.differences, standard_errors=np.array([spread]))

    def table(self) -> pd.DataFrame:
        """Means, difference and ratio, a row each."""
        import pandas as pd

        parts = [self.means.table(), self.differences.table()]
        parts += [] if self.ratios is None else [self.ratios.table().set_axis(parts[0].columns, axis=1)]
        found = pd.concat(parts)
        found.loc[["untreated", "treated"], ["statistic", "p_value"]] = np.nan
        return found.drop(columns="degrees_of_freedom")

    def __repr__(self) -> str:
        told = f"\n{self.weights}" if self.weights else ""
        return f"Point effect by {self.method}\n{self.differences}{told}"


def point_effect(
    table: PointTable,
    method: str,
    models: PointModels,
    *,
    resamples: int = 0,
    seed: int = 1,
    level: float = 0.95,
) -> PointEffect:
    """Estimate the effect of a treatment given once.

    Parameters
    ----------
    table : PointTable
    method : {"unadjusted", "weighting", "standardisation", "doubly robust"}
        Weighting needs the treatment model to be right, standardisation the outcome model, doubly robust one of them.
        Standard errors: sandwich with weights taken as known (conservative); of standardisation that of the outcome
        model and of whom was sampled; doubly robust by the influence function.
    models : PointModels
    resamples : int
        Of persons, for a bootstrap beside; 0 for none.
    seed : int
    level : float

    Returns
    -------
    PointEffect

    Raises
    ------
    StudyError
        If treatment or outcome are separated by covariates: some were never, or always, treated.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy.causal.emulation.point_table import point_table
    >>> frame = pd.DataFrame({"a": [0, 0, 0, 1, 0, 1, 1, 1], "y": [1.0, 2, 3, 3, 5, 6, 7, 8], "x": [0] * 4 + [1] * 4})
    >>> table = point_table(frame, treatment="a", outcome="y", covariates=["x"])
    >>> found = point_effect(table, "weighting", PointModels(treatment=("x",)))
    >>> round(float(found.differences.values[0]), 6)
    1.5
    """
    if method not in METHODS:
        raise StudyError(
            f"unknown method {method!r}", place="point_effect", repair=f"take one of {', '.join(METHODS)}"
        )
    estimate = _ESTIMATORS[method]
    means, covariance, weights, cut = estimate(table, models)
    found = _effect(table, method, means, covariance, level)
    if weights is not None:
        found = replace(
            found, weights=summarised(weights, cut), overlap=overlap(table, models.treatment, weights)
        )
        found = replace(found, notes=found.weights.doubts)
    if resamples:
        copies = resampled(
            lambda drawn: _copy(table, drawn, models, estimate), table.persons, resamples, seed
        )
        found = replace(found, resamples=copies, notes=(*found.notes, *copies.doubts))
    return replace(found, notes=(*table.notes, *found.notes))


def _copy(table: PointTable, drawn: Array, models: PointModels, estimate: Callable) -> Array:
    copy = table.take(np.repeat(np.arange(table.persons), drawn.astype(int)))
    return (
        predictions(copy, models).mean(axis=0) if estimate is _standardisation else estimate(copy, models)[0]
    )


def _effect(table: PointTable, method: str, means: Array, covariance: Array, level: float) -> PointEffect:
    free = np.array([np.inf])
    errors = np.sqrt(np.diag(covariance))
    spread = np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0))
    difference = Estimates(
        ("treated - untreated",), np.array([means[1] - means[0]]), np.array([spread]), free, level
    )
    ratio = None
    if table.binary and (means > 0).all():
        slope = np.array([-1 / means[0], 1 / means[1]])
        own = np.array([np.sqrt(slope @ covariance @ slope)])
        ratio = Estimates(
            ("treated / untreated",), np.log(means[1:] / means[:1]), own, free, level, scale="exp"
        )
    return PointEffect(
        method,
        Estimates(("untreated", "treated"), means, errors, np.repeat(free, 2), level),
        difference,
        ratio,
    )


def _unadjusted(table: PointTable, models: PointModels) -> tuple:
    return *_weighted_means(table, np.ones(table.persons)), None, 0


def _weighting(table: PointTable, models: PointModels) -> tuple:
    weights, cut = truncated(treatment_weights(table, models), models.truncate, "models.truncate")
    return *_weighted_means(table, weights), weights, cut


def _weighted_means(table: PointTable, weights: Array) -> tuple[Array, Array]:
    """Weighted means by group, with the sandwich that takes weights as known."""
    means, influence = np.empty(2), np.zeros((table.persons, 2))
    for arm in (0, 1):
        own = weights * (table.treatment == arm)
        means[arm] = own @ table.outcome / own.sum()
        influence[:, arm] = own * (table.outcome - means[arm]) / own.sum()
    return means, influence.T @ influence


def _standardisation(table: PointTable, models: PointModels) -> tuple:
    fitted, predicted = _outcomes(table, models), predictions(table, models)
    if table.binary:
        inner = standardised_risks(fitted, "treatment", variance="conditional HC0").covariance
    else:
        slopes = np.array([fitted.design.set_to(treatment=arm).matrix.mean(axis=0) for arm in ("0", "1")])
        inner = slopes @ fitted.covariance @ slopes.T
    # The model's error, and that of whom was sampled: the two are uncorrelated where the model is right.
    return predicted.mean(axis=0), inner + np.cov(predicted.T) / table.persons, None, 0


def _doubly_robust(table: PointTable, models: PointModels) -> tuple:
    predicted = predictions(table, models)
    weights, cut = treatment_weights(table, replace(models, stabilised=False)), 0
    weights, cut = truncated(weights, models.truncate, "models.truncate")
    single = np.empty((table.persons, 2))
    for arm in (0, 1):
        own = weights * (table.treatment == arm)
        single[:, arm] = predicted[:, arm] + own * (table.outcome - predicted[:, arm])
    means = single.mean(axis=0)
    centred = single - means
    return means, centred.T @ centred / table.persons**2, weights, cut


_ESTIMATORS = {
    "unadjusted": _unadjusted,
    "weighting": _weighting,
    "standardisation": _standardisation,
    "doubly robust": _doubly_robust,
}


def treatment_weights(table: PointTable, models: PointModels) -> Array:
    """Inverse chances of the treatment that each person had; stabilised ones times the share who had it.

    Raises
    ------
    StudyError
        If covariates foretell the treatment of some exactly.
    """
    chance = treatment_chance(table, models.treatment)
    share = table.treatment.mean()
    own = np.where(table.treatment == 1, chance, 1 - chance)
    return (np.where(table.treatment == 1, share, 1 - share) if models.stabilised else 1.0) / own


def treatment_chance(table: PointTable, terms: tuple[str, ...]) -> Array:
    """Each person's chance of treatment by a logistic regression."""
    matrix, names = table.covariates.design(terms, rows=table.persons)
    chance, found = fitted_chance(matrix, table.treatment, names, np.ones(table.persons), "treatment")
    if found.separable:
        raise StudyError(
            f"{', '.join(found.separable)} foretell the treatment of some persons exactly, so that they have no match",
            place="the treatment model",
            repair="leave these terms out, join levels, or leave persons out who could be treated one way only",
        )
    return chance


def predictions(table: PointTable, models: PointModels) -> Array:
    """Each person's mean outcome by the outcome model, untreated and treated, shape (n, 2)."""
    matrix, names = table.covariates.design(models.outcome, rows=table.persons)
    modifying = matrix[:, [names.index(name) for name in _modifying(table, models, names)]]

    def as_if(treatment: Array) -> Array:
        return np.hstack([matrix, treatment[:, None], modifying * treatment[:, None]])

    own = as_if(table.treatment)
    ends = [as_if(np.full(table.persons, arm)) for arm in (0.0, 1.0)]
    if not table.binary:
        beta = np.linalg.lstsq(own, table.outcome, rcond=None)[0]
        return np.column_stack([each @ beta for each in ends])
    weight, labels = np.ones(table.persons), tuple(map(str, range(own.shape[1])))
    kept = ~dependent(own, weight)
    left = tuple(np.array(labels)[kept])
    found = maximise(DenseRows(own[:, kept], table.outcome, left, weight, np.zeros(table.persons, np.int64)))
    return np.column_stack([chance_of(found, each[:, kept], left) for each in ends])


def _outcomes(table: PointTable, models: PointModels) -> LinearModel | LogisticModel:
    """The outcome model with a robust covariance.

    Raises
    ------
    StudyError
        Where it has no estimate.
    """
    try:
        if table.binary:
            return logistic_model(table.outcome, _design(table, models), variance="HC0")
        return linear_model(table.outcome, _design(table, models), variance="HC0")
    except UnderstudyError as error:
        raise StudyError(
            f"the outcome model has no estimate: {error.cause}", place="the outcome model",
            repair="leave these terms out, or join levels",
        ) from None  # fmt: skip


def _modifying(table: PointTable, models: PointModels, names: tuple[str, ...]) -> list[str]:
    """Columns that the effect of treatment varies with."""
    found = [name for term in models.modified_by for name in table.covariates.block(term)[1]]
    lost = [name for name in found if name not in names]
    if lost:
        raise StudyError(
            f"{lost[0]} modifies the effect, but is no term of the outcome model",
            place="the outcome model", repair=f"add {lost[0]} to its terms",
        )  # fmt: skip
    return found


def _design(table: PointTable, models: PointModels) -> Design:
    matrix, names = table.covariates.design(models.outcome, intercept=False, rows=table.persons)
    columns = {"treatment": [f"{arm:g}" for arm in table.treatment]}
    columns |= dict(zip(names, matrix.T, strict=True))
    products = [("treatment", name) for name in _modifying(table, models, names)]
    return design_matrix(columns, levels={"treatment": ["0", "1"]}, interactions=products)
