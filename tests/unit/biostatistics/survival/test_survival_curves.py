"""Kaplan-Meier curves and what is read off them."""

from __future__ import annotations

import numpy as np
import pytest
from remission import DRUG, DRUG_EVENT, EVENT, ON_PLACEBO, PLACEBO, TIME

from understudy.biostatistics import (
    compare_restricted_means,
    kaplan_meier,
    milestone_difference,
    piecewise_exponential,
    restricted_mean,
)
from understudy.core.errors import DataError, SimulationError

# Klein and Moeschberger 2003, Survival Analysis, 2nd edition, table 4.1A, three digits: survival and Greenwood's error.
PUBLISHED = {
    6: (0.857, 0.076), 7: (0.807, 0.087), 10: (0.753, 0.096), 13: (0.690, 0.107), 16: (0.627, 0.114),
    22: (0.538, 0.128), 23: (0.448, 0.135),
}  # fmt: skip


def test_published_curve_of_the_remissions():
    found = kaplan_meier(DRUG, DRUG_EVENT).at(list(PUBLISHED))
    survival, error = np.array(list(PUBLISHED.values())).T
    assert found.survival.to_numpy() == pytest.approx(survival, abs=5.01e-4)
    assert found.standard_error.to_numpy() == pytest.approx(error, abs=5.01e-4)


def test_medians_with_their_limits():
    drug, placebo = kaplan_meier(DRUG, DRUG_EVENT).median, kaplan_meier(PLACEBO, np.ones(21)).median
    # Medians of 23 and 8 weeks; the limits are the times at which those of the curve cross one half.
    assert (drug.estimate, drug.low, drug.high) == (23, 13, np.inf)
    assert (placebo.estimate, placebo.low, placebo.high) == (8, 4, 11)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        # By hand at week 10: S = 18/21 · 16/17 · 14/15, Σ d/(n(n-d)) = 3/(21·18) + 1/(17·16) + 1/(15·14).
        ("plain", lambda s, v, z: (s - z * s * v**0.5, s + z * s * v**0.5)),
        ("log", lambda s, v, z: (s * np.exp(-z * v**0.5), s * np.exp(z * v**0.5))),
        (
            "log-log",
            lambda s, v, z: tuple(s ** np.exp(side * z * v**0.5 / np.log(s)) for side in (-1, 1)),
        ),
    ],
)
def test_intervals_by_hand(interval, expected):
    survival = 18 / 21 * 16 / 17 * 14 / 15
    spread = 3 / (21 * 18) + 1 / (17 * 16) + 1 / (15 * 14)
    row = kaplan_meier(DRUG, DRUG_EVENT, interval=interval, level=0.9).at(10).iloc[0]
    low, high = expected(survival, spread, 1.6448536269514722)
    assert (row.survival, row.low, row.high) == pytest.approx((survival, low, min(high, 1)))
    assert row.low < row.survival < row.high


def test_nothing_is_said_after_the_last_time():
    curve = kaplan_meier([1, 2, 3], [1, 1, 0])
    assert curve.at([0, 3]).survival.tolist() == [1, pytest.approx(1 / 3)]
    assert np.isnan(curve.at(3.5).survival[0])
    assert kaplan_meier([1, 2], [1, 1]).at(9).survival[0] == 0


def test_a_level_stretch_at_one_half_has_its_middle_as_median():
    assert kaplan_meier([1, 2, 4, 6], [1, 1, 1, 1]).median.estimate == 3
    assert kaplan_meier([1, 2, 4, 6], [1, 1, 0, 0]).median.estimate == 2


def test_delayed_entry_by_hand():
    # Patient 3 comes in at 2 and is not at risk of the event at 1.
    curve = kaplan_meier([1, 4, 3], [1, 1, 1], entry=[0, 0, 2])
    assert curve.at_risk.tolist() == [2, 2, 1]
    assert curve.survival.tolist() == [0.5, 0.25, 0]
    early = kaplan_meier([1, 4, 5], [1, 1, 1], entry=[0, 2, 2])
    assert "entered later" in early.warnings[0]


