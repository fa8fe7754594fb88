from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.two_proportions import (
    mantel_haenszel,
    risk_difference,
    risk_ratio,
    wilson_interval,
)
from understudy.core.errors import DataError, UnderstudyError

# Newcombe 1998 (doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), table II:
# simple asymptotic, Miettinen-Nurminen and score (method 10) limits, four decimals.
NEWCOMBE = {
    (56, 70, 48, 80): ((0.0575, 0.3425), (0.0528, 0.3382), (0.0524, 0.3339)),
    (9, 10, 3, 10): ((0.2605, 0.9395), (0.1700, 0.8406), (0.1705, 0.8090)),
    (6, 7, 2, 7): ((0.1481, 0.9947), (0.0342, 0.8534), (0.0582, 0.8062)),
    (5, 56, 0, 29): ((0.0146, 0.1640), (-0.0326, 0.1933), (-0.0381, 0.1926)),
    (0, 10, 0, 20): ((0.0, 0.0), (-0.1658, 0.2844), (-0.1611, 0.2775)),
    (0, 10, 0, 10): ((0.0, 0.0), (-0.2879, 0.2879), (-0.2775, 0.2775)),
    (10, 10, 0, 20): ((1.0, 1.0), (0.7156, 1.0), (0.6791, 1.0)),
    (10, 10, 0, 10): ((1.0, 1.0), (0.6636, 1.0), (0.6075, 1.0)),
}


@pytest.mark.parametrize("counts", NEWCOMBE)
def test_intervals_are_those_of_newcombes_table(counts):
    for method, (low, high) in zip(("wald", "miettinen-nurminen", "newcombe"), NEWCOMBE[counts], strict=True):
        found = risk_difference(*counts, method=method)
        assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize("counts", [(56, 70, 48, 80), (9, 10, 3, 10), (3, 40, 11, 35), (1, 200, 4, 100)])
def test_ratio_intervals_are_those_of_statsmodels(counts):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    low, high = proportion.confint_proportions_2indep(*counts, compare="ratio", method="score")
    found = risk_ratio(*counts)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.parametrize("counts", [(8, 20, 3, 25), (1, 30, 0, 30), (12, 12, 7, 15)])
def test_score_limits_are_where_the_score_test_says_so(counts):
    """The test of no difference is at the level of the interval that ends at no difference."""
    found = risk_difference(*counts, method="miettinen-nurminen")
    at = risk_difference(*counts, method="miettinen-nurminen", level=1 - found.p_value)
    assert min(abs(at.low), abs(at.high)) < 1e-6
    ratio = risk_ratio(*counts, level=1 - found.p_value)
    assert min(abs(ratio.low - 1), abs(ratio.high - 1)) < 1e-6


def test_ratios_without_events_have_open_ends():
    assert risk_ratio(0, 10, 4, 20).low == 0.0
    assert risk_ratio(0, 10, 4, 20).high < 5
    assert risk_ratio(4, 20, 0, 10).high == np.inf
    mirrored = risk_ratio(4, 20, 0, 10).low
    assert mirrored == pytest.approx(1 / risk_ratio(0, 10, 4, 20).high, rel=1e-6)
    nothing = risk_ratio(0, 10, 0, 10)
    assert np.isnan(nothing.value)
    assert (nothing.low, nothing.high) == (0.0, np.inf)


def test_wilson_of_none_and_all():
    """Closed form: z² / (n + z²)."""
    limit = 1.959964**2 / (10 + 1.959964**2)
    assert wilson_interval(0, 10) == pytest.approx((0, limit), abs=1e-7)
    assert wilson_interval(10, 10) == pytest.approx((1 - limit, 1), abs=1e-7)


@pytest.mark.parametrize("counts", [(1, 0, 1, 5), (3, 2, 0, 5), (-1, 4, 0, 5), (1.5, 4, 0, 5)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(UnderstudyError, match="0 ≤ events ≤ patients"):
        risk_difference(*counts)


@pytest.fixture(scope="module")
def strata():
    """Events and patients by stratum: drug, placebo."""
    return {"a": (12, 30, 20, 28), "b": (3, 25, 9, 40), "c": (30, 41, 33, 39)}


def expanded(strata):
    outcome, arm, layer = [], [], []
    for name, (a, m, b, n) in strata.items():
        outcome += [1] * a + [0] * (m - a) + [1] * b + [0] * (n - b)
        arm += ["drug"] * m + ["placebo"] * n
        layer += [name] * (m + n)
    return outcome, arm, layer


def test_mantel_haenszel_odds_and_test_are_those_of_statsmodels(strata):
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    arrays = [np.array([[a, m - a], [b, n - b]]) for a, m, b, n in strata.values()]
    other = tables.StratifiedTable(arrays)
    found = mantel_haenszel(*expanded(strata), control="placebo", measure="odds ratio")
    assert found.value == pytest.approx(other.oddsratio_pooled, rel=1e-10)
    assert (found.low, found.high) == pytest.approx(other.oddsratio_pooled_confint(), rel=1e-8)
    assert found.statistic == pytest.approx(other.test_null_odds().statistic, rel=1e-10)
    ratio = mantel_haenszel(*expanded(strata), control="placebo", measure="ratio")
    assert ratio.value == pytest.approx(other.riskratio_pooled, rel=1e-10)


def test_one_stratum_is_the_crude_comparison():
    one = {"all": (12, 30, 20, 28)}
    difference = mantel_haenszel(*expanded(one), control="placebo")
    assert difference.value == pytest.approx(12 / 30 - 20 / 28, rel=1e-12)
    ratio = mantel_haenszel(*expanded(one), control="placebo", measure="ratio")
    error = np.log(ratio.high / ratio.low) / 2 / 1.959963985
    assert error == pytest.approx(np.sqrt(1 / 12 - 1 / 30 + 1 / 20 - 1 / 28), rel=1e-8)
    # Sato's variance differs from the crude one by order 1/n.
    crude = np.sqrt(12 * 18 / 30**3 + 20 * 8 / 28**3)
    assert (difference.high - difference.low) / 2 / 1.959963985 == pytest.approx(crude, rel=0.03)


def test_strata_with_one_arm_are_named(strata):
    found = mantel_haenszel(*expanded(strata | {"lonely": (2, 5, 0, 0)}), control="placebo")
    whole = mantel_haenszel(*expanded(strata), control="placebo")
    assert found.notes == ("strata with one arm only, left out: lonely",)
    assert found.value == whole.value
    assert "lonely" in repr(found)


def test_what_cannot_be_compared_is_refused(strata):
    outcome, arm, layer = expanded(strata)
    with pytest.raises(UnderstudyError, match="two arms with 'c' among them"):
        mantel_haenszel(outcome, arm, layer, control="c")
    with pytest.raises(UnderstudyError, match="no stratum has both arms"):
        mantel_haenszel([1, 0], ["drug", "placebo"], ["a", "b"], control="placebo")
    with pytest.raises(UnderstudyError, match="no events"):
        mantel_haenszel(*expanded({"a": (0, 5, 3, 5)}), control="placebo", measure="ratio")
    with pytest.raises(UnderstudyError, match="does not vary"):
        mantel_haenszel([0] * 4, ["drug", "placebo"] * 2, ["a"] * 4, control="placebo")
    with pytest.raises(DataError, match="neither 0 nor 1"):
        mantel_haenszel([2] * len(arm), arm, layer, control="placebo")
