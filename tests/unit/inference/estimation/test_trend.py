"""A trend is seen where there is one, and seldom where there is none."""

import numpy as np

from understudy.inference.estimation.trend import trend


def autoregressive(correlation: float, length: int, series: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((length, series)) * np.sqrt(1 - correlation**2)
    found = np.zeros_like(noise)
    found[0] = rng.standard_normal(series)
    for k in range(1, length):
        found[k] = correlation * found[k - 1] + noise[k]
    return found


def test_scatter_is_no_trend_however_correlated():
    for correlation, most in ((0.0, 0.01), (0.5, 0.02), (0.9, 0.12)):
        found = trend(autoregressive(correlation, 100, 2000)).drifting(0.0, 3.0).mean()
        # 0.0027 for normal numbers; a correlation that is itself estimated makes it more.
        assert found < most, correlation


def test_a_climb_is_seen():
    climb = autoregressive(0.5, 100, 200) + np.linspace(0.0, 6.0, 100)[:, None]
    assert trend(climb).drifting(0.0, 3.0).mean() > 0.95
    assert not trend(climb).drifting(20.0, 3.0).any()
    np.testing.assert_allclose(trend(climb).rise.mean(), 6.0, atol=0.3)


def test_what_does_not_move_has_no_trend():
    assert not trend(np.ones((20, 1))).drifting(0.0, 3.0).any()
