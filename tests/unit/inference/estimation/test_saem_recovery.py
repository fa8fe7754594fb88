"""Simulate populations, estimate them by SAEM, and see whether the intervals hold what they say."""

import numpy as np
import pytest
from scipy import stats
from simulated_data import measured, oral

from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.saem import SAEM

REPLICATES, PATIENTS, INTERVAL = 12, 40, 0.9


@pytest.mark.slow
def test_intervals_hold_the_true_parameters():
    truth, within, scores = oral(), [], []
    names = {p.name: p.value for p in truth.fixed}
    for seed in range(REPLICATES):
        found = fit(
            truth, measured(truth, PATIENTS, seed=seed), SAEM(samples=1000), covariance="R", seed=seed
        )
        assert found.covariance is not None, found.warnings
        own = [(found.estimates[n] - v) / found.standard_errors[n] for n, v in names.items()]
        scores += own
        within += [abs(score) < stats.norm.ppf(0.5 + INTERVAL / 2) for score in own]
    # Odds of one in a thousand, were all parameters independent.
    low = stats.binom.ppf(1e-3, len(within), INTERVAL)
    assert sum(within) >= low
    # No bias: the mean score of four parameters, within four of its standard errors.
    assert abs(np.mean(scores)) < 4 / np.sqrt(len(scores))
