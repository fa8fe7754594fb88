"""Settings of a propensity model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from understudy.causal.propensity.prior import PriorKind
from understudy.causal.propensity.variance_search import VarianceSearch
from understudy.core.section import Number, Section, Whole

CovariateId = Annotated[int, Field(strict=True)]


class PropensitySettings(Section):
    """How propensity scores are made: CohortMethod's defaults, but for one repetition of cross-validation, not ten.

    Examples
    --------
    >>> PropensitySettings(variance=0.01).prior
    'laplace'
    """

    prior: PriorKind = Field(
        default="laplace", description="laplace (the lasso) or normal (ridge regression)"
    )
    variance: Number | None = Field(
        default=None, description="of the prior; chosen by cross-validation where it is not given", gt=0
    )
    search: VarianceSearch = Field(default=VarianceSearch(), description="how the variance is chosen")
    least_fraction: Number = Field(
        default=0.001, description="covariates of fewer persons than this share are left out", ge=0, lt=1
    )
    highest_correlation: Number = Field(
        default=0.5,
        description="a covariate whose correlation with the treatment is above it is an error",
        gt=0,
        le=1,
    )
    included_covariates: tuple[CovariateId, ...] = Field(
        default=(), description="only covariates with these identifiers; all, if none is given"
    )
    excluded_covariates: tuple[CovariateId, ...] = Field(
        default=(), description="covariates with these identifiers are left out"
    )
    most_persons: Whole | None = Field(
        default=250_000, description="a larger cohort is sampled for the fit; all get scores", ge=100
    )
