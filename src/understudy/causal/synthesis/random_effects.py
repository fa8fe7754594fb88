"""pool_random: sites have effects of their own around a mean, by Bayes."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.causal.synthesis.hierarchy import HalfNormalPrior, HierarchyPosterior, integrate
from understudy.causal.synthesis.interpolation import Interpolation, Likelihood
from understudy.causal.synthesis.marginal import ProfileMarginal
from understudy.causal.synthesis.pooled_effect import PooledEffect, require_level, require_sites


def pool_random(
    sites: Sequence[Likelihood],
    *,
    prior: HalfNormalPrior | None = None,
    level: float = 0.95,
    interpolation: Interpolation | None = None,
) -> PooledEffect:
    """Pool likelihoods of sites whose effects differ.

    Effects are normal around a mean; the prior of the mean is normal with sd 2, that of the sd between sites
    half-normal with scale 0.5 (Schuemie et al. 2022, doi:10.1186/s12874-022-01778-x). Where EvidenceSynthesis samples,
    the posterior is integrated here: the same numbers each time, without Monte Carlo error.

    Parameters
    ----------
    sites : sequence of LikelihoodProfile or approximations
        One is enough, though then the prior says most of the spread.
    prior : HalfNormalPrior, optional
    level : float
    interpolation : {"linear", "cubic"}, optional
        Between the points of a profile, see `log_likelihood`.

    Returns
    -------
    PooledEffect
        `log` is the posterior mean; limits are quantiles, those of highest density are beside them.

    Raises
    ------
    DataError
        For no sites, a profile that is damaged, or a level that is none.

    Examples
    --------
    >>> from understudy.causal.synthesis.approximation import NormalApproximation
    >>> found = pool_random([NormalApproximation(x, 0.2) for x in (0.0, 0.3, 0.6)])
    >>> round(found.log, 2), [round(each, 2) for each in found.prediction]
    (0.3, [-0.66, 1.24])
    """
    require_level(level)
    found = require_sites(sites, 1, "pooling")
    posterior = hierarchy(found, prior or HalfNormalPrior(), interpolation)
    mean, tau = posterior.mean_density(), posterior.sd_density()
    low, high = mean.interval(level)
    return PooledEffect(
        "random effects",
        len(found),
        mean.mean,
        low,
        high,
        level,
        mean.sd,
        highest_density=mean.highest_density(level),
        heterogeneity=(tau.median, tau.mean, *tau.interval(level)),
        prediction=posterior.predictive().interval(level),
        above_null=mean.above(0.0),
        posterior=mean,
        notes=("one site: the prior says how far others may be from it",) if len(found) == 1 else (),
    )


def hierarchy(
    sites: Sequence[Likelihood], prior: HalfNormalPrior, interpolation: Interpolation | None
) -> HierarchyPosterior:
    """Joint posterior of the mean and the spread of the sites' effects."""
    return integrate(ProfileMarginal.of(sites, interpolation), prior)
