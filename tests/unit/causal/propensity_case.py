"""Covariates and treatments for tests of propensity scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from understudy.causal.covariate_matrix import CovariateMatrix


def matrix_of(values, names=None) -> CovariateMatrix:
    """A covariate matrix of plain columns, each of one analysis."""
    values = sparse.csc_matrix(np.asarray(values, float)) if not sparse.issparse(values) else values.tocsc()
    p = values.shape[1]
    about = pd.DataFrame(
        {
            "covariate_id": 1000 * np.arange(1, p + 1) + 210,
            "name": list(names) if names else [f"covariate {j}" for j in range(p)],
            "analysis_id": 210,
            "concept_id": np.arange(1, p + 1),
            "binary": [bool((values[:, j].data == 1).all()) for j in range(p)],
        }
    )
    return CovariateMatrix(values, np.arange(values.shape[0]), about)


def mixed_columns(n: int, p: int, seed: int):
    """Sparse columns of every kind: of yes and no, counted, continuous, constant, empty, and a copy; and outcomes."""
    drawn = np.random.default_rng(seed)
    x = (drawn.random((n, p)) < drawn.uniform(0.03, 0.5, p)).astype(float)
    x[:, 1] *= drawn.integers(1, 5, n)
    x[:, 2] = drawn.normal(size=n) * (drawn.random(n) < 0.7)
    x[:, 3], x[:, 4], x[:, 5] = 1.0, 0.0, x[:, 0]
    eta = x[:, :7] @ np.array([1.0, 0.4, -0.8, 0.5, 0.3, 0.2, -1.2]) - 0.4
    y = (drawn.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    return sparse.csc_matrix(x), y


def confounded(n: int, p: int, seed: int, strength: float = 1.0):
    """Covariates of yes and no, of which the first few decide on the treatment; true scores and treatments."""
    drawn = np.random.default_rng(seed)
    x = (drawn.random((n, p)) < 0.3).astype(float)
    effects = np.array([1.0, -1.0, 0.8, 0.6, -0.6])[:p]
    score = 1 / (1 + np.exp(-strength * (x[:, : effects.size] @ effects - 0.2)))
    return x, score, (drawn.random(n) < score).astype(int)
