"""Tumour models against their closed forms, and the numbers that publications print."""

import numpy as np
import pandas as pd
import pytest

from understudy.engine.simulate import simulate
from understudy.library.catalogue import entry, model
from understudy.library.typical import typical_values

TIMES = np.array([1.0, 10.0, 50.0, 200.0, 400.0])
# The solvers hold a relative tolerance of 1e-6 a step where the model is not linear.
SOLVED = 1e-5


def sizes(name, output="S", times=TIMES, regimen="no dose", **values):
    patients = pd.DataFrame([values], index=["one"]) if values else None
    return np.ravel(simulate(model(name), patients, regimen, times)[output].values)


def test_growth_and_regression_is_the_sum_of_two_exponentials():
    expected = 60 * (np.exp(-0.01 * TIMES) + np.exp(0.002 * TIMES) - 1)
    assert sizes("tumour_growth_regression", S0=60, d=0.01, g=0.002) == pytest.approx(expected, rel=1e-9)


def test_growth_without_regression_is_exponential():
    expected = 60 * np.exp(0.002 * TIMES)
    assert sizes("tumour_growth_regression", S0=60, d=0.0, g=0.002) == pytest.approx(expected, rel=1e-9)


def test_shares_that_shrink_and_grow():
    expected = 91.7 * (0.426 * np.exp(0.00114 * TIMES) + 0.574 * np.exp(-0.00265 * TIMES))
    assert sizes("tumour_bi_exponential") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("exposure", [0.0, 1.0, 3.0])
def test_growth_inhibition_is_the_published_closed_form(exposure):
    weeks = TIMES / 7
    expected = 80 * np.exp(0.02 * weeks - 0.05 * exposure / 0.05 * (1 - np.exp(-0.05 * weeks)))
    found = sizes("tumour_growth_inhibition", times=weeks, exposure=exposure)
    assert found == pytest.approx(expected, rel=SOLVED)


def test_linear_growth():
    expected = 80 * np.exp(-0.03 * TIMES) + 0.5 * TIMES
    assert sizes("tumour_linear_growth") == pytest.approx(expected, rel=1e-9)


def test_small_xenografts_grow_exponentially_and_large_ones_linearly():
    small = sizes("tumour_xenograft", "W", np.array([1.0, 3.0]), W0=0.01)
    assert small == pytest.approx(0.01 * np.exp(0.273 * np.array([1.0, 3.0])), rel=SOLVED)
    large = sizes("tumour_xenograft", "W", np.array([10.0, 20.0]), W0=30.0)
    assert large == pytest.approx(30 + 0.814 * np.array([10.0, 20.0]), rel=SOLVED)


def test_hit_cells_are_still_weighed_until_they_have_died():
    """Without growth, the weight after a brief hit falls as survival of three stages in a row."""
    times, dose = np.array([1.0, 3.0, 6.0]), {"lambda0": 1e-9, "CL": 16.2, "W0": 1.0}
    found = sizes("tumour_xenograft", "W", times, "10 mg", **dose)
    # Area 10 / 16.2, gone within minutes of day one (rate 1000 per day): the survivors are exp(-k2 area).
    killed = 1 - np.exp(-0.629 * 10 / 16.2)
    x = 0.968 * times
    expected = 1 - killed * (1 - np.exp(-x) * (1 + x + x**2 / 2))
    # Half a thousandth of a day passes before the hit is done.
    assert found == pytest.approx(expected, rel=2e-3)


def logistic(start, rate, capacity, times):
    return capacity / (1 + (capacity / start - 1) * np.exp(-rate * times))


@pytest.mark.parametrize(("on", "capacity"), [(0.0, 10000.0), (1.0, 500.0)])
def test_sensitive_cells_alone_grow_to_the_room_they_have(on, capacity):
    times = np.array([1.0, 5.0, 20.0, 60.0])
    found = sizes("resistant_clones", "marker", times, S0=800.0, R0=0.0, on=on)
    assert found == pytest.approx(logistic(800, 8 * 0.0156, capacity, times), rel=SOLVED)


def test_resistant_cells_alone_do_not_see_the_drug():
    times = np.array([1.0, 20.0, 60.0])
    for on in (0.0, 1.0):
        found = sizes("resistant_clones", "marker", times, S0=0.0, R0=100.0, on=on)
        assert found == pytest.approx(logistic(100, 8 * 0.0091, 10000, times), rel=SOLVED)


def test_pembrolizumab_moves_shrinkage_by_pd_l1_as_printed():
    found = model("pembrolizumab_tumour_size")
    assert typical_values(found) == pytest.approx({"S0": 91.7, "kg": 0.00114, "kd": 0.00265, "f": 0.574})
    reference = entry("pembrolizumab_tumour_size").covariates
    high = simulate(found, pd.DataFrame([reference | {"TPS_HIGH": 1.0}]), "no dose", [100.0])
    expected = 91.7 * (0.426 * np.exp(0.114) + 0.574 * np.exp(-0.265 * 2.74))
    assert float(high["S"].values.ravel()[0]) == pytest.approx(expected, rel=1e-9)
