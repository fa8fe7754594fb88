"""Measures of disproportionality against hand calculations, SciPy and pooled tables."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, gamma

from understudy.causal.signals import (
    chi_square_yates,
    count_pairs,
    information_component,
    proportional_reporting_ratio,
    reporting_odds_ratio,
    simulate_reports,
)
from understudy.causal.signals.strata import strata_of
from understudy.core.errors import SimulationError


@pytest.fixture(scope="module")
def reports():
    return simulate_reports(1500, seed=7, drugs=8, events=10)


@pytest.fixture(scope="module")
def counts(reports):
    return count_pairs(reports)


def tables_by_hand(reports, counts, strata=None):
    """Fourfold tables of all pairs by sets, a list a pair; with strata a table each."""
    of_drug, of_event = {}, {}
    for report, name in zip(reports.drugs["report"], reports.labels(), strict=True):
        of_drug.setdefault(name, set()).add(report)
    for report, name in zip(reports.reactions["report"], reports.reactions["event"], strict=True):
        of_event.setdefault(name, set()).add(report)
    levels = np.zeros(reports.count, int) if strata is None else strata
    groups = [set(np.flatnonzero(levels == k)) for k in np.unique(levels)]
    for i, j in zip(counts.drug, counts.event, strict=True):
        drug, event = of_drug[counts.drugs[i]], of_event[counts.events[j]]
        yield [
            (len(drug & event & g), len((drug - event) & g), len((event - drug) & g), len(g - drug - event))
            for g in groups
        ]


def test_counts_are_those_of_sets(reports, counts):
    hand = np.array([each[0] for each in tables_by_hand(reports, counts)])
    assert np.array_equal(np.stack(counts.cells(), axis=1), hand)
    assert counts.total == reports.count


def test_a_drug_named_twice_in_a_report_counts_once(reports):
    from dataclasses import replace

    import pandas as pd

    twice = replace(reports, drugs=pd.concat([reports.drugs, reports.drugs], ignore_index=True))
    assert np.array_equal(count_pairs(twice).n, count_pairs(reports).n)


def test_chi_square_is_scipys(reports, counts):
    hand = [np.array(each[0]).reshape(2, 2) for each in tables_by_hand(reports, counts)]
    theirs = [chi2_contingency(each, correction=True).statistic for each in hand[:30]]
    # Both are the same formula in double precision.
    assert chi_square_yates(counts)[:30] == pytest.approx(theirs, rel=1e-9)


def test_ratios_by_hand():
    # Fourfold table 20, 100, 100, 10000.
    from understudy.causal.signals.disproportionality import _one_pair

    counts = _one_pair(20, 100, 100, 10000)
    prr, ror = proportional_reporting_ratio(counts), reporting_odds_ratio(counts)
    assert prr.value[0] == pytest.approx((20 / 120) / (100 / 10100))
    error = np.sqrt(1 / 20 - 1 / 120 + 1 / 100 - 1 / 10100)
    assert prr.low[0] == pytest.approx(prr.value[0] * np.exp(-1.959963985 * error), rel=1e-8)
    assert ror.value[0] == pytest.approx(20.0)
    error = np.sqrt(1 / 20 + 1 / 100 + 1 / 100 + 1 / 10000)
    assert ror.high[0] == pytest.approx(20 * np.exp(1.959963985 * error), rel=1e-8)
    halved = reporting_odds_ratio(counts, haldane=True)
    assert halved.value[0] == pytest.approx(20.5 * 10000.5 / 100.5**2)


def test_an_empty_cell_has_no_limits_unless_halves_are_added():
    from understudy.causal.signals.disproportionality import _one_pair

    counts = _one_pair(6, 38, 0, 3000)
    found = reporting_odds_ratio(counts)
    assert np.isinf(found.value[0])
    assert np.isnan(found.low[0])
    assert np.isfinite(reporting_odds_ratio(counts, haldane=True).low[0])


def test_information_component_has_quantiles_of_its_gamma():
    found = information_component([0, 3, 50], [1.5, 1.5, 10.0])
    theirs = np.log2(gamma.ppf(0.025, [0.5, 3.5, 50.5], scale=1 / np.array([2.0, 2.0, 10.5])))
    assert found.low == pytest.approx(theirs, rel=1e-9)
    assert found.value == pytest.approx(np.log2(np.array([0.5, 3.5, 50.5]) / [2.0, 2.0, 10.5]))


def test_strata_are_pooled_as_by_mantel_and_haenszel(reports):
    levels = strata_of(reports, ["sex", "year"])
    counts = count_pairs(reports, strata=["sex", "year"])
    found = reporting_odds_ratio(counts)
    for k, tables in enumerate(tables_by_hand(reports, counts, levels)):
        a, b, c, d = np.array(tables, float).T
        total = a + b + c + d
        assert counts.expected[k] == pytest.approx(((a + b) * (a + c) / total).sum())
        r, s = a * d / total, b * c / total
        assert found.value[k] == pytest.approx(r.sum() / s.sum())
        p, q = (a + d) / total, (b + c) / total
        variance = (
            (p * r).sum() / (2 * r.sum() ** 2)
            + (p * s + q * r).sum() / (2 * r.sum() * s.sum())
            + (q * s).sum() / (2 * s.sum() ** 2)
        )
        assert found.high[k] == pytest.approx(
            found.value[k] * np.exp(1.959963985 * np.sqrt(variance)), rel=1e-8
        )


def test_ages_fall_into_groups_and_what_is_not_told_into_its_own():
    from understudy.causal.signals.strata import level_of

    reports = simulate_reports(6, seed=1)
    from dataclasses import replace

    aged = replace(reports, cases=reports.cases.assign(age=[0.0, 1.9, 2.0, 64.9, 65.0, np.nan]))
    assert level_of(aged, "age").tolist() == ["0-1", "0-1", "2-11", "18-64", "65+", "not told"]


def test_unknown_strata_and_ones_with_one_value_are_errors(reports):
    with pytest.raises(SimulationError, match=r"no stratum 'colour'[\s\S]*known are sex, age, year"):
        count_pairs(reports, strata=["colour"])
    with pytest.raises(SimulationError, match="all reports have one value of kind"):
        count_pairs(reports, strata=["kind"])


def test_no_drug_in_the_roles_is_an_error(reports):
    with pytest.raises(SimulationError, match="no report has both a drug and an event"):
        count_pairs(reports, roles=["I"])
