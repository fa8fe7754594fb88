"""sampled: posteriors of the random effects as draws, by importance resampling or by the No-U-Turn sampler."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from understudy.core.random import normals
from understudy.inference.likelihood import Likelihood
from understudy.inference.sampling.convergence import bulk_ess, rank_rhat, tail_ess
from understudy.inference.sampling.importance import resample
from understudy.inference.sampling.nuts import sample_nuts
from understudy.inference.twins.posterior import Posterior, Standardised, with_draws

# So many independent draws Vehtari et al. 2021 (doi:10.1214/20-BA1221) ask for; this share of fewer draws, but no less
# than give a 5 % quantile by five of them.
_ENOUGH, _SHARE, _LEAST = 400, 0.3, 100
# They also ask for an R-hat of at most 1.01. What short chains that agree have is near sqrt(1 + chains / ess) (Vats and
# Knudson 2021, doi:10.1214/20-STS812), and the worst of several numbers is higher: three times that excess is let pass.
_AGREEING, _EXCESS = 1.01, 3.0
_CHAINS, _WARMUP = 4, 200
# Proposals for each draw that is kept.
_PROPOSALS = 10


def by_resampling(
    likelihood: Likelihood, normal: Posterior, draws: int, seed: int, keys: np.ndarray
) -> Posterior:
    """Draws by sampling importance resampling from a t distribution around the normal approximation."""
    import pandas as pd

    size, around = likelihood.active.size, Standardised.of(likelihood, normal)
    found = resample(
        around.log_density, len(keys), size, draws=draws, proposals=_PROPOSALS * draws, seed=seed, keys=keys
    )
    scale = np.linalg.slogdet(likelihood.omega)[1] - 2 * np.log(
        np.diagonal(around.root, axis1=1, axis2=2)
    ).sum(axis=1)
    marginal = size * math.log(2 * math.pi) + scale - 2 * found.log_integral
    enough = _enough(draws)
    cautions = tuple(
        f"the weighted proposals are worth {n:.0f} draws, fewer than {enough:.0f}: method='nuts' does not weigh"
        if n < enough
        else ""
        for n in found.effective
    )
    sampling = pd.DataFrame({"proposals": _PROPOSALS * draws, "ess": found.effective})
    drawn = with_draws(normal, around.vectors(found.samples), sampling, cautions)
    return replace(drawn, marginal=np.where(normal.failed, np.nan, marginal))


def by_nuts(likelihood: Likelihood, normal: Posterior, draws: int, seed: int, keys: np.ndarray) -> Posterior:
    """Draws by the No-U-Turn sampler from starts scattered like the normal approximation."""
    around, size = Standardised.of(likelihood, normal), likelihood.active.size
    start = [normals(seed, f"start of chain {k}", keys, size) for k in range(_CHAINS)]
    start = np.where(normal.failed[:, None], 0.0, np.array(start))
    each = -(-draws // _CHAINS)
    chains = sample_nuts(around.with_gradient, start, draws=each, warmup=_WARMUP, seed=seed, keys=keys)
    told = _told(chains, _enough(draws))
    samples = chains.samples.reshape(_CHAINS * each, *chains.samples.shape[2:])[:draws]
    return with_draws(normal, around.vectors(samples), *told)


def _enough(draws: int) -> float:
    return max(_LEAST, min(_ENOUGH, _SHARE * draws))


def _told(chains, enough: float):
    """How well the chains of each patient went: of its random effects the worst."""
    import pandas as pd

    table = pd.DataFrame(
        {
            "rhat": rank_rhat(chains.samples).max(axis=1),
            "ess_bulk": bulk_ess(chains.samples).min(axis=1),
            "ess_tail": tail_ess(chains.samples).min(axis=1),
            "divergences": chains.divergences.sum(axis=0),
            "acceptance": chains.acceptance.mean(axis=0),
        }
    )
    return table, tuple(_caution(row, enough) for row in table.itertuples())


def _caution(row, enough: float) -> str:
    doubts = []
    few = min(row.ess_bulk, row.ess_tail)
    agreeing = max(_AGREEING, math.sqrt(1 + _EXCESS * 2 * _CHAINS / row.ess_bulk))
    if not row.rhat <= agreeing:
        doubts.append(f"the chains disagree (R-hat {row.rhat:.3f}, above {agreeing:.3f})")
    if not few >= enough:
        doubts.append(f"the chains are worth {few:.0f} draws, fewer than {enough:.0f}: ask for more draws")
    if row.divergences:
        doubts.append(f"{row.divergences} trajectories diverged")
    return "; ".join(doubts)
