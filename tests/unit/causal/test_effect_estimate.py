"""Effect estimates: ratios, errors, tests, and what cannot be one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy.causal import EffectEstimate
from understudy.core.errors import UnderstudyError


def made(**changed: object) -> EffectEstimate:
    parts = {
        "measure": "hazard ratio",
        "log": math.log(2),
        "low": 0.1,
        "high": 1.3,
        "standard_error": 0.3,
        "robust_error": 0.4,
        "log_likelihood_ratio": 2.0,
        "p_value": 0.02,
    }
    return EffectEstimate(**(parts | changed))


def test_ratios_and_their_limits() -> None:
    found = made()
    assert found.exp == pytest.approx(2)
    assert found.interval == pytest.approx((math.exp(0.1), math.exp(1.3)))
    low, high = found.robust_interval
    assert math.log(high / low) == pytest.approx(2 * 1.959964 * 0.4, abs=1e-6)
    assert found.finite


def test_p_values() -> None:
    found = made()
    assert found.one_sided_p == 0.01
    assert made(log=-0.1, low=-1.0).one_sided_p == pytest.approx(0.99)
    assert found.likelihood_ratio_p == pytest.approx(0.0455, abs=1e-4)  # chi-square of 4 on one degree
    assert found.robust_p == pytest.approx(0.0831, abs=1e-4)  # z = 1.733


def test_infinite_and_missing_estimates_stay_readable() -> None:
    one_sided = made(log=-np.inf, low=-np.inf, high=0.5, standard_error=np.inf, robust_error=np.nan)
    assert not one_sided.finite
    assert one_sided.exp == 0
    assert repr(one_sided) == "hazard ratio 0 (95 % interval 0 to 1.649), p 0.0200"
    none = made(log=np.nan, low=-np.inf, high=np.inf, standard_error=np.nan, p_value=np.nan, notes=("why",))
    assert not none.finite
    assert repr(none).endswith("note: why")
    assert none.table().shape == (1, 9)


@pytest.mark.parametrize("changed", [{"low": 1.0}, {"high": 0.0}, {"standard_error": -1.0}, {"level": 95}])
def test_what_cannot_be_an_estimate(changed: dict) -> None:
    with pytest.raises(UnderstudyError):
        made(**changed)
