"""Null chains: draws of the null distribution's mean and sd, by Metropolis' algorithm."""

from __future__ import annotations

import numpy as np

from understudy.causal.synthesis.hierarchy import HierarchyPosterior, Prior
from understudy.causal.synthesis.marginal import Marginal
from understudy.core.random import normals, uniforms

CHAINS, DRAWS, WARMUP, KEEP_EVERY = 50, 4000, 500, 4
_STEP = 1.7  # 2.4 / sqrt(2) standard deviations, the best for two dimensions (Gelman, Roberts, Gilks 1996)


def sample_null(marginal: Marginal, prior: Prior, seed: int) -> HierarchyPosterior:
    """Draw from the posterior of mean and sd: 50 chains side by side, 4,000 steps each after 500, every fourth kept.

    Steps are normal in the mean and the logarithm of the sd (Metropolis et al. 1953, J Chem Phys 21:1087-1092), of the
    scales that the first half of the warm-up shows.

    Parameters
    ----------
    marginal : Marginal
    prior : Prior
    seed : int

    Returns
    -------
    HierarchyPosterior
        50,000 draws of the same weight.
    """
    from understudy.causal.calibration.fit_null import most_likely

    steps = WARMUP + DRAWS
    jumps = normals(seed, "null distribution: steps", range(CHAINS), 2 * steps + 2).reshape(CHAINS, -1, 2)
    levels = np.log(uniforms(seed, "null distribution: acceptance", range(CHAINS), steps))
    mean, sd = most_likely(marginal)
    scale = np.array([max(sd, 0.05) / np.sqrt(marginal.count), 1 / np.sqrt(2 * marginal.count)])
    at = np.array([mean, np.log(max(sd, 0.05))]) + scale * jumps[:, -1]
    height = _height(marginal, prior, at)
    kept, early = [], []
    for k in range(steps):
        if k == WARMUP // 2:
            scale = np.std(np.concatenate(early[len(early) // 2 :]), axis=0)
        proposed = at + _STEP * scale * jumps[:, k]
        reached = _height(marginal, prior, proposed)
        moves = levels[:, k] < reached - height
        at, height = np.where(moves[:, None], proposed, at), np.where(moves, reached, height)
        if k < WARMUP // 2:
            early.append(at)
        elif k >= WARMUP and k % KEEP_EVERY == 0:
            kept.append(at)
    draws = np.concatenate(kept)
    return HierarchyPosterior(draws[:, 0], np.exp(draws[:, 1]), np.full(len(draws), 1 / len(draws)))


def _height(marginal: Marginal, prior: Prior, at: np.ndarray) -> np.ndarray:
    """Log-density of each chain's place."""
    sd = np.exp(np.clip(at[:, 1], -30.0, 30.0))
    return marginal.log(at[:, 0], sd) + prior.log(at[:, 0], sd)
