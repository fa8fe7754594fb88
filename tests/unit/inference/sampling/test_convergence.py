"""R-hat and effective sample sizes, against ArviZ's numbers and where the truth is known."""

import numpy as np
import pytest

from understudy.inference.sampling.convergence import bulk_ess, rank_rhat, tail_ess


def autoregressive(correlation: float, seed: int = 0, shape: tuple[int, int] = (4, 500)) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape)
    chains = noise.copy()
    for t in range(1, shape[1]):
        chains[:, t] = correlation * chains[:, t - 1] + noise[:, t]
    return chains


# Of ArviZ 0.23.4: az.rhat(x, method="rank"), az.ess(x, method="bulk"), az.ess(x, method="tail").
ARVIZ = {
    0.0: (1.00069837887, 2003.15228893, 2055.60878596),
    0.5: (1.00372558317, 678.987930526, 1339.17698562),
    0.9: (1.03824420934, 84.84638534, 242.286709489),
    -0.4: (1.00134241376, 4892.68827683, 1976.73580913),
}


@pytest.mark.parametrize("correlation", ARVIZ)
def test_numbers_are_those_of_arviz(correlation):
    chains = autoregressive(correlation)
    rhat, bulk, tail = ARVIZ[correlation]
    assert rank_rhat(chains) == pytest.approx(rhat, rel=1e-9)
    assert bulk_ess(chains) == pytest.approx(bulk, rel=1e-9)
    # Quantiles that fall between two draws may be on either side of one.
    assert tail_ess(chains) == pytest.approx(tail, rel=0.02)


def test_numbers_are_those_of_the_arviz_installed():
    arviz = pytest.importorskip("arviz", reason="ArviZ is not installed", exc_type=ImportError)
    chains = autoregressive(0.6, seed=8)
    assert rank_rhat(chains) == pytest.approx(float(arviz.rhat(chains, method="rank")), rel=1e-9)
    assert bulk_ess(chains) == pytest.approx(float(arviz.ess(chains, method="bulk")), rel=1e-9)


def test_correlated_draws_are_worth_what_theory_says():
    chains = autoregressive(0.5, seed=2, shape=(4, 20_000))
    # An autoregressive chain is worth (1 - r) / (1 + r) of its draws; the estimate's own error is some percent.
    assert bulk_ess(chains) == pytest.approx(80_000 / 3, rel=0.06)


def test_chains_of_different_spread_disagree():
    """Only the folded draws show it: the means are alike."""
    chains = np.random.default_rng(4).normal(size=(4, 400)) * np.array([1, 1, 1, 5])[:, None]
    assert rank_rhat(chains) > 1.1


def test_a_chain_that_wanders_is_noticed_by_its_halves():
    chains = np.random.default_rng(4).normal(size=(1, 400)) + np.linspace(0, 3, 400)
    assert rank_rhat(chains) > 1.3


def test_several_quantities_at_once():
    both = np.stack([autoregressive(0.2), autoregressive(0.8)], axis=-1)
    np.testing.assert_allclose(bulk_ess(both), [bulk_ess(both[..., 0]), bulk_ess(both[..., 1])])
    np.testing.assert_allclose(rank_rhat(both), [rank_rhat(both[..., 0]), rank_rhat(both[..., 1])])


def test_a_constant_has_no_effective_sample_size():
    assert np.isnan(bulk_ess(np.ones((4, 100))))
    assert np.isnan(rank_rhat(np.ones((4, 100))))
