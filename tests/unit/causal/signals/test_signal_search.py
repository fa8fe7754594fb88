"""The search for signals: criteria, names, comparators, strata, masking of small counts, competition."""

import numpy as np
import pytest

from understudy.causal.signals import (
    count_pairs,
    criteria_of,
    find_signals,
    masking_ratios,
    simulate_reports,
    study_signals,
    without_drugs,
)
from understudy.core.errors import SimulationError


@pytest.fixture(scope="module")
def reports():
    return simulate_reports(4000, seed=1)


@pytest.fixture(scope="module")
def found(reports):
    return find_signals(reports)


def test_planted_pairs_are_signals_and_no_others(found):
    pairs = set(zip(found.signals()["drug"], found.signals()["event"], strict=True))
    assert pairs == {("DRUG 1", "EVENT 1"), ("DRUG 2", "EVENT 5"), ("DRUG 3", "EVENT 9")}


def test_criteria_are_read_and_judged(found):
    assert criteria_of("evans").text == "PRR >= 2 and chi2 >= 4 and n >= 3"
    table = found.table
    met = criteria_of("ror025 > 1, n ≥ 10").met(table)
    assert np.array_equal(met, (table["ror_low"] > 1) & (table["n"] >= 10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EB5 > 2", "did you mean EB05"),
        ("EB05 >> 2", "cannot read 'EB05 >> 2'"),
        ("n >= 3 or EB05 > 2", "cannot read"),
        ("", "cannot read"),
        ("__import__('os')", "cannot read"),
    ],
)
def test_criteria_that_cannot_be_read_are_errors(text, message):
    with pytest.raises(SimulationError, match=message):
        criteria_of(text)


def test_one_drug_is_shown_with_the_prior_of_all(reports, found):
    one = find_signals(reports, drugs=["drug 1"])
    assert one.prior.parameters == found.prior.parameters
    assert set(one.table["drug"]) == {"DRUG 1"}
    whole = found.table[found.table["drug"] == "DRUG 1"].set_index("event")["ebgm"]
    # The quantities are the same; only the order of sums differs.
    assert one.table.set_index("event")["ebgm"].to_dict() == pytest.approx(whole.to_dict(), rel=1e-12)


def test_a_pair_that_no_report_has_is_shown_with_zero(reports, found):
    have = set(zip(found.table["drug"], found.table["event"], strict=True))
    drug, event = next(
        (f"DRUG {i}", f"EVENT {j}") for i in range(30, 1, -1) for j in range(60, 1, -1)
        if (f"DRUG {i}", f"EVENT {j}") not in have
    )  # fmt: skip
    row = find_signals(reports, drugs=[drug], events=[event]).table.iloc[0]
    assert (row["n"], row["signal"]) == (0, False)
    assert row["expected"] > 0
    assert row["ic"] < 0
    assert 0 < row["ebgm_low"] < row["ebgm"] < row["ebgm_high"]


def test_names_that_match_nothing_have_the_nearest(reports):
    with pytest.raises(SimulationError, match=r"no report has the drug 'drug 31'[\s\S]*did you mean DRUG"):
        find_signals(reports, drugs=["drug 31"])
    with pytest.raises(SimulationError, match=r"no report has the event 'EVNT 7'[\s\S]*EVENT 7"):
        find_signals(reports, events=["EVNT 7"])


def test_a_comparator_takes_only_reports_of_the_two(reports):
    against = find_signals(reports, drugs=["drug 1"], comparator="drug 4", criteria="ror")
    names = reports.drugs.groupby("report")["name"].agg(set)
    only = [n for n in names if ("DRUG 1" in n) != ("DRUG 4" in n)]
    assert against.reports == len(only)
    row = against.table[against.table["event"] == "EVENT 1"].iloc[0]
    assert row["n_drug"] == sum("DRUG 1" in n for n in only)
    assert row["signal"]
    assert against.prior is None
    assert any("EBGM is not computed" in each for each in against.notes)


