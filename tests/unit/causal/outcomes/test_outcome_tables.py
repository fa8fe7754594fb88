"""Follow-up, incidence rates, survival curves, interactions, detectable risk."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy.biostatistics import cox, kaplan_meier
from understudy.causal.outcomes import (
    follow_up,
    incidence_rate,
    incidence_rates,
    interaction_model,
    minimum_detectable_relative_risk,
    outcome_model,
    survival_curves,
)
from understudy.core.errors import DataError, UnderstudyError

N = 300
rng = np.random.default_rng(4)
TREATED = rng.integers(0, 2, N)
TIME = np.ceil(rng.exponential(20, N))
EVENT = (TIME < 30).astype(int)
TIME = np.minimum(TIME, 30)
WOMAN = rng.integers(0, 2, N)
STRATUM = rng.integers(0, 4, N)


def test_follow_up_has_days_quantiles_and_dates() -> None:
    days = np.datetime64("2020-01-01") + np.arange(N)
    found = follow_up(TIME, TREATED, days)
    target = TIME[TREATED == 1]
    assert found.target.days == target.sum()
    assert found.target.quantiles == pytest.approx(np.quantile(target, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]))
    assert found.target.first == days[TREATED == 1].min().item()
    assert found.table().shape == (2, 11)
    for start, word in (
        (["x"] * N, "no date"),
        (days[:-1], "299 dates"),
        (np.full(N, "NaT"), "missing ones"),
    ):
        with pytest.raises(DataError, match=word):
            follow_up(TIME, TREATED, start)


def test_rates_have_exact_limits_and_small_counts_are_masked() -> None:
    # Garwood's limits of 3: 0.6187 and 8.7673 (his table of 1936), of 0: 0 and 3.6889.
    found = incidence_rate(3, 365_250)
    assert (found.low, found.high) == pytest.approx((0.61867, 8.76727), abs=1e-5)
    assert incidence_rate(0, 365_250).low == 0
    assert incidence_rate(0, 365_250).high == pytest.approx(-math.log(0.025), abs=1e-9)
    few = np.zeros(N, int)
    few[np.flatnonzero(TREATED)[:2]] = 1
    shown = incidence_rates(TIME, few, TREATED).table()
    assert shown.events.tolist() == ["<5", "0"]
    assert np.isnan(shown.rate[0])  # a rate and its days would tell the count
    assert shown.rate[1] == 0
    with pytest.raises(UnderstudyError, match="no rate"):
        incidence_rate(1, 0)


def test_curves_without_weights_are_kaplan_meiers() -> None:
    found = survival_curves(TIME, EVENT, TREATED)
    known = kaplan_meier(TIME[TREATED == 1], EVENT[TREATED == 1], interval="log").at(found.time)
    assert found.target.survival == pytest.approx(known.survival.to_numpy(), abs=1e-12)
    assert found.target.low == pytest.approx(known.low.to_numpy(), abs=1e-12)
    assert found.target.high == pytest.approx(known.high.to_numpy(), abs=1e-12)
    assert found.target.at_risk.tolist() == known.at_risk.astype(int).tolist()


def test_equal_weights_change_nothing_not_even_the_limits() -> None:
    plain = survival_curves(TIME, EVENT, TREATED)
    twice = survival_curves(TIME, EVENT, TREATED, weights=np.full(N, 2.0))
    assert twice.target.low == pytest.approx(plain.target.low, abs=1e-12)
    assert twice.adjusted == "weights"


def test_strata_take_away_what_their_mix_does() -> None:
    """Two strata of different risk, the same in both groups, mixed differently: adjusted curves are alike."""
    stratum = np.r_[np.zeros(80), np.ones(20), np.zeros(20), np.ones(80)]
    treated = np.repeat([1, 0], 100)
    time = np.where(stratum == 0, np.tile(np.arange(1, 21), 10), 50.0)
    found = survival_curves(time, time < 50, treated, strata=stratum)
    assert found.target.survival == pytest.approx(found.comparator.survival, abs=1e-12)
    assert found.target.survival[-1] == pytest.approx(0.5)  # half of all are in the stratum without events
    crude = survival_curves(time, time < 50, treated)
    assert abs(crude.target.survival[-1] - crude.comparator.survival[-1]) > 0.5
    with pytest.raises(UnderstudyError, match="strata or by weights"):
        survival_curves(time, time < 50, treated, strata=stratum, weights=time)


def test_numbers_at_risk_are_masked_where_small() -> None:
    shown = survival_curves([1, 2, 3, 4, 5, 6, 7], [1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0]).table()
    assert shown.target_at_risk.tolist()[:4] == ["5", "5", "<5", "<5"]


@pytest.mark.parametrize("strata", [None, STRATUM], ids=["crude", "strata"])
def test_interactions_are_the_products_of_one_model(strata: np.ndarray | None) -> None:
    found = interaction_model(TIME, EVENT, TREATED, {"woman": WOMAN}, strata=strata)
    columns = {"drug": TREATED, "both": TREATED * WOMAN, "woman": WOMAN}
    known = cox(TIME, EVENT, columns, ties="breslow", strata=strata, robust=True)
    assert found.main.log == pytest.approx(known.coefficients[0], abs=1e-9)
    assert found.by["woman"].log == pytest.approx(known.coefficients[1], abs=1e-9)
    assert found.by["woman"].robust_error == pytest.approx(known.standard_errors[1], abs=1e-9)
    assert found.by["woman"].measure == "ratio of hazard ratios"
    assert found.table().name.tolist() == ["treatment", "woman"]


def test_a_saturated_interaction_is_the_ratio_of_ratios_of_subgroups() -> None:
    found = interaction_model(TIME, EVENT, TREATED, {"woman": WOMAN}, model="logistic")
    women, men = (
        outcome_model(None, EVENT[k == WOMAN], TREATED[k == WOMAN], model="logistic").log for k in (1, 0)
    )
    assert found.main.log == pytest.approx(men, abs=1e-9)
    assert found.by["woman"].log == pytest.approx(women - men, abs=1e-9)
    with pytest.raises(UnderstudyError, match="as subgroup and as covariate"):
        interaction_model(TIME, EVENT, TREATED, {"woman": WOMAN}, covariates={"woman": WOMAN})


def test_detectable_risk() -> None:
    assert minimum_detectable_relative_risk(159, 1797 / 2627) == pytest.approx(1.6127112395729981, abs=1e-12)
    assert minimum_detectable_relative_risk(89, 0.5) == pytest.approx(1.8111008745496617, abs=1e-12)
    assert minimum_detectable_relative_risk(0, 0.5) == math.inf
    assert minimum_detectable_relative_risk(100, 0.5, power=0.9) > minimum_detectable_relative_risk(100, 0.5)
    for events, share in ((10, 0.0), (10, 1.0), (-1, 0.5)):
        with pytest.raises(UnderstudyError):
            minimum_detectable_relative_risk(events, share)
