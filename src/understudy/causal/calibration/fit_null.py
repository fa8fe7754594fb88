"""fit_null: the null distribution from estimates or likelihood profiles of negative controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from understudy.causal.calibration.controls import Controls, told_dropped
from understudy.causal.calibration.null_distribution import NullDistribution
from understudy.causal.synthesis.bias_correction import few_controls
from understudy.causal.synthesis.hierarchy import HierarchyPosterior, PrecisionPrior, integrate
from understudy.causal.synthesis.interpolation import Likelihood
from understudy.causal.synthesis.marginal import Marginal, NormalMarginal, ProfileMarginal
from understudy.core.errors import DataError, Problem

Method = Literal["maximum likelihood", "quadrature", "mcmc"]
_POINTS = 401  # of each axis of the quadrature: limits of p-values fall between them
_LEAST_SD = 1e-6  # below it the null is a point


def fit_null(
    log_rr: ArrayLike | Controls | None = None,
    standard_error: ArrayLike | None = None,
    *,
    profiles: Sequence[Likelihood] | None = None,
    method: Method = "maximum likelihood",
    seed: int = 0,
) -> NullDistribution:
    """Fit the distribution of systematic error to negative controls.

    Each control has a systematic error of its own, drawn from one normal distribution; its estimate adds chance.
    Schuemie et al. 2014, Stat Med 33:209-218, doi:10.1002/sim.5925; from profiles, where counts are so small that
    estimates are not normal: Schuemie et al. 2022, Front Pharmacol 13:893484, doi:10.3389/fphar.2022.893484.

    Parameters
    ----------
    log_rr : array of float, shape (n,), or Controls
        Estimates of negative controls on the scale of logarithms; of `Controls` the negative ones.
    standard_error : array of float, shape (n,)
    profiles : sequence of LikelihoodProfile or approximations
        In place of estimates.
    method : {"maximum likelihood", "quadrature", "mcmc"}
        The Bayesian methods have a flat prior for the mean and a very wide gamma for the precision, as
        EmpiricalCalibration's; "quadrature" has no Monte Carlo error, "mcmc" draws from the same posterior.
    seed : int
        Of "mcmc".

    Returns
    -------
    NullDistribution
        With notes on rows that were left out and on too few controls.

    Raises
    ------
    DataError
        If there is no control, or none that has a finite estimate.

    Examples
    --------
    >>> fit_null([0.1, 0.3, 0.5, 0.2, 0.9, np.inf], [0.1, 0.2, 0.1, 0.1, 0.3, np.inf])
    null distribution of 5 negative controls (maximum likelihood): mean 0.3191, sd 0.1493, EASE 0.3208
      note: 1 row left out: 1 with an infinite estimate
    """
    if method not in get_args(Method):
        problem = Problem("no method", f"take one of {', '.join(get_args(Method))}", value=str(method))
        raise DataError([problem], place="the null distribution")
    marginal, notes = _marginal(log_rr, standard_error, profiles)
    notes = (*notes, *few_controls(marginal.count))
    if method == "maximum likelihood":
        mean, sd = most_likely(marginal)
        return NullDistribution(mean, sd, marginal.count, method, None, notes)
    posterior = _posterior(marginal, method, seed)
    if method == "mcmc":
        mean, precision = np.median(posterior.means), np.median(posterior.sds**-2.0)
        return NullDistribution(float(mean), float(precision**-0.5), marginal.count, method, posterior, notes)
    mean, sd = posterior.mean_density().median, posterior.sd_density().median
    return NullDistribution(mean, sd, marginal.count, method, posterior, notes)


def most_likely(marginal: Marginal) -> tuple[float, float]:
    """Mean and sd at the maximum of the likelihood; an sd of zero where chance alone explains the scatter."""
    if isinstance(marginal, NormalMarginal):
        return _most_likely_normal(marginal)
    from scipy.optimize import minimize

    mean, sd = marginal.start()
    found = minimize(
        lambda at: -float(marginal.log(at[0], np.exp(at[1]))),
        [mean, np.log(sd)],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 2000},
    )
    spread = float(np.exp(found.x[1]))
    return float(found.x[0]), spread if spread > 1e-4 else 0.0


def _most_likely_normal(marginal: NormalMarginal) -> tuple[float, float]:
    """The mean is a weighted one for every sd: a search over one number."""
    from scipy.optimize import minimize_scalar

    estimates, variances = marginal.estimates, marginal.errors**2

    def mean_of(sd: float) -> float:
        weights = 1 / (variances + sd**2)
        return float(weights @ estimates / weights.sum())

    def misfit(sd: float) -> float:
        total = variances + sd**2
        return float(np.sum(np.log(total) + (estimates - mean_of(sd)) ** 2 / total))

    most = float(np.ptp(estimates)) + 1e-3
    coarse = np.append(0.0, np.geomspace(1e-4 * most, most, 60))
    best = int(np.argmin([misfit(sd) for sd in coarse]))
    ends = coarse[max(best - 1, 0)], coarse[min(best + 1, coarse.size - 1)]
    found = minimize_scalar(misfit, bounds=ends, method="bounded", options={"xatol": 1e-10})
    sd = float(found.x) if found.fun < misfit(0.0) - 1e-12 and found.x > _LEAST_SD else 0.0
    return mean_of(sd), sd


def _posterior(marginal: Marginal, method: Method, seed: int) -> HierarchyPosterior:
    if method == "quadrature":
        points = _POINTS if isinstance(marginal, NormalMarginal) else _POINTS // 2
        return integrate(marginal, PrecisionPrior(), points)
    from understudy.causal.calibration.null_chains import sample_null

    return sample_null(marginal, PrecisionPrior(), seed)


def _marginal(
    log_rr: ArrayLike | Controls | None,
    standard_error: ArrayLike | None,
    profiles: Sequence[Likelihood] | None,
) -> tuple[Marginal, tuple[str, ...]]:
    """The likelihood of mean and sd, and notes on what was left out."""
    if (log_rr is None) == (profiles is None):
        problem = Problem(
            "give estimates or profiles, one of both", "fit_null(log_rr, se) or fit_null(profiles=…)"
        )
        raise DataError([problem], place="the null distribution")
    if profiles is not None:
        sites = list(profiles)
        _refuse_none(len(sites), len(sites), ())
        return ProfileMarginal.of(sites), ()
    if isinstance(log_rr, Controls):
        controls = log_rr.negative
    else:
        found = np.asarray(log_rr, float).ravel()
        errors = np.full(found.size, np.nan) if standard_error is None else standard_error
        controls = Controls.of([str(k) for k in range(found.size)], found, errors, np.zeros(found.size))
    _refuse_none(len(controls), len(controls) + len(controls.dropped), controls.notes)
    return NormalMarginal(controls.log_rr, controls.standard_error), told_dropped(
        why for _, why in controls.dropped
    )


def _refuse_none(usable: int, given: int, notes: tuple[str, ...]) -> None:
    """A null distribution needs a negative control that has an estimate."""
    if usable:
        return
    if not given:
        problem = Problem("there is no negative control", "give estimates of things without an effect")
    else:
        cause = f"none of the {given} controls is a negative one with a finite estimate"
        why = f" ({'; '.join(notes)})" if notes else ""
        problem = Problem(cause + why, "take controls with more outcomes, or give their likelihood profiles")
    raise DataError([problem], place="the negative controls")