def test_a_comparator_needs_one_other_drug(reports):
    for drugs in ([], ["drug 1"], ["drug 2", "drug 3"]):
        with pytest.raises(SimulationError, match="a comparator needs one other drug"):
            find_signals(reports, drugs=drugs, comparator="drug 1")


def test_strata_remove_what_a_confounder_makes():
    from dataclasses import replace

    # Drug 4 and event 4 are both of women: without strata they are a signal, within sex they are not.
    reports = simulate_reports(6000, seed=9, planted=())
    women = (reports.cases["sex"] == "F").to_numpy()
    drugs = reports.drugs[~((reports.drugs["name"] == "DRUG 4") & ~women[reports.drugs["report"]])]
    events = reports.reactions
    events = events[~((events["event"] == "EVENT 4") & ~women[events["report"]])]
    one_sided = replace(reports, drugs=drugs.reset_index(drop=True), reactions=events.reset_index(drop=True))
    asked = {"drugs": ["drug 4"], "events": ["event 4"], "criteria": "ror"}
    plain = find_signals(one_sided, **asked).table.iloc[0]
    within = find_signals(one_sided, strata=["sex"], **asked).table.iloc[0]
    assert plain["ror_low"] > 1.2
    assert within["ror_low"] < 1 < within["ror_high"]


def test_small_counts_are_hidden_with_all_that_tells_them(found):
    shown = found.shown()
    few = (found.table["n"] < 5).to_numpy()
    assert few.any()
    assert shown.loc[few].drop(columns=["drug", "event", "signal"]).isna().all(axis=None)
    alone = ((found.table["n_event"] - found.table["n"]).between(1, 4) & ~few).to_numpy()
    assert shown.loc[alone, ["n_drug", "n_event", "expected", "ror", "prr"]].isna().all(axis=None)
    assert shown.loc[~few, "n"].notna().all()
    assert found.shown(public=True) is found.table


def test_a_study_carries_record_and_notes(reports):
    study = study_signals(reports, by="year")
    assert study.record.what == "signals"
    assert study.record.settings["criteria"] == "EB05 > 2 and n >= 3"
    assert "not a cause" in study.sentences[1]
    assert any("fewer than five reports" in each for each in study.notes)
    assert set(study.tables()) == {"signals", "cleaning", "trends"}
    assert study_signals(reports, by="year").record.hash == study.record.hash


def test_a_drug_that_masks_an_event_is_named_and_taken_out(reports):
    first = masking_ratios(count_pairs(reports)).iloc[0]
    assert (first["event"], first["drug"]) == ("EVENT 1", "DRUG 1")
    with_it = find_signals(reports, drugs=["drug 5"], events=["event 1"], criteria="ic").table.iloc[0]
    without = find_signals(
        without_drugs(reports, ["drug 1"]), drugs=["drug 5"], events=["event 1"], criteria="ic"
    )
    # Without drug 1 event 1 is rarer among all others, so that the same pair stands out more.
    assert without.table.iloc[0]["ror"] > with_it["ror"]


def test_few_pairs_have_no_ebgm_and_say_so():
    few = find_signals(simulate_reports(200, seed=1, drugs=2, events=3, planted=()))
    assert few.prior is None
    assert few.table["ebgm"].isna().all()
    assert any("no pair can meet them" in each for each in few.notes)


def test_what_a_study_cannot_follow_is_told(reports):
    from dataclasses import replace

    nothing = study_signals(reports, by="year", criteria="n >= 1000000")
    assert any("no pair meets the criteria" in each for each in nothing.notes)
    undated = replace(reports, cases=reports.cases.assign(event_date=""))
    silent = study_signals(undated, drugs=["drug 1"], events=["event 1"])
    assert silent.onsets == {}
    assert silent.trends == ()
    assert any("for the onset of EVENT 1 after DRUG 1" in each for each in silent.notes)
