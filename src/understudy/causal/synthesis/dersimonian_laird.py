"""dersimonian_laird: random effects from estimates and standard errors, for comparison."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from understudy.causal.synthesis.pooled_effect import PooledEffect, require_level
from understudy.core.errors import DataError, Problem


def dersimonian_laird(
    log_effects: ArrayLike, standard_errors: ArrayLike, level: float = 0.95
) -> PooledEffect:
    """Pool estimates by moments.

    DerSimonian, Laird 1986, Control Clin Trials 7:177-188, doi:10.1016/0197-2456(86)90046-2. The prediction interval is
    that of Higgins, Thompson, Spiegelhalter 2009, J R Stat Soc A 172:137-159, doi:10.1111/j.1467-985X.2008.00552.x,
    with the t of two degrees fewer than sites. It takes errors as known and normal: with few outcomes take
    `pool_random`.

    Parameters
    ----------
    log_effects, standard_errors : array of float, shape (n,)
        Those that are not finite are left out, with a note: a site without outcomes in an arm has no estimate.
    level : float

    Returns
    -------
    PooledEffect

    Raises
    ------
    DataError
        If no site has an estimate.

    Examples
    --------
    >>> dersimonian_laird([0.0, 0.3, 0.6], [0.1, 0.1, 0.1])
    DerSimonian-Laird, 3 sites: 1.35 (95 %: 0.9613 to 1.895)
      between sites: 0.283
      in one more site: 0.01996 to 91.3
    """
    from scipy.stats import norm, t

    require_level(level)
    effects, errors = (np.asarray(each, float).ravel() for each in (log_effects, standard_errors))
    if effects.size != errors.size:
        told = f"{effects.size} effects and {errors.size} standard errors"
        raise DataError([Problem(told, "give one for each site")], place="the sites")
    usable = np.isfinite(effects) & np.isfinite(errors) & (errors > 0)
    effects, errors, out = effects[usable], errors[usable], int((~usable).sum())
    if not effects.size:
        problem = Problem("no site has a finite estimate", "pool likelihood profiles by pool_random")
        raise DataError([problem], place="the sites")
    tau2 = _between(effects, errors)
    weights = 1 / (errors**2 + tau2)
    mean, error = float(weights @ effects / weights.sum()), float(weights.sum() ** -0.5)
    z, n = float(norm.ppf((1 + level) / 2)), effects.size
    reach = float(t.ppf((1 + level) / 2, n - 2)) * float(np.hypot(error, np.sqrt(tau2))) if n > 2 else np.nan
    return PooledEffect(
        "DerSimonian-Laird",
        n,
        mean,
        mean - z * error,
        mean + z * error,
        level,
        error,
        heterogeneity=(float(np.sqrt(tau2)), np.nan, np.nan, np.nan),
        prediction=(mean - reach, mean + reach),
        p_value=float(2 * norm.sf(abs(mean / error))),
        notes=(f"{out} without an estimate left out",) if out else (),
    )


def _between(effects: np.ndarray, errors: np.ndarray) -> float:
    """Variance between sites, by moments."""
    weights = errors**-2.0
    mean = weights @ effects / weights.sum()
    q = weights @ (effects - mean) ** 2
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    return max(0.0, float((q - (effects.size - 1)) / scale)) if effects.size > 1 else 0.0
