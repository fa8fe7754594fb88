"""Log-rank tests: published figures, permutations, strata, weights and their combination."""

from __future__ import annotations

import numpy as np
import pytest
from remission import EVENT, ON_PLACEBO, TIME

from understudy.biostatistics import cox, log_rank, max_combo
from understudy.core.errors import DataError, SimulationError


@pytest.mark.parametrize(
    ("weight", "published"),
    [
        # Kleinbaum and Klein 2012, Survival Analysis, 3rd edition, chapter 2 (the remission data, by Stata).
        ("log-rank", 16.79),
        ("gehan", 13.46),
        ("tarone-ware", 15.12),
        ("peto", 14.08),
    ],
)
def test_published_statistics_of_the_remissions(weight, published):
    found = log_rank(TIME, EVENT, ON_PLACEBO, weight=weight)
    assert found.statistic == pytest.approx(published, abs=0.0051)
    assert (found.df, found.groups) == (1, (0.0, 1.0))


def test_published_expected_events():
    found = log_rank(TIME, EVENT, ON_PLACEBO)
    # Kleinbaum and Klein 2012: observed 9 and 21, expected 19.25 and 10.75.
    assert found.observed.tolist() == [9, 21]
    assert found.expected == pytest.approx([19.25, 10.75], abs=0.0051)
    assert found.z == pytest.approx(np.sqrt(found.statistic))


def test_it_is_the_score_test_of_the_exact_likelihood():
    """Cox 1972: with the discrete likelihood the score test of an indicator is the log-rank test itself."""
    fit = cox(TIME, EVENT, ON_PLACEBO, ties="exact")
    assert log_rank(TIME, EVENT, ON_PLACEBO).statistic == pytest.approx(fit.score_test.statistic, rel=1e-12)
    strata = np.arange(42) % 3
    fit = cox(TIME, EVENT, ON_PLACEBO, ties="exact", strata=strata)
    stratified = log_rank(TIME, EVENT, ON_PLACEBO, strata=strata)
    assert stratified.statistic == pytest.approx(fit.score_test.statistic, rel=1e-12)
    assert stratified.strata == 3


def test_delayed_entry_is_that_of_the_cox_model():
    entry = np.minimum(TIME * 0.5, 3 * (np.arange(42) % 4))
    fit = cox(TIME, EVENT, ON_PLACEBO, ties="exact", entry=entry)
    assert log_rank(TIME, EVENT, ON_PLACEBO, entry=entry).statistic == pytest.approx(fit.score_test.statistic)


def test_three_groups_have_two_degrees_of_freedom_and_labels_do_not_matter():
    group = np.arange(42) % 3
    found = log_rank(TIME, EVENT, group)
    named = log_rank(TIME, EVENT, np.array(["c", "a", "b"])[group])
    assert found.df == 2
    assert found.statistic == pytest.approx(named.statistic, rel=1e-12)
    assert found.score.sum() == pytest.approx(0, abs=1e-12)
    with pytest.raises(SimulationError, match="two groups, here are 3"):
        _ = found.z


def test_weights_of_fleming_and_harrington_by_hand():
    # Pooled survival before the events at 1, 2, 3: 1, 3/4, 1/2; a has 2, 1, 1 of 4, 3, 2 at risk.
    found = log_rank([1, 2, 3, 4], [1, 1, 1, 0], ["a", "b", "a", "b"], weight=(1, 1))
    w = np.array([0, 3 / 16, 1 / 4])
    assert found.score[0] == pytest.approx(w @ np.array([1 - 2 / 4, 0 - 1 / 3, 1 - 1 / 2]))
    assert found.covariance[0, 0] == pytest.approx(w**2 @ np.array([1 / 4, 2 / 9, 1 / 4]))
    assert "Fleming-Harrington (1, 1)" in repr(found)


def test_bad_groups_weights_and_no_events():
    with pytest.raises(DataError, match="only one group"):
        log_rank([1, 2], [1, 1], ["a", "a"])
    with pytest.raises(DataError, match="element 1 is missing"):
        log_rank([1, 2], [1, 1], ["a", None])
    with pytest.raises(DataError, match="has 3 elements, time has 2"):
        log_rank([1, 2], [1, 1], ["a", "b", "c"])
    with pytest.raises(SimulationError, match="no event was seen"):
        log_rank([1, 2], [0, 0], ["a", "b"])
    with pytest.raises(SimulationError, match="unknown weight 'wilcoxon'"):
        log_rank([1, 2], [1, 1], ["a", "b"], weight="wilcoxon")
    with pytest.raises(SimulationError, match="impossible"):
        log_rank([1, 2], [1, 1], ["a", "b"], weight=(-1, 0))


# The largest of several


def test_one_weight_is_that_test():
    found = max_combo(TIME, EVENT, ON_PLACEBO, weights=[(0, 1)])
    single = log_rank(TIME, EVENT, ON_PLACEBO, weight=(0, 1))
    assert found.z[0] == pytest.approx(single.z)
    assert found.p == pytest.approx(single.p, abs=1e-12)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_two_weights_against_an_integral(alternative):
    from scipy.integrate import quad
    from scipy.stats import norm

    time, event, group = TIME, EVENT, np.arange(42) % 2
    found = max_combo(time, event, group, weights=[(0, 0), (0, 1)], alternative=alternative)
    r, c = found.correlation[0, 1], found.statistic
    assert 0.5 < r < 1
    low = -c if alternative == "two-sided" else -np.inf

    def inside(x):
        tail = [norm.cdf((limit - r * x) / np.sqrt(1 - r * r)) for limit in (low, c)]
        return norm.pdf(x) * (tail[1] - tail[0])

    # The integral of quasi-random points is good to about 1e-5.
    assert found.p == pytest.approx(1 - quad(inside, low, c)[0], abs=3e-5)


def test_the_same_probability_each_time_and_the_sign_of_one_side():
    again = [max_combo(TIME, EVENT, ON_PLACEBO) for _ in range(2)]
    assert again[0].p == again[1].p
    assert again[0].statistic == np.abs(again[0].z).max() == pytest.approx(4.0979, abs=1e-4)
    assert max_combo(TIME, EVENT, ON_PLACEBO, alternative="less").p > 0.99
    assert max_combo(TIME, EVENT, ON_PLACEBO, alternative="greater").p < again[0].p


def test_what_max_combo_refuses():
    with pytest.raises(DataError, match="3 groups"):
        max_combo([1, 2, 3], [1, 1, 1], [1, 2, 3])
    with pytest.raises(SimulationError, match=r"weight \(0, 1\) has no variance"):
        max_combo([1, 2, 3], [1, 0, 0], [1, 2, 1])
    with pytest.raises(SimulationError, match="two-sided, less, greater"):
        max_combo(TIME, EVENT, ON_PLACEBO, alternative="both")
