"""Spontaneous reports of others: openEBGM's supplements, DiAna's sample of FAERS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from understudy.causal.signals import (
    cleaned,
    count_pairs,
    find_signals,
    fit_prior,
    link_reports,
    read_reports,
    rule_groups,
    study_signals,
)
from understudy.causal.signals.cleaning import later_copies

FOLDER = Path(__file__).parents[3] / "shared/reference/rwe"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="needs the folder rwe of the reference records, beside the checkout"
)


@pytest.fixture(scope="module")
def supplements():
    return read_reports(FOLDER / "caers.csv.gz")


@pytest.fixture(scope="module")
def found(supplements):
    return find_signals(supplements)


@pytest.fixture(scope="module")
def sample():
    return read_reports(FOLDER / "faers_sample")


def test_counts(found):
    assert (found.reports, found.drugs, found.events, found.pairs) == (3356, 2874, 1328, 17189)


def test_prior(found):
    theirs = (3.255957, 0.399989, 2.023755, 1.906136, 0.065308)
    # Their search stopped where slopes are still 0.001: 5e-6 from the summit, in units of logarithms 2e-6.
    assert found.prior.parameters == pytest.approx(theirs, rel=8e-6)
    assert found.prior.negative_log_likelihood == pytest.approx(4162.4557, abs=5e-5)
    # It is the summit: not below theirs.
    assert found.prior.negative_log_likelihood <= 4162.4557103824
    assert found.prior.notes == ()


def test_signals(found):
    table = found.table
    assert (table["ebgm_low"] > 2).sum() == 131
    assert found.count == 131
    assert (table["ebgm"] > 3).sum() == 557
    assert (table["ebgm"].round(2) > 3).sum() == 556


def test_first_pair(found):
    top = found.table.iloc[0]
    assert (top["drug"], top["event"], top["n"]) == ("REUMOFAN PLUS", "WEIGHT INCREASED", 16)
    # As printed; theirs is 15.68 in one place and 15.686 in another.
    assert top["ebgm"] == pytest.approx(23.26, abs=0.005)
    assert top["ebgm_low"] == pytest.approx(15.686, abs=0.0005)
    assert top["ebgm_high"] == pytest.approx(33.48, abs=0.005)


def test_conditioning_the_mixture_is_another_likelihood(supplements):
    # The exact likelihood of counts above zero has its summit elsewhere; published numbers condition each component.
    exact = fit_prior(count_pairs(supplements), truncation="mixture")
    assert exact.negative_log_likelihood == pytest.approx(4187.525, abs=0.001)
    assert exact.p < 0.01


def test_strata_by_sex(supplements):
    counts = count_pairs(supplements, strata=["strat1"])
    assert counts.strata.count == 3
    plain = count_pairs(supplements)
    assert not np.allclose(counts.expected, plain.expected)
    # Expected counts of all pairs of a drug sum to the same, pairs never reported included.
    totals = [
        (each.margins.drugs / each.margins.totals) @ each.margins.events.T.sum(axis=1)
        for each in (counts, plain)
    ]
    assert totals[0].sum() == pytest.approx(totals[1].sum(), rel=0.05)


def test_sample_counts(sample):
    assert sample.count == sample.cases["case"].nunique() == 1000
    assert sample.findings == ()
    assert sample.reactions["event"].nunique() == 1140
    assert sample.drugs.loc[sample.drugs["substance"] != "", "substance"].nunique() == 720
    assert sample.drugs["role"].value_counts().to_dict() == {"C": 1793, "PS": 1109, "SS": 989, "I": 18}
    each = sample.drugs.drop_duplicates(["report", "sequence"])
    told = {
        name: each[name][each[name] != ""].value_counts().to_dict() for name in ("dechallenge", "rechallenge")
    }
    assert told == {"dechallenge": {"D": 239, "Y": 143, "N": 41}, "rechallenge": {"D": 536, "N": 25, "Y": 13}}
    assert sample.cases["rb_duplicates"].sum() == 170
    assert sample.cases["rb_duplicates_only_susp"].sum() == 195


def test_duplicates_of_the_sample_are_flagged_there_too(sample):
    # Flags were set on the full database: few partners are among the thousand. Those that are, are all flagged.
    ours = later_copies(sample, rule_groups(sample, undated=True))
    theirs = sample.cases["rb_duplicates"].to_numpy(bool)
    assert ours.sum() == 3
    assert (ours & theirs).sum() == 3
    assert cleaned(sample).reports.count == 1000
    # With thirteen pairs that share enough to be compared there is nothing to learn from, and nothing is linked.
    assert link_reports(sample).linked.sum() == 0


def test_the_sample_has_a_study_with_strata(sample):
    study = study_signals(sample, strata=["sex"], criteria="IC025 > 0")
    assert study.signals.strata == 3
    assert study.record.inputs
