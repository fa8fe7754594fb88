"""Sobol' indices: against Ishigami's analytic values and SciPy's estimator."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn, of the extra surrogate")

from understudy import Model, SimulationError, emulate
from understudy.surrogate.sobol import Terms, sobol_indices

A, B = 7.0, 0.1
# Ishigami T, Homma T. Proc. ISUMA 1990:398-403. doi:10.1109/ISUMA.1990.151285; variances as of Saltelli et al.,
# Sensitivity Analysis in Practice, Wiley 2004.
PARTS = (0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, 0.0)
BOTH = 8 * B**2 * np.pi**8 / 225
VARIANCE = sum(PARTS) + BOTH
FIRST = np.array(PARTS) / VARIANCE
TOTAL = FIRST + np.array([BOTH, 0, BOTH]) / VARIANCE


def ishigami(points):
    x = np.pi * (2 * points - 1)
    return (np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0]))[:, None]


@pytest.fixture(scope="module")
def emulated():
    model = Model(
        "ishigami",
        "h",
        dict.fromkeys(("x1", "x2", "x3"), (0.0, "1")),
        {},
        {},
        outputs={"y": (f"sin(x1) + {A} * sin(x2) ** 2 + {B} * x3 ** 4 * sin(x1)", "1")},
    )
    ends = (-float(np.pi), float(np.pi))
    return emulate(
        model, dict.fromkeys(("x1", "x2", "x3"), ends), times=[0], size=64, most=256, accuracy=0.03
    )


def test_the_analytic_values_lie_in_the_intervals_of_the_surrogate(emulated):
    table = sobol_indices(emulated, size=4096, level=0.99)
    # What the surrogate leaves unexplained comes on top of the sampling.
    left = 1 - emulated.error.loc["y", "q2"]
    assert left < 0.005
    for name, right in (("first", FIRST), ("total", TOTAL)):
        assert (table[f"{name}_lower"] - left <= right).all()
        assert (table[f"{name}_upper"] + left >= right).all()
        # Not by being wide: 4,096 points give a first-order index to some 0.02.
        assert (table[f"{name}_upper"] - table[f"{name}_lower"]).max() < 0.15
        np.testing.assert_allclose(table[name], right, atol=0.02)
    # The variance itself, of which the surrogate explains all but half a percent.
    np.testing.assert_allclose(table["variance"], VARIANCE, rtol=0.03)


def test_the_same_as_scipys_estimator():
    from scipy import stats

    oracle = stats.sobol_indices(
        func=lambda x: ishigami(x.T).T, n=8192, dists=[stats.uniform()] * 3, rng=np.random.default_rng(1)
    )
    first, total = Terms.of(ishigami, 3, 8192, 1).indices(np.ones((1, 8192)))
    # Two independent samples of 8,192 points, each with an error of some 0.01.
    np.testing.assert_allclose(first[0, 0], oracle.first_order.ravel(), atol=0.03)
    np.testing.assert_allclose(total[0, 0], oracle.total_order.ravel(), atol=0.03)
    np.testing.assert_allclose(first[0, 0], FIRST, atol=0.02)


def test_bootstrap_intervals_hold_the_analytic_values_as_often_as_they_say():
    hits = []
    for seed in range(60):
        first, total = Terms.of(ishigami, 3, 512, seed).intervals(200, 0.9, seed)
        for found, right in ((first, FIRST), (total, TOTAL)):
            hits.append((found[1, 0] <= right) & (right <= found[2, 0]))
    # Scrambled Sobol' points err less than independent ones, of which the bootstrap thinks: more than 90 % are held.
    assert np.mean(hits) > 0.85


def test_over_time_shares_are_weighted_by_the_variance(saturable):
    each = sobol_indices(saturable, size=1024)
    whole = sobol_indices(saturable, over_time=True, size=1024)
    # The first time, at which nothing varies, is left out.
    assert sorted(set(each["time"])) == [0.5, 1.0, 2.0, 3.0]
    for name in ("first", "total"):
        weighted = (each[name] * each["variance"]).groupby(each["parameter"]).sum()
        right = weighted / each["variance"].groupby(each["parameter"]).sum()
        np.testing.assert_allclose(whole.set_index("parameter")[name], right[whole["parameter"]], rtol=1e-10)
    assert "time" not in whole.columns


def test_the_same_seed_gives_the_same_indices(saturable):
    one, two, other = (sobol_indices(saturable, size=256, seed=seed) for seed in (1, 1, 2))
    assert one.equals(two)
    assert not one.equals(other)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 1000}, "no power of 2"),
        ({"size": 1}, "no power of 2"),
        ({"outputs": ["C"]}, "no output 'C'"),
        ({"resamples": 2}, "give no interval"),
        ({"level": 1.5}, "give no interval"),
    ],
)
def test_a_question_that_cannot_be_put_is_refused(saturable, options, told):
    with pytest.raises(SimulationError) as caught:
        sobol_indices(saturable, **options)
    assert told in str(caught.value)


def test_an_output_that_does_not_vary_has_no_shares():
    still = Model("still", "h", {"x": (1.0, "1")}, {}, {}, outputs={"y": ("0 * x + 2", "1")})
    made = emulate(still, {"x": (1, 2)}, times=[0], size=8, held_out=20)
    with pytest.raises(SimulationError, match="does not vary"):
        sobol_indices(made)
