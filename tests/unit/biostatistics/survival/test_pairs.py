"""Comparisons of pairs: concordance and win statistics, against all pairs written out."""

from __future__ import annotations

import numpy as np
import pytest
from remission import EVENT, ON_PLACEBO, TIME

from understudy.biostatistics import (
    ContinuousEndpoint,
    RecurrentEndpoint,
    SurvivalEndpoint,
    concordance,
    counting_process,
    win_statistics,
)
from understudy.core.errors import DataError, SimulationError
from understudy.core.random import uniforms


def pairs_of(time, event, risk, strata):
    """Concordant, discordant and tied numbers over all pairs."""
    counts = [0, 0, 0]
    for i in range(len(time)):
        for j in range(len(time)):
            earlier = time[i] < time[j] or (time[i] == time[j] and not event[j])
            if i != j and strata[i] == strata[j] and event[i] and earlier:
                counts[0 if risk[i] > risk[j] else 1 if risk[i] < risk[j] else 2] += 1
    return counts


@pytest.mark.parametrize("layers", [1, 3])
def test_concordance_is_that_of_all_pairs(layers):
    u = uniforms(2, "pairs", range(60), 3)
    time, event, risk = np.ceil(8 * u[:, 0]), u[:, 1] < 0.6, np.ceil(6 * u[:, 2])
    strata = np.arange(60) % layers
    found = concordance(time, event, risk, strata=strata)
    assert [found.concordant, found.discordant, found.tied_risk] == pairs_of(time, event, risk, strata)


def test_concordance_error_is_near_that_of_the_jackknife():
    u = uniforms(4, "jackknife", range(80), 3)
    time, event, risk = u[:, 0], u[:, 1] < 0.7, u[:, 2] - u[:, 0]
    found = concordance(time, event, risk)
    without = np.array(
        [concordance(*(np.delete(each, k) for each in (time, event, risk))).estimate for k in range(80)]
    )
    # The infinitesimal jackknife differs from the plain one by some per cent with 80 patients.
    assert found.standard_error == pytest.approx(np.sqrt(((without - found.estimate) ** 2).sum()), rel=0.1)
    assert found.low < found.estimate < found.high


def test_concordance_of_perfect_order_and_none():
    assert concordance([1, 2, 3], [1, 1, 1], [3, 2, 1]).estimate == 1
    assert concordance([1, 2, 3], [1, 1, 1], [1, 1, 1]).estimate == 0.5
    with pytest.raises(SimulationError, match="no two patients"):
        concordance([1, 2], [0, 0], [1, 2])
    with pytest.raises(DataError, match="risk"):
        concordance([1, 2], [1, 1], [1, 2, 3])


# Wins

DEATH = SurvivalEndpoint([5, 8, 9, 3, 8, 10], [1, 0, 1, 1, 1, 0])
WALK = ContinuousEndpoint([300, 350, np.nan, 280, 320, 400], margin=40)
ARM = np.array([0, 0, 0, 1, 1, 1])


def test_wins_by_hand():
    # Arm 1 against arm 0. Patient 4 (dead at 3) loses to all. Patient 5 (dead at 8) beats 1, loses to 2, who was still
    # free at 8, and to 3. Patient 6 (free at 10) beats 1 and 3; with 2, watched to 8, it meets on the walk: 50 > 40.
    found = win_statistics([DEATH, WALK], ARM)
    assert found.wins.tolist() == [3, 1]
    assert found.losses.tolist() == [5, 0]
    assert (found.ties, found.pairs) == (0, 9)
    assert found.win_ratio.estimate == pytest.approx(4 / 5)
    assert found.net_benefit.estimate == pytest.approx(-1 / 9)
    assert found.win_odds.estimate == pytest.approx(4 / 5)
    assert found.decided().win_share.tolist() == [3 / 9, 1 / 9]