def test_who_enters_at_the_time_of_an_event_is_not_at_risk_of_it():
    assert kaplan_meier([2, 4], [1, 1], entry=[0, 2]).at_risk.tolist() == [1, 1]


def test_weights_are_numbers_of_patients():
    weighted = kaplan_meier([1, 2, 3], [1, 0, 1], weights=[2, 1, 3])
    repeated = kaplan_meier([1, 1, 2, 3, 3, 3], [1, 1, 0, 1, 1, 1])
    assert weighted.table().equals(repeated.table())


def test_without_events():
    curve = kaplan_meier([1, 2], [0, 0])
    assert curve.survival.tolist() == [1, 1]
    assert "no event" in curve.warnings[0]
    assert curve.median.estimate == np.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, -2], [1, 0]), "element 1 is negative"),
        (([1, np.nan], [1, 0]), "element 1 is missing or infinite"),
        (([1, 2], [1, 3]), "element 1 is neither 0 nor 1"),
        (([1, 2], [1]), "has 1 elements, time has 2"),
        (([], []), "is empty"),
        ((["a", 2], [1, 0]), "no number"),
        (([[1, 2]], [1, 0]), "has 2 dimensions"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(DataError, match=message):
        kaplan_meier(*arguments)


def test_every_bad_element_is_listed_and_many_are_counted():
    with pytest.raises(DataError) as error:
        kaplan_meier([-1] * 30, [2] * 30)
    assert len(error.value.problems) == 2 * 21
    with pytest.raises(DataError, match="is not after its entry"):
        kaplan_meier([1, 2], [1, 1], entry=[0, 2])
    with pytest.raises(DataError, match="is not positive"):
        kaplan_meier([1, 2], [1, 1], weights=[1, 0])


def test_unknown_settings():
    with pytest.raises(SimulationError, match="log-log, log, plain"):
        kaplan_meier([1], [1], interval="wald")
    with pytest.raises(SimulationError, match="level"):
        kaplan_meier([1], [1], level=95)
    with pytest.raises(SimulationError, match="impossible"):
        kaplan_meier([1], [1]).quantile(1)


# Restricted means


def test_restricted_mean_is_the_area_by_hand():
    # Curve 1 to 2, 0.75 to 4, 0.5 to 6; area after 2: 0.75·2 + 0.5·2 = 2.5, after 4: 1.
    found = restricted_mean([2, 4, 6, 8], [1, 1, 0, 0], horizon=6)
    assert found.estimate == 2 + 0.75 * 2 + 0.5 * 2
    assert found.standard_error**2 == pytest.approx(2.5**2 / (4 * 3) + 1**2 / (3 * 2))
    assert found.events == 2


def test_restricted_mean_without_censoring_is_a_plain_mean():
    time = np.array([1.0, 2, 5, 7, 11, 13])
    found = restricted_mean(time, np.ones(6), horizon=8)
    cut = np.minimum(time, 8)
    assert found.estimate == pytest.approx(cut.mean())
    # Greenwood's variance without censoring is the binomial one, so that of a mean, with n for n - 1.
    assert found.standard_error == pytest.approx(cut.std() / np.sqrt(6))


def test_difference_and_ratio_of_restricted_means():
    found = compare_restricted_means(TIME, EVENT, ON_PLACEBO, horizon=20)
    drug, placebo = restricted_mean(DRUG, DRUG_EVENT, 20), restricted_mean(PLACEBO, np.ones(21), 20)
    assert found.difference.estimate == pytest.approx(placebo.estimate - drug.estimate)
    assert found.difference.standard_error == pytest.approx(
        np.hypot(drug.standard_error, placebo.standard_error)
    )
    assert found.ratio.estimate == pytest.approx(placebo.estimate / drug.estimate)
    relative = np.hypot(drug.standard_error / drug.estimate, placebo.standard_error / placebo.estimate)
    assert found.ratio.high / found.ratio.estimate == pytest.approx(np.exp(1.959964 * relative), rel=1e-6)
    assert found.table().contrast.tolist() == ["difference", "ratio"]


def test_a_horizon_that_nobody_reached():
    with pytest.raises(SimulationError, match="35 or less"):
        restricted_mean(DRUG, DRUG_EVENT, horizon=40)
    assert restricted_mean(PLACEBO, np.ones(21), horizon=40).estimate == pytest.approx(PLACEBO.mean())
    with pytest.raises(SimulationError, match="above 0"):
        restricted_mean(DRUG, DRUG_EVENT, horizon=0)
    with pytest.raises(DataError, match="3 groups"):
        compare_restricted_means([1, 2, 3], [1, 1, 1], [1, 2, 3], horizon=1)


# Milestones


def test_milestone_by_hand():
    found = milestone_difference(TIME, EVENT, ON_PLACEBO, at=10)
    drug, placebo = kaplan_meier(DRUG, DRUG_EVENT).at(10), kaplan_meier(PLACEBO, np.ones(21)).at(10)
    assert found.survival == pytest.approx((drug.survival[0], 8 / 21))
    assert found.standard_error[1] == pytest.approx(np.sqrt(8 / 21 * 13 / 21 / 21))
    assert found.difference.estimate == pytest.approx(8 / 21 - drug.survival[0])
    s, e = np.array(found.survival), np.array(found.standard_error)
    spread = ((e / (s * np.log(s))) ** 2).sum()
    assert found.z == pytest.approx(-np.diff(np.log(-np.log(s)))[0] / np.sqrt(spread))
    assert found.z < 0
    assert placebo.survival[0] == pytest.approx(8 / 21)


def test_milestones_beyond_follow_up_or_without_events():
    with pytest.raises(SimulationError, match="nobody of group 0"):
        milestone_difference(TIME, EVENT, ON_PLACEBO, at=36)
    assert np.isnan(milestone_difference(TIME, EVENT, ON_PLACEBO, at=3).z)


# Piecewise exponential hazards


def test_piecewise_hazards_by_hand():
    found = piecewise_exponential([2, 4, 6, 8], [1, 1, 0, 1], cuts=[4])
    assert found.exposure.tolist() == [2 + 4 + 4 + 4, 2 + 4]
    assert found.events.tolist() == [2, 1]
    assert found.cumulative_hazard([2, 6]).tolist() == pytest.approx([2 / 7, 4 / 7 + 2 / 6])
    assert found.times(found.survival([0.5, 4, 7])).tolist() == pytest.approx([0.5, 4, 7])
    late = piecewise_exponential([2, 4, 6, 8], [1, 1, 0, 1], cuts=[4], entry=[1, 0, 5, 3])
    assert late.exposure.tolist() == [1 + 4 + 0 + 1, 1 + 4]


def test_piecewise_limits_are_exact_for_counts():
    # Garwood's 95 % limits of a Poisson mean, for 0 and 3 events: 0 to 3.689, 0.619 to 8.767 (his table).
    found = piecewise_exponential([1, 1, 1, 2], [1, 1, 1, 0], cuts=[1])
    assert (found.low * found.exposure).tolist() == pytest.approx([0.619, 0], abs=5e-4)
    assert (found.high * found.exposure).tolist() == pytest.approx([8.767, 3.689], abs=5e-4)
    assert found.times([0.001]).tolist() == [np.inf]


def test_piecewise_likelihood_is_at_its_maximum():
    time, event = np.array([2.0, 4, 6, 8]), np.array([1, 1, 0, 1])
    found = piecewise_exponential(time, event, cuts=[4])
    hazard = np.where(time > 4, found.hazards[1], found.hazards[0])
    assert found.log_likelihood == pytest.approx(
        (event * np.log(hazard)).sum() - found.cumulative_hazard(time).sum()
    )
    for cuts in ([4, 4], [-1], [np.nan]):
        with pytest.raises(SimulationError, match="increasing"):
            piecewise_exponential(time, event, cuts=cuts)
