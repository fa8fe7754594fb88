"""One report a case: versions, withdrawn cases, equal reports, and linkage with a known truth."""

import numpy as np
import pytest
from faers_quarter import NEW, OLD, write

from understudy.causal.signals import (
    cleaned,
    latest_versions,
    link_reports,
    read_reports,
    rule_groups,
    simulate_reports,
)
from understudy.causal.signals.cleaning import later_copies
from understudy.causal.signals.hit_miss import Compared, FieldModel, learned, weight
from understudy.core.errors import SimulationError


def with_versions(*rows):
    """Reports of (key, case, version, received)."""
    reports = simulate_reports(len(rows), seed=1)
    keys, cases, versions, received = zip(*rows, strict=True)
    from dataclasses import replace

    changed = reports.cases.assign(key=keys, case=cases, version=versions, received=received)
    return replace(reports, cases=changed)


def test_the_highest_version_stays_even_when_it_was_received_earlier():
    reports = with_versions(
        ("11", "1", 1.0, "2024-02-01"), ("12", "1", 2.0, "2024-01-01"), ("21", "2", 1.0, "")
    )
    assert latest_versions(reports).tolist() == [False, True, True]


def test_without_versions_the_latest_date_stays_and_then_the_highest_number():
    reports = with_versions(
        ("5001", "1", np.nan, "2010-02-01"), ("5002", "1", np.nan, "2010-01-01"), ("999", "2", np.nan, "2010-01-01"),
        ("1000", "2", np.nan, "2010-01-01"),
    )  # fmt: skip
    assert latest_versions(reports).tolist() == [True, False, False, True]


def test_a_case_of_both_layouts_goes_by_date():
    reports = with_versions(("5001", "1", np.nan, "2010-02-01"), ("13", "1", 3.0, "2014-01-01"))
    assert latest_versions(reports).tolist() == [False, True]


def test_follow_up_of_the_old_layout_and_withdrawn_cases(tmp_path):
    write(tmp_path / "q", OLD, "10Q1")
    write(tmp_path / "q", NEW)
    (tmp_path / "q" / "DELETE24Q1.txt").write_text("1003\n")
    found = cleaned(read_reports(tmp_path / "q"))
    assert found.reports.cases["key"].tolist() == ["5001002", "10011", "10022"]
    assert [left for _, left in found.steps] == [5, 4, 3]


def test_nothing_left_is_an_error(tmp_path):
    write(tmp_path / "q", NEW)
    (tmp_path / "q" / "DELETE24Q1.txt").write_text("1001\n1002\n1003\n")
    with pytest.raises(SimulationError, match="no report is left"):
        cleaned(read_reports(tmp_path / "q"))


def test_an_unknown_method_is_an_error():
    with pytest.raises(SimulationError, match="there is no method 'guess'"):
        cleaned(simulate_reports(50, seed=1), duplicates="guess")


def test_equal_reports_are_one_group_and_the_last_received_stays():
    reports = simulate_reports(400, seed=2)
    from dataclasses import replace

    from understudy.causal.signals.reports import joined

    twin = reports.kept([0, 5])
    twin = replace(
        twin,
        cases=twin.cases.assign(
            key=["a", "b"], case=["a", "b"], received="2030-01-01", event_date="2021-05-05"
        ),
    )
    first = reports.cases.assign(
        event_date=np.where(reports.cases.index.isin([0, 5]), "2021-05-05", reports.cases["event_date"])
    )
    both = joined([replace(reports, cases=first), twin])
    groups = rule_groups(both)
    assert groups[0] == groups[400] >= 0
    assert groups[5] == groups[401] >= 0
    copies = later_copies(both, groups)
    assert copies[[0, 5]].all()
    assert not copies[[400, 401]].any()


def test_without_event_date_reports_are_compared_only_if_asked():
    reports = simulate_reports(300, seed=3)
    from dataclasses import replace

    undated = replace(reports, cases=reports.cases.assign(event_date="", age=np.nan, sex="", country=""))
    assert (rule_groups(undated) == -1).all()
    assert (rule_groups(undated, undated=True) >= 0).any()


def test_linkage_finds_planted_duplicates_and_hardly_anything_else():
    reports = simulate_reports(3000, seed=4, duplicates=0.05)
    where = {key: k for k, key in enumerate(reports.cases["key"])}
    truth = {(where[of], k) for k, of in enumerate(reports.cases["duplicate_of"]) if of}
    found = link_reports(reports)
    linked = set(zip(found.first[found.linked].tolist(), found.second[found.linked].tolist(), strict=True))
    # Fields are missing in a quarter of the copies, and values are common: two thirds are found (measured: 0.69).
    assert len(linked & truth) > 0.55 * len(truth)
    # `sure` is 0.95: of the pairs linked at most a few are not duplicates.
    assert len(linked - truth) <= 0.05 * len(linked)
    assert found.probability[found.linked].min() >= 0.95
    # The estimated number of duplicates, not only of those that are sure: within a quarter.
    expected = found.share * reports.count * (reports.count - 1) / 2
    assert expected == pytest.approx(len(truth), rel=0.25)


def test_linkage_links_hardly_anything_where_nothing_is_double():
    found = link_reports(simulate_reports(3000, seed=5))
    assert found.linked.sum() <= 3


def test_weights_are_logarithms_of_probability_ratios():
    # Sex equal with a frequency of a half, and different: (1 - c) / (1/2) + c, and c.
    field = Compared(
        np.array([True, True, False]), np.array([1.0, 0, 0]), np.array([0.0, 1, 0]), np.array([1.0, 0, 0])
    )
    found = weight(field, FieldModel(miss=0.2))
    assert found == pytest.approx([np.log2(0.8 * 2 + 0.2), np.log2(0.2), 0.0])


def test_the_ratio_of_probabilities_sums_to_one_over_what_is_not_a_duplicate():
    # Over all pairs of values of unrelated reports, the mean of 2**weight is one.
    frequency, miss = np.array([0.5, 0.3, 0.2]), 0.15
    i, j = np.meshgrid(range(3), range(3), indexing="ij")
    same = (i == j).ravel()
    gain = np.where(same, -np.log2(frequency[i.ravel()]), 0.0)
    field = Compared(np.ones(9, bool), same.astype(float), (~same).astype(float), gain)
    ratio = 2.0 ** weight(field, FieldModel(miss=miss))
    assert (frequency[i.ravel()] * frequency[j.ravel()]) @ ratio == pytest.approx(1.0, abs=1e-12)


def test_learning_goes_to_the_share_of_misses():
    rng = np.random.Generator(np.random.Philox(6))
    count, miss = 20000, 0.3
    values = rng.integers(0, 4, count)
    other = np.where(rng.random(count) < miss, rng.integers(0, 4, count), values)
    same = values == other
    field = Compared(
        np.ones(count, bool), same.astype(float), (~same).astype(float), np.where(same, 2.0, 0.0)
    )
    model = FieldModel(0.1)
    for _ in range(200):
        model = learned(field, model, np.ones(count))
    # Binomial error of the share of misses, about 0.004.
    assert model.miss == pytest.approx(miss, abs=0.015)