def test_variance_written_out():
    found = win_statistics([DEATH], ARM)
    # Rows: patients of arm 1, columns: of arm 0.
    score = np.array([[-1, -1, -1], [1, -1, -1], [1, 0, 1]])
    wins, losses = score > 0, score < 0
    moments = []
    for a, b in ((wins, wins), (losses, losses), (wins, losses)):
        row = ((a.mean(axis=1) - a.mean()) * (b.mean(axis=1) - b.mean())).sum() / 6
        column = ((a.mean(axis=0) - a.mean()) * (b.mean(axis=0) - b.mean())).sum() / 6
        moments.append(row + column)
    p, q = wins.mean(), losses.mean()
    spread = moments[0] / p**2 + moments[1] / q**2 - 2 * moments[2] / (p * q)
    assert found.win_ratio.standard_error == pytest.approx(np.sqrt(spread))
    net = np.sqrt(moments[0] + moments[1] - 2 * moments[2])
    assert found.net_benefit.standard_error == pytest.approx(net)
    assert found.win_odds.standard_error == pytest.approx(2 * net / (1 - (p - q) ** 2))


def test_a_continuous_endpoint_is_the_mann_whitney_statistic():
    from scipy.stats import mannwhitneyu

    u = uniforms(8, "walk", range(70), 1)[:, 0]
    arm = np.arange(70) % 2
    found = win_statistics([ContinuousEndpoint(u)], arm)
    assert found.wins[0] == mannwhitneyu(u[arm == 1], u[arm == 0]).statistic
    worse = win_statistics([ContinuousEndpoint(u, higher_is_better=False)], arm)
    assert worse.win_ratio.estimate == pytest.approx(1 / found.win_ratio.estimate)
    assert worse.win_ratio.p == pytest.approx(found.win_ratio.p)


def test_without_censoring_the_win_ratio_of_survival_is_that_of_ranks():
    found = win_statistics([SurvivalEndpoint(TIME, EVENT)], 1 - ON_PLACEBO)
    assert found.patients == (21, 21)
    assert found.win_ratio.estimate > 2
    assert found.win_ratio.low > 1
    # Gehan's test is that of wins minus losses.
    assert found.net_benefit.p == pytest.approx(0.0002, abs=0.0003)


def test_recurrent_events_are_counted_over_the_shared_follow_up():
    # Patient 0: events at 1 and 9 of 10; patient 1: at 2 of 4. Up to 4 it is one to one; patient 2: none up to 8.
    process = counting_process([10, 4, 8], [[1, 9], [2], []])
    found = win_statistics([RecurrentEndpoint(process)], [0, 1, 1])
    assert (found.wins[0], found.losses[0], found.ties) == (1, 0, 1)
    assert found.win_ratio.estimate == np.inf
    assert np.isnan(found.win_ratio.p)


def test_strata_are_weighted_by_their_patients():
    arm, layer = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 0, 1, 1, 1, 1])
    value = np.array([1, 2, 5, 4, 3, 6.0])
    found = win_statistics([ContinuousEndpoint(value)], arm, strata=layer)
    # One win of one pair in a stratum of 2, three wins and one loss in one of 4.
    assert found.win_ratio.estimate == pytest.approx((1 / 2 + 3 / 4) / (1 / 4))
    with pytest.raises(DataError, match="one group only"):
        win_statistics([ContinuousEndpoint(value)], arm, strata=arm)


def test_the_variance_under_no_difference_is_another_but_not_far():
    both = [
        win_statistics([SurvivalEndpoint(TIME, EVENT)], np.arange(42) % 2, variance=v)
        for v in ("delta", "null")
    ]
    delta, null = (each.win_ratio.standard_error for each in both)
    assert delta != null
    assert null == pytest.approx(delta, rel=0.05)


def test_what_win_statistics_refuse():
    with pytest.raises(DataError, match="has 2 patients, not 6"):
        win_statistics([DEATH, ContinuousEndpoint([1, 2])], ARM)
    with pytest.raises(DataError, match="1 groups"):
        win_statistics([DEATH], np.zeros(6))
    with pytest.raises(DataError, match="negative"):
        win_statistics([ContinuousEndpoint([1.0, 2], margin=-1)], [0, 1])
    with pytest.raises(SimulationError, match="no pair is decided"):
        win_statistics([ContinuousEndpoint([1.0, 1])], [0, 1])
    with pytest.raises(DataError, match="no endpoint"):
        win_statistics([], ARM)
    with pytest.raises(SimulationError, match="delta or null"):
        win_statistics([DEATH], ARM, variance="bootstrap")
